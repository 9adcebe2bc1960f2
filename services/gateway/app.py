"""The gateway as a service: stores opened, routes put together, one server in the same loop as everything else."""

from __future__ import annotations

import asyncio
import contextlib
import json
import os
import socket
from collections.abc import AsyncIterator, Callable, Iterator, Sequence
from contextlib import asynccontextmanager
from functools import partial
from pathlib import Path
from typing import Final

import structlog
import uvicorn
from fastapi import APIRouter, FastAPI
from starlette.types import ASGIApp

from services.core.errors import Unavailable
from services.core.runtime import Runtime
from services.core.settings import GatewaySettings
from services.gateway import health, page, problems
from services.gateway.advice import routes as advice
from services.gateway.characters import routes as characters
from services.gateway.characters.store import CharacterStore
from services.gateway.corrections import bus_routes
from services.gateway.corrections import routes as steering
from services.gateway.corrections.desk import Corrections
from services.gateway.corrections.gauges import gauged
from services.gateway.edge import Edge
from services.gateway.history import History
from services.gateway.limits import BodyLimits
from services.gateway.logs import routes as logs
from services.gateway.memories import routes as memories
from services.gateway.openai_api import chat, models, speech, transcriptions, voices
from services.gateway.patience import PatientProtocol
from services.gateway.realtime import routes as realtime
from services.gateway.realtime.webrtc import routes as webrtc
from services.gateway.rest import cast, facts, rolls, screenplay, services, sessions, settings, status
from services.gateway.security import Doorkeeper
from services.gateway.turns import Turns
from services.gateway.turnstile import Turnstile
from services.gateway.voices import routes as cloned
from services.transcript.archive import Archive
from services.transcript.log import TranscriptLog
from services.transcript.memory import MemoryStore, embedder_of

_STOP_S: Final = 3
_PING_S: Final = 15.0
_PONG_S: Final = 10.0
_CONNECTIONS: Final = 1_024
"""Open connections beside the sockets; more are answered 503 at once."""

_log = structlog.get_logger(__name__)
Routers = Callable[[Edge], Sequence[APIRouter]]


@asynccontextmanager
async def build(runtime: Runtime) -> AsyncIterator[None]:
    """Serve everything that outsiders speak to, for the time of the block."""
    async with serving(runtime, lambda edge: [realtime.router(edge)]):
        yield


@asynccontextmanager
async def serving(runtime: Runtime, more: Routers = lambda _: ()) -> AsyncIterator[str]:
    """As `build`, with `more` routers beside those of REST and the OpenAI interface; yields the URL."""
    async with contextlib.AsyncExitStack() as stack:
        edge = await opened(runtime, stack)
        history = History(edge.log, edge.archive)
        turns = await stack.enter_async_context(Turns(edge.stage, history).open())
        corrections = await stack.enter_async_context(Corrections.open(edge, history))
        remembered = await MemoryStore.open(runtime.archive_url, embedder_of(runtime.settings), clock=runtime.clock)
        stack.push_async_callback(remembered.close)
        app = application(edge, history, turns, corrections, [memories.router(remembered), *more(edge)])
        await stack.enter_async_context(app.router.lifespan_context(app))
        server = Server(_config(guarded(app, runtime), runtime))
        listener = _listener(runtime.settings.gateway)
        stack.callback(listener.close)
        await stack.enter_async_context(_running(server, listener, edge.stopping))
        url = _url(listener, runtime.settings.gateway)
        note = runtime.run_dir / "gateway.json"
        _write(note, url)
        stack.callback(note.unlink, missing_ok=True)
        _log.info("gateway.serving", url=url)
        yield url


async def opened(runtime: Runtime, stack: contextlib.AsyncExitStack) -> Edge:
    """The stores, opened on `stack`, and the clients."""
    store = await CharacterStore.open(runtime.application_url, runtime.clock)
    stack.push_async_callback(store.close)
    archive = await Archive.open(runtime.archive_url)
    stack.push_async_callback(archive.close)
    return Edge(
        runtime=runtime,
        characters=store,
        stt=runtime.stt(),
        llm=runtime.llm(),
        tts=runtime.tts(),
        stage=runtime.stage(),
        manager=runtime.manager(),
        log=TranscriptLog(runtime.redis, archive),
        archive=archive,
    )


