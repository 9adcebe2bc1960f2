"""When an utterance ends, told the time."""

from __future__ import annotations

import pytest

from services.core.errors import NotFound
from services.core.settings import StageSettings
from services.stage.endpointing import Utterance, policy, text_aware


def begun(*, manual: bool = False, endpointing: str = "fixed") -> Utterance:
    return Utterance.begun("u", 0.0, StageSettings(), manual=manual, hang_over_s=None, endpointing=endpointing)


def test_silence_of_the_hang_over_ends_it() -> None:
    """0.5 s after the last sound, counted from the sound's end and not from the report."""
    utterance = begun()
    utterance.paused(1.1, 0.1)
    assert utterance.speech_end == pytest.approx(1.0)
    assert "end" not in utterance.due(1.49)
    assert "end" in utterance.due(1.5)
    assert utterance.due(9.0) == ()


def test_speech_that_goes_on_is_not_ended() -> None:
    """A breath is not an end."""
    utterance = begun()
    utterance.paused(1.1, 0.1)
    utterance.resumed(1.3)
    assert "end" not in utterance.due(1.6)
    utterance.paused(2.1, 0.1)
    assert utterance.next_at() == pytest.approx(2.5)


def test_confirmation_counts_speech_and_not_silence() -> None:
    """Two bursts of 0.3 s make a barge-in real at the second one's 0.2 s."""
    utterance = begun()
    utterance.paused(0.4, 0.1)
    assert utterance.due(0.45) == ()
    utterance.resumed(0.6)
    assert utterance.due(0.79) == ()
    assert utterance.due(0.8) == ("confirm",)


def test_a_cough_is_never_confirmed() -> None:
    """200 ms of sound end without having been confirmed."""
    utterance = begun()
    utterance.paused(0.3, 0.1)
    assert utterance.due(0.7) == ("end",)
    assert not utterance.confirmed


def test_speculation_is_told_once_per_pause_and_only_with_text() -> None:
    """0.2 s of silence prepares a reply to what was heard."""
    utterance = begun()
    utterance.paused(1.1, 0.1)
    assert "speculate" not in utterance.due(1.25)
    utterance.text = "good evening"
    assert "speculate" in utterance.due(1.26)
    assert utterance.due(1.3) == ()
    utterance.resumed(1.35)
    utterance.paused(2.0, 0.1)
    assert "speculate" in utterance.due(2.2)


def test_the_longest_utterance_is_ended_in_mid_speech() -> None:
    """Nobody holds the floor for ever."""
    assert "end" in begun().due(30.0)


def test_the_client_owns_a_manual_utterance() -> None:
    """Push-to-talk is ended by the key alone."""
    utterance = begun(manual=True)
    utterance.paused(1.0, 0.5)
    assert "end" not in utterance.due(100.0)


@pytest.mark.parametrize("text", ["I would like to", "we went and", "he said, ", "я хотел бы, ", "потому что", "我想和"])
def test_unfinished_text_waits_longer(text: str) -> None:
    """A sentence that hangs in the air is given time."""
    assert text_aware(text, 0.5, 2.5) == pytest.approx(1.25)


@pytest.mark.parametrize("text", ["Where is the inn?", "Where is the inn", "Спасибо", "你好"])
def test_finished_text_waits_as_usual(text: str) -> None:
    """A whole sentence does not."""
    assert text_aware(text, 0.5, 2.5) == pytest.approx(0.5)


def test_an_unknown_policy_is_named() -> None:
    """The error says which ones there are."""
    with pytest.raises(NotFound, match="fixed"):
        policy("telepathy")


def test_a_held_button_gives_the_floor_up_once() -> None:
    """It goes on, but after the longest utterance nobody waits for it any more."""
    utterance = begun(manual=True)
    assert "waive" not in utterance.due(29.9)
    assert "waive" in utterance.due(30.0)
    assert utterance.due(31.0) == ()
    assert begun().due(30.0)[-1] == "end"


def test_a_speaker_who_says_it_is_over_ends_it_at_once() -> None:
    """A silence longer than the utterance is an act and no measurement: the turn's times count from the report."""
    utterance = begun()
    utterance.paused(3.0, 60.0)
    assert "end" in utterance.due(3.0)
    assert utterance.speech_end == 3.0


def test_reports_out_of_order_change_nothing() -> None:
    """Speech that was never interrupted does not go on, and what has ended stays ended."""
    utterance = begun()
    utterance.resumed(0.4)
    assert utterance.due(0.5) == ("confirm",)
    utterance.paused(1.1, 0.1)
    assert "end" in utterance.due(1.5)
    utterance.resumed(1.51)
    utterance.paused(1.6, 0.0)
    assert utterance.speech_end == pytest.approx(1.0)
    utterance = begun()
    utterance.paused(1.0, -5.0)
    assert utterance.speech_end == 1.0
