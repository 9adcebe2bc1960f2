"""A gateway with nothing but the realtime endpoint, on a real server; stage and hearing are scripted."""

from __future__ import annotations

import asyncio
import contextlib
import socket
import tempfile
from collections.abc import AsyncIterator, Callable, Iterator
from dataclasses import dataclass
from functools import partial
from pathlib import Path
from typing import Any, cast

import pytest
import pytest_asyncio
import uvicorn
from fastapi import FastAPI
from openai import AsyncOpenAI
from openai.resources.realtime.realtime import AsyncRealtimeConnectionManager

from protos import stage_pb2_grpc, stt_pb2_grpc
from services.core.live import LiveSettings
from services.core.model.attachment import CastMember, OpenRequest, OpenResponse
from services.core.rpc.server import serving
from services.core.runtime import Runtime
from services.core.settings import Settings, overlaid
from services.gateway.app import Server, guarded
from services.gateway.edge import Edge
from services.gateway.problems import install
from services.gateway.realtime.routes import router
from tests.integration.realtime.scripted import WAIT_S, Facts, ScriptedStage, ScriptedStt
from tests.integration.realtime.table import Guest


class _TestEdge(Edge):
    """An edge whose only character is the innkeeper."""

    async def open_session(self, cast: Any, **_: Any) -> OpenResponse:
        members = tuple(CastMember(slug, slug.title(), "{}") for slug in cast)
        return await self.stage.open(OpenRequest(cast=members))


@dataclass
class House:
    """Everything a test may turn."""

    url: str
    stage: ScriptedStage
    stt: ScriptedStt
    facts: Facts
    folder: Path
    guest: Callable[..., contextlib.AbstractAsyncContextManager[Guest]]


@pytest.fixture
def folder() -> Iterator[Path]:
    """A short one: a unix socket's path is limited."""
    with tempfile.TemporaryDirectory(prefix="sfrt-", dir="/tmp") as path:
        yield Path(path)


@pytest.fixture
def patch() -> dict[str, Any]:
    """Settings of the house; override per module or parametrise."""
    return {}


@pytest_asyncio.fixture
async def house(folder: Path, patch: dict[str, Any]) -> AsyncIterator[House]:
    """Stage, hearing and gateway, each behind its real socket."""
    facts = Facts()
    stage, stt = ScriptedStage(facts), ScriptedStt()
    base = {"hearing": {"vad": "energy"}, "data_dir": str(folder)}
    settings = overlaid(Settings.model_validate(base), patch)
    runtime = Runtime(live=LiveSettings(settings), redis=cast(Any, None), run_dir=folder, archive_url="", application_url="")
    async with contextlib.AsyncExitStack() as stack:
        stack.push_async_callback(runtime.channels.close)
        for name, servicer, register in (
            ("stage", stage, stage_pb2_grpc.add_StageServiceServicer_to_server),
            ("stt", stt, stt_pb2_grpc.add_SttServiceServicer_to_server),
        ):
            add = cast(Callable[[Any, Any], None], register)
            await stack.enter_async_context(serving(runtime.address(name), name, partial(add, servicer), drain_s=0.1))
        edge = _TestEdge(
            runtime=runtime,
            characters=cast(Any, None),
            stt=runtime.stt(),
            llm=runtime.llm(),
            tts=runtime.tts(),
            stage=runtime.stage(),
            manager=runtime.manager(),
            log=cast(Any, facts),
            archive=cast(Any, Facts(facts.sessions)),
        )
        url = await stack.enter_async_context(_served(edge, settings))
        yield House(url, stage, stt, facts, folder, lambda **query: _guest(url, stage, query))


@contextlib.asynccontextmanager
async def _served(edge: Edge, settings: Settings) -> AsyncIterator[str]:
    app = FastAPI()
    install(app)
    app.include_router(router(edge))
    listener = socket.socket()
    listener.bind(("127.0.0.1", 0))
    config = uvicorn.Config(
        guarded(app, edge.runtime),
        log_config=None,
        access_log=False,
        ws_max_size=settings.gateway.max_message_bytes,
        ws_per_message_deflate=False,
        timeout_graceful_shutdown=2,
    )
    server = Server(config)
    task = asyncio.create_task(server.serve([listener]))
    try:
        async with asyncio.timeout(WAIT_S):
            await server.up.wait()
        yield f"127.0.0.1:{listener.getsockname()[1]}"
    finally:
        server.should_exit = True
        await task
        listener.close()


@contextlib.asynccontextmanager
async def _guest(url: str, stage: ScriptedStage, query: dict[str, str]) -> AsyncIterator[Guest]:
    """The official client, attached; its session is new unless one is named."""
    async with AsyncOpenAI(base_url=f"http://{url}/v1", api_key="any") as client:
        manager: AsyncRealtimeConnectionManager = client.realtime.connect(model="npc/mirelle", extra_query={"name": "Ann", **query})
        async with manager as connection:
            seat = await stage.seat()
            guest = Guest(connection, seat)
            await guest.expect("session.created")
            yield guest
