"""What a client may set for its connection: `session.update` in, the effective session object out."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field, replace
from typing import Any, Final

from openai.types.realtime import RealtimeSessionCreateRequest
from openai.types.realtime.audio_transcription import AudioTranscription
from openai.types.realtime.realtime_audio_config_output import RealtimeAudioConfigOutput
from openai.types.realtime.realtime_audio_input_turn_detection import SemanticVad, ServerVad
from pydantic import ValidationError

from services.core.model.attachment import Configure
from services.core.model.audio import VOICE_RATE
from services.gateway.hearing import g711
from services.gateway.hearing.resample import INPUT_RATES, PCM, AudioFormat
from services.gateway.realtime.errors import ClientError

MOST_PHRASES: Final = 1000
MOST_HEADS: Final = 100
"""People behind one microphone."""
PLACE_LENGTH: Final = 80
_IDLE_MS: Final = (1_000, 3_600_000)
_LONGEST_PHRASE: Final = 300
MOST_INSTRUCTIONS: Final = 4000
_EAGERNESS_S: Final = {"low": 1.0, "medium": None, "high": 0.3, "auto": None}
"""Semantic turn detection: the silence that ends a finished sentence; None keeps the session's."""


@dataclass(frozen=True, slots=True, kw_only=True)
class SessionConfig:
    """One connection's settings, as the protocol names them."""

    session: str
    model: str
    hang_over_ms: int
    """Of the session, shown where the client sets none; so are the next two."""
    threshold: float = 0.5
    pre_roll_ms: int = 250
    input: AudioFormat = field(default_factory=AudioFormat)
    output: AudioFormat = field(default_factory=AudioFormat)
    turn_detection: ServerVad | SemanticVad | None = field(default_factory=lambda: ServerVad(type="server_vad"))
    transcription: AudioTranscription | None = None
    noise_reduction: Mapping[str, Any] | None = None
    modality: str = "audio"
    instructions: str = ""
    voice: str = "default"
    max_output_tokens: int | str = "inf"

    @property
    def phrases(self) -> tuple[str, ...]:
        """What may be said, one a line in the transcription prompt."""
        prompt = self.transcription.prompt if self.transcription else None
        return tuple(dict.fromkeys(line.strip() for line in (prompt or "").splitlines() if line.strip()))

    @property
    def language(self) -> str:
        """Of the input, or empty."""
        return (self.transcription.language if self.transcription else None) or ""

    @property
    def keywords(self) -> tuple[str, ...]:
        """Words that are likely."""
        return tuple((self.transcription.keywords if self.transcription else None) or ())[:MOST_PHRASES]

    def turns(self) -> Configure:
        """Turn-taking as the stage knows it; only what the client chose is set."""
        chosen = self.turn_detection
        if chosen is None:
            return Configure(answers=False, interrupts=False)
        answers, interrupts = chosen.create_response is not False, chosen.interrupt_response is not False
        if isinstance(chosen, SemanticVad):
            return Configure(hang_over_s=_EAGERNESS_S[chosen.eagerness or "auto"], endpointing="text-aware", answers=answers, interrupts=interrupts)
        silence_s = None if chosen.silence_duration_ms is None else min(max(chosen.silence_duration_ms / 1000, 0.1), 5.0)
        idle_s = None if chosen.idle_timeout_ms is None else max(chosen.idle_timeout_ms, 0) / 1000
        return Configure(hang_over_s=silence_s, endpointing="fixed", answers=answers, interrupts=interrupts, idle_s=idle_s)

    def shown(self) -> dict[str, Any]:
        """The whole session object; every part of it is in force."""
        return {
            "type": "realtime",
            "object": "realtime.session",
            "id": self.session,
            "model": self.model,
            "output_modalities": [self.modality],
            "instructions": self.instructions,
            "tools": [],
            "tool_choice": "auto",
            "max_output_tokens": self.max_output_tokens,
            "tracing": None,
            "truncation": "auto",
            "prompt": None,
            "include": None,
            "audio": {
                "input": {
                    "format": _format(self.input),
                    "transcription": {"model": "souffleur"} | _set(self.transcription),
                    "noise_reduction": self.noise_reduction,
                    "turn_detection": self._turn_detection(),
                },
                "output": {"format": _format(self.output), "voice": self.voice, "speed": 1.0},
            },
        }

    def _turn_detection(self) -> dict[str, Any] | None:
        chosen = self.turn_detection
        if chosen is None:
            return None
        shared = {"create_response": chosen.create_response is not False, "interrupt_response": chosen.interrupt_response is not False}
        if isinstance(chosen, SemanticVad):
            return {"type": "semantic_vad", "eagerness": chosen.eagerness or "auto", **shared}
        defaults = {"threshold": self.threshold, "prefix_padding_ms": self.pre_roll_ms, "silence_duration_ms": self.hang_over_ms}
        return {"type": "server_vad"} | defaults | _set(chosen) | shared | {"idle_timeout_ms": chosen.idle_timeout_ms}


