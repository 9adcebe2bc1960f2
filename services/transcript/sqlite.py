"""A connection to SQLite that nobody can be torn from in the middle of a statement.

aiosqlite runs each connection in a thread of its own. A task that is cancelled while it opens or uses one leaves that thread with an answer for a loop which
may be closed by then (the thread dies of it), and a second cancellation while the pool puts the connection away left the pool waiting for a thread that had
ended. So here a cancellation waits for what the thread is doing, milliseconds as a rule, and is passed on after that.
"""

from __future__ import annotations

import asyncio
import sqlite3
from collections.abc import Callable
from functools import partial
from typing import Any, Final

import aiosqlite

_ROWS_AT_ONCE: Final = 64
"""What `aiosqlite.connect` takes if nothing is said."""


def connect(path: str, **options: Any) -> SteadyConnection:
    """A connection, opened once it is awaited; `options` are those of `sqlite3.connect`. For `create_async_engine(async_creator=...)`."""
    return SteadyConnection(partial(sqlite3.connect, path, **options), _ROWS_AT_ONCE)


class SteadyConnection(aiosqlite.Connection):
    """Opens, answers and closes whole, whoever is cancelled meanwhile."""

    _stopped: asyncio.Future[Any] | None = None

    def __init__(self, connector: Callable[[], sqlite3.Connection], iter_chunk_size: int) -> None:
        """`connector` opens the database, in the connection's own thread."""
        super().__init__(connector, iter_chunk_size)
        # As SQLAlchemy does with those it makes: one that was forgotten must not keep the program from ending.
        self._thread.daemon = True

    async def _connect(self) -> aiosqlite.Connection:
        if self._connection is None:
            try:
                await self._run(self._open)
            except BaseException:
                await self._stop_whole()
                raise
        return self

    async def _execute(self, fn: Callable[..., Any], *args: Any, **kwargs: Any) -> Any:
        if not self._running or self._connection is None:
            raise ValueError("Connection closed")
        return await self._run(partial(fn, *args, **kwargs))

    async def close(self) -> None:
        """Once what is under way is done; the thread has ended then. Closing twice does nothing."""
        if self._connection is not None:
            await self._stop_whole()

    def stop(self) -> asyncio.Future[Any] | None:
        """Ask the thread to close and end; the future is done when it has, None where no loop runs."""
        # What is asked of the thread after its last task would never be answered.
        if self._running:
            self._stopped = super().stop()
        return self._stopped

    def _open(self) -> None:
        # In the thread, so that one whose caller is cancelled meanwhile is there to be closed.
        self._connection = self._connector()

    async def _stop_whole(self) -> None:
        if (stopped := self.stop()) is not None:
            await _settled(stopped)

    async def _run(self, work: Callable[[], Any]) -> Any:
        answer: asyncio.Future[Any] = asyncio.get_running_loop().create_future()
        self._tx.put_nowait((answer, work))
        return await _settled(answer)


async def _settled(answer: asyncio.Future[Any]) -> Any:
    """The thread's answer. Whoever is cancelled while waiting is cancelled once it has come."""
    cancelled: asyncio.CancelledError | None = None
    while not answer.done():
        try:
            await asyncio.wait([answer])
        except asyncio.CancelledError as cancellation:
            cancelled = cancellation
    if cancelled is None:
        return answer.result()
    answer.exception()  # looked at, or the loop would report it as overlooked
    raise cancelled
