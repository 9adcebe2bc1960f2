"""The caller on a socket of plain PCM, against a server that answers as the peers do."""

from __future__ import annotations

import asyncio
import random
import time
from contextlib import suppress

import pytest
from websockets.asyncio.server import ServerConnection, serve
from websockets.exceptions import ConnectionClosed

from bench.caller import Caller, Tally
from bench.peers.caller import REPLY_S, RawCaller
from bench.peers.fakes import ONSET_WINDOWS, READY, VOICE_RATE, is_loud, spoken
from bench.script import ENERGY, FRAME_MS, HANG_OVER_MS, REPLY, SPEECH_MS
from bench.speech import said
from tests.waiting import until

REST_S = REPLY_S + 0.2
PIECE = VOICE_RATE // 50 * 2


async def answering(socket: ServerConnection) -> None:
    """200 ms of silence behind speech are answered with the whole reply; an onset stops it."""
    await socket.send(READY)
    loud, quiet = 0, 0
    reply: asyncio.Task[None] | None = None
    with suppress(ConnectionClosed):
        async for message in socket:
            assert isinstance(message, bytes)
            loud, quiet = (loud + 1, 0) if is_loud(message) else (loud, quiet + 1)
            if loud == ONSET_WINDOWS and reply is not None:
                reply.cancel()
            if loud and quiet == HANG_OVER_MS // 20:
                loud, reply = 0, asyncio.create_task(replying(socket))
    if reply is not None:
        reply.cancel()


async def replying(socket: ServerConnection) -> None:
    """In real time."""
    sound = b"".join(map(spoken, REPLY))
    began = time.monotonic()
    for at in range(0, len(sound), PIECE):
        await socket.send(sound[at : at + PIECE])
        await asyncio.sleep(max(0.0, began + (at + PIECE) / 2 / VOICE_RATE - time.monotonic()))


async def talking(url: str, *, interrupts: bool) -> Tally:
    """Until two turns have been answered."""
    tally = Tally()
    caller: Caller = RawCaller(url, tally, said(ENERGY), interrupts=interrupts, dice=random.Random(1), rest_s=REST_S)
    await caller.connect()
    try:
        caller.begin(time.monotonic())
        await until(lambda: len(tally.turns) >= 2 or bool(tally.failures), timeout_s=20)
    finally:
        caller.close()
    return tally


async def test_turns_and_interruptions_are_told_by_what_is_heard() -> None:
    """An undisturbed caller speaks again when the reply is over and it has rested; one that interrupts counts the last sound from the onset."""
    async with serve(answering, "127.0.0.1", 0) as server:
        url = f"http://127.0.0.1:{server.sockets[0].getsockname()[1]}/"
        patient, rude = await asyncio.gather(talking(url, interrupts=False), talking(url, interrupts=True))
    for tally in (patient, rude):
        assert not tally.failures
        assert not tally.missing
        assert all(sound > stopped and grid == 0 for stopped, sound, grid in tally.turns)
    assert not patient.interruptions
    (first, _, _), (second, _, _) = patient.turns[:2]
    # A loop that stood still is late by what the caller itself has seen.
    late_s = max(late for _, late in patient.lateness)
    assert second - first >= REST_S + (SPEECH_MS + HANG_OVER_MS - 2 * FRAME_MS) / 1000 - late_s
    (onset, spoke, last) = rude.interruptions[0]
    assert spoke < onset
    assert last > rude.turns[0][1]


async def test_a_server_that_hangs_up_is_a_failure() -> None:
    """And connecting says so."""

    async def rude(socket: ServerConnection) -> None:
        await socket.close(1013, "full")

    async with serve(rude, "127.0.0.1", 0) as server:
        tally = Tally()
        caller = RawCaller(f"http://127.0.0.1:{server.sockets[0].getsockname()[1]}/", tally, said(ENERGY), interrupts=False, dice=random.Random(1))
        with pytest.raises(ConnectionError, match="full"):
            await caller.connect()
        caller.close()
    assert len(tally.failures) == 1
