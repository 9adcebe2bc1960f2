"""Real human speech in real time through the official `openai` client, several sessions side by side."""

from __future__ import annotations

import asyncio
import base64
from dataclasses import dataclass
from typing import Any

import httpx2
import pytest

from tests.acceptance.player import RATE, gaps_ms, player, rms, speech_end_s
from tests.acceptance.program import Program
from tests.acceptance.timing import STRICT, p95, promised
from tests.making.prompts import Prompt, prompts, words

pytestmark = [pytest.mark.asyncio(loop_scope="module"), pytest.mark.timeout(300)]
PHRASES, SESSIONS = (30, 5) if STRICT else (12, 3)
"""Thirty with the promised durations, at night."""
LEAD = bytes(RATE // 5 * 2)


@dataclass(slots=True)
class Exchange:
    """What came of one phrase."""

    prompt: Prompt
    heard: list[str]
    stopped_after_s: float
    sentences: list[int]
    emotions: list[str]
    gaps: list[float]
    loudness: float


def chosen() -> list[Prompt]:
    """Phrases of three to nine words that a grammar can hold."""
    plain = [prompt for prompt in prompts() if 3 <= len(prompt.text.split()) <= 9 and not set(prompt.text) & set("*#@&/+$")]
    return plain[:PHRASES]


async def exchange(one: Any, prompt: Prompt) -> Exchange:
    """Say it, wait for the whole reply."""
    first = len(one.events)
    pcm = LEAD + prompt.pcm(RATE)
    over = await one.say(pcm)
    ended = over - len(pcm) / 2 / RATE + speech_end_s(pcm, RATE)
    _, stopped, _ = await one.wait_for("input_audio_buffer.speech_stopped", after=first)
    await one.wait_for("response.done", after=first)
    said = [event["transcript"] for _, event in one.of("conversation.item.input_audio_transcription.completed", first)]
    spoken = [event["fact"] for _, event in one.of("souffleur.fact", first) if event["fact"]["kind"] == "sentence"]
    deltas = [(moment, base64.b64decode(event["delta"])) for moment, event in one.of("response.output_audio.delta", first)]
    assert len({event["item_id"] for _, event in one.of("response.output_audio.delta", first)}) == 1
    return Exchange(
        prompt=prompt,
        heard=said,
        stopped_after_s=stopped - ended,
        sentences=[fact["body"]["index"] for fact in spoken],
        emotions=[fact["body"]["emotion"] for fact in spoken],
        gaps=gaps_ms([(moment, len(piece)) for moment, piece in deltas]),
        loudness=rms(b"".join(piece for _, piece in deltas)),
    )


async def conversation(program: Program, part: list[Prompt], phrases: str) -> tuple[str, list[Exchange]]:
    """One session, its phrases one after the other."""
    configured = {"audio": {"input": {"transcription": {"model": "default", "prompt": phrases}}}}
    async with player(program.websocket, "npc/mirelle", session=configured) as one:
        _, _, attached = await one.wait_for("souffleur.attached")
        return attached["session_id"], [await exchange(one, prompt) for prompt in part]


async def test_phrases_are_heard_ended_and_answered(program: Program) -> None:
    """Nine of ten word for word in the transcript; ends within 0.7 s (p95); one split at most; replies whole, in order, felt and without gaps."""
    phrases = "\n".join(prompt.text for prompt in chosen())
    parts = [chosen()[number::SESSIONS] for number in range(SESSIONS)]
    results = await asyncio.gather(*(conversation(program, part, phrases) for part in parts))
    exchanges = [item for _, part in results for item in part]
    assert len(exchanges) == PHRASES
    right = 0
    async with httpx2.AsyncClient(base_url=program.url, trust_env=False) as client:
        for session, part in results:
            facts = (await client.get(f"/api/sessions/{session}/facts")).json()["items"]
            assert [fact["seq"] for fact in facts] == list(range(1, len(facts) + 1))
            said = {words(fact["body"]["text"]) for fact in facts if fact["kind"] == "said"}
            right += sum(words(item.prompt.text) in said for item in part)
    assert right >= 0.9 * PHRASES, [(item.prompt.text, item.heard) for item in exchanges if words(item.prompt.text) not in map(words, item.heard)]
    assert sum(len(item.heard) > 1 for item in exchanges) <= 1
    assert p95(item.stopped_after_s for item in exchanges) <= promised(0.7)
    for item in exchanges:
        assert item.sentences == [0, 1]
        assert item.emotions in (["joy", "neutral"], ["fear", "anger"], ["sadness", "tenderness"])
        assert item.loudness > 300
        assert max(item.gaps) <= promised(60.0)
