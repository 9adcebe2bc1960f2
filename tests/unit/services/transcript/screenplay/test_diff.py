"""What an edited document asks for."""

from __future__ import annotations

from collections.abc import Callable

import pytest
from hypothesis import given

from services.core.model import facts as bodies
from services.core.model.fact import Author
from services.transcript.screenplay import Change, Screenplay, blocks, diff, parse, render, title_page
from services.transcript.view import DIRECTOR, View, fold
from tests.unit.services.transcript.screenplay.views import views
from tests.unit.services.transcript.story import Story


def evening() -> View:
    """1 scene, 2 note, 3 said, 4-8 a cut line of three sentences, 9 said, 10 roll."""
    story = Story()
    story.add(bodies.SceneSet(title="T", heading="INN", description="Smoky."))
    story.note("Be kind.")
    story.say("Who was that?")
    story.open("l")
    story.sentence("l", "Nobody!", emotion="fear")
    cut = story.sentence("l", "Sit down and eat your soup.")
    story.sentence("l", "He pays well.")
    story.close("l", "cut", cut, 8)
    story.say("Lies.")
    story.add(bodies.Rolled(expression="1d20", total=3), by=Author("player", "ann", "Ann"))
    return fold(story.facts, DIRECTOR)


def changes(edit: Callable[[str], str]) -> tuple[Change, ...]:
    view = evening()
    document = render(view)
    edited = edit(document)
    assert edited != document
    return diff(Screenplay(title=title_page(view), blocks=blocks(view)), parse(edited))


def without(document: str, first: str, last: str) -> str:
    """The document without everything from `first` to the end of `last`."""
    begin = document.index(first)
    return document[:begin] + document[document.index(last, begin) + len(last) :]


@given(views())
def test_untouched_document_asks_for_nothing(view: View) -> None:
    """Handing in what was handed out changes nothing."""
    assert diff(Screenplay(title=title_page(view), blocks=blocks(view)), parse(render(view))) == ()


@pytest.mark.parametrize(
    ("old", "new", "change"),
    [
        ("Who was that?", "Who is *that*?", Change(kind="edit", target=3, block="said", text="Who is *that*?")),
        ("Nobody!", "Nobody at all!", Change(kind="edit", target=5, block="line", text="Nobody at all!")),
        ("Sit down", "Sit up", Change(kind="edit", target=6, block="line", text="Sit up and eat your soup.")),
        ("(fear)", "(joy 0.9, whisper)", Change(kind="emotion", target=5, block="line", text="Nobody!", emotion="joy", intensity=0.9, manner="whisper")),
        ("(fear)\n", "", Change(kind="emotion", target=5, block="line", text="Nobody!", emotion="neutral", intensity=0.5, manner="plain")),
        ("Be kind.", "Be cruel.", Change(kind="edit", target=2, block="note", text="Be cruel.")),
        (".INN", ".CELLAR", Change(kind="edit", target=1, block="scene", field="heading", text="CELLAR")),
        ("Smoky.", "Clear.\n\nAnd cold.", Change(kind="edit", target=1, block="scene", field="description", text="Clear.\n\nAnd cold.")),
    ],
)
def test_edit(old: str, new: str, change: Change) -> None:
    """A changed text, heading or feeling is one change of its own fact."""
    assert changes(lambda document: document.replace(old, new, 1)) == (change,)


def test_edit_with_a_new_feeling_is_one_change() -> None:
    """Wording and emotion of a sentence are corrected together."""
    (change,) = changes(lambda document: document.replace("(fear)\nNobody!", "(anger)\nGet out!"))
    assert (change.kind, change.target, change.text, change.emotion) == ("edit", 5, "Get out!", "anger")


@pytest.mark.parametrize(
    ("first", "last", "target", "block"),
    [
        ("@Ann\nWho", "]]", 3, "said"),
        ("(fear)\nNobody!", "]]", 5, "line"),
        ("@mirelle", "\n*/", 4, "line"),
        ("[[Be kind.]]", "]]\n", 2, "note"),
        ("!Ann rolls", "]]", 10, "roll"),
    ],
)
def test_what_is_gone_is_struck(first: str, last: str, target: int, block: str) -> None:
    """A missing block, or sentence, or line with all its sentences, is one strike."""
    assert changes(lambda document: without(document, first, last)) == (Change(kind="strike", target=target, block=block),)


