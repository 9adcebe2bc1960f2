"""Views kept in memory, one per session and character, and moved forward by reading only what is new."""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Coroutine
from dataclasses import dataclass, field
from typing import Any, Final, Protocol

from services.core.clock import Clock, SystemClock
from services.core.errors import NotFound, Unavailable
from services.core.lately import Lately
from services.core.model.fact import Fact
from services.transcript.view import Reader, View, advanced

_MOST_VIEWS: Final = 512
_PAGE: Final = 500


class FactSource(Protocol):
    """Where facts are read: `TranscriptLog`."""

    def read(self, sid: str, after: int = 0, upto: int | None = None, limit: int | None = None) -> Coroutine[Any, Any, list[Fact]]:
        """Facts with `after` < seq <= `upto`. Raises `NotFound` if some are only in the archive."""
        ...


class PastSource(Protocol):
    """Where trimmed facts are read: `Archive`."""

    def read(self, sid: str, after: int = 0, upto: int | None = None, limit: int | None = None) -> Coroutine[Any, Any, list[Fact]]:
        """As `FactSource.read`."""
        ...


@dataclass(slots=True)
class _Kept:
    lock: asyncio.Lock = field(default_factory=asyncio.Lock)
    view: View | None = None


class Folds:
    """Hands out views. What nobody has asked for lately is made anew when somebody does: a view weighs as much as its session is long."""

    def __init__(self, log: FactSource, past: Callable[[], Coroutine[Any, Any, PastSource]], most: int = _MOST_VIEWS, clock: Clock | None = None) -> None:
        """`past` opens the archive; it is asked only where the log has been trimmed."""
        self._log = log
        self._past = past
        self._kept: Lately[tuple[str, str], _Kept] = Lately(most, clock or SystemClock())

    async def at(self, session: str, character: str, seq: int) -> View:
        """The character's view at exactly `seq`. Raises `Unavailable` if the transcript does not reach that far."""
        if (kept := self._kept.get((session, character))) is None:
            self._kept.put((session, character), kept := _Kept())
        async with kept.lock:
            known = kept.view
            if known is not None and known.seq <= seq:
                kept.view = await advanced(known, await self._facts(session, known.seq, seq))
                self._check(kept.view, seq)
                return kept.view
            view = await advanced(View(Reader("character", character)), await self._facts(session, 0, seq))
            self._check(view, seq)
            if known is None:
                kept.view = view
            return view

    @staticmethod
    def _check(view: View, seq: int) -> None:
        if view.seq < seq:
            raise Unavailable("the transcript has not got that far")

    async def _facts(self, session: str, after: int, upto: int) -> list[Fact]:
        if upto <= after:
            return []
        try:
            return await self._log.read(session, after, upto)
        except NotFound:
            return await self._long_ago(session, after, upto)

    async def _long_ago(self, session: str, after: int, upto: int) -> list[Fact]:
        """The beginning from the archive, the rest from the log."""
        past = await self._past()
        found: list[Fact] = []
        while after < upto:
            page = await past.read(session, after, upto, _PAGE)
            found += page
            after = page[-1].seq if page else after
            if len(page) < _PAGE:
                break
        if after < upto:
            found += await self._log.read(session, after, upto)
        return found
