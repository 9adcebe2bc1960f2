"""Clients who ask for everything and take nothing: the server is to wait for them, and to fetch nothing more on their behalf."""

from __future__ import annotations

import asyncio
import json
import random
import socket
from contextlib import ExitStack
from dataclasses import dataclass, field
from pathlib import Path
from typing import Final

import httpx2

from services.compose import redis_client
from tests.chaos.evidence import Told
from tests.chaos.invariants import erased_by
from tests.chaos.load import Load
from tests.chaos.table import Table
from tests.redis_server import RedisServer
from tests.waiting import until

_READERS: Final = 10
_LONG: Final = "火" * 4_000
_MESSAGES: Final = 24
"""Of 12 kB each: more than the buffers of a socket hold, and those of a server that waits."""
_SAMPLES: Final = 15
_SAMPLE_S: Final = 0.02
_SEGMENT: Final = 536
_STANDS_S: Final = 20.0
_READ_S: Final = 60.0


async def slow_readers(table: Table, load: Load, chance: random.Random) -> None:
    """For a moment; then one half leaves, and the other half reads on and gets everything."""
    async with httpx2.AsyncClient(base_url=table.url, trust_env=False, timeout=10) as client:
        for number in range(_MESSAGES):
            await load.say(client, f"long-{chance.randrange(10**9)}-{number}", _LONG)
    before = await _asking(table.redis)
    with ExitStack() as leaving:
        readers = [SlowReader(table.url) for _ in range(_READERS)]
        for reader in readers:
            leaving.callback(reader.close)
        await asyncio.gather(*(reader.ask(table.session) for reader in readers))
        await asyncio.gather(*(until(reader.stands, _STANDS_S, "a stream that stands still", 0.2) for reader in readers))
        await asyncio.sleep(chance.uniform(0.5, 1.5))
        asking = await _asking(table.redis)
        assert asking - before < _READERS // 2, f"nobody reads, and the server asks the store for more: {asking} callers, {before} without them"
        for reader in readers[::2]:
            reader.close()
        known, rest = list(load.shown["reader"]), readers[1::2]
        async with asyncio.timeout(_READ_S):
            await asyncio.gather(*(reader.read_on(known[-1].seq) for reader in rest))
        for reader in rest:
            late = reader.facts[: len(known)]
            # Who has read it before knows what it said.
            erased = erased_by([*reader.facts, *load.shown["reader"]])
            assert [fact.seq for fact in late] == [fact.seq for fact in known], "whoever reads late is told of everything"
            differ = [one.seq for one, other in zip(late, known, strict=True) if one != other and one.seq not in erased]
            assert differ == [], "whoever reads late is told the same as everybody"

        async def asked() -> bool:
            return await _asking(table.redis) > before + len(rest) // 2

        await until(asked, _STANDS_S, "a server that asks for what comes next for those who have read", 0.1)


async def _asking(redis: RedisServer) -> int:
    """How many wait at the store for what comes next: the most of some looks, since whoever gets something is away for a moment."""
    client = redis_client(redis.url)
    most = 0
    try:
        for _ in range(_SAMPLES):
            most = max(most, int((await client.info("clients"))["blocked_clients"]))
            await asyncio.sleep(_SAMPLE_S)
    finally:
        await client.aclose()
    return most


@dataclass(slots=True)
class SlowReader:
    """One stream of events, through a socket with little room."""

    url: str
    facts: list[Told] = field(default_factory=list)
    _socket: socket.socket = field(default_factory=lambda: socket.socket(socket.AF_INET, socket.SOCK_STREAM))
    _queued: int = 0

    async def ask(self, session: str) -> None:
        """For every fact, from the first."""
        host, port = self.url.removeprefix("http://").split(":")
        self._socket.setblocking(False)
        self._socket.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, 4096)
        # The sender's buffer grows with the size of its segments, from some kB to megabytes.
        self._socket.setsockopt(socket.IPPROTO_TCP, socket.TCP_MAXSEG, _SEGMENT)
        loop = asyncio.get_running_loop()
        await loop.sock_connect(self._socket, (host, int(port)))
        request = f"GET /api/sessions/{session}/facts HTTP/1.1\r\nHost: {host}:{port}\r\nAccept: text/event-stream\r\n\r\n"
        await loop.sock_sendall(self._socket, request.encode())

    def stands(self) -> bool:
        """Something waits in the kernel to be read, and no more comes."""
        before, self._queued = self._queued, self._in_kernel()
        return 0 < before == self._queued

    async def read_on(self, seq: int) -> None:
        """Up to this fact."""
        loop = asyncio.get_running_loop()
        rest = b""
        while not (self.facts and self.facts[-1].seq >= seq):
            data = await loop.sock_recv(self._socket, 65_536)
            assert data, "the server closed the stream of a slow reader"
            # Every event is a chunk of its own: no line of it is torn by the marks between them.
            *lines, rest = (rest + data).split(b"\n")
            self.facts += [Told.of(json.loads(line.removeprefix(b"data: "))) for line in lines if line.startswith(b"data: ")]

    def close(self) -> None:
        """Leave without a word."""
        self._socket.close()

    def _in_kernel(self) -> int:
        """Bytes that the server has sent and nobody has read: in the queue of its socket, and in that of ours."""
        ours, theirs = (_kernel_name(address) for address in (self._socket.getsockname(), self._socket.getpeername()))
        rows = [row.split() for row in Path("/proc/net/tcp").read_text().splitlines()[1:]]
        queues = {(row[1], row[2]): [int(size, 16) for size in row[4].split(":")] for row in rows}
        return queues.get((theirs, ours), [0, 0])[0] + queues.get((ours, theirs), [0, 0])[1]


def _kernel_name(address: tuple[str, int]) -> str:
    host, port = address
    return f"{socket.inet_aton(host)[::-1].hex().upper()}:{port:04X}"
