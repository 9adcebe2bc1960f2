"""How an engine's pieces become events: sentences to be spoken, or raw deltas for a stateless chat."""

from __future__ import annotations

from typing import Protocol

from services.core.model.reply import Delta, ReplyEvent
from services.llm.sentences.reader import SpeakableReader
from services.llm.sentences.scrub import Scrubber
from services.llm.thinking import ThinkingFilter


class Reader(Protocol):
    """Reads one attempt of one engine."""

    @property
    def done(self) -> bool:
        """Nothing that still comes is wanted."""
        ...

    def feed(self, text: str) -> list[ReplyEvent]:
        """What a piece of text completes."""
        ...

    def finish(self, *, complete: bool = True) -> list[ReplyEvent]:
        """The rest."""
        ...


class SentenceReader:
    """For replies that are spoken."""

    def __init__(self, inner: SpeakableReader) -> None:
        """`inner` knows the names and the language."""
        self._inner = inner
        self._given = False

    @property
    def done(self) -> bool:
        """Somebody else's line has begun."""
        return self._inner.done

    def feed(self, text: str) -> list[ReplyEvent]:
        """Whole sentences."""
        found = list[ReplyEvent](self._inner.feed(text))
        self._given = self._given or bool(found)
        return found

    def finish(self, *, complete: bool = True) -> list[ReplyEvent]:
        """The last sentence; a torn one only where it is all there is."""
        return list(self._inner.finish(complete=complete or not self._given))


class DeltaReader:
    """For stateless chat: everything but the thinking, as it comes."""

    done = False

    def __init__(self, *, thinking: bool = False) -> None:
        """`thinking`: the model's template has opened a thinking block already."""
        self._scrubber = Scrubber()
        self._thinking = ThinkingFilter(inside=thinking)
        self._begun = False

    def feed(self, text: str) -> list[ReplyEvent]:
        """At most one delta."""
        return self._delta(self._thinking.feed(self._scrubber.feed(text)))

    def finish(self, *, complete: bool = True) -> list[ReplyEvent]:  # noqa: ARG002
        """What was held back."""
        return self._delta(self._thinking.finish())

    def _delta(self, text: str) -> list[ReplyEvent]:
        if not self._begun:
            # Thinking blocks leave blank lines behind.
            text = text.lstrip()
        self._begun = self._begun or bool(text)
        return [Delta(text)] if text else []
