"""Every STT engine against one suite: opened, one final per utterance, empty audio, cancelling, several at once."""

from __future__ import annotations

import asyncio
import contextlib
import json
import os
import signal
from collections.abc import AsyncIterator, Callable
from importlib.util import find_spec
from pathlib import Path

import pytest

from services.core.errors import EngineFailed, EngineMissing, SettingsRejected
from services.core.model.speech import Final, Partial, SpeechEvent, SttOpened, TranscribeOpen
from services.core.registry import load
from services.stt.engine import SttEngine
from services.stt.engines import ENGINES
from tests.making.prompts import prompts, words
from tests.making.tiny_whisper import make_tiny_whisper

NEEDS = {"faster-whisper": "faster_whisper", "pocketsphinx": "pocketsphinx"}


async def sound(pcm: bytes, step: int = 3200) -> AsyncIterator[bytes]:
    for start in range(0, len(pcm), step):
        yield pcm[start : start + step]


async def hear(engine: SttEngine, opening: TranscribeOpen, pcm: bytes) -> list[SpeechEvent]:
    async with asyncio.timeout(60):
        return [event async for event in engine.transcribe(opening, sound(pcm))]


async def _answer(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
    """A transcription server: reads one request, answers with its length."""
    head = await reader.readuntil(b"\r\n\r\n")
    length = next((int(line.split(b":")[1]) for line in head.split(b"\r\n") if line.lower().startswith(b"content-length")), 0)
    await reader.readexactly(length)
    body = json.dumps({"text": "heard you"}).encode()
    writer.write(b"HTTP/1.1 200 OK\r\nContent-Type: application/json\r\nConnection: close\r\nContent-Length: %d\r\n\r\n%s" % (len(body), body))
    await writer.drain()
    writer.close()


@pytest.fixture(params=sorted(ENGINES))
async def engine(request: pytest.FixtureRequest, tmp_path: Path) -> AsyncIterator[SttEngine]:
    name = str(request.param)
    package = NEEDS.get(name)
    if package is not None and find_spec(package) is None:
        pytest.skip(f"{package} is not installed")
    options: dict[str, object] = {}
    server = None
    if name == "faster-whisper":
        make_tiny_whisper(tmp_path / "whisper" / "tiny")
        options = {"max_new_tokens": 16}
    elif name == "openai":
        server = await asyncio.start_server(_answer, "127.0.0.1", 0)
        options = {"base_url": f"http://127.0.0.1:{server.sockets[0].getsockname()[1]}/v1"}
    factory: Callable[[dict[str, object], Path], SttEngine] = load(name, ENGINES)  # type: ignore[assignment]
    made = factory(options, tmp_path)
    await made.open()
    yield made
    await made.close()
    if server is not None:
        server.close()
        await server.wait_closed()


async def test_an_utterance_is_opened_once_and_ends_in_one_final(engine: SttEngine) -> None:
    """SttOpened first, one Final last, only partials between them."""
    events = await hear(engine, TranscribeOpen(language="en"), bytes(32000))
    assert isinstance(events[0], SttOpened)
    assert isinstance(events[-1], Final)
    assert all(isinstance(event, Partial) for event in events[1:-1])
    assert events[-1].engine == engine.info().name


async def test_an_utterance_without_sound_is_no_error(engine: SttEngine) -> None:
    """A call that is closed at once yields a final."""
    assert isinstance((await hear(engine, TranscribeOpen(language="en"), b""))[-1], Final)


async def test_several_utterances_at_once_do_not_mix(engine: SttEngine) -> None:
    """Three side by side each get their own final."""
    results = await asyncio.gather(*(hear(engine, TranscribeOpen(language="en"), bytes(16000)) for _ in range(3)))
    assert all(isinstance(events[-1], Final) for events in results)


async def test_an_abandoned_utterance_leaves_the_engine_usable(engine: SttEngine) -> None:
    """Closing the generator in mid-speech frees whatever it held, again and again."""
    for _ in range(10):
        async with contextlib.aclosing(engine.transcribe(TranscribeOpen(language="en"), sound(bytes(64000)))) as events:
            await anext(events)
    assert isinstance((await hear(engine, TranscribeOpen(language="en"), bytes(3200)))[-1], Final)


async def test_however_a_language_is_named_its_words_are_heard(engine: SttEngine) -> None:
    """Also by a tag that the engine does not know."""
    for language in ("", "English", "EN", "en_US", "nb-NO", "fil", "xx", "?"):
        assert isinstance((await hear(engine, TranscribeOpen(language=language), bytes(16000)))[-1], Final), language


async def test_bad_options_are_named(engine: SttEngine, tmp_path: Path) -> None:
    """A wrong field stops the engine from being made, and says which."""
    with pytest.raises(SettingsRejected, match="nonsense"):
        load(engine.info().name, ENGINES)({"nonsense": 1}, tmp_path)  # type: ignore[operator]


async def test_given_phrases_are_recognised_word_for_word(tmp_path: Path) -> None:
    """Real human speech, closed grammar, several at once: at least nine of ten; an unknown word is skipped and reported."""
    pytest.importorskip("pocketsphinx")
    from services.stt.engines.pocketsphinx import PocketsphinxEngine

    chosen = [prompt for prompt in prompts() if 3 <= len(prompt.text.split()) <= 8][:20]
    phrases = (*(prompt.text for prompt in chosen), "the blorgwump awaits")
    engine = PocketsphinxEngine({}, tmp_path)
    right = 0
    try:
        for start in range(0, len(chosen), 5):
            batch = chosen[start : start + 5]
            opening = TranscribeOpen(phrases=phrases)
            results = await asyncio.gather(*(hear(engine, opening, bytes(8000) + prompt.pcm() + bytes(16000)) for prompt in batch))
            for prompt, events in zip(batch, results, strict=True):
                assert isinstance(events[0], SttOpened)
                assert "the blorgwump awaits" in [item.phrase for item in events[0].skipped]
                assert isinstance(events[-1], Final)
                right += words(events[-1].text) == words(prompt.text)
                if events[-1].text:
                    assert events[-1].words
                    assert all(word.end_s > word.start_s >= 0 for word in events[-1].words)
    finally:
        await engine.close()
    assert right >= 18


async def test_a_killed_decoder_is_started_again(tmp_path: Path) -> None:
    """The utterance in hand fails with a typed error, the next one is heard."""
    pytest.importorskip("pocketsphinx")
    from services.stt.engines.pocketsphinx import PocketsphinxEngine

    engine = PocketsphinxEngine({}, tmp_path)
    await engine.open()
    assert engine._child is not None
    try:

        async def killed() -> AsyncIterator[bytes]:
            yield bytes(3200)
            assert engine._child is not None
            engine._child.kill()
            await engine._child.wait()
            yield bytes(3200)

        with pytest.raises(EngineFailed):
            [event async for event in engine.transcribe(TranscribeOpen(), killed())]
        assert isinstance((await hear(engine, TranscribeOpen(), bytes(16000)))[-1], Final)
    finally:
        await engine.close()


async def test_a_call_that_ends_while_it_is_told_of_gives_its_decoder_back(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """The child is behind, and whoever waits for it goes away: more often than there are decoders."""
    pytest.importorskip("pocketsphinx")
    from services.stt.engines.pocketsphinx import PocketsphinxEngine
    from services.stt.engines.pocketsphinx_worker import _DECODERS

    engine = PocketsphinxEngine({}, tmp_path)
    send, told = engine._send, asyncio.Event()

    async def behind(kind: bytes, number: int, payload: bytes) -> None:
        await send(kind, number, payload)
        if kind == b"O":
            told.set()
            await asyncio.Event().wait()

    try:
        monkeypatch.setattr(engine, "_send", behind)
        for _ in range(_DECODERS + 1):
            told.clear()
            call = asyncio.create_task(hear(engine, TranscribeOpen(), bytes(3200)))
            async with asyncio.timeout(30):
                await told.wait()
            call.cancel()
            await asyncio.gather(call, return_exceptions=True)
        monkeypatch.setattr(engine, "_send", send)
        assert isinstance((await hear(engine, TranscribeOpen(), bytes(16000)))[-1], Final)
        assert set(engine._answers) == {0}
    finally:
        await engine.close()


async def test_a_decoder_that_hangs_is_replaced(tmp_path: Path) -> None:
    """The utterance in hand fails with a typed error, the next one is heard."""
    pytest.importorskip("pocketsphinx")
    from services.stt.engines.pocketsphinx import PocketsphinxEngine

    engine = PocketsphinxEngine({"final_timeout_s": 3.0}, tmp_path)
    try:
        assert isinstance((await hear(engine, TranscribeOpen(), bytes(3200)))[-1], Final)
        assert engine._child is not None
        os.kill(engine._child.pid, signal.SIGSTOP)
        with pytest.raises(EngineFailed):
            await hear(engine, TranscribeOpen(), bytes(3200))
        assert isinstance((await hear(engine, TranscribeOpen(), bytes(3200)))[-1], Final)
    finally:
        await engine.close()


async def test_a_missing_model_says_what_to_do(tmp_path: Path) -> None:
    """Whisper without a model is not ready and names the command."""
    pytest.importorskip("faster_whisper")
    from services.stt.engines.whisper import WhisperEngine

    engine = WhisperEngine({}, tmp_path)
    assert not engine.info().ready
    with pytest.raises(EngineMissing, match="souffleur models pull"):
        await engine.open()
    await engine.close()
