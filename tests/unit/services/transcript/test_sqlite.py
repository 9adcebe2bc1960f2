"""A connection to SQLite whose user is cancelled in the middle of something."""

from __future__ import annotations

import asyncio
import sqlite3
import threading
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import asynccontextmanager
from pathlib import Path
from typing import Any, Final

import pytest
from sqlalchemy import event, text
from sqlalchemy.ext.asyncio import AsyncEngine, create_async_engine

from services.transcript import sqlite
from services.transcript.database import forget_pages, open_database

_PATIENCE_S: Final = 10


class Gate:
    """Where the connection's thread stands until it is let through."""

    def __init__(self) -> None:
        self.reached, self.open = threading.Event(), threading.Event()

    def __call__(self) -> int:
        self.reached.set()
        assert self.open.wait(_PATIENCE_S)
        return 1

    async def cancel_at(self, work: Awaitable[Any], *, times: int = 1) -> bool:
        """Cancel `work` while the thread stands at the gate; whether it stayed until the thread was let through."""
        task = asyncio.ensure_future(work)
        async with asyncio.timeout(_PATIENCE_S):
            await asyncio.to_thread(self.reached.wait, _PATIENCE_S)
            for _ in range(times):
                task.cancel()
                await asyncio.sleep(0)
                await asyncio.sleep(0)
            stayed = not task.done()
            self.open.set()
            with pytest.raises(asyncio.CancelledError):
                await task
        return stayed


async def test_who_is_cancelled_while_opening_leaves_when_it_is_open_and_closed(tmp_path: Path) -> None:
    gate, made = Gate(), []

    class Slow(sqlite3.Connection):
        def __init__(self, *args: Any, **options: Any) -> None:
            gate()
            super().__init__(*args, **options)
            made.append(self)

    connection = sqlite.connect(str(tmp_path / "a.sqlite3"), factory=Slow, check_same_thread=False)

    async def opening() -> None:
        await connection

    assert await gate.cancel_at(opening())
    with pytest.raises(sqlite3.ProgrammingError, match="closed"):
        made[0].execute("SELECT 1")


@pytest.mark.parametrize("times", [1, 2, 3])
async def test_who_is_cancelled_in_a_statement_leaves_when_it_is_done(tmp_path: Path, times: int) -> None:
    gate = Gate()
    async with _engine(tmp_path, gate) as engine:
        assert await gate.cancel_at(_ask(engine), times=times)
        assert await _ask(engine) == 1  # by a connection of its own or the same: the pool has not been left waiting


async def test_closing_twice_and_stopping_after_it_are_one_end(tmp_path: Path) -> None:
    connection = await sqlite.connect(str(tmp_path / "a.sqlite3"))
    async with asyncio.timeout(_PATIENCE_S):
        await asyncio.gather(connection.close(), connection.close())
        await connection.close()
    assert connection.stop() is connection.stop()
    with pytest.raises(ValueError, match="no active connection"):
        await connection.execute("SELECT 1")


async def test_an_error_of_opening_is_told(tmp_path: Path) -> None:
    with pytest.raises(sqlite3.OperationalError):
        await sqlite.connect(str(tmp_path / "no" / "folder" / "a.sqlite3"))


@asynccontextmanager
async def _engine(folder: Path, gate: Callable[[], int]) -> AsyncIterator[AsyncEngine]:
    """An engine with `gate()` as an SQL function."""
    engine = create_async_engine(f"sqlite+aiosqlite:///{folder}/a.sqlite3", connect_args={"async_creator_fn": sqlite.connect})
    event.listen(engine.sync_engine, "connect", lambda connection, _record: connection.create_function("gate", 0, gate))
    try:
        yield engine
    finally:
        await engine.dispose()


async def _ask(engine: AsyncEngine) -> int:
    async with engine.connect() as connection:
        return int((await connection.execute(text("SELECT gate()"))).scalar_one())


async def test_who_is_cancelled_while_emptying_the_write_ahead_log_leaves_as_one_who_was_cancelled(tmp_path: Path) -> None:
    """An error in its place would be taken for the database's, and survived by those who try again."""
    engine = await open_database(f"sqlite:///{tmp_path}/a.sqlite3")

    def cancel(_connection: object, _cursor: object, statement: str, *_: object) -> None:
        if "wal_checkpoint" in statement:
            task = asyncio.current_task()
            assert task is not None
            task.cancel()

    event.listen(engine.sync_engine, "before_cursor_execute", cancel)
    with pytest.raises(asyncio.CancelledError):
        await asyncio.create_task(forget_pages(engine))
    event.remove(engine.sync_engine, "before_cursor_execute", cancel)
    async with engine.connect() as connection:
        assert (await connection.exec_driver_sql("PRAGMA busy_timeout")).scalar_one() > 0
    await engine.dispose()
