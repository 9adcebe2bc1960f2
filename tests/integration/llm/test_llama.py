"""The real llama.cpp in this process, with a model made on the spot."""

from __future__ import annotations

import asyncio
from dataclasses import replace
from pathlib import Path

import pytest

from services.core.clock import SystemClock
from services.core.model.reply import ChatMessage, FellBack, ReplyFinished, ReplyStarted, Sentence
from services.core.settings import Settings
from services.llm.engine import Ground, Sampling, Usage
from services.llm.fallback import Chain, Limits
from services.llm.providers.llama import LlamaEngine, LlamaOptions
from services.llm.reading import SentenceReader
from services.llm.roster import Roster
from services.llm.sentences.reader import SpeakableReader
from tests.integration.llm.conftest import prompt
from tests.making.tiny_gguf import make_tiny_gguf

pytest.importorskip("xllamacpp", reason="the package xllamacpp is not installed")
LIMITS = Limits(attempt_s=30, reply_s=60)


async def test_a_model_on_disk_answers(tmp_path: Path) -> None:
    """With a GGUF file on disk "auto" finds llama.cpp, several replies run at a time, and closing one leaves the others alone."""
    make_tiny_gguf(tmp_path / "gguf" / "tiny.gguf")
    settings = Settings.model_validate(
        {"models_dir": tmp_path, "llm": {"engines": {"llama": {"context": 2048, "threads": 1}, "ollama": {"base_url": "http://127.0.0.1:9"}}}}
    )
    clock = SystemClock()
    roster = Roster(settings, clock)
    try:
        await roster.refresh()
        slots = roster.chain((), settings)
        assert [slot.name for slot in slots] == ["llama", "understudy"]
        chain = Chain(clock)

        async def one() -> list[object]:
            return [event async for event in chain.run(slots, prompt(), lambda _: SentenceReader(SpeakableReader()), LIMITS)]

        closed = chain.run(slots, prompt(), lambda _: SentenceReader(SpeakableReader()), LIMITS)
        assert await anext(closed) == ReplyStarted("llama", "tiny")
        await closed.aclose()
        for events in await asyncio.gather(one(), one()):
            assert events[0] == ReplyStarted("llama", "tiny")
            assert any(isinstance(event, Sentence) for event in events)
            assert not any(isinstance(event, FellBack) for event in events)
            finished = events[-1]
            assert isinstance(finished, ReplyFinished)
            assert finished.completion_tokens == 60
            assert finished.prompt_tokens > 20
    finally:
        await roster.close()


async def test_one_reply_may_use_the_whole_context(tmp_path: Path) -> None:
    """A prompt within the budget fits, however many replies may run beside it: the context is not cut into equal shares."""
    path = make_tiny_gguf(tmp_path / "tiny.gguf")
    engine = LlamaEngine(LlamaOptions(path=path, context=4096, parallel=4), Ground(models=tmp_path))
    await engine.open()
    try:
        long = replace(prompt(), messages=(ChatMessage("user", "x" * 3000),), sampling=Sampling(max_tokens=4))
        pieces = [piece async for piece in engine.stream(long)]
    finally:
        await engine.close()
    assert any(isinstance(piece, Usage) and piece.prompt_tokens > 3000 for piece in pieces)


async def test_a_file_that_is_no_model_is_passed_over(tmp_path: Path) -> None:
    """A broken GGUF costs a fallback, not the service."""
    broken = tmp_path / "gguf" / "broken.gguf"
    broken.parent.mkdir()
    broken.write_bytes(b"GGUF" + bytes(64))
    settings = Settings.model_validate({"models_dir": tmp_path, "llm": {"chain": ["llama"]}})
    clock = SystemClock()
    roster = Roster(settings, clock)
    try:
        await roster.refresh()
        events = [event async for event in Chain(clock).run(roster.chain((), settings), prompt(), lambda _: SentenceReader(SpeakableReader()), LIMITS)]
        assert events[0] == FellBack("llama", "understudy", "not_available")
        assert any(isinstance(event, Sentence) for event in events)
    finally:
        await roster.close()
