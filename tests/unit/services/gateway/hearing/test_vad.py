"""Detectors and the pool that asks them."""

from __future__ import annotations

import asyncio
import threading
from collections.abc import Callable, Sequence

import numpy as np
import pytest

from services.core.settings import HearingSettings
from services.gateway.hearing import vad
from services.gateway.hearing.pool import Source, VadPool
from services.gateway.hearing.segmenter import Began, Hushed, Segmenter, Sensitivity
from services.gateway.hearing.vad import WINDOW_BYTES, WINDOW_MS, EnergyVad, SileroVad, Vad, builder
from tests.making.prompts import prompts

_OPEN = threading.Event()
_OPEN.set()


class _Slow:
    """Judges in the worker thread, when it is let."""

    inline = False
    window_ms = WINDOW_MS

    def __init__(self, gate: threading.Event, hops: list[int]) -> None:
        self._gate = gate
        self._hops = hops
        self.resets = 0

    def probability(self, window: bytes) -> float:
        self._gate.wait(5)
        self._hops.append(threading.get_ident())
        return window[0] / 255

    def reset(self) -> None:
        self.resets += 1


async def _settled(done: asyncio.Event) -> None:
    async with asyncio.timeout(5):
        await done.wait()


async def test_windows_that_come_during_a_hop_share_the_next() -> None:
    """Every window is judged once, in the order of its speaker, off the loop; and a speaker with a whole file waiting does not hold up another."""
    gate, hops = threading.Event(), list[int]()
    pool = VadPool(lambda: _Slow(gate, hops))
    done = asyncio.Event()
    told: list[tuple[str, int]] = []

    def listener(name: str) -> object:
        def deliver(window: bytes, _: float) -> None:
            told.append((name, window[0]))
            if len(told) == 33:
                done.set()

        return pool.source(deliver)

    greedy, modest = listener("greedy"), listener("modest")
    for number in range(30):
        greedy.push(bytes([number]) * WINDOW_BYTES)  # type: ignore[attr-defined]
    for number in range(3):
        modest.push(bytes([number]) * WINDOW_BYTES)  # type: ignore[attr-defined]
    gate.set()
    await _settled(done)
    assert [number for name, number in told if name == "greedy"] == list(range(30))
    assert [number for name, number in told if name == "modest"] == list(range(3))
    assert told.index(("modest", 2)) < 12
    assert threading.get_ident() not in hops
    await pool.close()


async def test_reset_forgets_what_is_waiting_and_under_way() -> None:
    """After a reset no older window is told, and the detector starts afresh."""
    gate, hops = threading.Event(), list[int]()
    detector = _Slow(gate, hops)
    pool = VadPool(lambda: detector)
    told: list[int] = []
    done = asyncio.Event()

    def deliver(window: bytes, _: float) -> None:
        told.append(window[0])
        done.set()

    source = pool.source(deliver)
    for number in range(6):
        source.push(bytes([number]) * WINDOW_BYTES)
    source.reset()
    gate.set()
    source.push(bytes([99]) * WINDOW_BYTES)
    await _settled(done)
    assert told == [99]
    assert detector.resets == 1
    await pool.close()


async def test_detector_that_breaks_is_replaced() -> None:
    """A speaker whose model fails is still heard, by loudness."""

    class Broken:
        inline = False
        window_ms = WINDOW_MS

        def probability(self, window: bytes) -> float:
            raise RuntimeError("no model")

        def reset(self) -> None:
            return

    pool = VadPool(Broken)
    done = asyncio.Event()
    told: list[float] = []

    def deliver(_: bytes, probability: float) -> None:
        told.append(probability)
        done.set()

    source = pool.source(deliver)
    loud = (8000 * np.sin(np.arange(512) / 5)).astype("<i2").tobytes()
    source.push(loud)
    await _settled(done)
    assert told == [1.0]
    assert isinstance(source.vad, EnergyVad)
    await pool.close()


class _Crowd(_Slow):
    """Judges many at a time, unless one of them is to break everything."""

    crowds: list[int] = []  # noqa: RUF012 - each test begins it anew
    breaks = False

    def __init__(self) -> None:
        super().__init__(_OPEN, [])

    @staticmethod
    def together(detectors: Sequence[_Crowd], windows: Sequence[bytes]) -> list[float]:
        _Crowd.crowds.append(len(detectors))
        if _Crowd.breaks:
            raise RuntimeError("no model")
        return [window[0] / 255 for window in windows]


@pytest.mark.parametrize("breaks", [False, True])
async def test_windows_of_many_speakers_are_judged_in_one_go(monkeypatch: pytest.MonkeyPatch, breaks: bool) -> None:  # noqa: FBT001
    """Each speaker's in their order; where that fails each is judged alone."""
    monkeypatch.setattr(_Crowd, "crowds", [])
    monkeypatch.setattr(_Crowd, "breaks", breaks)
    pool = VadPool(_Crowd)
    told: dict[int, list[float]] = {speaker: [] for speaker in range(3)}
    done = asyncio.Event()

    def listener(speaker: int) -> Source:
        def deliver(_: bytes, probability: float) -> None:
            told[speaker].append(probability * 255)
            if sum(map(len, told.values())) == 6:
                done.set()

        return pool.source(deliver)

    speakers = [listener(speaker) for speaker in range(3)]
    gate = threading.Event()
    # The thread is busy until everything waits.
    pool._thread.submit(gate.wait, 5)
    for number, speaker in enumerate([*speakers, *speakers[:2], speakers[0]]):
        speaker.push(bytes([number]) * WINDOW_BYTES)
    gate.set()
    await _settled(done)
    assert told == {0: [0, 3, 5], 1: [1, 4], 2: [2]}
    assert _Crowd.crowds == [3, 2]
    await pool.close()


