"""TtsService on the wire: lines and given texts in, frames and marks out. The only file of this service that sees protos."""

from __future__ import annotations

from collections.abc import AsyncGenerator, AsyncIterator, Awaitable, Callable, Iterator
from contextlib import contextmanager
from typing import Any, Final

import grpc

from protos import tts_pb2, tts_pb2_grpc
from services.core import tracing
from services.core.errors import InvalidRequest, Overloaded, TooLarge
from services.core.live import LiveSettings
from services.core.model import voicing
from services.core.model.facts import Spoken
from services.core.model.prosody import Prosody, Voice
from services.core.rpc.codec import from_proto, to_proto
from services.core.rpc.wire import SPEAK_EVENT, SPEAK_REQUEST
from services.core.telemetry import STREAMS
from services.transcript.wording import TakenBack
from services.tts.ensemble import Ensemble
from services.tts.line import Line, Script
from services.tts.loudness import Calibration
from services.tts.plain import MAX_TEXT, pieces
from services.tts.prosody import prosody_from, whole_voice
from services.tts.waiting import ahead

Wording = Callable[[str, int], Awaitable[Spoken]]
"""(session, seq) -> the sentence as it is to be spoken, corrections applied. Raises `TakenBack` if it is not to be, and `NotFound` if there is none."""

_AHEAD: Final = 64
"""Events made ahead of the reader: about six seconds of sound, so the next sentence is ready before this one ends."""
_MAX_NAME: Final = 200
_MAX_OPTIONS: Final = 64 * 1024

Context = grpc.aio.ServicerContext[Any, Any]


class TtsServicer(tts_pb2_grpc.TtsServiceServicer):
    """One call speaks one line; at most `settings.tts.max_streams` at the same time."""

    def __init__(self, ensemble: Ensemble, wording: Wording, live: LiveSettings) -> None:
        """`wording` reads sentences from the transcript."""
        self._ensemble = ensemble
        self._wording = wording
        self._live = live
        self._calibration = Calibration()
        self._streams = 0

    def register(self, server: Any) -> None:
        """Put this service on a gRPC server."""
        tts_pb2_grpc.add_TtsServiceServicer_to_server(self, server)

    async def Speak(self, request_iterator: AsyncIterator[tts_pb2.SpeakRequest], context: Context) -> AsyncIterator[tts_pb2.SpeakResponse]:
        """A `SpeakOpen`, then `Say` for each sentence."""
        requests = aiter(request_iterator)
        opening = SPEAK_REQUEST.unwrap(await anext(requests, tts_pb2.SpeakRequest()))
        if not isinstance(opening, voicing.SpeakOpen):
            raise InvalidRequest("a line begins with SpeakOpen")
        line = self._line(opening.voice)
        with self._stream():
            async with ahead(line.speak(self._scripts(opening.session, requests)), _AHEAD) as events:
                async for event in events:
                    if isinstance(event, voicing.SpeakOpened):
                        tracing.note({"gen_ai.operation.name": "tts", "gen_ai.provider.name": event.engine})
                    yield SPEAK_EVENT.wrap(event)

    async def Synthesize(self, request: tts_pb2.SynthesizeRequest, context: Context) -> AsyncIterator[tts_pb2.SpeakResponse]:
        """A given text, sentence by sentence; `seq` counts them from 1."""
        asked = from_proto(request, voicing.SynthesizeRequest)
        if len(asked.text) > MAX_TEXT:
            raise TooLarge(f"a text may have {MAX_TEXT} characters")
        if not asked.text.strip():
            raise InvalidRequest("there is no text to speak")
        line = self._line(asked.voice, asked.speed)
        prosody = prosody_from(asked.emotion, asked.intensity, asked.manner)
        with self._stream():
            async with ahead(line.speak(_given(asked.text, prosody)), _AHEAD) as events:
                async for event in events:
                    yield SPEAK_EVENT.wrap(event)

    async def Describe(self, request: tts_pb2.DescribeRequest, context: Context) -> tts_pb2.DescribeResponse:
        """Every engine as data, and which one speaks by default."""
        infos = await self._ensemble.describe()
        default = await self._ensemble.default(self._live.current)
        return tts_pb2.DescribeResponse(default_engine=default, engines=[to_proto(info, tts_pb2.TtsEngineInfo) for info in infos])

    def _line(self, voice: Voice, speed: float = 1.0) -> Line:
        if max(len(voice.engine), len(voice.name), len(voice.language)) > _MAX_NAME or len(voice.options) > _MAX_OPTIONS:
            raise TooLarge("the voice's fields are too long")
        return Line(self._ensemble, self._calibration, self._live.current, whole_voice(voice, speed))

    async def _scripts(self, session: str, requests: AsyncIterator[tts_pb2.SpeakRequest]) -> AsyncGenerator[Script, None]:
        async for request in requests:
            say = SPEAK_REQUEST.unwrap(request)
            if not isinstance(say, voicing.Say):
                raise InvalidRequest("after SpeakOpen only Say may follow")
            try:
                spoken = await self._wording(session, say.seq)
            except TakenBack:
                # The line goes on without it.
                continue
            yield Script(say.seq, spoken.text, prosody_from(spoken.emotion, spoken.intensity, spoken.manner))

    @contextmanager
    def _stream(self) -> Iterator[None]:
        if self._streams >= self._live.current.tts.max_streams:
            raise Overloaded("all voices of this process are speaking")
        self._streams += 1
        STREAMS.labels(part="tts").inc()
        try:
            yield
        finally:
            self._streams -= 1
            STREAMS.labels(part="tts").dec()


async def _given(text: str, prosody: Prosody) -> AsyncGenerator[Script, None]:
    for index, piece in enumerate(pieces(text), start=1):
        yield Script(index, piece, prosody)
