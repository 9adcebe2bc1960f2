"""The voice service over a real socket, with sentences from a real transcript."""

from __future__ import annotations

import asyncio
import shutil
import tempfile
from collections.abc import AsyncIterator, Callable
from contextlib import AbstractAsyncContextManager, asynccontextmanager
from itertools import pairwise
from pathlib import Path
from typing import Any, Final

import numpy as np
import pytest
import pytest_asyncio
from redis.asyncio import Redis

from services.core.errors import InvalidRequest, NotFound, Overloaded, SettingsRejected, TooLarge
from services.core.live import LiveSettings
from services.core.model.fact import Author, Draft
from services.core.model.facts import Body, Corrected, Spoken, Struck, fields_of, kind_of
from services.core.model.prosody import Voice
from services.core.model.voicing import (
    Say,
    SentenceDone,
    SentenceStarted,
    SpeakEvent,
    SpeakOpen,
    SpeakOpened,
    SpeechAudio,
    SynthesizeRequest,
    VoiceFellBack,
    WordMarks,
)
from services.core.rpc.client import TtsClient
from services.core.runtime import Runtime
from services.core.settings import Settings, overlaid
from services.core.telemetry import FALLBACKS, STREAMS
from services.transcript.log import TranscriptLog
from services.tts.app import build
from tests.making.piper_voice import make_piper_voice
from tests.making.speech_server import speech_server
from tests.making.voice_measures import joined, measured, samples_of

SID: Final = "table"
DEADLINE_S: Final = 20.0
ESPEAK: Final = Voice(engine="espeak", language="en")
TONE: Final = Voice(engine="scripted")

Serve = Callable[..., AbstractAsyncContextManager[TtsClient]]


@pytest_asyncio.fixture
async def serve(redis: Redis) -> AsyncIterator[Serve]:
    """Starts the service in its own short folder; patches are laid over the default settings."""
    folder = Path(tempfile.mkdtemp(prefix="sf-"))

    @asynccontextmanager
    async def start(**patch: Any) -> AsyncIterator[TtsClient]:
        settings = overlaid(Settings(data_dir=folder / "data"), patch)
        runtime = Runtime(live=LiveSettings(settings), redis=redis, run_dir=folder, archive_url="", application_url="")
        async with asyncio.timeout(60), build(runtime):
            try:
                yield runtime.tts()
            finally:
                await runtime.channels.close()

    yield start
    shutil.rmtree(folder)


@pytest_asyncio.fixture
async def told(redis: Redis) -> Callable[..., Any]:
    """Writes facts into the transcript as its owner and answers their seqs."""
    log = TranscriptLog(redis)
    fence = await log.claim(SID, "test", 60)
    count = 0

    async def write(*bodies: Body) -> list[int]:
        nonlocal count
        drafts = []
        for body in bodies:
            count += 1
            drafts.append(Draft(key=f"k{count}", kind=kind_of(body), at_ms=1, by=Author("stage"), body=fields_of(body)))
        return [fact.seq for fact in await log.append(SID, drafts, fence)]

    return write


def _sentence(text: str, index: int = 0, **how: Any) -> Spoken:
    return Spoken(line="01LINE", attempt=1, index=index, text=text, tagged=f"[tag] {text}", **how)


async def _spoken(client: TtsClient, voice: Voice, *seqs: int) -> list[SpeakEvent]:
    stream = client.speak(DEADLINE_S)
    await stream.send(SpeakOpen(SID, "01LINE", voice))
    for seq in seqs:
        await stream.send(Say(seq))
    await stream.finish()
    return [event async for event in stream]


async def _given(client: TtsClient, request: SynthesizeRequest) -> list[SpeakEvent]:
    return [event async for event in client.synthesize(request, DEADLINE_S)]


