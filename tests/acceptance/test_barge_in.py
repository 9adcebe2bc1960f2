"""Interrupting: onset pauses, speech cuts at the word that was heard, a cough changes nothing, an unheard line never happened."""

from __future__ import annotations

import asyncio
import base64
import time
from pathlib import Path
from typing import Any

import httpx2
import numpy as np
import pytest

from tests.acceptance.conftest import SCRIPTED
from tests.acceptance.player import RATE, Player, player
from tests.acceptance.program import Program, running
from tests.acceptance.timing import STRICT, p95, promised
from tests.making.prompts import Prompt, prompts, words

pytestmark = [pytest.mark.asyncio(loop_scope="module"), pytest.mark.timeout(240)]
BARGE_INS = 12 if STRICT else 8


def asking() -> Prompt:
    """A phrase to begin with."""
    return next(prompt for prompt in prompts() if words(prompt.text) == "all circuits are busy now")


def interrupting() -> Prompt:
    """A phrase that starts at once and lasts well over half a second."""
    return next(prompt for prompt in prompts() if words(prompt.text) == "please enter a new extension followed by pound")


def configured() -> dict[str, Any]:
    phrases = f"{asking().text}\n{interrupting().text}"
    return {"audio": {"input": {"transcription": {"model": "default", "prompt": phrases}}}}


