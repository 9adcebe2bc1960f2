"""Words that are given: a puppet's line, or a draft in the director's wording. No model is asked."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Final

from services.core.errors import InvalidRequest
from services.core.model.reply import ReplyEvent, ReplyFinished, ReplyStarted
from services.llm.sentences.reader import SpeakableReader

SCRIPT: Final = "script"
"""What stands in place of an engine's name."""
LONGEST_SCRIPT: Final = 16_000


def scripted(text: str, language: str = "") -> Iterator[ReplyEvent]:
    """The events of a reply that says `text`: emotion marks are lifted and sentences cut as in a model's answer, and no word is dropped.

    Raises:
        InvalidRequest: it is too long, or nothing of it can be spoken.
    """
    if len(text) > LONGEST_SCRIPT:
        raise InvalidRequest(f"a line may have {LONGEST_SCRIPT} characters")
    reader = SpeakableReader(language=language, verbatim=True)
    sentences = [*reader.feed(text), *reader.finish()]
    if not sentences:
        raise InvalidRequest("the line has no words")
    yield ReplyStarted(SCRIPT, SCRIPT)
    yield from sentences
    yield ReplyFinished("stop", engine=SCRIPT, model=SCRIPT)