async def test_cheap_detector_is_asked_at_once() -> None:
    """The energy detector costs no hop: the answer is there when push returns."""
    pool = VadPool(EnergyVad)
    told: list[float] = []
    source = pool.source(lambda _, probability: told.append(probability))
    source.push(bytes(3 * source.window_bytes))
    assert (told, source.window_ms) == ([0.0] * 3, 10)
    await pool.close()


async def test_what_one_window_leads_to_may_end_the_others() -> None:
    """A speaker who is forgotten in the middle of a piece of audio hears no more of it."""
    pool = VadPool(EnergyVad)
    told: list[float] = []

    def deliver(_: bytes, probability: float) -> None:
        told.append(probability)
        source.reset()

    source = pool.source(deliver)
    source.push(bytes(3 * source.window_bytes))
    assert told == [0.0]
    await pool.close()


def test_missing_wheel_is_loudness(monkeypatch: pytest.MonkeyPatch) -> None:
    """Where Silero cannot be loaded the energy detector stands in."""

    class Missing:
        def __init__(self) -> None:
            raise ImportError

    monkeypatch.setattr(vad, "SileroVad", Missing)
    assert builder("silero") is EnergyVad


def test_steady_noise_is_not_speech_for_long() -> None:
    """The floor follows a fan; what is well above it is speech."""
    generator = np.random.default_rng(1)
    detector = EnergyVad()
    noise = [generator.normal(0, 60, 512).astype("<i2").tobytes() for _ in range(100)]
    assert sum(detector.probability(window) for window in noise) == 0
    assert detector.probability(generator.normal(0, 3000, 512).astype("<i2").tobytes()) == 1.0


def _segments(detector: Vad, pcm: bytes, hang_over_ms: int = 500) -> list[tuple[int, int]]:
    """(start, end) in ms of what would become utterances with that hang-over."""
    segmenter = Segmenter(Sensitivity.of(HearingSettings()), detector.window_ms)
    size = detector.window_ms * 32
    found: list[tuple[int, int]] = []
    begun, hushed_at = 0, -1
    for start in range(0, len(pcm) - size, size):
        window = pcm[start : start + size]
        for step in segmenter.push(window, detector.probability(window)):
            if isinstance(step, Began):
                begun = step.start_ms
            hushed_at = segmenter.position_ms - step.silence_ms if isinstance(step, Hushed) else hushed_at
        if segmenter.talking:
            hushed_at = -1
        if hushed_at >= 0 and segmenter.position_ms - hushed_at >= hang_over_ms:
            found.append((begun, hushed_at))
            segmenter.end()
            hushed_at = -1
    return found


@pytest.mark.parametrize("build", [SileroVad, EnergyVad])
def test_finds_human_phrases(build: Callable[[], Vad]) -> None:
    """Ten recorded phrases between silences: each is one utterance that holds the phrase and ends within 200 ms of it."""
    detector = build()
    for prompt in prompts()[:10]:
        detector.reset()
        speech = prompt.pcm()
        samples = np.abs(np.frombuffer(speech, "<i2").astype(int))
        loud = np.flatnonzero(samples > 400)
        first_ms, last_ms = 1000 + loud[0] / 16, 1000 + loud[-1] / 16
        found = _segments(detector, bytes(32_000) + speech + bytes(64_000))
        assert len(found) == 1, prompt.name
        start, end = found[0]
        assert start <= first_ms + 20, prompt.name
        assert abs(end - last_ms) <= 200 + WINDOW_MS, prompt.name


async def test_who_cannot_be_told_costs_the_others_nothing() -> None:
    """A speaker whose connection refuses what it is told hears of it with the next sound; the windows of the others in the same hop are theirs."""
    gate, done = threading.Event(), asyncio.Event()
    pool = VadPool(lambda: _Slow(gate, []))
    told: list[int] = []

    def refuse(window: bytes, _: float) -> None:
        raise OverflowError(window[0])

    def deliver(window: bytes, _: float) -> None:
        told.append(window[0])
        if len(told) == 3:
            done.set()

    first, broken, other = pool.source(lambda *_: None), pool.source(refuse), pool.source(deliver)
    first.push(bytes(WINDOW_BYTES))
    broken.push(bytes([7]) * WINDOW_BYTES)
    for number in range(3):
        other.push(bytes([number]) * WINDOW_BYTES)
    gate.set()
    await _settled(done)
    assert told == [0, 1, 2]
    with pytest.raises(OverflowError):
        broken.push(bytes(WINDOW_BYTES))
    await pool.close()