def speech_start_s(pcm: bytes) -> float:
    """Where the sound begins: the first 10 ms at a tenth of the loudest."""
    data = np.frombuffer(pcm, dtype="<i2").astype(float)
    window = RATE // 100
    energy = np.sqrt(np.mean(data[: len(data) // window * window].reshape(-1, window) ** 2, axis=1))
    return float(np.nonzero(energy > 0.1 * energy.max())[0][0] / 100)


def received_ms(one: Player, after: int, line: str) -> float:
    """Audio of a line that reached the client."""
    return (
        sum(len(base64.b64decode(event["delta"])) for _, event in one.of("response.output_audio.delta", after) if event["response_id"] == f"resp_{line}") / 48
    )


def words_in(text: str, offset: int) -> int:
    return len(text[:offset].split())


async def speaking(one: Player) -> tuple[int, str]:
    """Ask, and wait until the character has been speaking for a second; (index of the first event, line)."""
    first = len(one.events)
    await one.say(bytes(RATE // 5 * 2) + asking().pcm(RATE))
    _, _, opened = await one.wait_for(lambda event: event["type"] == "souffleur.fact" and event["fact"]["kind"] == "line_opened", after=first)
    line = str(opened["fact"]["body"]["line"])
    await one.wait_for(lambda event: event["type"] == "response.output_audio.delta" and received_ms(one, first, line) > 1000, after=first)
    return first, line


async def closed(one: Player, first: int, line: str) -> dict[str, Any]:
    _, _, event = await one.wait_for(
        lambda event: event["type"] == "souffleur.fact" and event["fact"]["kind"] == "line_closed" and event["fact"]["body"]["line"] == line, after=first
    )
    return dict(event["fact"]["body"])


async def test_speech_silences_the_character_at_the_word_that_was_heard(program: Program) -> None:
    """From the first sound to the last delta under 200 ms (p95); the transcript ends within one word of what was received."""
    delays: list[float] = []

    async def barge_in() -> None:
        async with player(program.websocket, "npc/mirelle", session=configured()) as one:
            first, line = await speaking(one)
            pcm = interrupting().pcm(RATE)
            began = time.monotonic() + speech_start_s(pcm)
            await one.say(pcm)
            body = await closed(one, first, line)
            _, _, done = await one.wait_for(lambda event: event["type"] == "response.done" and event["response"]["id"] == f"resp_{line}", after=first)
            assert done["response"]["status"] == "cancelled"
            last = [moment for moment, event in one.of("response.output_audio.delta", first) if event["response_id"] == f"resp_{line}"][-1]
            delays.append(last - began)
            assert (body["state"], body["reason"]) == ("cut", "barge_in")
            facts = {event["fact"]["seq"]: event["fact"]["body"] for _, event in one.of("souffleur.fact", first) if event["fact"]["kind"] == "sentence"}
            sentence = facts[body["last_seq"]]
            marks = [mark for _, event in one.of("souffleur.words", first) if event["seq"] == body["last_seq"] for mark in event["marks"]]
            due = sum(mark["at_ms"] < received_ms(one, first, line) for mark in marks)
            assert abs(words_in(sentence["text"], body["offset"]) - due) <= 1
            assert 0 < body["offset"] <= len(sentence["text"])

    for _ in range(BARGE_INS // 4):
        await asyncio.gather(*(barge_in() for _ in range(4)))
    assert len(delays) == BARGE_INS
    assert p95(delays) < promised(0.2), delays


async def test_a_cough_pauses_and_the_line_goes_on(program: Program) -> None:
    """200 ms of sound: the line pauses, resumes, and is heard to its end."""
    async with player(program.websocket, "npc/mirelle", session=configured()) as one:
        first, line = await speaking(one)
        pcm = interrupting().pcm(RATE)
        start = int(speech_start_s(pcm) * RATE) * 2
        await one.say(pcm[start : start + RATE // 5 * 2])
        pause, _, _ = await one.wait_for("souffleur.pause", after=first)
        await one.wait_for("souffleur.resume", after=pause)
        body = await closed(one, first, line)
        assert body["state"] == "heard"
        said = [event for _, event in one.of("souffleur.fact", first) if event["fact"]["kind"] == "said"]
        assert len(said) == 1


async def test_a_client_that_reports_its_position_is_believed(program: Program) -> None:
    """`conversation.item.truncate` says what was heard: the cut is there."""
    async with player(program.websocket, "npc/mirelle", session=configured()) as one:
        first, line = await speaking(one)
        await one.connection.conversation.item.truncate(item_id=f"item_{line}", content_index=0, audio_end_ms=700)
        await one.connection.response.cancel()
        body = await closed(one, first, line)
        sentence = next(event["fact"]["body"] for _, event in one.of("souffleur.fact", first) if event["fact"]["seq"] == body["last_seq"])
        marks = [mark for _, event in one.of("souffleur.words", first) if event["seq"] == body["last_seq"] for mark in event["marks"]]
        assert body["state"] == "cut"
        assert abs(words_in(sentence["text"], body["offset"]) - sum(mark["at_ms"] < 700 for mark in marks)) <= 1


async def test_a_line_that_was_never_heard_leaves_no_history(tmp_path: Path) -> None:
    """The player goes on before the first sound: the line is closed with nothing heard, and the next prompt does not hold it."""
    secret = "The treasure is under the third oak."
    settings = SCRIPTED | {"llm": {"chain": ["scripted"], "engines": {"scripted": {"replies": [secret], "first_ms": 2500, "token_ms": 1}}}}
    async with running(tmp_path, settings) as slow, player(slow.websocket, "npc/mirelle", session=configured()) as one:
        first = len(one.events)
        await one.say(bytes(RATE // 5 * 2) + asking().pcm(RATE))
        _, _, opened = await one.wait_for(lambda event: event["type"] == "souffleur.fact" and event["fact"]["kind"] == "line_opened", after=first)
        line = str(opened["fact"]["body"]["line"])
        await one.say(interrupting().pcm(RATE))
        body = await closed(one, first, line)
        assert (body["state"], body["last_seq"], body["offset"]) == ("cut", 0, 0)
        session = (await one.wait_for("souffleur.attached"))[2]["session_id"]
        async with httpx2.AsyncClient(base_url=slow.url, trust_env=False) as client:
            text = (await client.get(f"/api/sessions/{session}/screenplay", params={"format": "txt"})).text
        assert secret not in text
