"""A true Whisper, a true llama.cpp and a true Piper, each around a model made on the spot, carry spoken turns together."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator
from pathlib import Path
from typing import Any

import pytest
import pytest_asyncio

from tests.acceptance.conftest import need
from tests.acceptance.player import RATE, Player, player, rms
from tests.acceptance.program import Program, running
from tests.acceptance.table import api, assert_whole, brisk, facts_of, heard, is_fact, seen, words_in
from tests.making.prompts import prompts
from tests.making.tiny_whisper import make_tiny_whisper

pytestmark = [pytest.mark.asyncio(loop_scope="module"), pytest.mark.timeout(240)]
TURNS = 3
ENGINES = {"stt_engine": "faster-whisper", "llm_engine": "llama", "llm_model": "tiny", "tts_engine": "piper"}


@pytest_asyncio.fixture(scope="module", loop_scope="module")
async def real(tmp_path_factory: pytest.TempPathFactory) -> AsyncIterator[Program]:
    """`souffleur up` on the three model files; it finds the engines by itself."""
    need("faster_whisper", "xllamacpp", "piper", "onnx", "gguf")
    from tests.making.piper_voice import make_piper_voice
    from tests.making.tiny_gguf import make_tiny_gguf

    folder: Path = tmp_path_factory.mktemp("real")
    models = folder / "models"
    make_tiny_whisper(models / "whisper" / "tiny")
    make_tiny_gguf(models / "gguf" / "tiny.gguf")
    make_piper_voice(models / "piper")
    settings = {
        "models_dir": str(models),
        # Nothing else may answer on this machine, and nonsense need not be long.
        "llm": {
            "max_tokens": 24,
            "attempt_timeout_s": 30.0,
            "engines": {"llama": {"context": 16384}, "ollama": {"base_url": "http://127.0.0.1:9"}},
        },
        "stt": {"engines": {"faster-whisper": {"max_new_tokens": 8}}},
    }
    async with running(folder, settings) as started:
        yield started
    assert started.complaints() == []


async def turn(one: Player, pcm: bytes) -> dict[str, Any]:
    """Say something and hear the answer out; the body of its `line_closed`."""
    first = len(one.events)
    await one.say(bytes(RATE // 5 * 2) + pcm)
    _, _, opened = await one.wait_for(is_fact("line_opened"), after=first, timeout_s=60)
    line = str(opened["fact"]["body"]["line"])
    _, _, closed = await one.wait_for(is_fact("line_closed", line=line), after=first, timeout_s=60)
    _, _, done = await one.wait_for("response.done", after=first)
    (said,) = seen(one, "said", first)
    assert said["body"]["source"] == "voice"
    assert said["body"]["engine"] == "faster-whisper"
    assert words_in(said["body"]["text"])
    sentences = seen(one, "sentence", first)
    assert sentences
    assert {fact["body"]["engine"] for fact in sentences} == {"llama"}
    assert all(words_in(fact["body"]["text"]) for fact in sentences)
    assert (done["response"]["id"], done["response"]["status"]) == (f"resp_{line}", "completed")
    sound = heard(one, line, first)
    assert rms(sound) > 300
    assert len(sound) / 2 / RATE > 0.05 * len(words_in(" ".join(fact["body"]["text"] for fact in sentences)))
    _, timed = one.of("souffleur.turn", first)[-1]
    assert {name: timed[name] for name in ENGINES} == ENGINES
    assert timed["turn"] == said["seq"]
    return dict(closed["fact"]["body"])


async def conversation(program: Program, slug: str, turns: int) -> None:
    """Some spoken turns in a session of their own."""
    phrases = [prompt for prompt in prompts() if 2 <= len(prompt.text.split()) <= 4][:turns]
    async with player(program.websocket, f"npc/{slug}") as one:
        _, _, attached = await one.wait_for("souffleur.attached")
        for phrase in phrases:
            assert (await turn(one, phrase.pcm(RATE)))["state"] == "heard"
    facts = await facts_of(program.url, attached["session_id"])
    assert_whole(facts)
    assert not [fact for fact in facts if fact["kind"] == "degraded"]
    assert len([fact for fact in facts if fact["kind"] == "line_closed"]) == turns


async def test_three_real_engines_carry_spoken_turns(real: Program) -> None:
    """Speech in, words, a line with sentences, sound with energy, heard to its end; facts and timings name the engines. A sample's whole card fits, too."""
    await asyncio.gather(conversation(real, await brisk(real.url), 2), conversation(real, "mirelle", 1))


async def test_the_status_names_the_engines_that_were_found(real: Program) -> None:
    """Nothing was configured but the folder: the status says what was found there and that it is ready."""
    async with api(real.url) as client:
        engines = (await client.get("/api/status")).json()["engines"]
    assert engines["stt"]["default"] == "faster-whisper"
    assert engines["tts"]["default"] == "piper"
    assert engines["llm"]["chain"] == ["llama", "understudy"]
