"""What the same work takes again and again, and what it takes of a process that comes out of idleness; the section `idle`.

A turn runs through much code, each part of it once, behind seconds in which the program did next to nothing.
"""

from __future__ import annotations

import asyncio
import tempfile
import time
from collections.abc import AsyncIterator, Awaitable, Callable, Mapping
from contextlib import AsyncExitStack, asynccontextmanager
from typing import Any, Final

import grpc
from redis.asyncio import Redis

from bench.cores import PROGRAM, on_core
from bench.figures import number, percentile, table
from services.compose import redis_client
from services.core.model.fact import Author, Draft, Fact
from services.core.rpc.wire import ATTACH_DOWN
from services.transcript.log import TranscriptLog
from tests.redis_server import running_redis

PAUSES_MS: Final = (0, 1, 20, 300)
"""Before each time. Frames of audio come every 20 ms, turns every few seconds."""
_TIMES: Final = 200
_LONGEST_S: Final = 6.0
_LEASE_S: Final = 600.0
_SESSION: Final = "bench-idle"
_BODY: Final = {"line": "01", "attempt": 1, "index": 0, "text": "Nobody in our valley will guide strangers across the marsh.", "emotion": "neutral"}

Work = Callable[[], Awaitable[object]]


async def idle_table() -> str:
    """Medians in microseconds, one column for each pause."""
    with on_core(PROGRAM):
        async with _works() as works:
            rows = [[name, *[number(await _took(work, pause)) for pause in PAUSES_MS]] for name, work in works.items()]
    return table(("µs of", *("again and again" if not pause else f"after {pause} ms" for pause in PAUSES_MS)), rows)


async def _took(work: Work, pause_ms: int) -> float:
    times = _TIMES if not pause_ms else min(_TIMES, int(_LONGEST_S * 1000 / pause_ms))
    found = []
    for _ in range(times):
        await asyncio.sleep(pause_ms / 1000)
        began = time.perf_counter()
        await work()
        found.append(1e6 * (time.perf_counter() - began))
    return percentile(found, 50)


@asynccontextmanager
async def _works() -> AsyncIterator[Mapping[str, Work]]:
    """What a turn is made of, by its name."""
    async with AsyncExitStack() as stack:
        redis = redis_client(stack.enter_context(running_redis(fsync="always")).url)
        stack.push_async_callback(redis.aclose)
        call, echo = await stack.enter_async_context(_echoing())
        yield {
            "a fact into a message and out of it": _translated,
            "a read of the store": lambda: redis.hget(_SESSION, "head"),
            "a durable append": await _appending(redis),
            "a message on an open stream, there and back": echo,
            "a new call, to its first answer": call,
        }


async def _translated() -> None:
    fact = Fact(seq=5, kind="sentence", at_ms=1_700_000_000_000, by=Author("character", "mirelle", "Mirelle"), audience=("mirelle",), body=_BODY)
    ATTACH_DOWN.unwrap(ATTACH_DOWN.wrap(fact))


async def _appending(redis: Redis) -> Work:
    log = TranscriptLog(redis)
    fence = await log.claim(_SESSION, "bench", _LEASE_S)

    async def append() -> None:
        draft = Draft(key=str(time.perf_counter_ns()), kind="sentence", at_ms=1_700_000_000_000, by=Author("character", "mirelle", "Mirelle"), body=_BODY)
        await log.append(_SESSION, [draft], fence)

    return append


@asynccontextmanager
async def _echoing() -> AsyncIterator[tuple[Work, Work]]:
    """A gRPC server in this process, as services have it: a new call to it, and a message to it and back."""
    with tempfile.TemporaryDirectory(prefix="sf-", dir="/tmp") as folder:
        address, server = f"unix:{folder}/echo", grpc.aio.server()
        server.add_generic_rpc_handlers((_Echo(),))
        server.add_insecure_port(address)
        await server.start()
        # Whatever name is given for a socket's host is as good as another.
        async with grpc.aio.insecure_channel(address, options=(("grpc.default_authority", "localhost"),)) as channel:
            method: Any = channel.stream_stream("/bench/Echo")
            stream = method()

            async def call() -> None:
                fresh = method()
                await fresh.write(b"x")
                await fresh.read()
                fresh.cancel()

            async def echo() -> None:
                await stream.write(b"x")
                await stream.read()

            yield call, echo
            stream.cancel()
        await server.stop(None)


class _Echo(grpc.GenericRpcHandler):
    def service(self, handler_call_details: Any) -> Any:  # noqa: ARG002 - the base's signature
        return grpc.stream_stream_rpc_method_handler(_said_back)


async def _said_back(requests: AsyncIterator[bytes], context: Any) -> AsyncIterator[bytes]:  # noqa: ARG001 - a handler's signature
    async for request in requests:
        yield request
