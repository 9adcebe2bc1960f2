"""One gRPC server: opened, healthy, drained and stopped in one place."""

from __future__ import annotations

import asyncio
import os
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager
from pathlib import Path
from typing import Any, Final

import grpc
from grpc_health.v1 import health, health_pb2, health_pb2_grpc

from services.core.draining import Draining
from services.core.errors import Unavailable
from services.core.rpc.status import ErrorInterceptor

MAX_MESSAGE_BYTES: Final = 4 * 1024 * 1024
_OPTIONS: Final = (
    ("grpc.max_receive_message_length", MAX_MESSAGE_BYTES),
    ("grpc.max_send_message_length", MAX_MESSAGE_BYTES),
    ("grpc.so_reuseport", 0),
    # Both sides ask whether the other one lives. A server that does not expect this closes a connection over which nothing was said for 160 s.
    ("grpc.keepalive_time_ms", 20_000),
    ("grpc.keepalive_timeout_ms", 10_000),
    ("grpc.http2.min_ping_interval_without_data_ms", 10_000),
)


@asynccontextmanager
async def serving(
    address: str, service: str, register: Callable[[Any], None], *, drain_s: float = 5.0, draining: Draining | None = None
) -> AsyncIterator[None]:
    """Serve one service at `address` (`unix:<path>` or `host:port`) for the time of the block; health says NOT_SERVING while it is `draining`.

    Leaving is in two stages: health says NOT_SERVING and new calls are refused, running ones get `drain_s`; then they are cut.
    """
    server = grpc.aio.server(interceptors=(ErrorInterceptor(),), options=_OPTIONS)
    register(server)
    checks = health.aio.HealthServicer()
    health_pb2_grpc.add_HealthServicer_to_server(checks, server)
    _make_room(address)
    try:
        server.add_insecure_port(address)
    except RuntimeError as error:
        raise Unavailable(f"{service} cannot listen at {address}: is it in use?") from error
    await server.start()
    for name in ("", service):
        await checks.set(name, health_pb2.HealthCheckResponse.SERVING)
    telling = asyncio.create_task(_tell_of(draining, checks, service), name="draining-told") if draining is not None else None
    try:
        yield
    finally:
        if telling is not None:
            telling.cancel()
            await asyncio.wait([telling])
        await checks.enter_graceful_shutdown()
        await asyncio.shield(server.stop(drain_s))
        if address.startswith("unix:"):
            Path(address.removeprefix("unix:")).unlink(missing_ok=True)


async def _tell_of(draining: Draining, checks: health.aio.HealthServicer, service: str) -> None:
    """Whoever asks from then on is told that others are to be asked."""
    await draining.began.wait()
    for name in ("", service):
        await checks.set(name, health_pb2.HealthCheckResponse.NOT_SERVING)


def _make_room(address: str) -> None:
    """A socket file left by a killed process would refuse the bind; the data folder's lock says that nobody lives behind it."""
    if address.startswith("unix:"):
        path = Path(address.removeprefix("unix:"))
        path.parent.mkdir(parents=True, exist_ok=True, mode=0o700)
        if os.path.lexists(path):
            path.unlink()
