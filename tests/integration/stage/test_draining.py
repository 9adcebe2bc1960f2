"""A stage that is about to end: what stands goes on, nothing new is begun."""

from __future__ import annotations

import asyncio
from functools import partial
from pathlib import Path

import pytest
from grpc_health.v1 import health_pb2, health_pb2_grpc
from redis.asyncio import Redis

from services.core.errors import SouffleurError, Unavailable
from services.core.model.attachment import AttachOpen, OpenRequest, Refused, TellRequest, TextSaid
from services.core.model.fact import Fact, Kind
from services.core.rpc.server import serving
from services.stage import servicer
from tests.integration.stage.houses import DIRECTOR, INN, opened_house
from tests.waiting import until

_SERVING = health_pb2.HealthCheckResponse.SERVING
_NOT_SERVING = health_pb2.HealthCheckResponse.NOT_SERVING


async def test_it_takes_nothing_new_and_serves_what_it_has(redis: Redis, tmp_path: Path) -> None:
    """No session, no connection, no words; but what the director does to the tables that it has. Its health says so."""
    async with opened_house(redis, tmp_path) as (house, runtime):
        register = partial(servicer.register, house)
        async with serving(runtime.address("stage"), "stage", register, drain_s=0.1, draining=runtime.draining):
            client = runtime.stage()
            health = health_pb2_grpc.HealthStub(runtime.channels.to(runtime.address("stage")))
            for request in (INN, OpenRequest(session="left")):
                await client.open(request)
            await house._release((await house.get("left")).session, "idle")
            _, stream, events = await client.attach(AttachOpen(session="inn", principal=DIRECTOR, hears=False))
            assert (await health.Check(health_pb2.HealthCheckRequest())).status == _SERVING
            runtime.draining.began.set()
            fresh = AttachOpen(session="inn", principal=DIRECTOR)
            note = TellRequest(session="inn", principal=DIRECTOR, key="k", kind=Kind.NOTED, body='{"text": "It rains."}')
            elsewhere = TellRequest(session="left", principal=DIRECTOR, key="k", kind=Kind.NOTED, body='{"text": "It rains."}')
            for call in (client.open(OpenRequest(session="other")), client.attach(fresh), client.tell(elsewhere)):
                with pytest.raises(Unavailable):
                    await call
            await stream.send(TextSaid("m", "Hello?"))
            async with asyncio.timeout(10):
                refused = await anext(event async for event in events if isinstance(event, Refused))
            assert (refused.code, refused.ref) == ("unavailable", "m")
            seq = (await client.tell(note)).seq
            async with asyncio.timeout(10):
                assert await anext(event async for event in events if isinstance(event, Fact) and event.seq == seq)

            async def told() -> bool:
                return bool((await health.Check(health_pb2.HealthCheckRequest())).status == _NOT_SERVING)

            await until(told, 10, "its health")
            stream.cancel()


async def test_what_it_has_let_go_another_one_has(redis: Redis, tmp_path: Path) -> None:
    """Whoever comes back meanwhile is served there."""
    (tmp_path / "a").mkdir()
    (tmp_path / "b").mkdir()
    async with opened_house(redis, tmp_path / "a") as (first, leaving), opened_house(redis, tmp_path / "b") as (second, _):
        await first.open(INN)
        await first._release((await first.get("inn")).session, "idle")
        leaving.draining.began.set()
        with pytest.raises(SouffleurError) as raised:
            await first.get("inn")
        assert raised.value.retryable
        assert await second.get("inn")
