"""Where screenplays are set on paper: in a thread, one at a time, so that whoever plays does not wait for whoever prints."""

from __future__ import annotations

import asyncio
from typing import Final

from services.core.errors import Overloaded
from services.transcript.screenplay import export
from services.transcript.view import View

WAITING: Final = 8
"""Jobs at a time, the one at work included."""


class Press:
    """One per gateway."""

    def __init__(self) -> None:
        """Idle."""
        self._free = asyncio.Lock()
        self._jobs: set[asyncio.Task[bytes]] = set()

    async def printed(self, view: View, form: str) -> bytes:
        """The file. Raises `Overloaded`, and what `export` raises."""
        if len(self._jobs) >= WAITING:
            raise Overloaded
        job = asyncio.create_task(self._print(view, form), name="press")
        self._jobs.add(job)
        job.add_done_callback(self._over)
        # A thread cannot be stopped: a job whose client has gone counts until it is done.
        return await asyncio.shield(job)

    async def _print(self, view: View, form: str) -> bytes:
        async with self._free:
            return await asyncio.to_thread(export, view, form)

    def _over(self, job: asyncio.Task[bytes]) -> None:
        self._jobs.discard(job)
        if not job.cancelled():
            # Looked at here too: nobody may be there any more to whom it could be told.
            job.exception()
