"""The view as a play on paper: what was said and heard, for `screenplain` to set. No markers, notes, struck or unheard text."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any, Final

from screenplain.richstring import RichString, plain
from screenplain.types import Action, Dialog, Screenplay, Slug

from services.core.model.fact import LineState
from services.transcript import view as seen
from services.transcript.screenplay.blocks import block_of
from services.transcript.screenplay.plain import clean
from services.transcript.screenplay.wording import announcement
from services.transcript.view import View

_MARKS: Final = str.maketrans({sign: f"\\{sign}" for sign in "\\*_"})

_ALOUD: Final = frozenset({LineState.QUEUED, LineState.SPEAKING})
"""Open, and on its way to everybody's ears: a line that waited for approval is queued from its release on."""


def play_of(view: View) -> Screenplay:
    """The view, as `screenplain` has it."""
    title = clean(view.title).replace("\n", " ").translate(_MARKS)
    page = {"Title": [title]} if title else {}
    return Screenplay(page, [element for entry in view.entries for element in _elements(entry)])


def _elements(entry: seen.Entry) -> Iterator[Any]:
    if getattr(entry, "struck", False):
        return
    match entry:
        case seen.SceneEntry():
            if entry.heading:
                yield Slug(_line(entry.heading))
            yield from _action(entry.description)
        case seen.SaidEntry(source="narrated"):
            yield from _action(entry.text)
        case seen.SaidEntry():
            yield _speech(entry.name, [(False, line) for line in _lines(entry.text)])
        case seen.LineEntry():
            if blocks := list(_spoken(entry)):
                yield _speech(entry.name, blocks)
        case seen.RollEntry() | seen.JoinEntry() | seen.LeaveEntry():
            yield from _action(f"{entry.name}{announcement(block_of(entry))}")


def _action(text: str) -> Iterator[Any]:
    if text.strip():
        yield Action(_lines(text))


def _speech(name: str, blocks: list[tuple[bool, RichString]]) -> Any:
    speech = Dialog(_line(name or "—"))
    speech.blocks = blocks
    return speech


def _spoken(line: seen.LineEntry) -> Iterator[tuple[bool, RichString]]:
    """What was heard of it, or is being spoken; sentences of one feeling together, a dash where it was cut. Of a draft nothing."""
    feeling, texts = "", list[str]()
    for item in line.sentences:
        text = item.text if line.state in _ALOUD else item.heard_text
        if item.struck or not text:
            continue
        words = ", ".join(word for word, plain_one in ((item.emotion, "neutral"), (item.manner, "plain")) if word not in {plain_one, ""})
        if words != feeling:
            yield from ((False, part) for part in _lines(seen.joined(texts)))
            feeling, texts = words, []
            yield True, _line(f"({words or 'neutral'})")
        texts.append(text.rstrip() + ("—" if item.heard == "part" else ""))
    yield from ((False, part) for part in _lines(seen.joined(texts)))


def _lines(text: str) -> list[RichString]:
    return [plain(line) for line in clean(text).split("\n")] if text else []


def _line(text: str) -> RichString:
    return plain(clean(text).replace("\n", " "))
