"""Which live facts may go to whom, and with what taken out. What is not known to be harmless stays inside."""

from __future__ import annotations

from collections.abc import Collection
from dataclasses import replace
from typing import Final

from services.core.model.fact import Author, Fact, Kind, LineState
from services.transcript.view.entries import LineEntry, SaidEntry, SentenceEntry
from services.transcript.view.fold import View
from services.transcript.view.reader import OVERSEERS, Reader

_OPEN_TO_ALL: Final = frozenset({
    Kind.LEFT, Kind.SAID, Kind.WHISPERED, Kind.ROLLED, Kind.DEGRADED, Kind.SILENCED, Kind.STRUCK, Kind.RETCONNED, Kind.ERASED,
})  # fmt: skip
"""Kinds for which the audience alone decides; the last three carry numbers only."""
_LINE: Final = frozenset({Kind.LINE_OPENED, Kind.SENTENCE, Kind.LINE_CLOSED})
_SCENE: Final = ("heading", "description", "title", "mode", "language", "phrases", "safety_words")
"""Of a `scene_set` for all; who waits for approval and which names hearing has learned is the director's business."""
_SET: Final = frozenset({"heading", "description"})
"""Of one for a place alone, only for those who are there; the rest is the session's."""
_INSIDE: Final[dict[str, set[str]]] = {Kind.JOINED: {"card"}, Kind.PASSED: {"reason"}}
"""Taken out for players: who comes is theirs to know, and that nobody answers; what is on the card, and why, is the director's business."""
_COSTS: Final = frozenset({"tokens", "cost"})


def redacted(fact: Fact, reader: Reader, view: View | None = None) -> Fact | None:
    """The fact as it may be sent to `reader`; None = not at all. Those who oversee get everything.

    `view` is a director's view at or after the fact. Where lines wait for approval or the past is added to it is needed: without
    it a `line_opened` in approve mode, every `corrected` and every `inserted` are withheld, but a `sentence` does not tell by itself
    that its line is held. When a line is released, send its `line_opened` and the sentences so far (see `View.line`), which were
    withheld until then.
    """
    if reader.oversees:
        return fact
    own = bool(reader.member) and (fact.by.id == reader.member or fact.body.get("character") == reader.member)
    if fact.kind == Kind.SCENE_SET:
        return _scene(fact, here=own or reader.in_audience(fact.audience))
    if not (own or (fact.kind != Kind.WHISPERED and reader.in_audience(_hearers(fact, view)))):
        return None
    match fact.kind:
        case Kind.JOINED | Kind.PASSED:
            return replace(fact, body=_without(fact, _INSIDE[fact.kind]))
        case kind if kind in _LINE:
            return _of_a_line(_as_it_stands(fact, view)) if _is_public(fact, view) else None
        case Kind.CORRECTED:
            passes = view is not None and _knows(view, fact.body.get("target"), reader)
        case Kind.INSERTED:
            passes = view is not None and _knows(view, fact.seq, reader)
        case _:
            passes = fact.kind in _OPEN_TO_ALL
    return fact if passes else None


def _hearers(fact: Fact, view: View | None) -> tuple[str, ...] | None:
    """Whom it is for. A line that has waited is for those to whom it was released, from its opening on."""
    if view is None or fact.kind != Kind.LINE_OPENED or fact.body.get("mode") != "approve":
        return fact.audience
    line = view.line(str(fact.body.get("line"))) or view.entry_of(fact.seq)
    return line.audience if isinstance(line, LineEntry) and line.released_seq else fact.audience


def _without(fact: Fact, names: Collection[str]) -> dict[str, object]:
    return {name: value for name, value in fact.body.items() if name not in names}


def _scene(fact: Fact, *, here: bool) -> Fact | None:
    """Where and when we are, for those who are there; nothing, if it settles only what players are not told."""
    body: dict[str, object] = {name: fact.body[name] for name in _SCENE if name in fact.body and (here or name not in _SET)}
    hides = len(body) < len(fact.body) and any(value for name, value in fact.body.items() if name not in body)
    return None if hides and not any(body.values()) else replace(fact, body=body)


def _of_a_line(fact: Fact) -> Fact:
    """Without what it cost, and whoever put the words into the character's mouth."""
    if fact.kind == Kind.LINE_CLOSED:
        return replace(fact, body=_without(fact, _COSTS)) if not _COSTS.isdisjoint(fact.body) else fact
    if fact.by.role not in OVERSEERS:
        return fact
    body = fact.body if fact.body.get("mode") != "puppet" else {**fact.body, "mode": "auto"}
    return replace(fact, by=Author("character", str(fact.body.get("character") or "")), body=body)


def _as_it_stands(fact: Fact, view: View | None) -> Fact:
    """A sentence in the words that it has by now: what it said before somebody saw to it, while its line was held, is nobody's business."""
    item = None if view is None or fact.kind != Kind.SENTENCE else _sentence(fact, view)
    if item is None or item.text == fact.body.get("text"):
        return fact
    return replace(fact, body={**fact.body, "text": item.text, "tagged": item.tagged})


def _sentence(fact: Fact, view: View) -> SentenceEntry | None:
    entry = view.line(str(fact.body.get("line", ""))) or view.entry_of(fact.seq)
    return next((item for item in entry.sentences if item.seq == fact.seq), None) if isinstance(entry, LineEntry) else None


def _is_public(fact: Fact, view: View | None) -> bool:
    """The fact belongs to a line that is no draft, and a sentence to its last attempt, of which it was not struck."""
    if fact.kind == Kind.LINE_CLOSED:
        return fact.body.get("state") != LineState.REJECTED
    if view is None:
        return fact.kind == Kind.SENTENCE or fact.body.get("mode") != "approve"
    if line := view.line(str(fact.body.get("line", ""))):
        stands = fact.kind == Kind.LINE_OPENED or any(item.seq == fact.seq and not item.struck for item in line.sentences)
        return stands and line.line not in view.held
    entry = view.entry_of(fact.seq)
    if not isinstance(entry, LineEntry) or entry.state is LineState.REJECTED or (entry.mode == "approve" and not entry.released_seq):
        return False
    return fact.kind == Kind.LINE_OPENED or any(item.seq == fact.seq and item.heard != "none" and not item.struck for item in entry.sentences)


def _knows(view: View, target: object, reader: Reader) -> bool:
    """The corrected or inserted words are ones that the reader got."""
    if not isinstance(target, int):
        return False
    entry = view.entry_of(target)
    if isinstance(entry, SaidEntry):
        return not entry.struck and (entry.member == reader.member or reader.in_audience(entry.audience))
    if not isinstance(entry, LineEntry) or not reader.in_audience(entry.audience):
        return False
    if entry.is_open:
        return entry.line not in view.held
    return any(item.seq == target and item.heard != "none" and not item.struck for item in entry.sentences)
