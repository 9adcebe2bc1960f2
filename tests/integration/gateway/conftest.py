"""The gateway on loopback, its neighbours scripted, its Redis and its databases real."""

from __future__ import annotations

from collections.abc import AsyncIterator
from contextlib import AsyncExitStack
from dataclasses import dataclass
from pathlib import Path
from tempfile import TemporaryDirectory

import httpx2
import pytest_asyncio
from openai import AsyncOpenAI
from redis.asyncio import Redis

from services.compose import bus_opener
from services.core.live import LiveSettings
from services.core.rpc.server import serving as serving_rpc
from services.core.runtime import Runtime
from services.core.settings import GatewaySettings, Settings
from services.gateway.app import serving
from services.transcript.log import TranscriptLog
from tests.integration.gateway.engines import Hearing, Roleplay, Voices
from tests.integration.gateway.tables import Desk, Table


@dataclass
class House:
    """Everything a test may touch."""

    url: str
    http: httpx2.AsyncClient
    runtime: Runtime
    hearing: Hearing
    roleplay: Roleplay
    voices: Voices
    table: Table
    desk: Desk
    closing: AsyncExitStack
    """Closed before the gateway."""

    def openai(self, **extra: str) -> AsyncOpenAI:
        """The official client, pointed here."""
        client = AsyncOpenAI(base_url=f"{self.url}/v1", api_key="anything", max_retries=0, default_headers=extra)
        self.closing.push_async_callback(client.close)
        return client

    async def session(self, **fields: object) -> str:
        """A new session with Mirelle."""
        answer = await self.http.post("/api/sessions", json={"title": "Night", "cast": ["mirelle"], **fields})
        assert answer.status_code == 201, answer.text
        return str(answer.json()["id"])


@pytest_asyncio.fixture
async def house(redis: Redis, tmp_path: Path) -> AsyncIterator[House]:
    """A gateway that is up."""
    async with AsyncExitStack() as stack:
        run_dir = Path(stack.enter_context(TemporaryDirectory(prefix="gw-")))
        settings = Settings(
            data_dir=tmp_path,
            gateway=GatewaySettings(port=0, allowed_origins=("https://table.example",), allowed_hosts=("souffleur.test",)),
        )
        runtime = Runtime(
            live=LiveSettings(settings),
            redis=redis,
            run_dir=run_dir,
            archive_url=f"sqlite+aiosqlite:///{tmp_path}/archive.sqlite3",
            application_url=f"sqlite+aiosqlite:///{tmp_path}/application.sqlite3",
            bus=bus_opener(settings, redis),
        )
        stack.push_async_callback(runtime.channels.close)
        hearing, roleplay, voices, table, desk = Hearing(), Roleplay(), Voices(), Table(TranscriptLog(redis)), Desk()
        for name, servicer in (("stt", hearing), ("llm", roleplay), ("tts", voices), ("stage", table), ("manager", desk)):
            await stack.enter_async_context(serving_rpc(runtime.address(name), name, servicer.register, drain_s=0.1))
        url = await stack.enter_async_context(serving(runtime))
        http = await stack.enter_async_context(httpx2.AsyncClient(base_url=url, timeout=20))
        closing = await stack.enter_async_context(AsyncExitStack())
        yield House(url, http, runtime, hearing, roleplay, voices, table, desk, closing)
