"""Any server with the OpenAI speech interface (`POST /audio/speech`), streamed as raw PCM."""

from __future__ import annotations

import json
from collections.abc import AsyncGenerator
from typing import TYPE_CHECKING, Any, ClassVar, Final

import numpy as np
from pydantic import Field, SecretStr

from services.core.errors import EngineFailed, EngineMissing
from services.core.model.prosody import Emotion, Manner, Prosody, Voice
from services.core.model.voicing import TtsEngineInfo, VoiceInfo
from services.core.settings import Settings
from services.core.tls import trusted
from services.tts.engine import EngineEvent, Options, Sound
from services.tts.prosody import Shape, shape_of

if TYPE_CHECKING:
    from openai import AsyncOpenAI

HOME: Final = "https://api.openai.com/v1"
ADVICE: Final = "no speech server is set: give tts.engines.openai.base_url, or tts.engines.openai.api_key for OpenAI itself"

EMOTIONS: Final = {
    Emotion.JOY: Shape(rate=1.08, gain_db=2.0),
    Emotion.SADNESS: Shape(rate=0.86, gain_db=-4.0),
    Emotion.ANGER: Shape(rate=1.10, gain_db=5.0),
    Emotion.FEAR: Shape(rate=1.16, gain_db=-2.0),
    Emotion.DISGUST: Shape(rate=0.90, gain_db=-1.5),
    Emotion.SURPRISE: Shape(rate=1.05, gain_db=3.0),
    Emotion.TENDERNESS: Shape(rate=0.90, gain_db=-4.5),
    Emotion.CONTEMPT: Shape(rate=0.92, gain_db=1.0),
    Emotion.WEARINESS: Shape(rate=0.82, gain_db=-6.0),
}
"""Pace and loudness, which every server can; the colour of the voice is asked for in words."""

MANNERS: Final = {
    Manner.WHISPER: Shape(gain_db=-8.0),
    Manner.SHOUT: Shape(gain_db=7.0),
    Manner.SING_SONG: Shape(rate=0.90),
    Manner.SARCASTIC: Shape(rate=0.92),
}

_FEELING: Final = {
    Emotion.JOY: "joyful and bright",
    Emotion.SADNESS: "sad and heavy-hearted",
    Emotion.ANGER: "angry and sharp",
    Emotion.FEAR: "frightened, with a tremble",
    Emotion.DISGUST: "disgusted",
    Emotion.SURPRISE: "surprised, with raised pitch",
    Emotion.TENDERNESS: "tender and warm",
    Emotion.CONTEMPT: "contemptuous and cold",
    Emotion.WEARINESS: "weary and slow",
}
_WAY: Final = {
    Manner.WHISPER: "Whisper.",
    Manner.SHOUT: "Shout.",
    Manner.SING_SONG: "Speak in a sing-song way.",
    Manner.SARCASTIC: "Be sarcastic.",
}
_VOICES: Final = ("alloy", "ash", "ballad", "cedar", "coral", "echo", "fable", "marin", "nova", "onyx", "sage", "shimmer", "verse")
_MAX_STYLE: Final = 1_000
_CHUNK: Final = 4_800


class OpenAiOptions(Options):
    """Which server, model and voice."""

    base_url: str = Field("", max_length=2_000, description="Up to and with /v1; empty = OPENAI_BASE_URL, else OpenAI itself")
    api_key: SecretStr = Field(SecretStr(""), description="Empty = OPENAI_API_KEY, which is sent to OPENAI_BASE_URL or OpenAI only")
    model: str = Field("gpt-4o-mini-tts", max_length=200)
    voice: str = Field("alloy", max_length=200, description="Voice of characters that name none")
    voices: tuple[str, ...] = Field(_VOICES, description="Voices to choose from")
    instructions: bool = Field(default=True, description="The model takes a style prompt; emotions are asked for in it")
    sample_rate: int = Field(24_000, ge=8_000, le=48_000, description="Of the PCM that the server sends")
    timeout_s: float = Field(30.0, gt=0, le=300)


