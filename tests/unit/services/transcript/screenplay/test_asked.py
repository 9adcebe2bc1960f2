"""Which corrections an edited document asks for."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import pytest
from hypothesis import given

from services.core.model import facts as bodies
from services.transcript.screenplay import Asked, Screenplay, asked, blocks, parse, render, title_page
from services.transcript.view import DIRECTOR, View, fold
from tests.unit.services.transcript.screenplay.views import views
from tests.unit.services.transcript.story import Story


def evening() -> View:
    """1 scene, 2 mirelle, 3 ann, 4 note, 5 said, 6-8 a line, 9 narrated, 10 said."""
    story = Story()
    story.add(bodies.SceneSet(title="T", heading="INN", description="Smoky.", language="en"))
    story.join("mirelle")
    story.join("ann", "player")
    story.note("Be kind.")
    story.say("Who was that?")
    story.speak("l", "Nobody!")
    story.add(bodies.Said(utterance="n", text="Thunder.", source="narrated"))
    story.say("Lies.")
    return fold(story.facts, DIRECTOR)


def wanted(edit: Callable[[str], str], view: View | None = None) -> Asked:
    view = view or evening()
    return asked(Screenplay(title=title_page(view), blocks=blocks(view)), parse(edit(render(view))), view.members)


def behind(text: str, new: str) -> Callable[[str], str]:
    """An edit that puts a block behind the one with this text."""

    def edit(document: str) -> str:
        end = document.index("]]", document.index(text)) + 2
        return f"{document[:end]}\n\n{new}{document[end:]}"

    return edit


@given(views())
def test_untouched_document_asks_for_nothing(view: View) -> None:
    """Title page included."""
    assert wanted(lambda document: document, view) == Asked()


@pytest.mark.parametrize(
    ("old", "new", "body"),
    [
        ("Who was that?", "Who is that?", {"kind": "edit", "target": 5, "text": "Who is that?", "base": 10}),
        ("Nobody!", "(fear 0.9)\nNobody!", {"kind": "edit", "target": 7, "text": "", "emotion": "fear", "intensity": 0.9, "manner": "plain", "base": 10}),
        ("Thunder.", "Rain.", {"kind": "edit", "target": 9, "text": "Rain.", "base": 10}),
        (".INN", ".CELLAR", {"kind": "edit", "target": 1, "text": "CELLAR\nSmoky.", "base": 10}),
        ("Smoky.", "Clear.\n\nCold.", {"kind": "edit", "target": 1, "text": "INN\nClear.\n\nCold.", "base": 10}),
        ("Lies.", "", {"kind": "strike", "targets": [10], "base": 10}),
        ("Title: T", "Title: The Inn", {"kind": "scene", "title": "The Inn"}),
        ("Language: en", "Language: ru", {"kind": "scene", "language": "ru"}),
    ],
)
def test_edit(old: str, new: str, body: dict[str, Any]) -> None:
    """One correction of what was changed, against the document as it was given out."""
    found = wanted(lambda document: document.replace(old, new, 1))
    assert (found.corrections, found.refused) == ([body], [])


def test_heading_and_description_are_corrected_together() -> None:
    """They are the wording of one fact."""
    found = wanted(lambda document: document.replace(".INN", ".CELLAR").replace("Smoky.", "Damp."))
    assert found.corrections == [{"kind": "edit", "target": 1, "text": "CELLAR\nDamp.", "base": 10}]


@pytest.mark.parametrize(
    ("new", "body"),
    [
        (
            "@Mirelle\n(joy)\nHa!",
            {"block": "line", "member": "mirelle", "name": "Mirelle", "text": "Ha!", "emotion": "joy", "intensity": 0.5, "manner": "plain"},
        ),
        ("MIRELLE\nHa!", {"block": "line", "member": "mirelle", "name": "Mirelle", "text": "Ha!"}),
        ("@ann\nWhat?", {"block": "said", "member": "ann", "name": "Ann", "text": "What?"}),
        ("@A stranger\nWhat?", {"block": "said", "name": "A stranger", "text": "What?"}),
        ("The door opens.", {"block": "action", "text": "The door opens."}),
    ],
)
def test_new_text_is_inserted_where_it_stands(new: str, body: dict[str, Any]) -> None:
    """A cue that names a character makes it a line, one that names a participant, or nobody we know, makes it words."""
    assert wanted(behind("Who was that?", new)).corrections == [{"kind": "insert", "after": 5, **body}]


@pytest.mark.parametrize(
    ("note", "body"),
    [
        ("Louder", {"kind": "note", "text": "Louder"}),
        ("to all: Louder", {"kind": "note", "text": "Louder"}),
        ("to Mirelle: Louder", {"kind": "note", "character": "mirelle", "text": "Louder"}),
        ("to mirelle, once: Louder", {"kind": "note", "character": "mirelle", "scope": "once", "text": "Louder"}),
        ("to all, 3 lines: Louder", {"kind": "note", "scope": "turns", "turns": 3, "text": "Louder"}),
        ("to do: buy milk", {"kind": "note", "text": "to do: buy milk"}),
        ("whisper to Mirelle: You know him.", {"kind": "whisper", "character": "mirelle", "text": "You know him."}),
    ],
)
def test_new_note_may_say_whom_it_is_for(note: str, body: dict[str, Any]) -> None:
    """As the notes in the document do."""
    assert wanted(behind("Who was that?", f"[[{note}]]")).corrections == [body]


def test_new_scene_begins_at_the_end() -> None:
    """With the action behind it as its description; in the past there is no place for one, and nothing of it is lost."""
    assert wanted(behind("Lies.", ".ROOF\n\n!It rains.")).corrections == [{"kind": "scene", "heading": "ROOF", "description": "It rains."}]
    early = wanted(behind("Who was that?", ".ROOF\n\n!It rains."))
    assert early.corrections == [{"kind": "insert", "after": 5, "block": "action", "text": "It rains."}]
    assert [(item.block, item.text, item.after) for item in early.refused] == [("scene", "ROOF", 5)]


def test_what_no_correction_can_do_is_told() -> None:
    """A digest of one's own, another mode: refused with a reason, beside whatever else was changed."""
    found = wanted(lambda document: behind("Lies.", "= All is well.")(document).replace("Mode: auto", "Mode: approve").replace("Lies.", "Lies!"))
    assert [body["kind"] for body in found.corrections] == ["edit"]
    assert sorted(item.block for item in found.refused) == ["summary", "title"]
    assert all(item.reason for item in found.refused)


def test_inserted_text_is_edited_and_struck_by_its_own_seq() -> None:
    """Once it stands in the document it is like anything else, and new text can stand behind it."""
    view = evening()
    story = Story()
    story.facts = list(view.state.facts)
    line = story.insert(5, "I heard that.", block="line", member="mirelle")
    later = fold(story.facts, DIRECTOR)
    assert wanted(lambda document: document.replace("heard that", "heard you"), later).corrections == [
        {"kind": "edit", "target": line, "text": "I heard you.", "base": line}
    ]
    assert wanted(behind("I heard that.", "@Ann\nOh."), later).corrections[0]["after"] == line

    def without(document: str) -> str:
        begin = document.index("@Mirelle", document.index("Who was that?"))
        end = document.index("]]", document.index("I heard that.")) + 2
        return document[:begin] + document[end:]

    assert wanted(without, later).corrections == [{"kind": "strike", "targets": [line], "base": line}]
