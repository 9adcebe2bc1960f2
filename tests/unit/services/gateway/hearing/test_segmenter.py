"""The segmenter: onset, pause, resume, and every window handed over once."""

from __future__ import annotations

from hypothesis import given
from hypothesis import strategies as st

from services.core.settings import HearingSettings
from services.gateway.hearing.segmenter import Began, Hushed, Segmenter, Sensitivity, Step, Went, WentOn
from services.gateway.hearing.vad import WINDOW_BYTES, WINDOW_MS

LOUD, QUIET, BETWEEN = 0.9, 0.1, 0.4


def _window(number: int) -> bytes:
    return number.to_bytes(4, "little") * (WINDOW_BYTES // 4)


def _numbers(audio: bytes) -> list[int]:
    return [int.from_bytes(audio[start : start + 4], "little") for start in range(0, len(audio), WINDOW_BYTES)]


def _run(probabilities: list[float], segmenter: Segmenter | None = None) -> list[Step]:
    segmenter = segmenter or Segmenter(Sensitivity.of(HearingSettings()))
    return [step for number, probability in enumerate(probabilities) for step in segmenter.push(_window(number), probability)]


def test_speech_begins_after_two_loud_windows_with_what_preceded_them() -> None:
    """One loud window is a click; at the second one the utterance starts, 250 ms before the first."""
    steps = _run([QUIET] * 20 + [LOUD, QUIET] + [LOUD, LOUD])
    assert len(steps) == 1
    began = steps[0]
    assert isinstance(began, Began)
    assert _numbers(began.audio) == list(range(14, 24))
    assert began.start_ms == 14 * WINDOW_MS


def test_pause_is_told_once_and_taken_back_by_loud_speech_only() -> None:
    """Three quiet windows are a pause; what is merely not quiet does not end it."""
    steps = _run([LOUD, LOUD, QUIET, QUIET, QUIET, QUIET, BETWEEN, LOUD, LOUD])
    assert [type(step) for step in steps if not isinstance(step, Went)] == [Began, Hushed, WentOn]
    assert [step.silence_ms for step in steps if isinstance(step, Hushed)] == [3 * WINDOW_MS]


def test_wavering_speech_is_speech() -> None:
    """Between the two bars an utterance neither begins nor pauses."""
    assert _run([BETWEEN] * 10) == []
    steps = _run([LOUD, LOUD, *[BETWEEN] * 10])
    assert not any(isinstance(step, Hushed) for step in steps)


def test_speech_length_is_from_the_first_to_the_last_spoken_window() -> None:
    """Pre-roll and trailing silence are not speech."""
    segmenter = Segmenter(Sensitivity.of(HearingSettings()))
    _run([QUIET] * 8 + [LOUD] * 6 + [QUIET] * 2 + [LOUD] * 2 + [QUIET] * 5, segmenter)
    assert segmenter.speech_ms == 10 * WINDOW_MS


def test_shorter_windows_mean_the_same_times() -> None:
    """A detector with windows of 10 ms begins, pauses and keeps pre-roll after the same times, to a window of its own."""
    segmenter = Segmenter(Sensitivity.of(HearingSettings()), 10)
    steps = _run([QUIET] * 50 + [LOUD] * 5 + [QUIET] + [LOUD] * 20 + [QUIET] * 20, segmenter)
    began, hushed = steps[0], next(step for step in steps if isinstance(step, Hushed))
    assert isinstance(began, Began)
    assert (len(_numbers(began.audio)), began.start_ms) == (25 + 6, 560 + 60 - 310)
    assert hushed.silence_ms == 90
    assert (segmenter.speech_ms, segmenter.position_ms) == (200, 960)


def test_positions_survive_a_restart() -> None:
    """After audio was not listened to, the next utterance stands where the connection's audio is."""
    segmenter = Segmenter(Sensitivity.of(HearingSettings(pre_roll_s=0)))
    _run([QUIET] * 5, segmenter)
    segmenter.restart(10_000)
    steps = _run([QUIET, LOUD, LOUD], segmenter)
    assert isinstance(steps[0], Began)
    assert steps[0].start_ms == 10_000 + WINDOW_MS


def test_own_threshold_moves_the_release_with_it() -> None:
    """A connection with a lower bar for speech has a lower one for silence, too."""
    sensitivity = Sensitivity.of(HearingSettings(), threshold=0.2, pre_roll_ms=5000)
    assert sensitivity.release < sensitivity.threshold == 0.2
    assert sensitivity.pre_roll_windows * WINDOW_MS <= 1000 + WINDOW_MS


@given(st.lists(st.tuples(st.floats(0, 1), st.booleans()), max_size=200))
def test_no_window_is_handed_over_twice_or_out_of_order(course: list[tuple[float, bool]]) -> None:
    """Whatever is heard and whenever the stage ends an utterance, the audio handed over is strictly forward."""
    segmenter = Segmenter(Sensitivity.of(HearingSettings()))
    last = -1
    for number, (probability, ended) in enumerate(course):
        for step in segmenter.push(_window(number), probability):
            if isinstance(step, Began | Went):
                numbers = _numbers(step.audio)
                assert numbers == list(range(numbers[0], number + 1))
                assert numbers[0] > last
                last = number
        if ended:
            segmenter.end()


@given(st.lists(st.floats(0, 1), max_size=300))
def test_steps_alternate(course: list[float]) -> None:
    """Between onset and end a pause is followed by a resume and never by another pause."""
    paused = False
    for step in _run(course):
        if isinstance(step, Hushed):
            assert not paused
            paused = True
        elif isinstance(step, WentOn):
            assert paused
            paused = False
