"""kill -9 of the hearing service in the middle of an utterance: the words are heard by the one that is started in its place."""

from __future__ import annotations

import asyncio
import sys
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from pathlib import Path
from typing import Any

import pytest

from services.core.clock import SystemClock
from services.core.errors import SouffleurError
from services.core.model.speech import Final, TranscribeOpen
from services.core.rpc.client import Channels, SttClient
from services.gateway.hearing.utterance import Limits, Utterance
from tests.acceptance.program import runtime_folder, scrubbed, toml
from tests.waiting import until

pytestmark = [pytest.mark.nightly]
PIECE = bytes(1920)
"""60 ms."""


class _Counting:
    """The real client; remembers the calls it made and what each of them was given."""

    def __init__(self, client: SttClient) -> None:
        self.sent: list[bytearray] = []
        self._client = client

    def transcribe(self, timeout_s: float) -> Any:
        call, sent = self._client.transcribe(timeout_s), bytearray()
        self.sent.append(sent)
        send = call.send

        async def counted(value: TranscribeOpen | bytes) -> None:
            await send(value)
            if isinstance(value, bytes):
                sent.extend(value)

        call.send = counted  # type: ignore[method-assign]
        return call


class _Service:
    """The hearing service in a process of its own."""

    def __init__(self, folder: Path, redis_url: str) -> None:
        self.address = f"unix:{runtime_folder()}/stt.sock"
        self._folder = folder
        self._process: asyncio.subprocess.Process | None = None
        settings = {
            "data_dir": str(folder / "data"),
            "runtime_dir": str(runtime_folder()),
            "redis": {"url": redis_url},
            "endpoints": {"stt": self.address},
            "stt": {"engine": "scripted"},
        }
        (folder / "souffleur.toml").write_text(toml(settings), encoding="utf-8")

    async def start(self) -> None:
        with (self._folder / "log.txt").open("ab") as log:
            self._process = await asyncio.create_subprocess_exec(
                sys.executable, "-m", "services", "stt", stdout=log, stderr=log, env=scrubbed(), cwd=self._folder
            )

    async def kill(self) -> None:
        assert self._process is not None
        self._process.kill()
        await self._process.wait()


@asynccontextmanager
async def _serving(folder: Path, redis_url: str) -> AsyncIterator[tuple[_Service, SttClient]]:
    service, channels = _Service(folder, redis_url), Channels()
    client = SttClient(channels, service.address)
    await service.start()
    try:
        await until(lambda: _ready(client), 60, "the hearing service")
        yield service, client
    finally:
        await channels.close()
        await service.kill()


async def _ready(client: SttClient) -> bool:
    try:
        await client.describe()
    except SouffleurError:
        return False
    return True


async def test_words_outlive_the_hearing_service(tmp_path: Path, redis_server: str) -> None:
    """Its socket refuses for as long as a start takes; the utterance ends meanwhile, and its words come all the same."""
    async with _serving(tmp_path, redis_server) as (service, client):
        hearing = _Counting(client)
        utterance = Utterance(TranscribeOpen(utterance="U"), hearing, Limits(longest_s=30, final_timeout_s=60), SystemClock())
        running = asyncio.create_task(utterance.run())
        utterance.feed(PIECE)
        await until(lambda: hearing.sent and hearing.sent[0])
        await service.kill()
        utterance.feed(PIECE)
        await until(lambda: len(hearing.sent) > 2, what="a refused attempt")
        utterance.feed(PIECE)
        utterance.end()
        await service.start()
        heard = await running
        assert isinstance(heard, Final)
        assert heard.text == "hello there"
        assert len(hearing.sent[-1]) == 3 * len(PIECE)