def test_what_nobody_heard_may_go() -> None:
    """Clearing the boneyard strikes nothing."""
    assert changes(lambda document: without(document, "He pays well. ", "]]")) == ()


@pytest.mark.parametrize(
    ("text", "target"),
    [("@Ann\nWho was that? [[souffleur: said 3 member=ann #", 3), ("(fear)\nNobody! [[souffleur: s 5 #", 5)],
)
def test_text_put_into_the_boneyard_is_struck(text: str, target: int) -> None:
    """Commenting a text out in the editor is a way to strike it."""

    def bury(document: str) -> str:
        begin = document.index(text)
        end = document.index("]]", begin) + 2
        return f"{document[:begin]}/*\n{document[begin:end]}\n*/{document[end:]}"

    (change,) = changes(bury)
    assert (change.kind, change.target) == ("strike", target)


def test_part_put_into_the_boneyard_is_cut_out() -> None:
    """Commenting out a part of a heard text is an edit without it."""
    (change,) = changes(lambda document: document.replace("Who was that?", "Who/* was that*/?"))
    assert (change.kind, change.target, change.text) == ("edit", 3, "Who?")


@pytest.mark.parametrize(
    ("new", "change"),
    [
        ("[[Louder]]", Change(kind="note", block="note", text="Louder", after=3)),
        ("@Mirelle\n(joy)\nHa!", Change(kind="insert", block="said", name="Mirelle", text="Ha!", emotion="joy", intensity=0.5, manner="plain", after=3)),
        ("BOB\nWhat?", Change(kind="insert", block="said", name="BOB", text="What?", after=3)),
        ("The door opens.", Change(kind="insert", block="action", text="The door opens.", after=3)),
        ("BOOM", Change(kind="insert", block="action", text="BOOM", after=3)),
        (".ROOF", Change(kind="insert", block="scene", text="ROOF", after=3)),
        ("INT. ROOF - DAY", Change(kind="insert", block="scene", text="INT. ROOF - DAY", after=3)),
        ("= All is well.", Change(kind="insert", block="summary", text="All is well.", after=3)),
        ("/* just a comment */", None),
    ],
)
def test_new_text(new: str, change: Change | None) -> None:
    """What carries no marker is new and knows what it stands behind; a comment is nothing."""

    def insert(document: str) -> str:
        at = document.index("]]", document.index("Who was that?")) + 2
        return f"{document[:at]}\n\n{new}{document[at:]}"

    assert changes(insert) == ((change,) if change else ())


def test_note_inside_a_speech_is_a_note() -> None:
    """It is taken out of the words around it, which count as unchanged."""
    assert changes(lambda document: document.replace("Who was", "Who [[angrier]] was")) == (Change(kind="note", block="note", text="angrier", after=3),)


def test_sentence_added_to_a_line() -> None:
    """Text behind the last marker of a line is a new text under the same cue."""
    at = "Lies. [[souffleur: said 9 member=ann #"

    def add(document: str) -> str:
        end = document.index("]]", document.index(at)) + 2
        return f"{document[:end]}\nI saw you.{document[end:]}"

    assert changes(add) == (Change(kind="insert", block="said", name="Ann", text="I saw you.", after=9),)


def test_second_copy_is_new_text() -> None:
    """A block that was copied keeps its fact once; the copy is inserted."""

    def double(document: str) -> str:
        begin = document.index("@Ann\nLies.")
        end = document.index("]]", begin) + 2
        return f"{document[:end]}\n\n{document[begin:end].replace('Lies', 'More lies')}{document[end:]}"

    assert changes(double) == (Change(kind="insert", block="said", name="Ann", text="More lies.", after=9),)


def test_lost_marker_is_no_change() -> None:
    """A program that throws a marker away and leaves the words has changed nothing."""

    def lose(document: str) -> str:
        begin = document.index(" [[souffleur: said 9")
        return document[:begin] + document[document.index("]]", begin) + 2 :]

    assert changes(lose) == ()


def test_same_hash_is_unchanged_whatever_the_original_says() -> None:
    """Against a newer rendering, a block that its editor never touched is not an edit back to the old text."""
    view = evening()
    handed_out = render(view)
    correction = Story()
    correction.add(bodies.Corrected(target=3, text="Who on earth was that?"), seq=view.seq + 1)
    newer = view.advance(correction.facts)
    assert diff(Screenplay(title=title_page(newer), blocks=blocks(newer)), parse(handed_out)) == ()
