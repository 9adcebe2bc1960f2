"""The adviser dead, slow or answering nonsense changes nothing in play: the same turns, and as fast, in the same run."""

from __future__ import annotations

import asyncio
import statistics
import time
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from itertools import cycle
from pathlib import Path
from typing import Any

import httpx2
import pytest

from tests.acceptance.program import running
from tests.acceptance.table import api, assert_whole, facts_of, opened
from tests.acceptance.timing import promised
from tests.making.openai_server import openai_server

pytestmark = pytest.mark.timeout(300)
FAULTS = ("status:500", "black-hole", "stall", "html", "good", "hostile", "obedient", "endless")
TIMED = FAULTS[:5]
"""The others keep a whole core busy with what they send as long as they are read, which says nothing about waiting."""
REPLY = "The ferry leaves at noon, and nobody has ever paid twice."
_TURNS = 8
_ROUNDS = 3
_PAUSES_S = (0.3, 0.45, 0.6)
"""Between two turns: nobody answers quicker, and the adviser works then."""
_WISH_S = 0.5
"""Between two wishes: a director without patience."""
_PATIENCE_S = 1.0
"""How long the adviser's models are waited for: a turn that waited too would show it."""


async def _turn(client: httpx2.AsyncClient, sid: str, text: str) -> float:
    began = time.perf_counter()
    answer = await client.post(f"/api/sessions/{sid}/messages", json={"text": text}, headers={"Accept": "text/event-stream"})
    took = time.perf_counter() - began
    assert answer.status_code == 200
    assert "event: line_closed" in answer.text
    return took


async def _played(client: httpx2.AsyncClient, sid: str) -> list[float]:
    """How long each of some turns took, with pauses before them."""
    took = []
    for _, pause in zip(range(_TURNS), cycle(_PAUSES_S), strict=False):
        await asyncio.sleep(pause)
        took.append(await _turn(client, sid, "Where is the silver key of Brackwater?"))
    return took


async def _switch(client: httpx2.AsyncClient, engine: str) -> None:
    wanted = {"enabled": bool(engine), "light": [engine] if engine else [], "strong": [engine] if engine else []}
    (await client.patch("/api/settings", json={"patch": {"summarizer": wanted}})).raise_for_status()


@asynccontextmanager
async def _wishing(client: httpx2.AsyncClient, sid: str) -> AsyncIterator[list[dict[str, Any]]]:
    """The adviser is at work again and again meanwhile, and has ended afterwards."""
    over = asyncio.Event()
    ended: list[dict[str, Any]] = []

    async def wish() -> None:
        while not over.is_set():
            answer = await client.post(f"/api/sessions/{sid}/advice", json={"what": "both"})
            assert answer.status_code == 200, answer.text
            ended.append(answer.json())
            await asyncio.sleep(_WISH_S)

    async with asyncio.TaskGroup() as group:
        group.create_task(wish(), name="wish")
        yield ended
        over.set()


@pytest.mark.nightly
async def test_a_dead_slow_or_mad_adviser_changes_nothing_in_play(tmp_path: Path) -> None:
    """Every turn is answered, nothing is proposed, and no turn waits: on a quiet machine the median stays within max(10 %, 1 ms) of one without adviser."""
    async with openai_server() as server:
        engines: dict[str, Any] = {_name(fault): {"kind": "openai", "base_url": server.base_url, "api_key": fault, "model": fault} for fault in FAULTS}
        settings = {
            "llm": {"chain": ["scripted"], "engines": {"scripted": {"replies": [REPLY]}, **engines}},
            "summarizer": {"enabled": False, "every_turns": 1, "timeout_s": _PATIENCE_S, "tokens_per_hour": 10_000_000},
        }
        async with running(tmp_path, settings) as program, api(program.url) as client:
            sid = await opened(program.url, ["mirelle"])
            rounds = [(fault, number) for number in range(_ROUNDS) for fault in (TIMED if number else FAULTS)]
            without: dict[str, list[float]] = {fault: [] for fault in FAULTS}
            within: dict[str, list[float]] = {fault: [] for fault in FAULTS}
            for fault, _ in [(FAULTS[0], -1), *rounds]:
                await _switch(client, "")
                without[fault] += await _played(client, sid)
                await _switch(client, _name(fault))
                async with _wishing(client, sid) as ended:
                    within[fault] += await _played(client, sid)
                    assert ended, "it was at work while they were played"
            await _switch(client, "")
            facts = await facts_of(program.url, sid)
            assert_whole(facts)
            answered = [fact for fact in facts if fact["kind"] == "line_closed" and fact["body"]["state"] == "heard"]
            assert len(answered) == 2 * _TURNS * (1 + len(rounds))
            assert not [fact for fact in facts if fact["kind"] == "recommended"]
            assert {str(call.body.get("model")) for call in server.calls} >= set(FAULTS), "every one of them was really asked"
            for fault in TIMED:
                base, took = statistics.median(without[fault]), statistics.median(within[fault])
                limit = max(0.1 * base, 0.001) if promised(1.0) == 1.0 else _PATIENCE_S / 2
                assert took - base <= limit, f"{fault}: {took * 1000:.2f} ms a turn, {base * 1000:.2f} ms without"


def _name(fault: str) -> str:
    return fault.replace(":", "-")