async def test_a_line_is_read_from_the_transcript_and_spoken_in_order(serve: Serve, told: Callable[..., Any]) -> None:
    """Two sentences by eSpeak: opened with exact marks, each started, marked and done, frames end to end and joined without a step."""
    seqs = await told(_sentence("Good evening, traveller."), _sentence("Sit down by the fire.", 1, emotion="joy", intensity=0.9))
    async with serve() as client:
        events = await _spoken(client, ESPEAK, *seqs)
    assert events[0] == SpeakOpened("espeak", word_marks=True)
    assert [(event.seq, event.text) for event in events if isinstance(event, SentenceStarted)] == list(
        zip(seqs, ["Good evening, traveller.", "Sit down by the fire."], strict=True)
    )
    for seq in seqs:
        audio = [event for event in events if isinstance(event, SpeechAudio) and event.seq == seq]
        (done,) = [event for event in events if isinstance(event, SentenceDone) and event.seq == seq]
        assert all(one.offset_samples + len(one.pcm) // 2 == two.offset_samples for one, two in pairwise(audio))
        assert audio[-1].offset_samples + len(audio[-1].pcm) // 2 == done.samples
        marks = [mark for event in events if isinstance(event, WordMarks) and event.seq == seq for mark in event.marks]
        assert len(marks) in {3, 5}
        assert all(0 <= mark.at_samples < done.samples for mark in marks)
    first = sum(event.samples for event in events if isinstance(event, SentenceDone) and event.seq == seqs[0])
    sound = samples_of(joined(events))
    assert np.abs(sound[first - 120 : first + 120]).max() < 0.01
    assert measured(sound).peak <= 10 ** (-1 / 20) + 1e-3


async def test_what_corrected_a_sentence_is_what_is_spoken(serve: Serve, told: Callable[..., Any]) -> None:
    """The director's new wording and feeling, without another word to the voice."""
    (seq,) = await told(_sentence("I will help you."))
    await told(Corrected(target=seq, text="No.", emotion="anger"))
    async with serve() as client:
        events = await _spoken(client, TONE, seq)
    assert [event.text for event in events if isinstance(event, SentenceStarted)] == ["No."]


async def test_a_sentence_that_is_struck_is_passed_over(serve: Serve, told: Callable[..., Any]) -> None:
    """The rest of the line is spoken all the same."""
    first, second, third = await told(_sentence("One."), _sentence("Never mind.", 1), _sentence("Three.", 2))
    await told(Struck(targets=[second]))
    async with serve() as client:
        events = await _spoken(client, TONE, first, second, third)
    assert [event.seq for event in events if isinstance(event, SentenceStarted)] == [first, third]
    assert {event.seq for event in events if isinstance(event, SpeechAudio)} == {first, third}


async def test_a_sentence_that_is_absent_ends_the_call(serve: Serve, told: Callable[..., Any]) -> None:
    """Nothing is spoken that the transcript never held."""
    await told(_sentence("One."))
    async with serve() as client:
        with pytest.raises(NotFound):
            await _spoken(client, TONE, 99)


async def test_a_line_waits_open_for_its_next_sentence(serve: Serve, told: Callable[..., Any]) -> None:
    """The second sentence is written and said only after the first one was done; the same call speaks it."""
    (first,) = await told(_sentence("Who goes there?"))
    async with serve() as client:
        stream = client.speak(DEADLINE_S)
        events = aiter(stream)
        await stream.send(SpeakOpen(SID, "01LINE", TONE))
        await stream.send(Say(first))
        assert await _done(events) == first
        (second,) = await told(_sentence("Come closer.", 1))
        await stream.send(Say(second))
        assert await _done(events) == second
        await stream.finish()
        assert await anext(events, None) is None


async def _done(events: AsyncIterator[SpeakEvent]) -> int:
    """Seq of the next sentence that is done."""
    while not isinstance(event := await anext(events), SentenceDone):
        pass
    return event.seq


async def test_cancelling_frees_the_engine_and_the_place_at_once(serve: Serve, told: Callable[..., Any]) -> None:
    """With room for one line, the next one is taken as soon as the first was cut in the middle of a long sentence."""
    (long,) = await told(_sentence("word " * 390))
    (short,) = await told(_sentence("Yes?", 1))
    async with serve(tts={"max_streams": 1}) as client:
        stream = client.speak(DEADLINE_S)
        await stream.send(SpeakOpen(SID, "01LINE", ESPEAK))
        await stream.send(Say(long))
        async for event in stream:
            if isinstance(event, SpeechAudio):
                break
        with pytest.raises(Overloaded):
            await _spoken(client, ESPEAK, short)
        stream.cancel()
        async with asyncio.timeout(5):
            while STREAMS.labels(part="tts")._value.get():
                await asyncio.sleep(0.002)
        events = await _spoken(client, ESPEAK, short)
    assert [event.seq for event in events if isinstance(event, SentenceDone)] == [short]


async def test_a_voice_that_fails_is_replaced_before_anything_was_heard(serve: Serve, told: Callable[..., Any]) -> None:
    """A remote server that answers 500: eSpeak speaks instead, the call says so, and it is counted."""
    (seq,) = await told(_sentence("Good evening."))
    before = FALLBACKS.labels("tts", "openai", "espeak", "engine_failed")._value.get()
    with speech_server() as server:
        server.status = 500
        async with serve(tts={"engine": "openai", "engines": {"openai": {"base_url": server.base_url}}}) as client:
            events = await _spoken(client, Voice(language="en"), seq)
        assert len(server.asked) == 1
    kinds = [type(event) for event in events]
    assert kinds.index(VoiceFellBack) < kinds.index(SpeechAudio)
    assert [(event.from_engine, event.to_engine) for event in events if isinstance(event, VoiceFellBack)] == [("openai", "espeak")]
    assert FALLBACKS.labels("tts", "openai", "espeak", "engine_failed")._value.get() == before + 1


async def test_piper_speaks_by_default_once_its_voice_is_on_disk(serve: Serve, told: Callable[..., Any], tmp_path: Path) -> None:
    """The true library with a hand-made voice carries a line, beside eSpeak in the same process."""
    make_piper_voice(tmp_path / "piper")
    seqs = await told(_sentence("Good evening, traveller."), _sentence("Sit down.", 1, emotion="sadness"))
    async with serve(models_dir=str(tmp_path)) as client:
        default, engines = await client.describe()
        assert default == "piper"
        assert {info.name for info in engines if info.ready} >= {"piper", "espeak", "scripted"}
        events = await _spoken(client, Voice(language="en-GB"), *seqs)
        russian = await _spoken(client, Voice(language="ru"), seqs[0])
    assert events[0] == SpeakOpened("piper")
    assert [event.seq for event in events if isinstance(event, SentenceDone)] == seqs
    assert russian[0] == SpeakOpened("espeak", word_marks=True)


async def test_given_text_is_spoken_sentence_by_sentence(serve: Serve) -> None:
    """The stateless call: long texts are cut at sentence ends, speed shortens, markup does nothing."""
    text = "Good evening. Come in! <break time='30s'/> Sit down by the fire."
    async with serve() as client:
        usual = await _given(client, SynthesizeRequest(text=text, voice=ESPEAK))
        quick = await _given(client, SynthesizeRequest(text=text, voice=ESPEAK, speed=2.0))
    assert len([event for event in usual if isinstance(event, SentenceDone)]) == 3
    length = measured(samples_of(joined(usual))).seconds
    assert 1.5 < length < 8
    assert measured(samples_of(joined(quick))).seconds < 0.75 * length


async def test_feeling_and_volume_are_heard_in_what_leaves_the_house(serve: Serve) -> None:
    """Levelling keeps anger above and weariness below neutral, and a quiet character quiet."""

    async def loudness(client: TtsClient, emotion: str, volume: float = 1.0) -> float:
        voice = Voice(engine="espeak", language="en", volume=volume)
        request = SynthesizeRequest(text="Come in and sit down.", voice=voice, emotion=emotion, intensity=1.0)
        return measured(samples_of(joined(await _given(client, request)))).rms_db

    async with serve() as client:
        neutral = await loudness(client, "neutral")
        assert await loudness(client, "anger") > neutral + 2
        assert await loudness(client, "weariness") < neutral - 4
        assert await loudness(client, "neutral", 0.5) == pytest.approx(neutral - 6, abs=1)


async def test_every_request_has_limits(serve: Serve) -> None:
    """Too long, empty, or in the wrong order: a typed error, and the service goes on."""
    async with serve() as client:
        with pytest.raises(TooLarge):
            await _given(client, SynthesizeRequest(text="a " * 5000, voice=TONE))
        with pytest.raises(TooLarge):
            await _given(client, SynthesizeRequest(text="Hm.", voice=Voice(name="n" * 300)))
        with pytest.raises(InvalidRequest):
            await _given(client, SynthesizeRequest(text=" \n"))
        stream = client.speak(DEADLINE_S)
        await stream.send(Say(1))
        with pytest.raises(InvalidRequest):
            [event async for event in stream]
        twice = client.speak(DEADLINE_S)
        await twice.send(SpeakOpen(SID, "01LINE", TONE))
        await twice.send(SpeakOpen(SID, "01LINE", TONE))
        with pytest.raises(InvalidRequest):
            [event async for event in twice]
        assert await _given(client, SynthesizeRequest(text="Still here.", voice=TONE))


async def test_ten_lines_at_once_are_all_heard_whole(serve: Serve, told: Callable[..., Any]) -> None:
    """Several tables share the one eSpeak without mixing or losing sound."""
    seqs = await told(*(_sentence(f"This is sentence number {index} of many.", index) for index in range(10)))
    async with serve() as client:
        calls = await asyncio.gather(*(_spoken(client, ESPEAK, seq) for seq in seqs))
    for seq, events in zip(seqs, calls, strict=True):
        (done,) = [event for event in events if isinstance(event, SentenceDone)]
        assert done.seq == seq
        assert len(joined(events)) == 2 * done.samples
        assert measured(samples_of(joined(events))).rms_db == pytest.approx(-20.0, abs=3)  # a busy machine levels by what it has


async def test_a_wrong_engine_table_stops_the_service_from_starting(serve: Serve) -> None:
    """The error names the field."""
    with pytest.raises(SettingsRejected, match=r"tts\.engines\.espeak\.words_per_minute"):
        async with serve(tts={"engines": {"espeak": {"words_per_minute": "fast"}}}):
            pass
