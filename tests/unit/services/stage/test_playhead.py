"""Pacing and what was heard, told the time."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from services.core.model.audio import VOICE_RATE
from services.core.model.voicing import WordMark
from services.stage.playhead import Playhead, SpokenSentence, extent, whole_words


def test_no_more_than_the_lead_is_sent_ahead() -> None:
    """150 ms at first, and then as fast as it plays."""
    head = Playhead(0.15)
    assert head.room(0.0) == int(0.15 * VOICE_RATE)
    head.advance(head.room(0.0), 0.0)
    assert head.room(0.0) == 0
    assert head.room(0.1) == pytest.approx(0.1 * VOICE_RATE, abs=2)
    assert head.wait_s(VOICE_RATE // 10, 0.0) == pytest.approx(0.1)


def test_a_pause_stops_the_clock() -> None:
    """What was not played before the pause is not played during it."""
    head = Playhead(0.15)
    head.advance(VOICE_RATE, 0.0)
    head.pause(0.3)
    assert head.position(5.0) == pytest.approx(0.3 * VOICE_RATE, abs=2)
    head.resume(5.0)
    assert head.position(5.2) == pytest.approx(0.5 * VOICE_RATE, abs=2)


def test_a_gap_in_synthesis_does_not_run_the_clock_ahead() -> None:
    """A listener that ran dry goes on where it stopped."""
    head = Playhead(0.15)
    head.advance(VOICE_RATE // 10, 0.0)
    head.advance(VOICE_RATE // 10, 3.0)
    assert head.position(3.05) == pytest.approx(0.15 * VOICE_RATE, abs=2)


def sentence(seq: int, start: int, *, marks: bool = True) -> SpokenSentence:
    text = "Good evening, traveller."
    words = [(0, 4, 0), (5, 13, 6000), (14, 24, 14000)] if marks else []
    return SpokenSentence(seq, text, start, samples=24000, done=True, marks=[WordMark(*word) for word in words])


def test_heard_text_ends_at_a_word() -> None:
    """By its marks, to the word that had begun."""
    sentences = [sentence(5, 0), sentence(7, 24000)]
    assert extent(sentences, 0) == (0, 0)
    assert extent(sentences, 7000) == (5, 13)
    assert extent(sentences, 24000) == (5, 24)
    assert extent(sentences, 31000) == (7, 13)
    assert extent(sentences, 48000) == (7, 24)


@given(st.text(max_size=60), st.integers(0, 80))
def test_a_word_is_never_halved(text: str, offset: int) -> None:
    """In scripts with spaces the cut falls between words."""
    cut = whole_words(text, offset)
    assert 0 <= cut <= min(len(text), offset) or cut <= len(text)
    if 0 < cut < len(text) and ord(text[cut - 1]) <= 0x2E80:
        assert not (text[cut].isalnum() and text[cut - 1].isalnum() and text[cut - 1 : cut + 1].isascii())


@given(st.integers(0, 30000))
def test_without_marks_more_sound_is_never_less_text(played: int) -> None:
    """Proportional cutting is monotonic."""
    one = sentence(1, 0, marks=False)
    assert one.offset_at(played) <= one.offset_at(played + 500)
