"""What the voice service is told and what it gives back."""

from __future__ import annotations

from dataclasses import dataclass

from services.core.model.prosody import Voice


@dataclass(frozen=True, slots=True)
class SpeakOpen:
    """A line is about to be spoken."""

    session: str
    line: str
    voice: Voice = Voice()


@dataclass(frozen=True, slots=True)
class Say:
    """Speak this `sentence` fact, with whatever corrected it."""

    seq: int


@dataclass(frozen=True, slots=True, kw_only=True)
class SynthesizeRequest:
    """Speak a given text; the stateless speech interface."""

    text: str
    voice: Voice = Voice()
    emotion: str = "neutral"
    intensity: float = 0.5
    manner: str = "plain"
    speed: float = 1.0


@dataclass(frozen=True, slots=True)
class SpeakOpened:
    """The engine that will speak."""

    engine: str
    word_marks: bool = False
    flat_emotions: tuple[str, ...] = ()
    """Emotions that this engine cannot tell from neutral."""


@dataclass(frozen=True, slots=True)
class SentenceStarted:
    """Synthesis of a sentence has begun."""

    seq: int
    text: str
    """As it is spoken, corrections applied."""


@dataclass(frozen=True, slots=True)
class SpeechAudio:
    """A whole number of 20 ms frames, 20 to 100 ms, mono PCM16 at `VOICE_RATE`."""

    seq: int
    pcm: bytes
    offset_samples: int
    """Position of the first sample within its sentence."""


@dataclass(frozen=True, slots=True)
class WordMark:
    """Where a word is in the text and in the sound."""

    start: int
    """Code points within the sentence's clean text: [start, end)."""
    end: int
    at_samples: int
    """From the sentence's start, at `VOICE_RATE`."""


@dataclass(frozen=True, slots=True)
class WordMarks:
    """Marks of a sentence; may come in several parts."""

    seq: int
    marks: tuple[WordMark, ...]


@dataclass(frozen=True, slots=True)
class SentenceDone:
    """All audio of the sentence has been sent."""

    seq: int
    samples: int


@dataclass(frozen=True, slots=True)
class VoiceFellBack:
    """One voice engine failed before its first sample and the next one took over."""

    from_engine: str
    to_engine: str
    reason: str


SpeakEvent = SpeakOpened | SentenceStarted | SpeechAudio | WordMarks | SentenceDone | VoiceFellBack


@dataclass(frozen=True, slots=True)
class VoiceInfo:
    """One voice of an engine."""

    name: str
    language: str
    label: str = ""


@dataclass(frozen=True, slots=True)
class TtsEngineInfo:
    """What a voice engine can do, as data."""

    name: str
    ready: bool
    remark: str = ""
    word_marks: bool = False
    cloning: bool = False
    flat_emotions: tuple[str, ...] = ()
    voices: tuple[VoiceInfo, ...] = ()