def application(edge: Edge, history: History, turns: Turns, corrections: Corrections, more: Sequence[APIRouter] = ()) -> FastAPI:
    """Every route."""
    app = FastAPI(
        title="Souffleur",
        version=status.program_version(),
        openapi_url="/api/openapi.json",
        docs_url=None,
        redoc_url=None,
    )
    problems.install(app)
    probes = health.Health(edge)
    probes.besides.append(partial(gauged, corrections.bus))
    for router in (
        health.router(probes),
        characters.router(edge),
        sessions.router(edge, history, turns),
        facts.router(edge, history),
        rolls.router(edge, history),
        cast.router(edge, history),
        screenplay.router(edge, history, corrections),
        advice.router(edge, history),
        steering.router(corrections),
        bus_routes.router(corrections),
        settings.router(edge),
        status.router(probes, lambda: edge.runtime.settings.telemetry.grafana_url, lambda: webrtc.installed() and edge.runtime.settings.gateway.max_calls > 0),
        logs.router(edge),
        services.router(edge),
        models.router(edge),
        chat.router(edge, turns),
        speech.router(edge),
        transcriptions.router(edge),
        voices.router(edge),
        cloned.router(edge),
        *more,
        page.router(),
    ):
        app.include_router(router)
    return app


def guarded(app: ASGIApp, runtime: Runtime) -> ASGIApp:
    """`app` behind the doorkeeper, the turnstile and the limits on bodies."""
    live = runtime.live
    return Doorkeeper(Turnstile(BodyLimits(app, lambda: live.current.gateway), runtime.draining), lambda: live.current.gateway)


class Server(uvicorn.Server):
    """Uvicorn without its signal handlers: the launcher has its own; and with a moment at which it is up."""

    def __init__(self, config: uvicorn.Config) -> None:
        """`up` is set when it takes connections."""
        super().__init__(config)
        self.up = asyncio.Event()

    @contextlib.contextmanager
    def capture_signals(self) -> Iterator[None]:
        """None."""
        yield

    async def startup(self, sockets: list[socket.socket] | None = None) -> None:
        """Up, and known to be."""
        await super().startup(sockets)
        self.up.set()


def _config(app: ASGIApp, runtime: Runtime) -> uvicorn.Config:
    chosen = runtime.settings.gateway
    return uvicorn.Config(
        app,
        http=PatientProtocol,
        # Entered by `serving`, so that a failure there is an error like any other and not the end of the process.
        lifespan="off",
        log_config=None,
        access_log=False,
        server_header=False,
        proxy_headers=False,
        ws_max_size=chosen.max_message_bytes,
        ws_ping_interval=_PING_S,
        ws_ping_timeout=_PONG_S,
        # A voice is incompressible, and a compressed message may be a bomb.
        ws_per_message_deflate=False,
        limit_concurrency=_CONNECTIONS + chosen.max_sockets,
        timeout_graceful_shutdown=_STOP_S,
    )


@asynccontextmanager
async def _running(server: Server, listener: socket.socket, stopping: asyncio.Event) -> AsyncIterator[None]:
    task = asyncio.create_task(server.serve([listener]), name="gateway")
    up = asyncio.create_task(server.up.wait(), name="gateway-up")
    try:
        await asyncio.wait({task, up}, return_when=asyncio.FIRST_COMPLETED)
        if task.done():
            task.result()
            raise Unavailable("the gateway ended while it was starting")
        yield
    finally:
        stopping.set()
        up.cancel()
        server.should_exit = True
        await asyncio.gather(task, up, return_exceptions=True)


def _listener(chosen: GatewaySettings) -> socket.socket:
    try:
        found = socket.getaddrinfo(chosen.host, chosen.port, type=socket.SOCK_STREAM, flags=socket.AI_PASSIVE)
        family, kind, protocol, _, address = found[0]
        listener = socket.socket(family, kind, protocol)
    except OSError as error:
        raise Unavailable(f"the gateway cannot listen at {chosen.host}:{chosen.port}: {error.strerror or error}") from error
    try:
        listener.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        listener.bind(address)
        listener.setblocking(False)
    except OSError as error:
        listener.close()
        raise Unavailable(f"the gateway cannot listen at {chosen.host}:{chosen.port}: {error.strerror or error}") from error
    return listener


def _url(listener: socket.socket, chosen: GatewaySettings) -> str:
    """Where a browser on this machine finds it."""
    port = listener.getsockname()[1]
    host = "127.0.0.1" if chosen.host in ("", "0.0.0.0") else "[::1]" if chosen.host == "::" else chosen.host  # noqa: S104 - compared with
    return f"http://{f'[{host}]' if ':' in host and not host.startswith('[') else host}:{port}"


def _write(note: Path, url: str) -> None:
    # Whole or not at all: somebody may be waiting for this very file.
    part = note.with_suffix(f".{os.getpid()}")
    part.write_text(json.dumps({"url": url, "pid": os.getpid()}), encoding="utf-8")
    part.replace(note)
