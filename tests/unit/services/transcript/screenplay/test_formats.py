"""The screenplay as a file for other programs."""

from __future__ import annotations

import io
import time
from html import unescape
from xml.etree import ElementTree as ET

import pytest
from hypothesis import given
from pypdf import PdfReader

from services.core.errors import DeadlineExceeded, TooLarge
from services.core.model import facts as bodies
from services.transcript.screenplay import formats
from services.transcript.screenplay.formats import MEDIA_TYPES, export
from services.transcript.screenplay.paper import pdf
from services.transcript.screenplay.play import play_of
from services.transcript.view import DIRECTOR, Reader, View, fold
from tests.unit.services.transcript.screenplay.views import views
from tests.unit.services.transcript.story import Story


def evening() -> Story:
    story = Story()
    story.add(bodies.SceneSet(title="The *Inn*", heading="The inn", description="It rains."))
    story.join("mirelle")
    story.say("Who's <there> & why?\n\nSpeak!")
    story.open("l")
    story.sentence("l", "Me.", emotion="joy")
    cut = story.sentence("l", "Do not be afraid.")
    story.sentence("l", "Never heard.")
    story.close("l", "cut", cut, 6)
    gone = story.say("Struck")
    story.add(bodies.Said(utterance="n", text="Thunder.", source="narrated"))
    story.note("Hidden hint")
    story.add(bodies.Struck(targets=[gone]))
    return story


def view_of(*texts: str) -> View:
    story = Story()
    for text in texts:
        story.say(text)
    return fold(story.facts, DIRECTOR)


def pages(data: bytes) -> str:
    return "\n".join(page.extract_text() for page in PdfReader(io.BytesIO(data)).pages)


@pytest.mark.parametrize("form", ["html", "fdx", "pdf"])
def test_what_was_said_and_heard_is_on_paper(form: str) -> None:
    """Heading, names, words and feelings; nothing struck, unheard or hidden, and no markup of ours."""
    data = export(fold(evening().facts, DIRECTOR), form)
    text = pages(data) if form == "pdf" else unescape(data.decode())
    for words in ("Who's", "Speak!", "(joy)", "Me.", "Do not—", "It rains.", "Mirelle comes in.", "Thunder."):
        assert words in text
    assert "the inn" in text.casefold()
    for words in ("afraid", "Never heard", "Struck", "Hidden hint", "souffleur", "[["):
        assert words not in text


def test_html_is_whole_and_harmless() -> None:
    """The title is the session's, and no text becomes a tag."""
    page = export(fold(evening().facts, DIRECTOR), "html").decode()
    assert "<title>The *Inn*</title>" in page
    assert "&lt;there&gt; &amp; why?" in page
    assert "<script" not in export(view_of("<script>alert(1)</script>"), "html").decode()


def test_final_draft_reads_elements() -> None:
    """Each paragraph is of the type that the program expects."""
    root = ET.fromstring(export(fold(evening().facts, DIRECTOR), "fdx"))  # noqa: S314 - our own
    found = [(item.get("Type"), "".join(text.text or "" for text in item.iter("Text"))) for item in root.iter("Paragraph")]
    assert ("Scene Heading", "The inn") in found
    assert ("Character", "mirelle") in [(kind, text.lower()) for kind, text in found]
    assert ("Parenthetical", "(joy)") in found
    assert ("Dialogue", "Me.") in found
    assert ("Action", "Thunder.") in found


@pytest.mark.parametrize(
    "text",
    [
        "Well met, traveller; café, naïve, “quoted” — 5 < 6 & 7.",
        "Здравствуй, путник! Ёлка, їжак, «кавычки» — №1.",
        "你好，请进。这里很暖和。",
        "こんにちは、どうぞ。",
        "Γειά σου, ξένε.",
        "Mixed: Привет, 你好, hello.",
    ],
)
def test_pdf_in_any_writing_that_we_have(text: str) -> None:
    """The text read back from the file is the text that was said, letter by letter."""
    assert text.replace(" ", "") in pages(export(view_of(text), "pdf")).replace("\n", "").replace(" ", "")


def test_letters_that_no_face_has_are_signs_of_missing_ones() -> None:
    """They take no room from the letters around them, and nothing fails."""
    assert "ab" in pages(export(view_of("a\N{DRAGON}b שלום"), "pdf")).replace("□", "").replace("\n", "")


def test_long_lines_without_blanks_stay_on_the_page() -> None:
    """Chinese is broken between letters: a long speech goes over several lines."""
    text = pages(export(view_of("请进。" * 60), "pdf"))
    assert max(map(len, text.split("\n"))) < 60
    assert text.replace("\n", "").count("请进。") == 60


def test_player_prints_no_more_than_was_heard() -> None:
    """The file is made from the reader's own view."""
    text = pages(export(fold(evening().facts, Reader("player", "ann")), "pdf"))
    assert "Do not—" in text
    assert "afraid" not in text


@pytest.mark.parametrize("form", ["html", "fdx", "pdf"])
def test_a_draft_is_not_on_paper(form: str) -> None:
    """What waits for approval or was refused was never said; what was released or is being spoken is."""
    story = Story()
    story.join("mirelle")
    for line, mode, text in (("h", "approve", "Withheld."), ("r", "approve", "Refused."), ("q", "approve", "Released."), ("s", "auto", "Spoken.")):
        story.open(line, mode=mode)
        story.sentence(line, text)
    story.add(bodies.Rejected(line="r", reason="Too tame."))
    story.add(bodies.Released(line="q"))
    data = export(fold(story.facts, DIRECTOR), form)
    text = pages(data) if form == "pdf" else unescape(data.decode())
    assert "Released." in text
    assert "Spoken." in text
    assert "Withheld" not in text
    assert "Refused" not in text


@given(views())
def test_any_session_can_be_printed(view: View) -> None:
    """Whatever was said, every format is written; the XML is well-formed and the PDF can be opened."""
    written = {form: export(view, form) for form in MEDIA_TYPES}
    ET.fromstring(written["fdx"])  # noqa: S314 - our own
    assert PdfReader(io.BytesIO(written["pdf"])).pages


def test_bounded_in_size_and_time(monkeypatch: pytest.MonkeyPatch) -> None:
    """Too much is refused before it is begun, and too slow is given up."""
    view = view_of("one", "two")
    with pytest.raises(DeadlineExceeded):
        pdf(play_of(view), "", time.monotonic() - 1)
    monkeypatch.setattr(formats, "ENTRIES", 1)
    with pytest.raises(TooLarge):
        export(view, "pdf")
    assert export(view, "txt")
