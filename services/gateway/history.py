"""A session's facts from wherever they are: the stream, or the archive for what the stream no longer has."""

from __future__ import annotations

import asyncio
from collections import OrderedDict
from collections.abc import AsyncGenerator, Mapping
from contextlib import aclosing
from dataclasses import dataclass, field
from typing import Final
from weakref import WeakValueDictionary

from services.core.errors import NotFound
from services.core.model.fact import Fact, Kind
from services.core.model.principal import Principal
from services.transcript.archive import Archive
from services.transcript.log import TranscriptLog
from services.transcript.view import DIRECTOR, Reader, View, advanced

_KEPT: Final = 64
"""Views kept in memory; the least used goes first."""
_PAGE: Final = 2_000


@dataclass(frozen=True, slots=True)
class Table:
    """A session as one reader knows it, and who may speak for its members."""

    view: View
    principals: Mapping[str, str]
    """Member id -> id of the principal that joined as it."""

    def member_of(self, principal: Principal) -> str:
        """The human member that this principal was last; empty if it never joined."""
        mine = [member for member, owner in self.principals.items() if owner == principal.id and self.view.members[member].role != "character"]
        present = [member for member in mine if self.view.members[member].present]
        return (present or mine or [""])[-1]


@dataclass(slots=True)
class History:
    """Reads sessions, and keeps the last views so that the next look costs only what is new."""

    log: TranscriptLog
    archive: Archive
    _tables: OrderedDict[tuple[str, Reader], Table] = field(default_factory=OrderedDict)
    _locks: WeakValueDictionary[tuple[str, Reader], asyncio.Lock] = field(default_factory=WeakValueDictionary)
    """They last as long as somebody holds or awaits them: ids are whatever a request says."""

    async def facts(self, sid: str, after: int = 0, limit: int | None = None) -> list[Fact]:
        """Facts with seq > `after`, in order, without a gap. Raises `NotFound` if there is no such session."""
        try:
            found = await self.log.read(sid, after, limit=limit)
            if found or await self.log.head(sid):
                return found
        except NotFound:
            # Trimmed: the archive has what the stream gave up.
            pass
        return await self._archived(sid, after, limit)

    async def _archived(self, sid: str, after: int, limit: int | None) -> list[Fact]:
        if await self.archive.session(sid) is None:
            raise NotFound("There is no session of that id.")
        found: list[Fact] = list(await self.archive.read(sid, after, limit=limit))
        missing = None if limit is None else limit - len(found)
        if missing != 0:
            last = found[-1].seq if found else after
            try:
                found += await self.log.read(sid, last, limit=missing)
            except NotFound:
                return found
        return found

    async def tail(self, sid: str, after: int) -> AsyncGenerator[Fact, None]:
        """Facts behind `after` and then every new one, for ever."""
        last = after
        while page := await self.facts(sid, last, _PAGE):
            for fact in page:
                yield fact
            last = page[-1].seq
        async with aclosing(self.log.tail(sid, last)) as live:
            async for fact in live:
                yield fact

    async def table(self, sid: str, reader: Reader = DIRECTOR) -> Table:
        """The session as `reader` knows it now. Raises `NotFound` if there is no such session."""
        key = (sid, reader)
        lock = self._locks.setdefault(key, asyncio.Lock())
        async with lock:
            old = self._tables.get(key)
            fresh = await self.facts(sid, old.view.seq if old else 0)
            if old is None and not fresh:
                raise NotFound("There is no session of that id.")
            table = _with(old, fresh, await advanced(old.view if old else View(reader), fresh))
            self._tables[key] = table
            self._tables.move_to_end(key)
            while len(self._tables) > _KEPT:
                self._tables.popitem(last=False)
            return table

    def forget(self, sid: str) -> None:
        """What is kept of this session may be of facts that were lost."""
        for key in [key for key in self._tables if key[0] == sid]:
            del self._tables[key]

    async def reader(self, sid: str, principal: Principal) -> Reader:
        """As whom this principal reads the session. To somebody who never was in it there is no such session: `NotFound`."""
        table = await self.table(sid)
        if principal.role == "director":
            return DIRECTOR
        member = table.member_of(principal)
        if not member:
            raise NotFound("There is no session of that id.")
        return Reader(principal.role, member)


def _with(old: Table | None, fresh: list[Fact], view: View) -> Table:
    principals = dict(old.principals) if old else {}
    for fact in fresh:
        if fact.kind == Kind.JOINED:
            principals[str(fact.body.get("member"))] = fact.by.id
    return Table(view, {member: owner for member, owner in principals.items() if member in view.members})
