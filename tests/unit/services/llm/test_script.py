"""Given words become sentences: every word of them, with their marks lifted."""

from __future__ import annotations

import pytest

from services.core.errors import InvalidRequest
from services.core.model.reply import ReplyFinished, ReplyStarted, Sentence
from services.llm.script import LONGEST_SCRIPT, scripted


def test_marks_are_lifted_and_sentences_cut() -> None:
    """Clean and tagged text stand side by side, between a start and an end that name no model."""
    events = list(scripted("[fear:0.8 whisper] They are here. Run!"))
    assert events[0] == ReplyStarted("script", "script")
    assert events[-1] == ReplyFinished("stop", engine="script", model="script")
    first, second = (event for event in events if isinstance(event, Sentence))
    assert (first.index, first.text, first.tagged) == (0, "They are here.", "[fear:0.8 whisper] They are here.")
    assert (first.emotion, first.intensity, first.manner) == ("fear", 0.8, "whisper")
    assert (second.index, second.text) == (1, "Run!")


@pytest.mark.parametrize("text", ["Player: that is what he calls me.", "System: down. User: gone.", "I thought <think> was a drink", "без точки в конце"])
def test_no_word_of_the_director_is_dropped(text: str) -> None:
    """What would be a label or a thought of a model is speech here, and a sentence needs no end."""
    spoken = " ".join(event.text for event in scripted(text) if isinstance(event, Sentence))
    for word in ("Player", "System", "gone", "drink", "конце"):
        assert (word in spoken) == (word in text)


@pytest.mark.parametrize("text", ["   ", "[joy]", "...", "x" * (LONGEST_SCRIPT + 1)])
def test_a_line_without_words_or_end_is_refused(text: str) -> None:
    """Before anything is given."""
    with pytest.raises(InvalidRequest):
        next(scripted(text))
