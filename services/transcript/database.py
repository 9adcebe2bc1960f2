"""Opening a database of ours: SQLite or PostgreSQL by URL, made durable, brought up to date."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from pathlib import Path
from typing import Any, Final
from weakref import WeakKeyDictionary

import structlog
from alembic import command
from alembic.config import Config
from sqlalchemy import Connection, event, text
from sqlalchemy.engine import URL, make_url
from sqlalchemy.exc import ArgumentError, DBAPIError, InterfaceError, NoSuchModuleError, OperationalError, SQLAlchemyError
from sqlalchemy.ext.asyncio import AsyncConnection, AsyncEngine, create_async_engine
from sqlalchemy.pool import NullPool

from services.core.errors import EngineMissing, SettingsRejected, Unavailable
from services.transcript import sqlite

_MIGRATIONS: Final = Path(__file__).parent / "migrations"
_DRIVERS: Final = {"sqlite": "sqlite+aiosqlite", "postgresql": "postgresql+asyncpg"}
_BUSY_S: Final = 15
"""How long a SQLite writer waits for another one."""
_RETRY_S: Final = 0.02
_EMPTYINGS: Final = 50
_TIMEOUT_S: Final = 15
_AWAY: Final = frozenset({"08", "53", "57", "58"})
"""Classes of SQLSTATE: no connection, no room, told to stop, broken."""
_MIGRATION_LOCK: Final = 0x50_55_46_46
"""PostgreSQL advisory lock, so that of several processes only one migrates at a time."""
_LOCKS: Final[WeakKeyDictionary[asyncio.AbstractEventLoop, asyncio.Lock]] = WeakKeyDictionary()
"""A lock belongs to the loop of those who wait for it."""

_log = structlog.get_logger(__name__)


async def open_database(url: str, migrations: Path = _MIGRATIONS, name: str = "archive", **options: Any) -> AsyncEngine:
    """An engine, with these `options`, on a database that `migrations` have brought up to date; `name` is for messages.

    Raises `SettingsRejected`, `EngineMissing` (driver) or `Unavailable`.
    """
    engine = engine_of(url, name, **options)
    try:
        if engine.dialect.name == "sqlite":
            Path(str(engine.url.database)).parent.mkdir(parents=True, exist_ok=True)
        await migrate(engine.url, migrations)
    except (SQLAlchemyError, OSError) as error:
        raise Unavailable(f"the {name} cannot be opened: {type(error).__name__}") from error
    return engine


def engine_of(url: str, name: str = "archive", **options: Any) -> AsyncEngine:
    """An engine on a database as it is, with these `options`; nothing is opened yet. `name` is for messages.

    Raises `SettingsRejected` or `EngineMissing` (driver).
    """
    try:
        return _engine(_with_driver(make_url(url), name), **options)
    except (ArgumentError, NoSuchModuleError) as error:
        raise SettingsRejected(f"the {name}'s database URL cannot be read") from error
    except ModuleNotFoundError as error:
        raise EngineMissing(f"the {name} needs the package {error.name!r}, which is not installed") from error


async def migrate(url: URL, migrations: Path = _MIGRATIONS) -> None:
    """Bring the database up to the newest revision, in one transaction, alone."""
    engine = _engine(url, poolclass=NullPool)
    try:
        if url.get_backend_name() == "sqlite":
            await _write_ahead(engine)
            event.listen(engine.sync_engine, "begin", _take_turn)
        async with engine.begin() as connection:
            if url.get_backend_name() == "postgresql":
                await connection.execute(text("SELECT pg_advisory_xact_lock(:lock)"), {"lock": _MIGRATION_LOCK})
            async with _alembic():
                await connection.run_sync(_upgrade, migrations)
    finally:
        await engine.dispose()


def _alembic() -> asyncio.Lock:
    """Held by whoever runs migrations: what they use of Alembic (`op`, `context`) is one for the whole process, and a statement gives others a turn."""
    return _LOCKS.setdefault(asyncio.get_running_loop(), asyncio.Lock())


async def forget_terms(connection: AsyncConnection) -> None:
    """SQLite's index of memories has the words of those that were deleted or changed until its parts are merged."""
    if connection.dialect.name == "sqlite":
        await connection.exec_driver_sql("INSERT INTO memory_terms(memory_terms) VALUES ('optimize')")


