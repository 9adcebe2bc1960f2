"""What waits for a socket."""

from __future__ import annotations

import asyncio

import pytest

from services.gateway.realtime import outbox as module
from services.gateway.realtime.errors import Hangup
from services.gateway.realtime.outbox import Outbox


class _Socket:
    def __init__(self) -> None:
        self.written: list[str | bytes] = []
        self.gate = asyncio.Event()
        self.gate.set()

    async def write(self, message: str | bytes) -> None:
        await self.gate.wait()
        self.written.append(message)


async def _written(outbox: Outbox, socket: _Socket, count: int) -> None:
    task = asyncio.create_task(outbox.run(socket.write))
    async with asyncio.timeout(5):
        while len(socket.written) < count:
            await asyncio.sleep(0)
    task.cancel()
    await asyncio.gather(task, return_exceptions=True)


def _put_all(outbox: Outbox, events: list[str]) -> None:
    for event in events:
        outbox.put(event)


async def test_order_is_kept() -> None:
    """Events and voice go out as they were put."""
    outbox, socket = Outbox(), _Socket()
    outbox.put("a")
    outbox.put_voice("L1", b"b")
    outbox.put("c")
    await _written(outbox, socket, 3)
    assert socket.written == ["a", b"b", "c"]


async def test_dropped_voice_is_never_written() -> None:
    """Only the named line's voice is taken out; events stay."""
    outbox, socket = Outbox(), _Socket()
    for line in ("L1", "L2", "L1"):
        outbox.put_voice(line, line)
    outbox.put("event")
    assert outbox.drop_voice("L1") == 2
    await _written(outbox, socket, 2)
    assert socket.written == ["L2", "event"]


async def test_voice_goes_first_and_then_the_connection() -> None:
    """A reader that stands still costs a bounded amount of memory: voice is dropped, events end the connection."""
    outbox = Outbox()
    for _ in range(2000):
        outbox.put_voice("L1", bytes(4800))
    assert outbox.dropped > 0
    events = ["e" * 100] * 5000
    with pytest.raises(Hangup) as ended:
        _put_all(outbox, events)
    assert ended.value.code == 1013


async def test_room_waits_for_the_reader() -> None:
    """Nothing more is fetched from the stage while much is waiting."""
    outbox, socket = Outbox(), _Socket()
    for number in range(300):
        outbox.put(str(number))
    waiting = asyncio.create_task(outbox.room())
    await asyncio.sleep(0)  # its first step
    assert not waiting.done()
    await _written(outbox, socket, 300)
    await asyncio.wait_for(waiting, 1)


async def test_write_that_hangs_ends_the_connection(monkeypatch: pytest.MonkeyPatch) -> None:
    """A socket that takes nothing is given up after a while."""
    monkeypatch.setattr(module, "_WRITE_S", 0.02)
    outbox, socket = Outbox(), _Socket()
    socket.gate.clear()
    outbox.put("a")
    with pytest.raises(Hangup):
        await asyncio.wait_for(outbox.run(socket.write), 5)
