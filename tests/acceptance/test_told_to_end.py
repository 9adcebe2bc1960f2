"""SIGTERM: nothing new is begun, and a character that speaks is heard to the end."""

from __future__ import annotations

import asyncio
import json
import signal
import time
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from pathlib import Path
from typing import Any

import httpx2
import pytest

from tests.acceptance.conftest import need
from tests.acceptance.program import Program, running
from tests.acceptance.table import Fact, api, assert_whole, opened

pytestmark = [pytest.mark.timeout(120)]
REPLY = "Good evening, traveller. The fire is warm and the ale is cold. Sit down with us for a while."
GONE_S = 20.0


def settings(first_ms: int = 20, token_ms: int = 100, **stage: Any) -> dict[str, Any]:
    """A character who takes a second or two for its words."""
    return {
        "stt": {"engine": "scripted"},
        "llm": {"chain": ["scripted"], "engines": {"scripted": {"replies": [REPLY], "first_ms": first_ms, "token_ms": token_ms}}, "attempt_timeout_s": 100},
        "tts": {"engine": "espeak"},
        "stage": stage,
    }


@asynccontextmanager
async def asked(client: httpx2.AsyncClient, sid: str) -> AsyncIterator[AsyncIterator[Fact]]:
    """Something is typed: the facts of its turn, as they come."""
    message = {"text": "Hello there.", "message_id": "m"}
    async with client.stream("POST", f"/api/sessions/{sid}/messages", json=message, headers={"Accept": "text/event-stream"}) as answer:

        async def facts() -> AsyncIterator[Fact]:
            async for line in answer.aiter_lines():
                told = json.loads(line.removeprefix("data:")) if line.startswith("data:") else {}
                if "seq" in told:
                    yield told

        yield facts()


async def turned_away(client: httpx2.AsyncClient, sid: str) -> None:
    """It says that it is about to end, and takes nothing new."""
    async with asyncio.timeout(5):
        while (answer := await client.get("/readyz")).is_success:
            await asyncio.sleep(0.02)
    assert (answer.status_code, answer.json()["reason"]) == (503, "draining")
    for path, body in (("/api/sessions", {"cast": ["mirelle"]}), (f"/api/sessions/{sid}/messages", {"text": "And now?"})):
        refused = await client.post(path, json=body)
        assert (refused.status_code, refused.json()["code"]) == (503, "unavailable"), refused.text
        assert "retry-after" in refused.headers


async def ends_in_order(program: Program, sid: str) -> None:
    """Told to end while a character speaks: the line is heard to its end before the program is gone."""
    async with api(program.url) as client, asked(client, sid) as facts:
        told = []
        async for fact in facts:
            told.append(fact)
            if fact["kind"] == "sentence" and fact["body"]["index"] == 0:
                program.process.send_signal(signal.SIGTERM)
                await turned_away(client, sid)
    (line,) = [fact for fact in told if fact["kind"] == "line_closed"]
    (first,) = [fact["body"]["index"] for fact in told if fact["kind"] == "sentence"][-1:]
    assert (line["body"]["state"], line["body"]["reason"], first) == ("heard", "", 2)
    async with asyncio.timeout(GONE_S):
        assert await program.process.wait() == 0
    assert program.complaints() == []


async def test_a_line_that_is_spoken_is_brought_to_its_end(tmp_path: Path) -> None:
    """Meanwhile it is not ready, and refuses new sessions and turns; the terminal says what it waits for."""
    need("espeakng_loader")
    async with running(tmp_path, settings(), options=["--no-download"]) as program:
        await ends_in_order(program, await opened(program.url, ["mirelle"]))
        assert "Waits for 1 line to end, 20 s at the most." in program.log.read_text()


@pytest.mark.nightly
async def test_a_line_is_brought_to_its_end_by_processes_that_live_on_for_it(tmp_path: Path) -> None:
    """Every service in a process of its own: whoever serves the line ends after the stage."""
    need("espeakng_loader")
    async with running(tmp_path, settings(), options=["--processes", "--no-download"]) as program:
        await ends_in_order(program, await opened(program.url, ["mirelle"]))


@pytest.mark.nightly
@pytest.mark.parametrize("options", [[], ["--processes"]])
async def test_a_line_that_does_not_end_is_cut_when_its_time_is_over(tmp_path: Path, options: list[str]) -> None:
    """A model that never answers holds nobody up for longer than that; what stood open is closed by the program itself."""
    need("espeakng_loader")
    drain_s = 1.5
    async with running(tmp_path, settings(first_ms=90_000, drain_s=drain_s), options=[*options, "--no-download"]) as program:
        sid = await opened(program.url, ["mirelle"])
        async with api(program.url) as client:
            assert (await client.post(f"/api/sessions/{sid}/messages", json={"text": "Hello there.", "message_id": "m"})).status_code == 202
        began = time.monotonic()
        program.process.send_signal(signal.SIGTERM)
        async with asyncio.timeout(GONE_S):
            assert await program.process.wait() == 0
        assert time.monotonic() - began >= drain_s
        assert program.complaints() == []
    async with running(tmp_path, settings(), options=["--no-download"]) as program, api(program.url) as client:
        facts = (await client.get(f"/api/sessions/{sid}/facts")).json()["items"]
        assert_whole(facts)
        assert [fact["body"]["reason"] for fact in facts if fact["kind"] in {"line_closed", "passed"}][:1] == ["shutdown"]


@pytest.mark.nightly
async def test_a_second_signal_waits_for_nothing(tmp_path: Path) -> None:
    """Still in order."""
    need("espeakng_loader")
    async with running(tmp_path, settings(first_ms=90_000, drain_s=60.0), options=["--no-download"]) as program:
        sid = await opened(program.url, ["mirelle"])
        async with api(program.url) as client:
            assert (await client.post(f"/api/sessions/{sid}/messages", json={"text": "Hello there.", "message_id": "m"})).status_code == 202
            program.process.send_signal(signal.SIGTERM)
            await turned_away(client, sid)
        program.process.send_signal(signal.SIGINT)
        async with asyncio.timeout(GONE_S):
            assert await program.process.wait() == 0
        assert program.complaints() == []