async def forget_pages(engine: AsyncEngine, name: str = "archive") -> None:
    """What was overwritten or deleted SQLite still has in its write-ahead log, which is emptied. Somebody who reads for long keeps it; then the log says so."""
    if engine.dialect.name != "sqlite":
        return
    async with database_errors(name), engine.connect() as connection:
        patience = (await connection.exec_driver_sql("PRAGMA busy_timeout")).scalar_one()
        # It would wait with the lock in its hand, and everybody who writes with it.
        await connection.exec_driver_sql("PRAGMA busy_timeout=0")
        try:
            for _ in range(_EMPTYINGS):
                busy = (await connection.exec_driver_sql("PRAGMA wal_checkpoint(TRUNCATE)")).scalar_one()
                if not busy:
                    return
                await asyncio.sleep(_RETRY_S)
        finally:
            # One that was cancelled in the middle of a statement is thrown away, and to use it would turn the cancellation into an error.
            if not connection.invalidated:
                await connection.exec_driver_sql(f"PRAGMA busy_timeout={int(patience)}")
    _log.warning("database.log_not_emptied", database=name)


@asynccontextmanager
async def database_errors(name: str = "archive") -> AsyncIterator[None]:
    """Around every statement: failures of the database leave as `Unavailable`; the text of a statement, being personal, does not."""
    try:
        yield
    except (SQLAlchemyError, OSError) as error:
        raise Unavailable(f"the {name} failed: {type(error).__name__}") from error


def is_away(error: Exception) -> bool:
    """As far as can be told from what `database_errors` raised, the database cannot be used at all; otherwise it did not take what it was given."""
    cause = error.__cause__
    if not isinstance(error, Unavailable) or not isinstance(cause, DBAPIError) or isinstance(cause, OperationalError | InterfaceError):
        return isinstance(error, Unavailable)
    return cause.connection_invalidated or str(getattr(cause.orig, "sqlstate", None))[:2] in _AWAY


async def _write_ahead(engine: AsyncEngine) -> None:
    """Turn the file to WAL, which it keeps. SQLite does not wait for others while it does that: whoever meets them tries again."""
    loop = asyncio.get_running_loop()
    deadline = loop.time() + _BUSY_S
    while True:
        try:
            async with engine.connect() as connection:
                await connection.exec_driver_sql("PRAGMA journal_mode=WAL")
                return
        except OperationalError as error:
            if "locked" not in str(error.orig) or loop.time() >= deadline:
                raise
        await asyncio.sleep(_RETRY_S)


def _with_driver(url: URL, name: str) -> URL:
    backend = url.get_backend_name()
    if backend not in _DRIVERS:
        raise SettingsRejected(f"the {name} is kept in SQLite or PostgreSQL")
    if backend == "sqlite" and url.database in (None, "", ":memory:"):
        raise SettingsRejected(f"the {name} needs a file: one in memory would be gone with the process")
    return url.set(drivername=_DRIVERS[backend])


def _upgrade(connection: Connection, migrations: Path) -> None:
    config = Config()
    config.set_main_option("script_location", str(migrations).replace("%", "%%"))
    config.set_main_option("path_separator", "os")
    config.attributes["connection"] = connection
    command.upgrade(config, "head")


def _engine(url: URL, **options: Any) -> AsyncEngine:
    # Statements carry what people said: their parameters never stand in an error message or a log.
    options |= {"hide_parameters": True}
    if url.get_backend_name() == "sqlite":
        engine = create_async_engine(url, connect_args={"timeout": _BUSY_S, "async_creator_fn": sqlite.connect}, **options)
        event.listen(engine.sync_engine, "connect", _durable_sqlite)
        return engine
    # A pooled connection may have died with the server: it is tried before it is used.
    return create_async_engine(url, pool_pre_ping=True, connect_args={"timeout": _TIMEOUT_S, "command_timeout": _TIMEOUT_S}, **options)


def _take_turn(connection: Connection) -> None:
    # The driver would begin at the first change only, and not at all for DDL; two processes starting at once must queue up before looking.
    connection.exec_driver_sql("BEGIN IMMEDIATE")


def _durable_sqlite(connection: Any, _record: object) -> None:
    cursor = connection.cursor()
    cursor.execute("PRAGMA synchronous=FULL")
    # What is deleted or overwritten is somebody's words: it is not to lie about in the file.
    cursor.execute("PRAGMA secure_delete=ON")
    cursor.close()
