"""Checks of what keeps things: Redis, the bus, the databases."""

from __future__ import annotations

import asyncio
import sqlite3
from collections.abc import AsyncIterator, Iterator

from redis.exceptions import RedisError

from manager.directory import without_password
from manager.doctor.finding import Finding, State
from manager.redis_binary import choose
from services.compose import redis_client
from services.core.errors import EngineMissing, SettingsRejected, Unavailable
from services.core.settings import Settings

_PATIENCE_S = 5.0


async def stores(settings: Settings) -> AsyncIterator[Finding]:
    """Everything that keeps things."""
    yield await _redis(settings)
    yield await _bus(settings)
    for finding in _sqlite():
        yield finding
    for name in ("application", "archive"):
        yield await _database(name, getattr(settings.database, name))


async def _redis(settings: Settings) -> Finding:
    url = settings.redis.url
    if not url:
        try:
            binary = choose(settings.data_dir / "redis")
        except Unavailable as error:
            what, _, remedy = error.detail.partition(": ")
            return Finding(part="store", name="Redis", state=State.ERROR, detail=what, remedy=remedy)
        return Finding(part="store", name="Redis", state=State.OK, detail=f"{binary.version_text} from {binary.source} ({binary.path}), run as a private child")
    client = redis_client(url)
    try:
        async with asyncio.timeout(_PATIENCE_S):
            info = await client.info("server")
            append_only = (await client.config_get("appendonly")).get("appendonly")
    except (RedisError, OSError, TimeoutError) as error:
        remedy = "start it, or correct redis.url; without redis.url a private one is started"
        return Finding(
            part="store", name="Redis", state=State.ERROR, detail=f"{without_password(url)} cannot be reached: {type(error).__name__}", remedy=remedy
        )
    finally:
        await client.aclose()
    detail = f"{info.get('redis_version')} at {without_password(url)}"
    if append_only != "yes":
        return Finding(
            part="store", name="Redis", state=State.WARNING, detail=f"{detail}: no append-only file, a crash of it loses words", remedy="appendonly yes"
        )
    return Finding(part="store", name="Redis", state=State.OK, detail=detail)


async def _bus(settings: Settings) -> Finding:
    url = settings.bus.url
    if not url:
        return Finding(part="store", name="bus", state=State.OK, detail="Redis streams, in the same server")
    from services.core.bus.amqp import AmqpBus

    shown, remedy = without_password(url), "start it, or correct bus.url; without bus.url corrections travel in Redis"
    try:
        async with AmqpBus(url, delivery_limit=settings.bus.delivery_limit).open() as bus, asyncio.timeout(_PATIENCE_S):
            await bus.link.next_up(0)
            counts = await bus.counts()
    except SettingsRejected as error:
        return Finding(part="store", name="bus", state=State.ERROR, detail=error.detail, remedy="correct bus.url")
    except (Unavailable, TimeoutError):
        # Nothing is lost meanwhile: corrections wait in the database.
        return Finding(part="store", name="bus", state=State.WARNING, detail=f"RabbitMQ at {shown} cannot be reached: corrections wait", remedy=remedy)
    if counts.dead:
        detail = f"RabbitMQ at {shown}: {counts.dead} dead corrections"
        return Finding(part="store", name="bus", state=State.WARNING, detail=detail, remedy="look at them on the director's desk")
    return Finding(part="store", name="bus", state=State.OK, detail=f"RabbitMQ at {shown}")


def _sqlite() -> Iterator[Finding]:
    connection = sqlite3.connect(":memory:")
    try:
        connection.execute("CREATE VIRTUAL TABLE probe USING fts5(words)")
    except sqlite3.OperationalError:
        yield Finding(
            part="store",
            name="SQLite",
            state=State.WARNING,
            detail=f"{sqlite3.sqlite_version} without FTS5: no full-text search",
            remedy="use a Python built with FTS5",
        )
    else:
        yield Finding(part="store", name="SQLite", state=State.OK, detail=f"{sqlite3.sqlite_version} with full-text search")
    finally:
        connection.close()


async def _database(name: str, url: str) -> Finding:
    if not url:
        return Finding(part="store", name=f"{name} database", state=State.OK, detail="SQLite in the data folder")
    from sqlalchemy.exc import SQLAlchemyError

    from services.transcript.database import engine_of

    shown, remedy = without_password(url), f"correct database.{name}, or leave it empty for SQLite"
    try:
        engine = engine_of(url, f"{name} database")
        try:
            async with asyncio.timeout(_PATIENCE_S), engine.connect():
                pass
        finally:
            await engine.dispose()
    except EngineMissing as error:
        return Finding(part="store", name=f"{name} database", state=State.ERROR, detail=f"{shown}: {error}", remedy="make setup")
    except SettingsRejected as error:
        return Finding(part="store", name=f"{name} database", state=State.ERROR, detail=f"{shown}: {error}", remedy=remedy)
    except (SQLAlchemyError, OSError, TimeoutError) as error:
        return Finding(part="store", name=f"{name} database", state=State.ERROR, detail=f"{shown} cannot be opened: {type(error).__name__}", remedy=remedy)
    return Finding(part="store", name=f"{name} database", state=State.OK, detail=shown)