class OpenAiSpeech:
    """One HTTP client; a closed generator closes its response, which ends the synthesis at the server."""

    Options: ClassVar = OpenAiOptions

    def __init__(self, options: OpenAiOptions, settings: Settings) -> None:
        """The environment's key goes to the environment's server only, never to another one that is configured here."""
        self._options = options
        self._base_url = options.base_url or settings.openai_base_url or HOME
        self._key = options.api_key.get_secret_value() or ("" if options.base_url else settings.openai_api_key.get_secret_value())
        self._client: AsyncOpenAI | None = None

    async def open(self) -> None:
        """Make the client; nothing is called yet."""
        if self._missing():
            raise EngineMissing(ADVICE)
        if self._client is None:
            from openai import AsyncOpenAI, DefaultAsyncHttpxClient

            self._client = AsyncOpenAI(
                base_url=self._base_url,
                api_key=self._key or "none",
                timeout=self._options.timeout_s,
                max_retries=0,
                http_client=DefaultAsyncHttpxClient(verify=await trusted()),
            )

    async def close(self) -> None:
        """Close the connections."""
        client, self._client = self._client, None
        if client is not None:
            await client.close()

    async def capabilities(self) -> TtsEngineInfo:
        """The configured voices; whether the server answers is seen when it is called."""
        voices = tuple(VoiceInfo(name, "", name) for name in self._options.voices)
        return TtsEngineInfo("openai", ready=not self._missing(), remark=self._missing(), voices=voices)

    def gain_db(self, prosody: Prosody) -> float:
        """Anger is louder, weariness quieter."""
        return shape_of(prosody, EMOTIONS, MANNERS).gain_db

    async def stream(self, sentence: str, prosody: Prosody, voice: Voice) -> AsyncGenerator[EngineEvent, None]:
        """PCM as it comes. A voice's pitch is made by asking for another speed and playing at another rate."""
        if self._client is None:
            raise EngineFailed("the speech client is not open")
        from openai import OpenAIError, omit

        speed = voice.rate * shape_of(prosody, EMOTIONS, MANNERS).rate / voice.pitch
        request = self._client.audio.speech.with_streaming_response.create(
            model=self._options.model,
            voice=voice.name or self._options.voice,
            input=sentence,
            response_format="pcm",
            speed=min(max(round(speed, 3), 0.25), 4.0),
            instructions=self._style(prosody, voice) or omit,
        )
        rate = self._options.sample_rate * voice.pitch
        try:
            async with request as response:
                odd = b""
                async for data in response.iter_bytes(_CHUNK):
                    whole = odd + data
                    odd = whole[len(whole) // 2 * 2 :]
                    yield Sound(np.frombuffer(whole[: len(whole) // 2 * 2], "<i2").astype(np.float32) / np.float32(32768.0), rate)
        except OpenAIError as error:
            status = getattr(error, "status_code", None)
            raise EngineFailed(f"the speech server failed: {type(error).__name__}{f' {status}' if status else ''}") from error

    def _missing(self) -> str:
        return ADVICE if self._base_url == HOME and not self._key else ""

    def _style(self, prosody: Prosody, voice: Voice) -> str:
        if not self._options.instructions:
            return ""
        feeling = _FEELING.get(prosody.emotion, "")
        degree = "slightly " if prosody.intensity < 0.34 else "very " if prosody.intensity > 0.67 else ""
        asked = (_own_style(voice.options), f"Sound {degree}{feeling}." if feeling else "", _WAY.get(prosody.manner, ""))
        return " ".join(part for part in asked if part)


def _own_style(options: str) -> str:
    """The character's own style prompt; options that are not for this engine are passed over."""
    try:
        table: Any = json.loads(options or "{}")
    except ValueError:
        return ""
    style = table.get("instructions", "") if isinstance(table, dict) else ""
    return style[:_MAX_STYLE] if isinstance(style, str) else ""
