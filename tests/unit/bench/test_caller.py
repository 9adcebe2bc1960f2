"""The caller, against servers that answer late, or by halves."""

from __future__ import annotations

import asyncio
import json
import random
import time
from collections.abc import Awaitable, Callable
from contextlib import suppress

import pytest
from websockets.asyncio.server import ServerConnection, serve
from websockets.exceptions import ConnectionClosed

from bench import caller as module
from bench.caller import Caller, Tally
from bench.peers.caller import RawCaller
from bench.peers.fakes import READY, is_loud
from bench.script import ENERGY, HANG_OVER_MS
from bench.speech import said
from tests.waiting import until

SOUND = bytes(960)
MODEL_S = 0.07


def event(kind: str, **fields: object) -> str:
    """One of our own protocol."""
    return json.dumps({"type": kind, **fields})


async def configured(socket: ServerConnection) -> None:
    """Our own handshake."""
    await socket.send(event("session.created"))
    await socket.recv()
    await socket.send(event("session.updated"))


async def called(served: Callable[[ServerConnection], Awaitable[None]], make: Callable[[str, Tally], Caller], enough: Callable[[Tally], bool]) -> Tally:
    """What a caller has seen when it was enough."""
    tally = Tally()
    async with serve(served, "127.0.0.1", 0, select_subprotocol=lambda _, offered: next(iter(offered), None)) as server:
        caller = make(f"http://127.0.0.1:{server.sockets[0].getsockname()[1]}/", tally)
        await caller.connect()
        try:
            caller.begin(time.monotonic())
            await until(lambda: enough(tally) or bool(tally.failures), timeout_s=20)
        finally:
            caller.close()
    assert not tally.failures
    return tally


def own(url: str, tally: Tally, *, talks: bool = True) -> Caller:
    """Over our own protocol."""
    return Caller(url, tally, said(ENERGY), binary=True, interrupts=False, dice=random.Random(1), earliest_s=MODEL_S, talks=talks)


async def test_sound_before_the_model_can_have_answered_is_no_answer(monkeypatch: pytest.MonkeyPatch) -> None:
    """Somebody whose last answer never ends is heard again at once; the turn counts as a missing one, not as one below zero."""
    monkeypatch.setattr(module, "PATIENCE_S", 0.3)

    async def babbling(socket: ServerConnection) -> None:
        await socket.send(READY)
        with suppress(ConnectionClosed):
            async for _ in socket:
                # A piece for each frame of the caller's: the first behind its stop is there at once.
                await socket.send(SOUND)

    def raw(url: str, tally: Tally) -> Caller:
        return RawCaller(url, tally, said(ENERGY), interrupts=False, dice=random.Random(1), earliest_s=MODEL_S)

    tally = await called(babbling, raw, lambda tally: bool(tally.missing or tally.turns))
    assert (len(tally.turns), len(tally.missing)) == (0, 1)


async def test_the_end_of_an_earlier_answer_is_not_the_end_of_the_wait() -> None:
    """What is said of a response that was given up comes between; the answer that follows is counted."""

    async def late(socket: ServerConnection) -> None:
        await configured(socket)
        loud, quiet = 0, 0
        with suppress(ConnectionClosed):
            async for message in socket:
                assert isinstance(message, bytes)
                loud, quiet = (loud + 1, 0) if is_loud(message) else (loud, quiet + 1)
                if loud and quiet == HANG_OVER_MS // 20:
                    loud = 0
                    await socket.send(event("response.done", response={"status": "completed"}))
                    await asyncio.sleep(2 * MODEL_S)
                    await socket.send(SOUND)
                    await socket.send(event("response.done", response={"status": "completed"}))

    tally = await called(late, own, lambda tally: len(tally.turns) == 2)
    assert not tally.missing
    assert all(sound - stopped >= 2 * MODEL_S for stopped, sound, _ in tally.turns)


async def test_who_does_not_talk_sends_silence_and_counts_nothing() -> None:
    """Whatever others are answered."""
    heard: list[bool] = []

    async def others(socket: ServerConnection) -> None:
        await configured(socket)
        await socket.send(SOUND)
        await socket.send(event("response.done", response={"status": "completed"}))
        with suppress(ConnectionClosed):
            async for message in socket:
                assert isinstance(message, bytes)
                heard.append(is_loud(message))

    tally = await called(others, lambda url, tally: own(url, tally, talks=False), lambda _: len(heard) > 30)
    assert not any(heard)
    assert (tally.turns, tally.missing, tally.parts) == ([], [], [])
