"""The ear: what it tells, and what it bounds."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Coroutine
from typing import Any

import numpy as np
import pytest

from services.core.clock import ManualClock
from services.core.errors import EngineMissing, SouffleurError
from services.core.model.attachment import FinalHeard
from services.core.model.speech import Final, SkippedPhrase, SttOpened, TranscribeOpen
from services.core.settings import HearingSettings
from services.gateway.hearing.ear import Ear, Hearing
from services.gateway.hearing.pool import VadPool
from services.gateway.hearing.segmenter import Sensitivity
from services.gateway.hearing.utterance import Limits, Lost, Utterance
from services.gateway.hearing.vad import EnergyVad

LOUD = (8000 * np.sin(np.arange(48_000) / 17)).astype("<i2").tobytes()
"""Two seconds at 24 kHz."""


class _Call:
    """A hearing call in memory."""

    def __init__(self, error: SouffleurError | None = None) -> None:
        self.sent: list[TranscribeOpen | bytes] = []
        self.finished = asyncio.Event()
        self._error = error

    async def send(self, value: TranscribeOpen | bytes) -> None:
        self.sent.append(value)

    async def finish(self) -> None:
        self.finished.set()

    async def __aiter__(self) -> AsyncIterator[Any]:
        if self._error is not None:
            raise self._error
        yield SttOpened("fake")
        await self.finished.wait()
        yield Final(" well ", engine="fake")

    def cancel(self) -> None:
        self.finished.set()


class _Recogniser:
    def __init__(self, error: SouffleurError | None = None) -> None:
        self.calls: list[_Call] = []
        self.error = error

    def transcribe(self, timeout_s: float) -> Any:
        self.calls.append(_Call(self.error))
        return self.calls[-1]


class _Told:
    """A listener that writes down what it is told."""

    def __init__(self) -> None:
        self.events: list[tuple[Any, ...]] = []
        self.news = asyncio.Event()

    def _add(self, *event: Any) -> None:
        self.events.append(event)
        self.news.set()

    def opening(self, utterance: str) -> TranscribeOpen:
        return TranscribeOpen(utterance=utterance)

    def onset(self, utterance: str, start_ms: int, *, manual: bool) -> None:
        self._add("onset", utterance, start_ms, manual)

    def paused(self, utterance: str, silence_ms: int) -> None:
        self._add("paused", utterance, silence_ms)

    def resumed(self, utterance: str) -> None:
        self._add("resumed", utterance)

    def partial(self, utterance: str, text: str) -> None:
        self._add("partial", utterance, text)

    def final(self, final: FinalHeard) -> None:
        self._add("final", final.utterance, final)

    def lost(self, utterance: str, reason: str) -> None:
        self._add("lost", utterance, reason)

    def skipped(self, phrases: tuple[SkippedPhrase, ...]) -> None:
        self._add("skipped", phrases)

    def overflowed(self) -> None:
        self._add("overflowed")

    def kinds(self) -> list[str]:
        return [event[0] for event in self.events]

    async def until(self, kind: str) -> tuple[Any, ...]:
        async with asyncio.timeout(5):
            while not any(event[0] == kind for event in self.events):
                self.news.clear()
                await self.news.wait()
        return next(event for event in self.events if event[0] == kind)


class _Bench:
    def __init__(self, longest_s: float = 30, error: SouffleurError | None = None, *, endless: bool = False) -> None:
        self.clock = ManualClock()
        self.told = _Told()
        self.recogniser = _Recogniser(error)
        self.tasks: set[asyncio.Task[None]] = set()
        hearing = Hearing(
            pool=VadPool(EnergyVad),
            recogniser=self.recogniser,
            limits=lambda: Limits(longest_s=longest_s, final_timeout_s=5),
            clock=self.clock,
        )
        self.ear = Ear(hearing, self.told, self._spawn, Sensitivity.of(HearingSettings(vad="energy")), endless=endless)

    def _spawn(self, work: Coroutine[Any, Any, None]) -> object:
        task = asyncio.create_task(work)
        self.tasks.add(task)
        return task


def _track(bench: _Bench, pcm: bytes) -> None:
    """20 ms at a time, as a call brings them."""
    for start in range(0, len(pcm), 960):
        bench.ear.feed(pcm[start : start + 960])


async def test_final_is_told_with_its_times() -> None:
    """Speech length comes from the voice activity, the delay from the clock, the text without blanks around it."""
    bench = _Bench()
    bench.ear.feed(LOUD[:24_000] + bytes(24_000))
    _, utterance, _, manual = await bench.told.until("onset")
    assert not manual
    bench.ear.end(utterance)
    bench.clock.advance(0.25)
    _, _, final = await bench.told.until("final")
    assert (final.text, final.engine, final.stt_ms) == ("well", "fake", 250)
    assert abs(final.speech_ms - 500) <= 64


async def test_audio_that_stops_coming_is_a_pause() -> None:
    """A client that falls silent by sending nothing is reported as silent."""
    bench = _Bench()
    bench.ear.feed(LOUD[:24_000])
    bench.ear.tick()
    assert "paused" not in bench.told.kinds()
    bench.clock.advance(1.2)
    bench.ear.tick()
    bench.ear.tick()
    assert [event[2] for event in bench.told.events if event[0] == "paused"] == [1200]
    bench.clock.advance(0.3)
    assert bench.ear.silence_ms == 1500
    bench.ear.feed(LOUD[:24_000])
    assert bench.told.kinds()[-1] == "resumed"
    assert bench.ear.silence_ms is None
    bench.ear.clear()


async def test_pause_counts_what_is_not_judged_yet() -> None:
    """Silence is counted to the last sample received, not to the last whole window."""
    bench = _Bench()
    bench.ear.feed(LOUD[:24_000])
    for _ in range(20):
        bench.ear.feed(bytes(960))
        if "paused" in bench.told.kinds():
            break
    _, _, silence_ms = next(event for event in bench.told.events if event[0] == "paused")
    true_silence_ms = bench.ear.fed_ms - 500
    assert abs(silence_ms - true_silence_ms) <= 40
    bench.ear.clear()


async def test_failure_that_will_not_pass_is_not_repeated() -> None:
    """A missing engine is asked once; the rest of the speech is let go by."""
    bench = _Bench(error=EngineMissing())
    bench.ear.feed(LOUD[:24_000])
    _, utterance, reason = await bench.told.until("lost")
    assert reason == "engine_missing"
    bench.ear.feed(LOUD)
    assert len(bench.recogniser.calls) == 1
    bench.ear.feed(bytes(48_000) + LOUD[:24_000])
    assert bench.told.kinds().count("onset") == 2
    assert utterance != bench.ear.utterance
    bench.ear.clear()


async def test_manual_utterance_has_a_longest() -> None:
    """A client that never commits fills no memory: what is too much is thrown away and told."""
    bench = _Bench(longest_s=1)
    bench.ear.set_manual(True)
    for _ in range(3):
        bench.ear.feed(LOUD)
    assert "overflowed" in bench.told.kinds()
    assert bench.told.kinds().count("onset") == 1
    assert bench.ear.commit()
    _, _, final = await bench.told.until("final")
    assert final.speech_ms == 1000


async def test_manual_utterance_of_an_endless_track_begins_with_speech() -> None:
    """All that was kept from before it is part of it, nothing is there twice, and it goes on through silence until it is committed."""
    bench = _Bench(endless=True)
    bench.ear.set_manual(True)
    _track(bench, bytes(96_000))
    assert bench.told.kinds() == []
    assert not bench.ear.commit()
    _track(bench, bytes(24_000))
    _track(bench, LOUD[:24_000] + bytes(48_000))
    assert [event[0::3] for event in bench.told.events] == [("onset", True)]
    assert bench.ear.commit()
    _, _, final = await bench.told.until("final")
    assert 1500 + 250 <= final.speech_ms <= 1500 + 250 + 200
    heard = b"".join(piece for piece in bench.recogniser.calls[0].sent if isinstance(piece, bytes))
    assert len(heard) // 32 == final.speech_ms
    loud = np.abs(np.frombuffer(heard, "<i2")) > 1000
    assert 0.9 * 8000 < len(loud.nonzero()[0]) < 8000


async def test_end_of_a_track_s_words_that_comes_behind_the_commit_begins_nothing() -> None:
    """Events overtake sound; whoever goes on speaking is heard from the commit on all the same."""
    bench = _Bench(endless=True)
    bench.ear.set_manual(True)
    _track(bench, LOUD[:24_000])
    assert bench.ear.commit()
    _track(bench, LOUD[:3_840] + bytes(48_000))
    assert bench.told.kinds().count("onset") == 1
    _track(bench, LOUD[:24_000])
    assert bench.ear.commit()
    _track(bench, LOUD[:24_000])
    assert bench.ear.commit()
    for task in bench.tasks:
        await task
    finals = [event[2] for event in bench.told.events if event[0] == "final"]
    assert len(finals) == 3
    assert 490 <= finals[2].speech_ms <= 510


async def test_short_word_that_a_commit_overtakes_is_an_utterance_with_an_end() -> None:
    """As much of it as was there is heard at once; what comes behind begins nothing that nobody would end."""
    bench = _Bench(endless=True)
    bench.ear.set_manual(True)
    _track(bench, bytes(48_000) + LOUD[:2_880])
    assert bench.told.kinds() == []
    assert bench.ear.commit()
    _track(bench, LOUD[:4_800] + bytes(96_000))
    _, _, final = await bench.told.until("final")
    assert 60 + 200 <= final.speech_ms <= 60 + 500
    assert (bench.ear.utterance, bench.told.kinds().count("onset")) == ("", 1)


@pytest.mark.parametrize("word", ["commit", "clear"])
async def test_word_that_comes_whole_behind_the_client_s_own_begins_nothing(word: str) -> None:
    """Nothing of it was there to be ended or thrown away."""
    bench = _Bench(endless=True)
    bench.ear.set_manual(True)
    _track(bench, bytes(48_000))
    assert not getattr(bench.ear, word)()
    _track(bench, LOUD[:4_800] + bytes(96_000))
    assert bench.told.kinds() == []
    _track(bench, LOUD[:24_000])
    assert bench.ear.commit()
    for task in bench.tasks:
        await task


async def test_track_s_utterance_that_failed_is_let_go_by_until_it_is_committed() -> None:
    """One failure, not one for each pause."""
    bench = _Bench(error=EngineMissing(), endless=True)
    bench.ear.set_manual(True)
    _track(bench, LOUD[:24_000])
    await bench.told.until("lost")
    _track(bench, bytes(48_000) + LOUD[:24_000])
    assert len(bench.recogniser.calls) == 1
    assert not bench.ear.commit()
    _track(bench, bytes(48_000) + LOUD[:24_000])
    assert bench.told.kinds().count("onset") == 2
    bench.ear.clear()


async def test_calls_of_one_speaker_are_bounded() -> None:
    """When nothing is answered, later utterances are given up before they are sent."""
    bench = _Bench()
    for _ in range(8):
        bench.ear.feed(LOUD[:24_000] + bytes(24_000))
        # Ended in the ear only: the calls hang, since their tasks have not run.
        bench.ear.end(bench.ear.utterance)
    await bench.told.until("lost")
    assert [event[2] for event in bench.told.events if event[0] == "lost"] == ["overloaded"] * 2
    for task in bench.tasks:
        await task


async def test_utterance_dropped_before_it_began_is_never_sent() -> None:
    """Clearing at once costs no call."""
    clock = ManualClock()
    recogniser = _Recogniser()
    utterance = Utterance(TranscribeOpen(utterance="U"), recogniser, Limits(longest_s=1, final_timeout_s=1), clock)
    utterance.drop()
    assert await asyncio.wait_for(utterance.run(), 5) == Lost("dropped")


@pytest.mark.parametrize("mode", ["manual", "deaf"])
async def test_switching_modes_drops_what_is_open(mode: str) -> None:
    """What was begun hands-free is lost when the client takes over, or wants not to be heard."""
    bench = _Bench()
    bench.ear.feed(LOUD[:24_000])
    if mode == "manual":
        bench.ear.set_manual(True)
    else:
        bench.ear.set_deaf(True)
    _, _, reason = await bench.told.until("lost")
    assert reason == "cleared"
    for task in bench.tasks:
        await task
    assert "final" not in bench.told.kinds()


async def test_an_utterance_may_be_given_up_more_than_once() -> None:
    """By a client that clears and, in the same moment, leaves."""
    utterance = Utterance(TranscribeOpen(utterance="U"), _Recogniser(), Limits(longest_s=1, final_timeout_s=1), ManualClock())
    running = asyncio.create_task(utterance.run())
    while not running.done():
        utterance.drop()
        await asyncio.sleep(0)
    utterance.drop()
    assert running.result() == Lost("dropped")