@dataclass(frozen=True, slots=True)
class Ignored:
    """Something that was accepted and has no effect."""

    param: str
    reason: str


def updated(config: SessionConfig, given: Mapping[str, Any]) -> tuple[SessionConfig, tuple[Ignored, ...]]:
    """`config` with the fields that `given` (a session object) has. Raises `ClientError`; then nothing is changed."""
    if given.get("type", "realtime") != "realtime":
        raise ClientError("unsupported_session_type", "only sessions of type realtime are offered here", "session.type")
    plain, input_format = _without_rate(given)
    try:
        wanted = RealtimeSessionCreateRequest.model_validate({"type": "realtime", **plain})
    except ValidationError as error:
        raise invalid(error, "session") from None
    _refuse(wanted)
    changes: dict[str, Any] = {}
    if "output_modalities" in plain:
        changes["modality"] = _modality(wanted.output_modalities)
    if "instructions" in plain:
        changes["instructions"] = _text(wanted.instructions or "", MOST_INSTRUCTIONS, "session.instructions")
    if wanted.max_output_tokens is not None:
        changes["max_output_tokens"] = wanted.max_output_tokens
    if wanted.audio is not None and wanted.audio.input is not None:
        changes |= _input(given["audio"]["input"], wanted, input_format, config)
    if wanted.audio is not None and wanted.audio.output is not None:
        changes |= _output(wanted.audio.output)
    return replace(config, **changes), tuple(_ignored(wanted))


def invalid(error: ValidationError, root: str) -> ClientError:
    """What pydantic found, without the value."""
    first = error.errors(include_input=False, include_url=False)[0]
    place = ".".join([root, *(str(part) for part in first["loc"] if isinstance(part, str) and part[:1].islower())])
    return ClientError("missing_required_parameter" if first["type"] == "missing" else "invalid_value", first["msg"], place)


def refuse_tools(tools: object, prompt: object, root: str) -> None:
    """Raises `ClientError` where a client wants what characters cannot do."""
    if tools:
        raise ClientError("tools_not_supported", "characters have no tools", f"{root}.tools")
    if prompt is not None:
        raise ClientError("prompt_not_supported", "prompt templates are not offered here", f"{root}.prompt")


def _refuse(wanted: RealtimeSessionCreateRequest) -> None:
    refuse_tools(wanted.tools, wanted.prompt, "session")
    if wanted.tracing not in (None, "auto"):
        raise ClientError("tracing_not_supported", "tracing is configured by the operator", "session.tracing")


def _modality(wanted: list[Any] | None) -> str:
    if wanted in (["text"], ["audio"]) and wanted:
        return str(wanted[0])
    raise ClientError("invalid_value", 'output_modalities is ["audio"] or ["text"]', "session.output_modalities")


