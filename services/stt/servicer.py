"""Hearing on the wire."""

from __future__ import annotations

import contextlib
from collections.abc import AsyncIterator
from typing import Any, Final

import grpc

from protos import stt_pb2, stt_pb2_grpc
from services.core import tracing
from services.core.errors import InvalidRequest, Overloaded, TooLarge
from services.core.model.audio import HEARING_RATE, SAMPLE_BYTES
from services.core.model.speech import SttEngineInfo, SttOpened, TranscribeOpen
from services.core.rpc.codec import from_proto, to_proto
from services.core.rpc.wire import SPEECH_EVENT
from services.core.telemetry import STREAMS
from services.stt.choice import Engines

_LONGEST_S: Final = 120
_PHRASES: Final = 2000
_NAME_LIMIT: Final = 200
_CHUNK: Final = 64 * 1024


def register(engines: Engines, max_streams: int, server: grpc.aio.Server) -> None:
    """Serve `engines` on `server`."""
    stt_pb2_grpc.add_SttServiceServicer_to_server(SttServicer(engines, max_streams), server)


class SttServicer(stt_pb2_grpc.SttServiceServicer):
    """One call per utterance."""

    def __init__(self, engines: Engines, max_streams: int) -> None:
        """More than `max_streams` at once are refused."""
        self._engines = engines
        self._max_streams = max_streams
        self._running = 0

    async def Describe(self, request: stt_pb2.DescribeRequest, context: Any) -> stt_pb2.DescribeResponse:
        """What the engines can do."""
        default, engines = self._engines.describe()
        return stt_pb2.DescribeResponse(default_engine=default, engines=[_info(engine) for engine in engines])

    async def Transcribe(self, request_iterator: AsyncIterator[stt_pb2.TranscribeRequest], context: Any) -> AsyncIterator[stt_pb2.TranscribeResponse]:
        """Hear one utterance."""
        if self._running >= self._max_streams:
            raise Overloaded("hearing is at its limit of utterances at once")
        self._running += 1
        STREAMS.labels("stt").inc()
        try:
            first = await anext(aiter(request_iterator), None)
            if first is None or first.WhichOneof("kind") != "open":
                raise InvalidRequest("a call begins with `open`")
            opening = from_proto(first.open, TranscribeOpen)
            if max(len(opening.phrases), len(opening.hotwords)) > _PHRASES:
                raise TooLarge(f"at most {_PHRASES} phrases")
            if max(len(opening.engine), len(opening.language)) > _NAME_LIMIT:
                raise TooLarge(f"a name has at most {_NAME_LIMIT} characters")
            engine = await self._engines.take(opening.engine)
            async with contextlib.aclosing(engine.transcribe(opening, _audio(request_iterator))) as events:
                async for event in events:
                    if isinstance(event, SttOpened):
                        tracing.note({"gen_ai.operation.name": "stt", "gen_ai.provider.name": event.engine})
                    yield SPEECH_EVENT.wrap(event)
        finally:
            self._running -= 1
            STREAMS.labels("stt").dec()


async def _audio(requests: AsyncIterator[stt_pb2.TranscribeRequest]) -> AsyncIterator[bytes]:
    total = 0
    async for request in requests:
        if request.WhichOneof("kind") != "audio" or len(request.audio) % SAMPLE_BYTES or len(request.audio) > _CHUNK:
            raise InvalidRequest("after `open` comes PCM16, 64 KiB at a time at the most")
        total += len(request.audio)
        if total > _LONGEST_S * HEARING_RATE * SAMPLE_BYTES:
            raise TooLarge(f"an utterance lasts at most {_LONGEST_S} s")
        yield request.audio


def _info(engine: SttEngineInfo) -> stt_pb2.SttEngineInfo:
    return to_proto(engine, stt_pb2.SttEngineInfo)
