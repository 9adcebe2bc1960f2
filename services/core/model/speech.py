"""What hearing yields: partials while somebody speaks, one final when they have ended."""

from __future__ import annotations

from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class Word:
    """One recognised word."""

    text: str
    start_s: float
    """From the first sample of the utterance."""
    end_s: float
    confidence: float | None = None
    """0 to 1; None where the engine gives none."""


@dataclass(frozen=True, slots=True)
class SkippedPhrase:
    """A phrase that the engine could not take into its grammar."""

    phrase: str
    reason: str


@dataclass(frozen=True, slots=True)
class SttOpened:
    """The engine has accepted the utterance."""

    engine: str
    skipped: tuple[SkippedPhrase, ...] = ()


@dataclass(frozen=True, slots=True)
class Partial:
    """The whole text so far; it may change."""

    text: str


@dataclass(frozen=True, slots=True)
class Final:
    """The text of the utterance; empty when nothing was recognised."""

    text: str
    words: tuple[Word, ...] = ()
    confidence: float | None = None
    language: str = ""
    engine: str = ""


SpeechEvent = SttOpened | Partial | Final


@dataclass(frozen=True, slots=True)
class TranscribeOpen:
    """What is known before an utterance is heard."""

    session: str = ""
    utterance: str = ""
    language: str = ""
    """BCP 47 tag; empty = the engine detects it."""
    phrases: tuple[str, ...] = ()
    """Closed list of sentences that may be said; an engine that can makes them its grammar."""
    hotwords: tuple[str, ...] = ()
    """Names and rare words that are likely: cast and lore."""
    engine: str = ""
    """Empty = the configured default."""
    partials: bool = True


@dataclass(frozen=True, slots=True)
class SttEngineInfo:
    """What an STT engine can do, as data."""

    name: str
    ready: bool
    remark: str = ""
    """Why it is not ready, or an honest remark on its quality."""
    partials: bool = False
    word_times: bool = False
    confidence: bool = False
    grammar: bool = False
    dictation: bool = True
    """False where free dictation is too weak to talk by."""
    languages: tuple[str, ...] = ()
    """BCP 47 tags; empty = many."""
