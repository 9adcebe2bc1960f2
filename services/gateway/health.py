"""Is it alive, is a turn possible, what is in the way: /healthz, /readyz, /metrics."""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable
from dataclasses import dataclass, field
from typing import Final, TypeVar

import grpc
from fastapi import APIRouter
from fastapi.responses import JSONResponse, Response
from grpc_health.v1 import health_pb2, health_pb2_grpc
from redis.exceptions import RedisError

from services.core import telemetry
from services.core.errors import SouffleurError, Unavailable
from services.core.model.reply import LlmEngineInfo
from services.core.model.speech import SttEngineInfo
from services.core.model.voicing import SpeechAudio, SynthesizeRequest, TtsEngineInfo
from services.gateway.edge import Edge

_PROBE_S: Final = 5.0
_VOICE_S: Final = 60.0
_FRESH_S: Final = 1.0
_GAUGED_S: Final = 10.0
_PROBE_TEXT: Final = "Ready."
_DRAINING: Final = "draining"
T = TypeVar("T")


@dataclass(frozen=True, slots=True, kw_only=True)
class Engines:
    """What the three engine services say about themselves; empty where one did not answer."""

    stt_default: str = ""
    stt: tuple[SttEngineInfo, ...] = ()
    llm_chain: tuple[str, ...] = ()
    llm: tuple[LlmEngineInfo, ...] = ()
    tts_default: str = ""
    tts: tuple[TtsEngineInfo, ...] = ()


@dataclass(frozen=True, slots=True)
class Report:
    """One look at everything a turn needs."""

    engines: Engines = Engines()
    missing: dict[str, str] = field(default_factory=dict)
    """Part -> what is wrong with it; empty = a turn is possible."""

    @property
    def draining(self) -> bool:
        """The stage takes nothing new."""
        return _DRAINING in self.missing.values()


class Health:
    """Looks at the services behind the gateway, at most once a second."""

    def __init__(self, edge: Edge) -> None:
        """Nothing is looked at yet."""
        self._edge = edge
        self._lock = asyncio.Lock()
        self._report = Report()
        self._looked_at = float("-inf")
        self._spoke = False
        self._looking: asyncio.Task[None] | None = None
        self.besides: list[Callable[[], Awaitable[None]]] = []
        """What else is looked at for the gauges; none of these raises."""

    @property
    def draining(self) -> bool:
        """This process takes nothing new."""
        return self._edge.runtime.draining.on

    async def report(self) -> Report:
        """The state of a moment ago at the oldest."""
        async with self._lock:
            clock = self._edge.runtime.clock
            if clock.now() - self._looked_at >= _FRESH_S:
                self._report = await self._look()
                self._looked_at = clock.now()
            return self._report

    def look_soon(self) -> None:
        """Have the gauges of what is ready brought up to date, without waiting for it; whoever scrapes sees them the next time."""
        stale = self._edge.runtime.clock.now() - self._looked_at >= _GAUGED_S
        if stale and (self._looking is None or self._looking.done()):
            self._looking = asyncio.create_task(self._gauged(), name="health")

    async def _gauged(self) -> None:
        await self.report()
        for look in self.besides:
            await look()

    async def _look(self) -> Report:
        edge = self._edge
        missing: dict[str, str] = {}
        _, _, stt, llm, tts = await asyncio.gather(
            _probed("redis", self._ping(), missing),
            _probed("stage", self._serving("stage"), missing),
            _probed("stt", edge.stt.describe(), missing),
            _probed("llm", edge.llm.describe(), missing),
            _probed("tts", edge.tts.describe(), missing),
        )
        engines = Engines(
            stt_default=stt[0] if stt else "",
            stt=stt[1] if stt else (),
            llm_chain=llm[0] if llm else (),
            llm=llm[1] if llm else (),
            tts_default=tts[0] if tts else "",
            tts=tts[1] if tts else (),
        )
        for part, infos in (("stt", engines.stt), ("llm", engines.llm), ("tts", engines.tts)):
            if part not in missing and not any(info.ready for info in infos):
                missing[part] = "No engine is ready; `souffleur doctor` says what to install."
        if not missing and not self._spoke:
            await _probed("tts", self._speak(), missing, _VOICE_S)
        _gauge(engines, missing)
        return Report(engines, missing)

    async def _ping(self) -> bool:
        await self._edge.runtime.redis.ping()
        return True

    async def _serving(self, service: str) -> bool:
        channel = self._edge.runtime.channels.to(self._edge.runtime.address(service))
        stub = health_pb2_grpc.HealthStub(channel)
        answer = await stub.Check(health_pb2.HealthCheckRequest(service=""), timeout=_PROBE_S)
        if answer.status == health_pb2.HealthCheckResponse.NOT_SERVING:
            raise Unavailable(_DRAINING)
        if answer.status != health_pb2.HealthCheckResponse.SERVING:
            raise ConnectionError("not serving")
        return True

    async def _speak(self) -> bool:
        """Once per start a word is really spoken: an engine may be installed and still be mute."""
        async for event in self._edge.tts.synthesize(SynthesizeRequest(text=_PROBE_TEXT), _VOICE_S):
            if isinstance(event, SpeechAudio) and event.pcm:
                self._spoke = True
        if not self._spoke:
            raise ConnectionError("silent")
        return True


def _gauge(engines: Engines, missing: dict[str, str]) -> None:
    telemetry.READY.set(0 if missing else 1)
    for part, infos in (("stt", engines.stt), ("llm", engines.llm), ("tts", engines.tts)):
        for info in infos:
            telemetry.ENGINE_READY.labels(part, info.name).set(1 if info.ready and part not in missing else 0)


async def _probed(part: str, probe: Awaitable[T], missing: dict[str, str], limit_s: float = _PROBE_S) -> T | None:
    try:
        async with asyncio.timeout(limit_s):
            return await probe
    except SouffleurError as error:
        missing[part] = error.detail
    except (grpc.aio.AioRpcError, RedisError, OSError, TimeoutError):
        missing[part] = "It cannot be reached."
    return None


def router(health: Health) -> APIRouter:
    """The probes."""
    routes = APIRouter(tags=["health"])

    @routes.get("/healthz")
    async def healthz() -> dict[str, str]:
        """This process answers."""
        return {"status": "ok"}

    @routes.get("/readyz")
    async def readyz() -> JSONResponse:
        """200 once a turn is possible, else 503 with what is missing; `reason` is `draining` where lines are brought to their end and no new ones begun."""
        report = Report(missing={"gateway": _DRAINING}) if health.draining else await health.report()
        if not report.missing:
            return JSONResponse({"status": "ready"})
        reason = {"reason": _DRAINING} if report.draining else {}
        return JSONResponse({"status": "not ready", **reason, "missing": report.missing}, 503, {"Retry-After": "1"})

    @routes.get("/metrics")
    async def metrics() -> Response:
        """Prometheus text."""
        health.look_soon()
        # Tens of milliseconds on a slow machine, in which the loop is not to stand still.
        return Response(await asyncio.to_thread(telemetry.exposition), media_type="text/plain; version=0.0.4; charset=utf-8")

    return routes
