"""The engines that run in other systems' interpreters."""

from __future__ import annotations

import itertools
import time

from bench.peers.fakes import VOICE_RATE, WINDOW_BYTES, is_loud, spoken, words
from bench.script import REPLY, speech_frame


async def test_all_words_come_and_none_before_its_time() -> None:
    """The text is ours, letter for letter; word n is there n paces after the first."""
    began = time.monotonic()
    found = [(word, time.monotonic() - began) async for word in words(1.0)]
    assert "".join(word for word, _ in found) == " ".join(REPLY)
    assert all(at >= 0.001 * number for number, (_, at) in enumerate(found))


def test_a_reply_lasts_two_seconds_and_is_loud() -> None:
    """100 ms per 17 characters, at 24 kHz."""
    sound = b"".join(spoken(sentence) for sentence in REPLY)
    assert len(sound) == 2 * 2 * VOICE_RATE
    windows = [sound[at : at + WINDOW_BYTES] for at in range(0, len(sound), WINDOW_BYTES)]
    assert all(map(is_loud, windows))


def test_the_callers_speech_is_loud_and_silence_is_not() -> None:
    """A frame of the caller is one window."""
    assert len(speech_frame()) == WINDOW_BYTES
    assert is_loud(speech_frame())
    assert not is_loud(bytes(WINDOW_BYTES))


def test_a_tone_does_not_jump_where_it_repeats() -> None:
    """Its halves are equally long."""
    samples = memoryview(spoken("a" * 34)).cast("h")
    assert {len(list(group)) for _, group in itertools.groupby(samples)} == {VOICE_RATE // 800}
