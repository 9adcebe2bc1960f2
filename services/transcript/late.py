"""The archive for readers that seldom need it."""

from __future__ import annotations

import asyncio
from typing import TYPE_CHECKING

from services.transcript.store import Entry

if TYPE_CHECKING:
    from services.transcript.archive import Archive


class LateArchive:
    """The archive, opened when it is first asked for: where it is seldom needed. `close` it in the end."""

    def __init__(self, url: str) -> None:
        """`url` as for `Archive.open`."""
        self._url = url
        self._archive: Archive | None = None
        self._lock = asyncio.Lock()

    async def opened(self) -> Archive:
        """It. Raises `Unavailable`."""
        async with self._lock:
            if self._archive is None:
                # SQLAlchemy and all: nothing that a process should load which may never need it.
                from services.transcript.archive import Archive

                self._archive = await Archive.open(self._url)
            return self._archive

    async def entries(self, sid: str, after: int = 0, upto: int | None = None, limit: int | None = None) -> list[Entry]:
        """As `Archive.entries`."""
        return await (await self.opened()).entries(sid, after, upto, limit)

    async def close(self) -> None:
        """Give its connections back, if it has any."""
        if self._archive is not None:
            await self._archive.close()
