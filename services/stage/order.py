"""What a line is to be, and when its parts happened."""

from __future__ import annotations

import asyncio
from dataclasses import dataclass, field
from typing import Protocol, TypeAlias

from services.core.model.fact import Author, Fact
from services.core.model.voicing import Say, SpeakEvent, SpeakOpen
from services.core.rpc.client import Stream
from services.stage.roster import Seat

Written: TypeAlias = asyncio.Future[Fact]
"""A fact, once it is durable."""


class Voices(Protocol):
    """The voice service as the stage calls it."""

    def speak(self, timeout_s: float) -> Stream[SpeakOpen | Say, SpeakEvent]:
        """One line."""
        ...


@dataclass(slots=True, kw_only=True)
class Timing:
    """When the parts of a turn happened, on the stage's clock; None = did not."""

    trace: str = ""
    """The utterance that the turn's trace is named by; empty = nobody's, and the line names it."""
    speech_ended: float | None = None
    decided: float | None = None
    said: float | None = None
    """The final text was there (or the typed words)."""
    stt_ms: float | None = None
    asked: float | None = None
    held: float | None = None
    """Its draft was on the desk."""
    released: float | None = None
    first_sentence: float | None = None
    first_audio: float | None = None
    first_played: float | None = None
    """The first listener began to hear it, by its own report."""
    llm_ttft_ms: float | None = None
    tokens: tuple[int, int] = (0, 0)
    """Prompt and completion."""
    cost: float = 0.0
    llm_engine: str = ""
    llm_model: str = ""
    tts_engine: str = ""
    stt_engine: str = ""

    def parts_ms(self) -> dict[str, float]:
        """The parts by the names of `telemetry.TURN_PARTS`."""
        spans = {
            "end_of_turn_delay": (self.speech_ended, self.decided),
            "first_sentence": (self.asked, self.first_sentence),
            "hold_time": (self.held, self.released),
            "tts_ttfa": (self.first_sentence if self.released is None else self.released, self.first_audio),
            "playback_latency": (self.first_audio, self.first_played),
            "e2e": (self.speech_ended if self.speech_ended is not None else self.said, self.first_audio),
        }
        found = {name: max(0.0, (until - since) * 1000) for name, (since, until) in spans.items() if since is not None and until is not None}
        if self.stt_ms is not None:
            found["stt_final_delay"] = self.stt_ms
        if self.llm_ttft_ms is not None:
            found["llm_ttft"] = self.llm_ttft_ms
        return found


@dataclass(slots=True, kw_only=True)
class Order:
    """What a line is to be."""

    line: str
    seat: Seat
    place: str
    """Whose floor it has; the character may be elsewhere by the time it ends."""
    answers: str
    """The participant who is answered."""
    audience: tuple[str, ...]
    first: Written | None
    """The `said` that names the turn; None = nobody asked."""
    said: Written | None
    """The last one that is answered: the line is opened after it, and nothing goes out before it is durable."""
    timing: Timing = field(default_factory=Timing)
    mode: str = "auto"
    """auto, approve, puppet, or filler: a sound of thinking while a reply waits."""
    delivery: str = "voice"
    """voice, or teleprompter: the director reads it out."""
    retakes: str = ""
    """The line that this one replaces."""
    by: Author | None = None
    """Whose words these are, if not the character's own: a director's."""
    whispered: bool = False
    """Nobody but its audience hears it, whoever else is there."""

    @property
    def trace(self) -> str:
        """What its trace is named by, within the session."""
        return self.timing.trace or self.line

    @property
    def character(self) -> Author:
        """The character, as the author of its line."""
        return Author("character", self.seat.member, self.seat.name)
