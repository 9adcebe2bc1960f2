"""Taking back: the caller's last act that is not yet taken back, turned into the act that makes up for it."""

from __future__ import annotations

import asyncio
from collections.abc import Iterable, Sequence
from dataclasses import replace
from typing import Any, ClassVar, Final
from weakref import WeakValueDictionary

from services.core.errors import Conflict, NotFound
from services.core.model.fact import Fact, Kind
from services.core.model.principal import Principal
from services.gateway.corrections.acts import LASTING, OPPOSITES, subject_of
from services.gateway.corrections.desk import Corrections
from services.gateway.corrections.requests import Act, correction_of
from services.transcript.outbox import OPEN, Row
from services.transcript.outbox.row import LIVE, TEXT

_PAGE: Final = 100
_LOOK_S: Final = 0.02
_PATIENCE: Final = 50
_STRUCK: Final = frozenset({"insert", "whisper", "strike", "retcon", "reveal", "decide"})
"""Taken back by striking the fact that the act has become; a strike, a retcon and a decision are then as if they had never been."""


class CannotUndo(Conflict):
    """Your last act cannot be taken back."""

    code: ClassVar[str] = "cannot_undo"


class Undo:
    """One per gateway."""

    def __init__(self, corrections: Corrections) -> None:
        """Corrections that take back go the way of all others."""
        self._corrections = corrections
        self._locks: WeakValueDictionary[str, asyncio.Lock] = WeakValueDictionary()

    async def last(self, session: str, principal: Principal) -> Row:
        """Take the last one back; the row of the act that does. Raises `NotFound` or `CannotUndo`."""
        # One after the other: who asks twice means two acts, and the first must be on record before the second is looked for.
        async with self._locks.setdefault(f"{session} {principal.id}", asyncio.Lock()):
            return await self._last(session, principal)

    async def _last(self, session: str, principal: Principal) -> Row:
        await self._corrections.history.table(session)
        row = await self._settled(session, principal)
        table = await self._corrections.history.table(session)
        erased = table.view.state.ledger.erased
        facts = [fact for fact in table.view.state.facts if fact.seq < row.seq and fact.seq not in erased]
        if row.sort == LIVE:
            acted = await self._corrections.act(session, principal, _counter_act(row, facts), undoes=row.id)
            await self._corrections.caught_up(session)
            return acted.row if acted.answer is None else _done(acted.row, acted.answer.seq)
        asked = _counter(row, facts)
        if row.kind == "edit":
            asked["base"] = _base(row, table.view.state.facts)
        return await self._corrections.accept(session, principal, correction_of(asked), undoes=row.id)

    async def _settled(self, session: str, principal: Principal) -> Row:
        """The row that is meant, when it is known what became of it: a quick hand is a moment ahead of the outbox."""
        await self._corrections.caught_up(session)
        for _ in range(_PATIENCE):
            row = await self._found(session, principal)
            if row.state != OPEN:
                return row
            await asyncio.sleep(_LOOK_S)
        raise CannotUndo("Your last act is still on its way.")

    async def _found(self, session: str, principal: Principal) -> Row:
        """Rows by age: those that failed, that erased, that take back, that are taken back or that meant a moment only are passed over.

        So is a live act that somebody else has decided otherwise since: what stands is theirs.
        """
        taken_back: set[str] = set()
        overruled: set[tuple[str, ...]] = set()
        below: int | None = None
        while True:
            page = await self._corrections.outbox.page(session, below=below, limit=_PAGE)
            for row in page.items:
                if row.state in ("dead", "conflicted") or row.kind == "erase":
                    continue
                if row.undoes:
                    taken_back.add(row.undoes)
                elif row.id in taken_back or not (row.sort == TEXT or row.kind in LASTING):
                    continue
                elif row.principal.id != principal.id:
                    overruled.add(subject_of(row))
                elif subject_of(row) not in overruled:
                    return row
            if page.next_number is None:
                raise NotFound("There is nothing to take back.")
            below = page.next_number


def _counter(row: Row, facts: Sequence[Fact]) -> dict[str, Any]:
    """The correction that makes up for `row`."""
    if row.kind == "edit":
        return {"kind": "edit", "target": row.body["target"], "place": row.place, **_wording(int(row.body["target"]), facts)}
    if row.kind == "note" and not row.body.get("removes"):
        return {"kind": "note", "removes": row.seq, "place": row.place}
    if row.kind in _STRUCK or (row.kind == "scene" and (row.body.get("heading") or row.body.get("description")) and not row.body.get("title")):
        return {"kind": "strike", "targets": [row.seq], "place": row.place}
    raise CannotUndo(f"A {row.kind} cannot be taken back.")


def _base(row: Row, facts: Iterable[Fact]) -> int:
    """The last correction of the target, if it is the caller's own; else the edit that is taken back: then somebody else's stands, and is not undone."""
    touched = [fact for fact in facts if fact.kind == Kind.CORRECTED and fact.body.get("target") == row.body["target"]]
    return touched[-1].seq if touched and touched[-1].by.id == row.principal.id else row.seq


def _wording(target: int, facts: Sequence[Fact]) -> dict[str, Any]:
    """What stood there before: the original, with the corrections of then on top."""
    found: dict[str, Any] = {}
    for fact in facts:
        if fact.seq == target and fact.kind == Kind.SCENE_SET:
            # Worded as it is corrected: the heading is the first line.
            found = {"text": f"{fact.body.get('heading') or ''}\n{fact.body.get('description') or ''}".removesuffix("\n")}
        elif fact.seq == target:
            found = {name: fact.body.get(name) for name in ("text", "emotion", "intensity", "manner")}
        elif fact.kind == Kind.CORRECTED and fact.body.get("target") == target:
            found |= {name: value for name in ("text", "emotion", "intensity", "manner") if (value := fact.body.get(name)) not in (None, "")}
    return {name: value for name, value in found.items() if value is not None}


def _counter_act(row: Row, facts: Sequence[Fact]) -> Act:
    """The live act that makes up for `row`."""
    body = row.body
    if row.kind in OPPOSITES:
        return Act(kind=OPPOSITES[row.kind], character=body["character"], place=row.place)
    if row.kind == "deliver":
        before = _last(facts, "deliveries", body["character"]) or "voice"
        return Act(kind="deliver", character=body["character"], text=before, place=row.place)
    if not (body["character"] or body["platform"]):
        modes = [str(fact.body["mode"]) for fact in facts if fact.kind == Kind.SCENE_SET and fact.body.get("mode")]
        return Act(kind="mode", text=modes[-1] if modes else "auto", place=row.place)
    whose = f"character:{body['character']}" if body["character"] else f"platform:{body['platform']}"
    before = _last(facts, "modes", whose) or "inherit"
    return Act(kind="mode", character=body["character"], platform=body["platform"], text=before, place=row.place)


def _last(facts: Sequence[Fact], table: str, name: str) -> str:
    """What was laid down last for `name`."""
    found = [(fact.body.get(table) or {}).get(name) for fact in facts if fact.kind == Kind.SCENE_SET]
    return next((value for value in reversed(found) if value is not None), "")


def _done(row: Row, seq: int) -> Row:
    return replace(row, state="applied", seq=seq)