def _input(given: Mapping[str, Any], wanted: RealtimeSessionCreateRequest, audio: AudioFormat | None, config: SessionConfig) -> dict[str, Any]:
    source = wanted.audio.input if wanted.audio else None
    changes: dict[str, Any] = {}
    if source is None:
        return changes
    if audio is not None:
        changes["input"] = audio
    if isinstance(source.turn_detection, ServerVad) and source.turn_detection.idle_timeout_ms not in (None, 0):
        idle_ms = source.turn_detection.idle_timeout_ms or 0
        if not _IDLE_MS[0] <= idle_ms <= _IDLE_MS[1]:
            raise ClientError("invalid_value", f"between {_IDLE_MS[0]} and {_IDLE_MS[1]}", "session.audio.input.turn_detection.idle_timeout_ms")
    if "turn_detection" in given:
        changes["turn_detection"] = source.turn_detection
    if "noise_reduction" in given:
        changes["noise_reduction"] = given["noise_reduction"]
    if "transcription" in given:
        changes["transcription"] = source.transcription
        phrases = replace(config, transcription=source.transcription).phrases
        if len(phrases) > MOST_PHRASES or any(len(phrase) > _LONGEST_PHRASE for phrase in phrases):
            raise ClientError("too_large", f"at most {MOST_PHRASES} phrases of {_LONGEST_PHRASE} characters", "session.audio.input.transcription.prompt")
    return changes


def _output(wanted: RealtimeAudioConfigOutput) -> dict[str, Any]:
    changes: dict[str, Any] = {}
    if wanted.format is not None:
        changes["output"] = _known(wanted.format.type or PCM, VOICE_RATE)
    if wanted.voice is not None:
        changes["voice"] = wanted.voice if isinstance(wanted.voice, str) else wanted.voice.id
    return changes


def _ignored(wanted: RealtimeSessionCreateRequest) -> Iterator[Ignored]:
    output = wanted.audio.output if wanted.audio else None
    if output is not None and output.voice is not None:
        yield Ignored("session.audio.output.voice", "a character speaks with the voice of its card")
    if output is not None and output.speed not in (None, 1.0):
        yield Ignored("session.audio.output.speed", "a character speaks at the rate of its card")


def _without_rate(given: Mapping[str, Any]) -> tuple[dict[str, Any], AudioFormat | None]:
    """The input's sample rate is taken out: more rates are understood here than the package's types know."""
    plain = dict(given)
    audio = plain.get("audio")
    source = audio.get("input") if isinstance(audio, Mapping) else None
    wanted = source.get("format") if isinstance(source, Mapping) else None
    if not isinstance(audio, Mapping) or not isinstance(source, Mapping) or not isinstance(wanted, Mapping):
        return plain, None
    known = _known(str(wanted.get("type", PCM)), wanted.get("rate", VOICE_RATE))
    bare = {name: value for name, value in wanted.items() if name != "rate"}
    return {**plain, "audio": {**audio, "input": {**source, "format": {"type": PCM, **bare}}}}, known


def _known(name: str, rate: object) -> AudioFormat:
    if name in {"audio/pcmu", "audio/pcma"}:
        return AudioFormat(name, g711.RATE)
    if name != PCM or not isinstance(rate, int | float) or rate not in INPUT_RATES:
        raise ClientError(
            "unsupported_audio_format", f"audio is {PCM} at {', '.join(map(str, INPUT_RATES))} Hz, audio/pcmu or audio/pcma", "session.audio.input.format"
        )
    return AudioFormat(name, int(rate))


def _format(audio: AudioFormat) -> dict[str, Any]:
    return {"type": audio.type, "rate": audio.rate} if audio.type == PCM else {"type": audio.type}


def _set(model: AudioTranscription | ServerVad | None) -> dict[str, Any]:
    return {} if model is None else model.model_dump(exclude_none=True)


def _text(text: str, most: int, param: str) -> str:
    if len(text) > most:
        raise ClientError("too_large", f"at most {most} characters", param)
    return text
