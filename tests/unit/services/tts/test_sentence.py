"""One sentence from an engine's pieces to frames."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncGenerator, Callable

import numpy as np
import pytest
from numpy.typing import NDArray

from services.core.errors import EngineFailed
from services.core.model.audio import VOICE_FRAME_BYTES
from services.core.model.voicing import SentenceDone, SpeechAudio, WordMarks
from services.tts import sentence as room
from services.tts.engine import EngineEvent, Mark, Sound
from services.tts.loudness import Calibration
from services.tts.sentence import RenderedEvent, Sentence, rendered, silence
from tests.making.voice_measures import joined, measured, samples_of

RATE = 22_050
TEXT = "Come in, come in."


def _tone(ms: int, amplitude: float = 0.1, rate: int = RATE) -> NDArray[np.float32]:
    return (amplitude * np.sin(2 * np.pi * 180 * np.arange(rate * ms // 1000) / rate)).astype(np.float32)


def _sentence(gain_db: float = 0.0) -> Sentence:
    return Sentence(seq=7, text=TEXT, target_dbfs=-20.0, gain_db=gain_db, voice_key=("voice", "neutral"))


async def _given(*events: EngineEvent) -> AsyncGenerator[EngineEvent, None]:
    for event in events:
        yield event


async def _rendered(sentence: Sentence, source: AsyncGenerator[EngineEvent, None], calibration: Calibration | None = None) -> list[RenderedEvent]:
    async with asyncio.timeout(10):
        return [event async for event in rendered(sentence, source, calibration or Calibration())]


async def test_frames_are_whole_and_lie_end_to_end() -> None:
    """Every message holds 20 to 100 ms in whole frames, each begins where the one before ended, and the last event counts them."""
    pieces = [Sound(piece, RATE) for piece in np.array_split(_tone(1234), 23)]
    events = await _rendered(_sentence(), _given(*pieces))
    audio = [event for event in events if isinstance(event, SpeechAudio)]
    position = 0
    for event in audio:
        assert event.seq == 7
        assert event.offset_samples == position
        assert len(event.pcm) % VOICE_FRAME_BYTES == 0
        assert VOICE_FRAME_BYTES <= len(event.pcm) <= 5 * VOICE_FRAME_BYTES
        position += len(event.pcm) // 2
    assert events[-1] == SentenceDone(7, position)


@pytest.mark.parametrize("amplitude", [0.005, 0.05, 0.9])
async def test_soft_and_loud_engines_end_at_the_same_loudness(amplitude: float) -> None:
    """The settings' level is met within half a decibel."""
    result = measured(samples_of(joined(await _rendered(_sentence(), _given(Sound(_tone(900, amplitude), RATE))))))
    assert result.rms_db == pytest.approx(-20.0, abs=0.5)


async def test_the_feelings_gain_survives_levelling_and_the_peak_stays_below_the_ceiling() -> None:
    """Anger ends louder than neutral, weariness quieter, and nothing clips."""
    sound = Sound(_tone(900), RATE)
    loud, soft = [measured(samples_of(joined(await _rendered(_sentence(gain), _given(sound))))) for gain in (5.0, -6.0)]
    assert loud.rms_db - soft.rms_db == pytest.approx(11.0, abs=0.7)
    far = measured(samples_of(joined(await _rendered(_sentence(30.0), _given(sound)))))
    assert far.peak <= 10 ** (-1 / 20) + 1e-3


async def test_marks_follow_the_cut_of_leading_silence() -> None:
    """A word that the engine begins after 300 ms of silence begins near the first audible sample."""
    sound = Sound(np.concatenate((np.zeros(RATE * 300 // 1000, np.float32), _tone(700))), RATE)
    events = await _rendered(_sentence(), _given(Mark(0, 4, 0.3), Mark(5, 7, 0.65), sound))
    (marks,) = [event.marks for event in events if isinstance(event, WordMarks)]
    first = int(np.flatnonzero(np.abs(samples_of(joined(events))) > 0.01)[0])
    assert marks[0].at_samples == pytest.approx(first, abs=240)
    assert marks[1].at_samples - marks[0].at_samples == pytest.approx(0.35 * 24_000, abs=2)
    assert events.index(next(event for event in events if isinstance(event, WordMarks))) == 0


async def test_an_engine_without_marks_gets_estimates() -> None:
    """Captions can follow any voice."""
    events = await _rendered(_sentence(), _given(Sound(_tone(1000), RATE)))
    (marks,) = [event.marks for event in events if isinstance(event, WordMarks)]
    assert [TEXT[mark.start : mark.end] for mark in marks] == ["Come", "in", "come", "in"]
    assert marks[-1].at_samples < 24_000


async def test_first_audio_does_not_wait_for_the_end_of_a_slow_engine() -> None:
    """A remote voice that streams is heard after 200 ms of its sound, at once when the voice is known."""
    calibration = Calibration()
    for needed in (3, 1):
        more: asyncio.Queue[EngineEvent | None] = asyncio.Queue()

        async def slow(queue: asyncio.Queue[EngineEvent | None] = more) -> AsyncGenerator[EngineEvent, None]:
            while (event := await queue.get()) is not None:
                yield event

        for _ in range(needed):
            more.put_nowait(Sound(_tone(100), RATE))
        events = rendered(_sentence(), slow(), calibration)
        async with asyncio.timeout(5):
            assert isinstance(await anext(events), SpeechAudio)
            more.put_nowait(None)
            rest = [event async for event in events]
        assert isinstance(rest[-1], SentenceDone)


@pytest.mark.parametrize("silent", [(), (Sound(np.zeros(8000, np.float32), RATE),)])
async def test_an_engine_that_makes_no_sound_has_failed(silent: tuple[EngineEvent, ...]) -> None:
    """A sentence is never swallowed: the next engine must get its chance."""
    with pytest.raises(EngineFailed):
        await _rendered(_sentence(), _given(*silent))


async def test_a_stalled_engine_is_given_up_and_closed(monkeypatch: pytest.MonkeyPatch) -> None:
    """Before its first sound as well as between two."""
    monkeypatch.setattr(room, "FIRST_SOUND_S", 0.02)
    monkeypatch.setattr(room, "NEXT_SOUND_S", 0.02)
    for first in ((), (Sound(_tone(400), RATE),)):
        closed = asyncio.Event()

        async def stalls(given: tuple[Sound, ...] = first, told: Callable[[], None] = closed.set) -> AsyncGenerator[EngineEvent, None]:
            try:
                for event in given:
                    yield event
                await asyncio.Event().wait()
            finally:
                told()

        with pytest.raises(EngineFailed):
            await _rendered(_sentence(), stalls())
        assert closed.is_set()


def test_a_sentence_with_nothing_to_say_is_a_pause() -> None:
    """Its silence is made of whole frames as well."""
    *audio, done = silence(3, 410)
    assert done == SentenceDone(3, 20 * 480)
    assert joined(audio) == bytes(20 * VOICE_FRAME_BYTES)
