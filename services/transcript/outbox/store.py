"""The outbox in the application database: accepted = committed. Shared by the gateway, which writes, and the corrections service, which resolves."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from typing import Any, Final

from sqlalchemy import ColumnElement, delete, insert, select, update
from sqlalchemy.exc import IntegrityError
from sqlalchemy.ext.asyncio import AsyncEngine

from services.core.clock import Clock, SystemClock
from services.core.errors import Conflict, NotFound
from services.core.model.principal import Principal
from services.transcript.database import database_errors, forget_pages, open_database
from services.transcript.outbox.row import LIVE, OPEN, TEXT, Page, Row
from services.transcript.outbox.tables import outbox as _outbox

_MIGRATIONS: Final = Path(__file__).parent / "migrations"
_NAME: Final = "outbox"
_AT_ONCE: Final[dict[str, Any]] = {"isolation_level": "AUTOCOMMIT", "skip_autocommit_rollback": True}
"""Every method is one statement, which is a transaction by itself: three of four trips to the database's thread are saved on the way of a click."""
_LARGEST_PAGE: Final = 500
_REOPENED_MS: Final = 10_000
"""Whoever reopens a row sends it, too; this long others leave it alone."""


class Outbox:
    """Every method raises `Unavailable` when the database cannot be used."""

    def __init__(self, engine: AsyncEngine, clock: Clock) -> None:
        """`engine` is one that `open_database` made."""
        self._engine = engine
        self._clock = clock

    @classmethod
    async def open(cls, url: str, clock: Clock | None = None) -> Outbox:
        """Open the application database at `url` and bring the outbox up to date."""
        return cls(await open_database(url, _MIGRATIONS, _NAME, **_AT_ONCE), clock or SystemClock())

    async def close(self) -> None:
        """Give the connections back."""
        await self._engine.dispose()

    # Writing.

    async def add(self, row: Row) -> tuple[Row, bool]:
        """Accept it: the row as it stands, and whether it is new. Raises `Conflict` if another one has its id."""
        now = self._clock.wall_ms()
        values = _values(row) | {"created_at_ms": now, "updated_at_ms": now}
        async with database_errors(_NAME):
            try:
                async with self._engine.connect() as connection:
                    key = (await connection.execute(insert(_outbox).values(**values))).inserted_primary_key
            except IntegrityError:
                known = await self.get(row.session, row.id)
                if known.wanted != row.wanted:
                    raise Conflict("Something else was sent under this id.") from None
                return known, False
        return _row(values | {"number": key[0] if key else 0}), True

    async def applied(self, row: Row, seq: int) -> None:
        """It is the fact `seq`, which says more than that some other attempt was put aside."""
        await self._change(_is(row.session, row.id), (OPEN, "dead"), state="applied", seq=seq, detail="", current="")

    async def conflicted(self, row: Row, current: str, seq: int, detail: str) -> None:
        """The target was changed by fact `seq` meanwhile: `current` stands, nothing was written."""
        await self._change(_is(row.session, row.id), state="conflicted", seq=seq, detail=detail, current=current)

    async def died(self, session: str, id: str, detail: str, attempts: int | None = None) -> bool:  # noqa: A002
        """Put it aside, if it is still open."""
        counted: dict[str, Any] = {} if attempts is None else {"attempts": attempts}
        return await self._change(_is(session, id), state="dead", detail=detail, **counted)

    async def reopened(self, session: str, id: str) -> Row:  # noqa: A002
        """A dead one is to be tried from the beginning. Raises `NotFound`."""
        due_at_ms = self._clock.wall_ms() + _REOPENED_MS
        await self._change(_is(session, id), ("dead",), state=OPEN, detail="", attempts=0, due_at_ms=due_at_ms)
        return await self.get(session, id)

    async def begun(self, row: Row, attempts: int) -> None:
        """Remember how often it was begun, so that one that ends its reader is known."""
        await self._change(_is(row.session, row.id), attempts=attempts)

    async def postponed(self, row: Row, due_at_ms: int) -> bool:
        """Send it at that time, unless somebody else has decided so meanwhile."""
        mine = _is(row.session, row.id) & (_outbox.c.due_at_ms == row.due_at_ms)
        return await self._change(mine, due_at_ms=due_at_ms)

    async def hasten(self, session: str = "") -> None:
        """All open corrections are due now: the bus is back, or the owner of this session."""
        which: ColumnElement[bool] = _outbox.c.sort == TEXT
        await self._change(which & (_outbox.c.session == session) if session else which, due_at_ms=self._clock.wall_ms())

    async def forget(self, row: Row) -> None:
        """As if it had never been asked for: its asker was told no."""
        async with database_errors(_NAME), self._engine.connect() as connection:
            await connection.execute(delete(_outbox).where(_is(row.session, row.id)))

    async def erase(self, session: str, seqs: Sequence[int]) -> int:
        """Remove the resolved corrections that became one of these facts or changed one, or found one changed: their words are gone for good; how many."""
        gone = frozenset(seqs)
        rows = await self._select((_outbox.c.session == session) & (_outbox.c.state != OPEN))
        numbers = [row.number for row in rows if (row.kind != "erase" or row.current) and not gone.isdisjoint(_named(row))]
        if numbers:
            async with database_errors(_NAME), self._engine.connect() as connection:
                await connection.execute(delete(_outbox).where(_outbox.c.number.in_(numbers)))
            await forget_pages(self._engine, _NAME)
        return len(numbers)

    async def prune(self, applied_before_ms: int, failed_before_ms: int) -> int:
        """Remove what was applied, and what was conflicted or put aside, before these times; how many. What is open stays, however old."""
        applied = (_outbox.c.state == "applied") & (_outbox.c.updated_at_ms < applied_before_ms)
        failed = _outbox.c.state.in_(("conflicted", "dead")) & (_outbox.c.updated_at_ms < failed_before_ms)
        async with database_errors(_NAME), self._engine.connect() as connection:
            return int((await connection.execute(delete(_outbox).where(applied | failed))).rowcount)

    # Reading.

    async def get(self, session: str, id: str) -> Row:  # noqa: A002
        """One row. Raises `NotFound`."""
        found = await self._select(_is(session, id), limit=1)
        if not found:
            raise NotFound("There is no correction of that id in this session.")
        return found[0]

    async def page(self, session: str, *, states: Sequence[str] = (), sorts: Sequence[str] = (), below: int | None = None, limit: int = 100) -> Page:
        """Rows of a session, the newest first, those with a lower number than `below`."""
        size = min(max(limit, 1), _LARGEST_PAGE)
        wanted: ColumnElement[bool] = _outbox.c.session == session
        if states:
            wanted &= _outbox.c.state.in_(states)
        if sorts:
            wanted &= _outbox.c.sort.in_(sorts)
        if below is not None:
            wanted &= _outbox.c.number < below
        found = await self._select(wanted, limit=size + 1, newest_first=True)
        items = tuple(found[:size])
        return Page(items, items[-1].number if len(found) > size else None)

    async def open_upto(self, session: str, id: str) -> list[Row]:  # noqa: A002
        """The session's open corrections up to and with this one, in the order of acceptance; none if it is not open any more, or never was."""
        mine = _is(session, id) & (_outbox.c.state == OPEN)
        number = select(_outbox.c.number).where(mine).scalar_subquery()
        return await self._select((_outbox.c.session == session) & (_outbox.c.sort == TEXT) & (_outbox.c.state == OPEN) & (_outbox.c.number <= number))

    async def due(self, sort: str, limit: int = 200) -> list[Row]:
        """Open rows, text or live, that are to be sent by now, in the order of acceptance."""
        return await self._select((_outbox.c.sort == sort) & (_outbox.c.state == OPEN) & (_outbox.c.due_at_ms <= self._clock.wall_ms()), limit=limit)

    async def later_acts(self, row: Row) -> list[Row]:
        """Live acts of the session that were accepted after this one and took effect."""
        return await self._select(
            (_outbox.c.session == row.session) & (_outbox.c.sort == LIVE) & (_outbox.c.state == "applied") & (_outbox.c.number > row.number)
        )

    # Statements.

    async def _change(self, which: ColumnElement[bool], was: Sequence[str] = (OPEN,), **values: Any) -> bool:
        """Only a row in one of these states changes: what is resolved stays so, whoever comes late."""
        statement = update(_outbox).where(which, _outbox.c.state.in_(was)).values(**values, updated_at_ms=self._clock.wall_ms())
        async with database_errors(_NAME), self._engine.connect() as connection:
            return bool((await connection.execute(statement)).rowcount)

    async def _select(self, which: ColumnElement[bool], limit: int | None = None, *, newest_first: bool = False) -> list[Row]:
        number = _outbox.c.number
        wanted = select(_outbox).where(which).order_by(number.desc() if newest_first else number).limit(limit)
        async with database_errors(_NAME), self._engine.connect() as connection:
            return [_row(dict(item)) for item in (await connection.execute(wanted)).mappings()]


def _named(row: Row) -> list[int]:
    """Facts that it became, changed, or found changed."""
    listed = [*row.body.get("targets", ()), *row.body.get("seqs", ())] if row.current else []
    return [row.seq, int(row.body.get("target") or 0), *listed]


def _is(session: str, id: str) -> ColumnElement[bool]:  # noqa: A002
    return (_outbox.c.session == session) & (_outbox.c.id == id)


_SAME: Final = ("id", "session", "sort", "kind", "body", "place", "base", "undoes", "state", "seq", "detail", "current", "attempts", "due_at_ms")


def _values(row: Row) -> dict[str, Any]:
    who = {"role": row.principal.role, "principal": row.principal.id, "name": row.principal.name}
    return {name: getattr(row, name) for name in _SAME} | who | {"hotwords": list(row.hotwords)}


def _row(values: dict[str, Any]) -> Row:
    same = {name: values[name] for name in (*_SAME, "number", "created_at_ms", "updated_at_ms")}
    return Row(**same, principal=Principal(values["principal"], values["role"], values["name"]), hotwords=tuple(values["hotwords"]))
