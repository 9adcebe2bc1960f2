"""POST /v1/audio/speech: a text spoken, encoded and sent while it is still being made."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncGenerator
from contextlib import aclosing
from typing import Annotated, Any, Final, Literal

from fastapi import APIRouter, Response
from pydantic import BaseModel, ConfigDict, Field, StringConstraints

from services.core.errors import EngineFailed
from services.core.model.audio import VOICE_RATE
from services.core.model.voicing import SpeechAudio, SynthesizeRequest
from services.gateway.edge import Edge
from services.gateway.openai_api.encoding import FORMATS, Encoder
from services.gateway.openai_api.feeling import feeling
from services.gateway.openai_api.voices import voice_for, voice_name
from services.gateway.streaming import ClosingResponse, first_of
from services.gateway.strict_json import StrictRoute

MAX_INPUT: Final = 4_096
_BATCH_BYTES: Final = VOICE_RATE * 2 // 5
"""200 ms go to the encoder at a time: a thread's hand-over costs more than encoding 20 ms."""
_LONGEST_S: Final = 600.0
Text = Annotated[str, StringConstraints(min_length=1, max_length=MAX_INPUT, pattern=r"\S")]


class SpeechRequest(BaseModel):
    """A text to be spoken; unknown fields are ignored."""

    model_config = ConfigDict(extra="ignore")
    model: str = Field("", max_length=200)
    input: Text
    voice: Annotated[str, StringConstraints(max_length=200)] | dict[str, Any] = ""
    response_format: Literal["mp3", "opus", "flac", "aac", "wav", "pcm"] | None = "mp3"
    speed: float | None = Field(1.0, ge=0.25, le=4)
    instructions: str | None = Field("", max_length=4_096, description="An emotion or a manner named here colours the voice")


def router(edge: Edge) -> APIRouter:
    """The speech route."""
    routes = APIRouter(prefix="/v1/audio", tags=["openai"], route_class=StrictRoute)

    @routes.post("/speech", response_model=None)
    async def speak(wanted: SpeechRequest) -> Response:
        """The text as sound."""
        prosody = feeling(wanted.instructions or "")
        request = SynthesizeRequest(
            text=wanted.input.strip(),
            voice=await voice_for(edge, voice_name(wanted.voice), wanted.model),
            emotion=prosody.emotion,
            intensity=prosody.intensity,
            manner=prosody.manner,
            speed=wanted.speed or 1.0,
        )
        form = FORMATS[wanted.response_format or "mp3"]
        pieces = _encoded(_pcm(edge, request), form.make())
        return ClosingResponse(await first_of(pieces), media_type=form.media_type, headers={"Cache-Control": "no-store"})

    return routes


async def _pcm(edge: Edge, request: SynthesizeRequest) -> AsyncGenerator[bytes, None]:
    """Sound in pieces worth encoding; the first goes on as it comes."""
    gathered, silent = b"", True
    events: Any = edge.tts.synthesize(request, _LONGEST_S)
    async with aclosing(events):
        async for event in events:
            if not isinstance(event, SpeechAudio):
                continue
            gathered += event.pcm
            if silent or len(gathered) >= _BATCH_BYTES:
                silent = False
                yield gathered
                gathered = b""
    if gathered:
        yield gathered
    elif silent:
        raise EngineFailed("The voice made no sound of this text.")


async def _encoded(pieces: AsyncGenerator[bytes, None], encoder: Encoder) -> AsyncGenerator[bytes, None]:
    async with aclosing(pieces):
        async for pcm in pieces:
            data = await asyncio.to_thread(encoder.feed, pcm)
            if data:
                yield data
    rest = await asyncio.to_thread(encoder.end)
    if rest:
        yield rest
