"""A stage's house in this process, on a real Redis and a real archive."""

from __future__ import annotations

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from pathlib import Path

from redis.asyncio import Redis

from services.core.clock import ManualClock
from services.core.live import LiveSettings
from services.core.model.attachment import CastMember, OpenRequest
from services.core.model.principal import Principal
from services.core.runtime import Runtime
from services.core.settings import Endpoints, Settings, StageSettings
from services.stage.house import House, open_house

DIRECTOR = Principal("local", "director", "Ann")
INN = OpenRequest(session="inn", cast=(CastMember("mirelle", "Mirelle", "{}"),))


def runtime_of(redis: Redis, folder: Path, address: str = "", lease_s: float = 1.0) -> Runtime:
    """What the stage is given; `address` as in the settings, empty for a socket in `folder`."""
    settings = Settings(data_dir=folder, stage=StageSettings(lease_s=lease_s), endpoints=Endpoints(stage=address))
    return Runtime(
        live=LiveSettings(settings),
        redis=redis,
        run_dir=folder,
        archive_url=f"sqlite+aiosqlite:///{folder / 'archive.sqlite3'}",
        application_url="",
        clock=ManualClock(),
    )


@asynccontextmanager
async def opened_house(redis: Redis, folder: Path, address: str = "", lease_s: float = 1.0) -> AsyncIterator[tuple[House, Runtime]]:
    """An owner of sessions, and what it was given; closed in order at the end."""
    runtime = runtime_of(redis, folder, address, lease_s)
    async with open_house(runtime) as house:
        yield house, runtime
    await runtime.channels.close()


async def kinds_of(house: House, sid: str) -> list[str]:
    """Of all facts of a session, in order."""
    return [fact.kind for fact in await house.log.read(sid)]
