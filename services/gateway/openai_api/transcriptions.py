"""POST /v1/audio/transcriptions: a recording to text."""

from __future__ import annotations

import asyncio
import re
import threading
from typing import Annotated, Any, Final, Literal

from fastapi import APIRouter, File, Form, Request, Response, UploadFile
from fastapi.responses import JSONResponse, PlainTextResponse

from services.core.errors import EngineFailed, Overloaded, TooLarge, Unavailable
from services.core.model.audio import HEARING_RATE, duration_ms
from services.core.model.speech import Final as FinalText
from services.core.model.speech import TranscribeOpen
from services.gateway.edge import Edge
from services.gateway.openai_api.decoding import MAX_BYTES, decoded
from services.gateway.streaming import DISCONNECTED, unless_gone

_PIECE: Final = HEARING_RATE * 2 // 5
"""200 ms a message."""
_HINTS: Final = 100
_AT_ONCE: Final = 2
_WAITING: Final = 8
"""Recordings at a time, those that are being decoded included."""
ResponseFormat = Literal["json", "text", "verbose_json", "srt", "vtt"]


def router(edge: Edge) -> APIRouter:
    """The transcription route."""
    routes = APIRouter(prefix="/v1/audio", tags=["openai"])
    desk = _Desk()

    @routes.post("/transcriptions", response_model=None)
    async def transcribe(
        request: Request,
        *,
        file: Annotated[UploadFile, File(description="wav, mp3, ogg, opus, flac, m4a, webm: 25 MB and 10 minutes at most")],
        model: Annotated[str, Form(max_length=200)] = "",
        language: Annotated[str, Form(max_length=35)] = "",
        prompt: Annotated[str, Form(max_length=4_000)] = "",
        response_format: Annotated[ResponseFormat, Form()] = "json",
    ) -> Response:
        """The recording's words."""
        if file.size is not None and file.size > MAX_BYTES:
            raise TooLarge(f"A recording may have {MAX_BYTES} bytes.")
        engine = model.removeprefix("stt/") if model.startswith("stt/") else ""
        opening = TranscribeOpen(language=language or edge.runtime.settings.stt.language, hotwords=hotwords(prompt), engine=engine, partials=False)
        answer = await unless_gone(request, _answer(edge, desk, file, opening, response_format))
        return answer if answer is not None else DISCONNECTED

    return routes


def hotwords(prompt: str) -> tuple[str, ...]:
    """Names and rare words in a prompt: whatever stands between its commas and line breaks."""
    parts = (part.strip() for part in re.split(r"[,;\n]", prompt))
    return tuple(dict.fromkeys(part for part in parts if part))[:_HINTS]


class _Desk:
    """Where recordings are decoded."""

    def __init__(self) -> None:
        self._waiting = 0
        # Decoding is work for a processor: more at once would only be slower, for the voices too.
        self._free = asyncio.Semaphore(_AT_ONCE)

    async def pcm(self, file: UploadFile) -> bytes:
        """What was recorded. Raises `Overloaded`, and what `decoded` raises."""
        if self._waiting >= _WAITING:
            raise Overloaded
        self._waiting += 1
        stop = threading.Event()
        try:
            async with self._free:
                return await asyncio.to_thread(decoded, await file.read(MAX_BYTES + 1), stop)
        finally:
            self._waiting -= 1
            stop.set()


async def _answer(edge: Edge, desk: _Desk, file: UploadFile, opening: TranscribeOpen, form: ResponseFormat) -> Response:
    pcm = await desk.pcm(file)
    seconds = duration_ms(len(pcm), HEARING_RATE) / 1000
    final = await _heard(edge, pcm, opening, edge.runtime.settings.stt.final_timeout_s + 3 * seconds)
    return _formed(final, seconds, form)


async def _heard(edge: Edge, pcm: bytes, opening: TranscribeOpen, limit_s: float) -> FinalText:
    call = edge.stt.transcribe(limit_s)
    try:
        try:
            await call.send(opening)
            for start in range(0, len(pcm), _PIECE):
                await call.send(pcm[start : start + _PIECE])
            await call.finish()
        except Unavailable:
            # A call that has ended already says why when it is read.
            pass
        async for event in call:
            if isinstance(event, FinalText):
                return event
        raise EngineFailed("Hearing ended without a text.")
    finally:
        call.cancel()


def _formed(final: FinalText, seconds: float, form: ResponseFormat) -> Response:
    text = final.text
    if form == "text":
        return PlainTextResponse(f"{text}\n")
    if form == "srt":
        return PlainTextResponse(f"1\n{_stamp(0, ',')} --> {_stamp(seconds, ',')}\n{text}\n")
    if form == "vtt":
        return PlainTextResponse(f"WEBVTT\n\n{_stamp(0, '.')} --> {_stamp(seconds, '.')}\n{text}\n", media_type="text/vtt")
    if form == "json":
        return JSONResponse({"text": text, "usage": {"type": "duration", "seconds": round(seconds, 3)}})
    return JSONResponse(_verbose(final, seconds))


def _verbose(final: FinalText, seconds: float) -> dict[str, Any]:
    segment = {"id": 0, "seek": 0, "start": 0.0, "end": seconds, "text": final.text, "tokens": [], "temperature": 0.0}
    # Where the engine gives one confidence, its logarithm is what this field means; else nothing is known.
    unknown = {"avg_logprob": 0.0, "compression_ratio": 1.0, "no_speech_prob": 0.0}
    return {
        "task": "transcribe",
        "language": final.language,
        "duration": seconds,
        "text": final.text,
        "segments": [segment | unknown] if final.text else [],
        "words": [{"word": word.text, "start": word.start_s, "end": word.end_s} for word in final.words],
        "usage": {"type": "duration", "seconds": round(seconds, 3)},
    }


def _stamp(seconds: float, mark: str) -> str:
    whole, ms = divmod(round(seconds * 1000), 1000)
    return f"{whole // 3600:02}:{whole // 60 % 60:02}:{whole % 60:02}{mark}{ms:03}"
