"""The composition root: settings in, Runtime out. The only file that names concrete stores and buses."""

from __future__ import annotations

import asyncio
import hashlib
import os
import tempfile
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from pathlib import Path
from typing import Final

import structlog
from redis.asyncio import Redis
from redis.asyncio.retry import Retry
from redis.backoff import ExponentialBackoff
from redis.exceptions import RedisError

from services.core.bus import notices
from services.core.bus.corrections import BusOpener
from services.core.bus.streams import StreamsBus
from services.core.errors import SettingsRejected
from services.core.live import LiveSettings
from services.core.redis_connection import pool
from services.core.runtime import Runtime
from services.core.settings import Settings

LIVE_SETTINGS_KEY: Final = "souffleur:settings"
"""Hash with `version` and `overrides`; written by the manager alone."""

_ANSWER_S: Final = 2.5
"""A store that is there answers sooner, but for a stall of its disk: then what is written is asked for again, which its key makes harmless. Readers that block
for longer say so to their own connections."""

_log = structlog.get_logger(__name__)


def run_dir(settings: Settings) -> Path:
    """A short folder of this user's for sockets: a Unix socket's path may have about 100 characters only."""
    if settings.runtime_dir is not None:
        return settings.runtime_dir
    digest = hashlib.sha256(str(settings.data_dir.resolve()).encode()).hexdigest()[:10]
    return Path(tempfile.gettempdir()) / f"souffleur-{os.getuid()}-{digest}"


def redis_client(url: str) -> Redis:
    """The one way a Redis connection is made here. RESP2, since reply shapes differ in RESP3."""
    return Redis.from_pool(
        pool(
            url,
            protocol=2,
            socket_connect_timeout=2,
            socket_timeout=_ANSWER_S,
            health_check_interval=15,
            retry=Retry(ExponentialBackoff(cap=0.5, base=0.02), 3),
            max_connections=256,
        )
    )


def bus_opener(settings: Settings, redis: Redis) -> BusOpener:
    """The corrections' bus by its address: never another one than was asked for. Raises `SettingsRejected`."""
    url, limit = settings.bus.url, settings.bus.delivery_limit
    if not url:
        return StreamsBus(redis, delivery_limit=limit).open
    # Loaded only where it is asked for.
    from services.core.bus.amqp import AmqpBus

    return AmqpBus(url, delivery_limit=limit).open


@asynccontextmanager
async def compose(settings: Settings) -> AsyncIterator[Runtime]:
    """Open what every service needs and close it again. `settings.redis.url` must be set: the launcher has seen to it."""
    folder = run_dir(settings)
    folder.mkdir(parents=True, exist_ok=True, mode=0o700)
    settings.data_dir.mkdir(parents=True, exist_ok=True)
    redis = redis_client(settings.redis.url)
    runtime = Runtime(
        live=LiveSettings(settings),
        redis=redis,
        run_dir=folder,
        archive_url=settings.database.archive or _sqlite(settings, "archive"),
        application_url=settings.database.application or _sqlite(settings, "application"),
        logs_url=settings.database.logs or _sqlite(settings, "logs"),
        bus=bus_opener(settings, redis),
    )
    # Services are built on the settings in force, not on the base that would be replaced a moment later.
    await _take_overrides(runtime)
    follower = asyncio.create_task(_follow_settings(runtime), name="settings")
    try:
        yield runtime
    finally:
        follower.cancel()
        # Not awaited itself: its cancellation would look like one of our own, and the other way round.
        await asyncio.wait([follower])
        await runtime.channels.close()
        await redis.aclose()


def _sqlite(settings: Settings, name: str) -> str:
    return f"sqlite+aiosqlite:///{(settings.data_dir / name).resolve()}.sqlite3"


async def _follow_settings(runtime: Runtime) -> None:
    refused = 0
    async for _ in notices.listen(runtime.redis, notices.SETTINGS):
        refused = await _take_overrides(runtime, refused)


async def _take_overrides(runtime: Runtime, refused: int = 0) -> int:
    """Take over what stands in the store. Overrides that do not fit this base are left out, said once per version, and never stop the process."""
    try:
        stored, overrides = await runtime.redis.hmget(LIVE_SETTINGS_KEY, ["version", "overrides"])
    except (RedisError, OSError):
        return refused
    version = int(stored or 0)
    if version == refused:
        return refused
    try:
        if runtime.live.accept(version, overrides.decode() if isinstance(overrides, bytes) else overrides or "{}"):
            _log.info("settings.changed", version=version)
    except (SettingsRejected, ValueError) as error:
        _log.error("settings.overrides_do_not_fit", version=version, reason=str(error))
        return version
    return refused
