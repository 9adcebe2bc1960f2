"""The directory: which services run, where, and whether they answer."""

from __future__ import annotations

import asyncio
from dataclasses import dataclass
from typing import Final
from urllib.parse import urlsplit, urlunsplit

import grpc
import httpx2
from grpc_health.v1 import health_pb2, health_pb2_grpc
from redis.exceptions import RedisError

from services.core.presence import Presence, everybody
from services.core.rpc.client import Channels
from services.core.runtime import Runtime

_PROBE_S: Final = 5.0
SERVING: Final = "serving"
NOT_SERVING: Final = "not_serving"
UNREACHABLE: Final = "unreachable"


@dataclass(frozen=True, slots=True, kw_only=True)
class ServiceState:
    """One running thing."""

    name: str
    pid: int = 0
    address: str = ""
    health: str = UNREACHABLE
    detail: str = ""
    started_at: float = 0.0
    """Seconds since 1970 UTC."""


async def survey(runtime: Runtime) -> list[ServiceState]:
    """Every service that announced itself, and the store, each asked how it is; all at once, five seconds at most."""
    try:
        async with asyncio.timeout(_PROBE_S):
            instances = await everybody(runtime.redis)
    except (RedisError, OSError, TimeoutError):
        instances = []
    states = await asyncio.gather(_store(runtime), *(_probed(runtime.channels, item) for item in instances))
    return list(states)


async def _probed(channels: Channels, item: Presence) -> ServiceState:
    probe = _http if item.address.startswith(("http://", "https://")) else _rpc
    health, detail = await probe(channels, item.address)
    return ServiceState(name=item.service, pid=item.pid, address=item.address, health=health, detail=detail, started_at=item.started_at_ms / 1000)


async def _rpc(channels: Channels, address: str) -> tuple[str, str]:
    try:
        answer = await health_pb2_grpc.HealthStub(channels.to(address)).Check(health_pb2.HealthCheckRequest(), timeout=_PROBE_S)
    except grpc.aio.AioRpcError as failure:
        return UNREACHABLE, failure.code().name.lower()
    return (SERVING if answer.status == health_pb2.HealthCheckResponse.SERVING else NOT_SERVING), ""


async def _http(channels: Channels, address: str) -> tuple[str, str]:
    del channels
    try:
        async with httpx2.AsyncClient(timeout=_PROBE_S, trust_env=False) as client:
            answer = await client.get(f"{address.rstrip('/')}/healthz")
    except (httpx2.HTTPError, OSError) as error:
        return UNREACHABLE, type(error).__name__
    return (SERVING, "") if answer.is_success else (NOT_SERVING, f"HTTP {answer.status_code}")


async def _store(runtime: Runtime) -> ServiceState:
    address = without_password(runtime.settings.redis.url)
    try:
        async with asyncio.timeout(_PROBE_S):
            info = await runtime.redis.info("server")
    except (RedisError, OSError, TimeoutError) as error:
        return ServiceState(name="redis", address=address, detail=type(error).__name__)
    started = runtime.clock.wall_ms() / 1000 - int(info.get("uptime_in_seconds", 0))
    version = str(info.get("redis_version", ""))
    return ServiceState(name="redis", pid=int(info.get("process_id", 0)), address=address, health=SERVING, detail=f"version {version}", started_at=started)


def without_password(url: str) -> str:
    """A store's URL as people may see it."""
    parts = urlsplit(url)
    if parts.password is None:
        return url
    host = parts.netloc.rpartition("@")[2]
    return urlunsplit(parts._replace(netloc=f"{parts.username or ''}:********@{host}"))
