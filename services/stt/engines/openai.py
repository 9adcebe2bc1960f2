"""Transcription by any server with OpenAI's `/audio/transcriptions`."""

from __future__ import annotations

import io
import wave
from collections.abc import AsyncGenerator, AsyncIterator
from pathlib import Path
from typing import Any

from openai import APIError, AsyncOpenAI, DefaultAsyncHttpxClient, omit
from pydantic import BaseModel, ConfigDict, Field, SecretStr, ValidationError

from services.core.errors import EngineFailed, EngineMissing, SettingsRejected
from services.core.model.audio import HEARING_RATE, SAMPLE_BYTES
from services.core.model.speech import Final, SpeechEvent, SttEngineInfo, SttOpened, TranscribeOpen
from services.core.settings import explain
from services.core.tls import trusted
from services.stt.languages import code


class Options(BaseModel):
    """Where and which."""

    model_config = ConfigDict(frozen=True, extra="forbid")

    base_url: str = "https://api.openai.com/v1"
    api_key: SecretStr = SecretStr("")
    model: str = "whisper-1"
    timeout_s: float = Field(15.0, gt=0, le=120)


class OpenAiEngine:
    """One request per utterance, sent when it has ended."""

    def __init__(self, options: dict[str, Any], models: Path) -> None:
        """`models` is not used."""
        del models
        try:
            self._options = Options(**options)
        except ValidationError as error:
            raise SettingsRejected(f"stt.engines.openai: {explain(error)}") from None
        self._configured = bool(options)
        self._client: AsyncOpenAI | None = None

    async def open(self) -> None:
        """Make the client; the first request finds out whether the server is there."""
        if not self._configured:
            raise EngineMissing("set stt.engines.openai.base_url, api_key and model to use it")
        self._client = AsyncOpenAI(
            base_url=self._options.base_url,
            api_key=self._options.api_key.get_secret_value() or "none",
            timeout=self._options.timeout_s,
            max_retries=1,
            http_client=DefaultAsyncHttpxClient(verify=await trusted()),
        )

    async def close(self) -> None:
        """Close the connections."""
        if self._client is not None:
            await self._client.close()
            self._client = None

    def info(self) -> SttEngineInfo:
        """Ready when configured."""
        remark = f"{self._options.model} at {self._options.base_url}" if self._configured else "not configured"
        return SttEngineInfo("openai", ready=self._configured, remark=remark)

    async def transcribe(self, opening: TranscribeOpen, audio: AsyncIterator[bytes]) -> AsyncGenerator[SpeechEvent]:
        """Collect, send, answer."""
        if self._client is None:
            raise EngineFailed("the transcription client is closed")
        yield SttOpened("openai")
        collected = bytearray()
        async for chunk in audio:
            collected += chunk
        hints = ", ".join((*opening.hotwords, *opening.phrases))[:800]
        try:
            answer = await self._client.audio.transcriptions.create(
                model=self._options.model,
                file=("utterance.wav", wav(bytes(collected)), "audio/wav"),
                response_format="json",
                prompt=hints or omit,
                language=code(opening.language) or omit,
            )
        except APIError as error:
            raise EngineFailed(f"the transcription server failed: {type(error).__name__}") from error
        yield Final(answer.text.strip(), language=opening.language, engine="openai")


def wav(pcm: bytes) -> bytes:
    """Mono PCM16 at 16 kHz as a WAV file."""
    buffer = io.BytesIO()
    with wave.open(buffer, "wb") as file:
        file.setnchannels(1)
        file.setsampwidth(SAMPLE_BYTES)
        file.setframerate(HEARING_RATE)
        file.writeframes(pcm)
    return buffer.getvalue()
