"""Which live facts may go to whom, and with what taken out. What is not known to be harmless stays inside."""

from __future__ import annotations

from dataclasses import replace
from typing import Final

from services.core.model.fact import Fact, Kind, LineState
from services.transcript.view.entries import LineEntry, SaidEntry
from services.transcript.view.fold import View
from services.transcript.view.reader import Reader

_OPEN_TO_ALL: Final = frozenset({
    Kind.SCENE_SET, Kind.LEFT, Kind.SAID, Kind.WHISPERED, Kind.ROLLED, Kind.DEGRADED, Kind.STRUCK, Kind.RETCONNED, Kind.ERASED,
})  # fmt: skip
"""Kinds for which the audience alone decides; the last three carry numbers only."""


def redacted(fact: Fact, reader: Reader, view: View | None = None) -> Fact | None:
    """The fact as it may be sent to `reader`; None = not at all. Those who oversee get everything.

    `view` is a director's view at or after the fact. Where lines wait for approval it is needed: without it a `line_opened` in
    approve mode and every `corrected` are withheld, but a `sentence` does not tell by itself that its line is held. When a line
    is released, send its `line_opened` and the sentences so far (see `View.line`), which were withheld until then.
    """
    if reader.oversees:
        return fact
    own = bool(reader.member) and (fact.by.id == reader.member or fact.body.get("character") == reader.member)
    if not (own or (fact.kind != Kind.WHISPERED and reader.in_audience(fact.audience))):
        return None
    match fact.kind:
        case Kind.JOINED:
            return replace(fact, body={name: value for name, value in fact.body.items() if name != "card"})
        case Kind.LINE_OPENED | Kind.SENTENCE | Kind.LINE_CLOSED:
            passes = _is_public(fact, view)
        case Kind.CORRECTED:
            passes = view is not None and _knows(view, fact.body.get("target"), reader)
        case _:
            passes = fact.kind in _OPEN_TO_ALL
    return fact if passes else None


def _is_public(fact: Fact, view: View | None) -> bool:
    """The fact belongs to a line that is no draft."""
    if fact.kind == Kind.LINE_CLOSED:
        return fact.body.get("state") != LineState.REJECTED
    if view is None:
        return fact.kind == Kind.SENTENCE or fact.body.get("mode") != "approve"
    if line := view.line(str(fact.body.get("line", ""))):
        return line.line not in view.held
    entry = view.entry_of(fact.seq)
    if not isinstance(entry, LineEntry) or entry.state is LineState.REJECTED:
        return False
    return fact.kind == Kind.LINE_OPENED or any(item.seq == fact.seq and item.heard != "none" for item in entry.sentences)


def _knows(view: View, target: object, reader: Reader) -> bool:
    """The corrected words are ones that the reader got."""
    if not isinstance(target, int):
        return False
    entry = view.entry_of(target)
    if isinstance(entry, SaidEntry):
        return entry.member == reader.member or reader.in_audience(entry.audience)
    if not isinstance(entry, LineEntry) or not reader.in_audience(entry.audience):
        return False
    if entry.is_open:
        return entry.line not in view.held
    return any(item.seq == target and item.heard != "none" for item in entry.sentences)
