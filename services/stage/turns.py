"""What a line can come from: words, a turn, words that nobody asked about, a reply that was prepared."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Final

from services.core.errors import SouffleurError
from services.core.model.attachment import Refused
from services.core.model.fact import Author
from services.stage.attachments import Attachment
from services.stage.feed import ReplyFeed
from services.stage.order import Timing, Written

FLOOR: Final = "take_floor"
"""What a refused `TakeFloor` is called: it has no id."""

Audience = tuple[str, ...] | None
"""Who alone hears something; None = everybody in the place."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Words:
    """What somebody has just said or typed."""

    said: Written
    text: str
    timing: Timing
    answers: bool = True
    """They are answered without being asked."""
    addresses: str = ""
    """The character that the speaker has picked; empty = casting decides."""
    audience: Audience = None


@dataclass(slots=True)
class Turn:
    """Somebody is to be answered."""

    character: str
    first: Written | None = None
    """The `said` that names the turn."""
    said: Written | None = None
    """The latest one."""
    notes: tuple[str, ...] = ()
    """A director's, for this line alone."""
    timing: Timing = field(default_factory=Timing)
    text: str = ""
    """Of the latest `said`."""
    participant: str = ""
    """Who is to be answered."""
    asker: Attachment | None = None
    """Asked for it by `TakeFloor`, and is told if nothing comes of that."""
    platform: str = ""
    """Where the words came from."""
    script: str = ""
    """Words that are given: the director's, said by the character."""
    by: Author | None = None
    """Whose the script is."""
    mode: str = "puppet"
    """Of a script: puppet, or filler."""
    retakes: str = ""
    """The line that is to be replaced."""
    audience: Audience = None
    """It is whispered to these."""
    named: bool = False
    """Its words name the character: no earlier choice of the director's takes it away."""
    prompt: str = ""
    """What the stage asks of the reply: nobody's words, and no fact."""

    def after(self, seq: int) -> bool:
        """It was asked for after this fact, by words that stand in the transcript or are about to."""
        return stands_after(self.first, seq)

    def is_apart_from(self, other: Turn) -> bool:
        """Somebody else asks somebody else, or others hear it: neither answer can stand for both."""
        elsewhere = self.participant != other.participant and self.character != other.character
        return self.audience != other.audience or (elsewhere and self.first is not None)

    def refuse(self, error: SouffleurError) -> None:
        """Tell whoever asked."""
        if self.asker is not None:
            self.asker.deliver(Refused(error.code, error.detail, FLOOR))


@dataclass(slots=True)
class Speculation:
    """A reply prepared for what somebody seems to have said."""

    utterance: str
    text: str
    character: str
    written: int
    """How much had been told to the writer when it was begun."""
    feed: ReplyFeed
    line: str
    """What it will be called."""
    audience: Audience = None


@dataclass(slots=True)
class Unasked:
    """Words since the last line that nobody asked to be answered."""

    first: Written
    last: Written
    text: str
    """Of the last ones."""
    audience: Audience = None
    by: frozenset[str] = frozenset()
    """Whose they are."""

    def undone(self, to: int) -> Unasked | None:
        """What is left of them if nothing after the fact `to` has happened."""
        if stands_after(self.first, to):
            return None
        return Unasked(self.first, self.first, "", self.audience) if stands_after(self.last, to) else self


def same_words(one: str, other: str) -> bool:
    """Do two recognitions of an utterance differ in nothing but case and punctuation?"""
    return [word.strip(".,!?;:…").casefold() for word in one.split()] == [word.strip(".,!?;:…").casefold() for word in other.split()]


def stands_after(written: Written | None, seq: int) -> bool:
    """It comes after this fact; what is still on its way to the transcript does."""
    return written is not None and (not written.done() or written_seq(written) > seq)


def written_seq(written: Written | None) -> int:
    """Seq of a fact that is durable; 0 = not yet, or never."""
    return written.result().seq if written is not None and written.done() and not written.cancelled() and written.exception() is None else 0
