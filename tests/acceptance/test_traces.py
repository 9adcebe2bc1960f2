"""With a receiver configured: one trace per turn, across every service that had a part in it, and nobody's words in it."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from tests.acceptance.conftest import SCRIPTED, need
from tests.acceptance.otlp import Receiver, Span, receiver
from tests.acceptance.player import RATE, player
from tests.acceptance.program import Program, running
from tests.acceptance.table import api, brisk, opened
from tests.making.prompts import prompts
from tests.waiting import until

pytestmark = pytest.mark.timeout(180)
_CANARY = "Xanthippe's silver weasel"
_LEAD = bytes(RATE // 5 * 2)


@pytest.fixture
def collector() -> Iterator[Receiver]:
    need("opentelemetry.sdk", "pocketsphinx", "espeakng_loader")
    with receiver() as found:
        yield found


@pytest.mark.nightly
async def test_every_turn_is_one_trace_of_all_its_services(collector: Receiver, tmp_path: Path) -> None:
    """A typed turn: stage, llm, tts. A spoken one: hearing too, before the stage knew of a turn."""
    prompt = next(prompt for prompt in prompts() if 3 <= len(prompt.text.split()) <= 9)
    async with running(tmp_path, {**SCRIPTED, "telemetry": {"otlp_endpoint": collector.url}}) as program:
        session = await opened(program.url, [await brisk(program.url)])
        configured = {"audio": {"input": {"transcription": {"model": "default", "prompt": prompt.text}}}}
        async with player(program.websocket, "npc/any", session=configured, query={"session": session}) as one:
            await one.connection.conversation.item.create(item=_typed(_CANARY))
            await one.connection.response.create()
            _, _, _ = await one.wait_for("response.done")
            before = len(one.events)
            await one.say(_LEAD + prompt.pcm(RATE))
            await one.wait_for("response.done", after=before)
        typed, spoken = await until(lambda: _turns(collector), 20, "two whole traces")
        _check(typed, {"souffleur-stage", "souffleur-llm", "souffleur-tts"})
        _check(spoken, {"souffleur-stage", "souffleur-llm", "souffleur-tts", "souffleur-stt"})
        await _leaks(program, collector)
        assert await program.stop() == 0
        assert program.complaints() == []


def _typed(text: str) -> Any:
    return {"type": "message", "role": "user", "content": [{"type": "input_text", "text": text}]}


def _turns(collector: Receiver) -> list[list[Span]]:
    """The two traces, the typed turn's first, once their last spans have come."""
    whole = [spans for spans in collector.traces().values() if {"turn", "tts.speak"} <= {span.name for span in spans}]
    return sorted(whole, key=len) if len(whole) == 2 and any(span.name == "stt.transcribe" for spans in whole for span in spans) else []


def _check(spans: list[Span], services: set[str]) -> None:
    assert {span.service for span in spans} == services
    roots = [span for span in spans if not span.parent]
    assert [span.name for span in roots] == ["turn"]
    ids = {span.id for span in spans}
    assert len(ids) == len(spans)
    assert all(span.parent in ids for span in spans if span.parent), "every span hangs on another one of its trace"
    root = roots[0]
    assert {span.name for span in spans if span.parent == root.id} >= {"llm.reply", "tts.speak", "think", "voice", "speak"}
    (chat,) = [span for span in spans if span.attributes.get("gen_ai.operation.name") == "chat"]
    assert chat.service == "souffleur-llm"
    assert chat.attributes["gen_ai.provider.name"] == "scripted"
    assert chat.attributes["gen_ai.usage.output_tokens"] > 0
    assert root.seconds >= chat.seconds
    assert root.attributes["souffleur.e2e_ms"] > 0
    assert next(span for span in spans if span.name == "tts.speak").attributes["gen_ai.provider.name"] == "espeak"


async def _leaks(program: Program, collector: Receiver) -> None:
    """The words of the player, of the character and of the card are in no trace, no metric and no log."""
    async with api(program.url) as client:
        metrics = (await client.get("/metrics")).text
        logs = (await client.get("/api/logs", params={"limit": 500})).text
    everything = [b"".join(collector.bodies).decode("utf-8", "replace"), metrics, logs, program.log.read_text(encoding="utf-8")]
    for words in (_CANARY, "Xanthippe", "silver weasel", "traveller", "answers in a few words"):
        assert not [text[:80] for text in everything if words in text]
