"""Typed clients of the services. Callers see values of `core.model` and errors of `core.errors`, never gRPC."""

from __future__ import annotations

from collections.abc import AsyncGenerator, AsyncIterator, Callable
from typing import Any, Final, Generic, TypeVar

import grpc

from protos import (
    llm_pb2,
    llm_pb2_grpc,
    manager_pb2,
    manager_pb2_grpc,
    stage_pb2,
    stage_pb2_grpc,
    stt_pb2,
    stt_pb2_grpc,
    summarizer_pb2,
    summarizer_pb2_grpc,
    tts_pb2,
    tts_pb2_grpc,
)
from services.core import tracing
from services.core.errors import NotOwner, Unavailable
from services.core.model import attachment, desk, speech, voicing
from services.core.model.attachment import AttachDown, AttachUp
from services.core.model.reply import LlmEngineInfo, ReplyEvent, ReplyRequest
from services.core.rpc.codec import from_proto, to_proto
from services.core.rpc.server import MAX_MESSAGE_BYTES
from services.core.rpc.status import FirstStatus, translated
from services.core.rpc.wire import ATTACH_DOWN, ATTACH_UP, REPLY_EVENT, SPEAK_EVENT, SPEAK_REQUEST, SPEECH_EVENT

_OPTIONS: Final = (
    ("grpc.max_receive_message_length", MAX_MESSAGE_BYTES),
    ("grpc.max_send_message_length", MAX_MESSAGE_BYTES),
    ("grpc.keepalive_time_ms", 20_000),
    ("grpc.keepalive_timeout_ms", 10_000),
    ("grpc.initial_reconnect_backoff_ms", 100),
    ("grpc.max_reconnect_backoff_ms", 2_000),
    ("grpc.default_authority", "localhost"),
)
_UNARY_S: Final = 10.0
_FOLLOW: Final = 3

Up = TypeVar("Up")
Down = TypeVar("Down")


class Channels:
    """One channel per address, shared by everybody in the process."""

    def __init__(self) -> None:
        """Opens nothing yet."""
        self._channels: dict[str, grpc.aio.Channel] = {}

    def to(self, address: str) -> grpc.aio.Channel:
        """The channel to `unix:<path>` or `host:port`."""
        if not address:
            raise Unavailable("no address is configured for this service")
        if address not in self._channels:
            self._channels[address] = grpc.aio.insecure_channel(address, options=_OPTIONS)
        return self._channels[address]

    async def close(self) -> None:
        """Close them all; running calls end."""
        for channel in self._channels.values():
            await channel.close()
        self._channels.clear()


class Stream(Generic[Up, Down]):
    """A bidirectional call: `send`, `finish` (half-close), iterate, `cancel`."""

    def __init__(self, call: Any, wrap: Callable[[Up], Any], unwrap: Callable[[Any], Down | None]) -> None:
        """`wrap` and `unwrap` translate between values and messages."""
        self._call = call
        self._wrap = wrap
        self._unwrap = unwrap
        self._ended = FirstStatus(call)

    async def send(self, value: Up) -> None:
        """Send one value; waits while the peer's flow control window is full. Raises what the call ended with, if it has."""
        async with translated(self._ended):
            await self._call.write(self._wrap(value))

    async def finish(self) -> None:
        """Nothing more will be sent."""
        async with translated(self._ended):
            await self._call.done_writing()

    async def __aiter__(self) -> AsyncIterator[Down]:
        """Everything the peer sends; raises an error of ours if the call fails."""
        async with translated(self._ended):
            async for message in self._call:
                value = self._unwrap(message)
                if value is not None:
                    yield value

    def cancel(self) -> None:
        """Stop both directions at once; the callee's generator is closed."""
        self._call.cancel()


async def _events(begin: Callable[[], Any], read: Callable[[Any], Down | None]) -> AsyncGenerator[Down]:
    """What comes of a call with one request, until it ends; closing this cancels the call. Words of a newer callee are passed over."""
    call = begin()
    try:
        async with translated():
            async for message in call:
                if (event := read(message)) is not None:
                    yield event
    finally:
        call.cancel()


class SttClient:
    """The hearing service."""

    def __init__(self, channels: Channels, address: str) -> None:
        """Calls go to `address`."""
        self._stub = stt_pb2_grpc.SttServiceStub(channels.to(address))

    def transcribe(self, timeout_s: float) -> Stream[speech.TranscribeOpen | bytes, speech.SpeechEvent]:
        """One utterance: send a `TranscribeOpen`, then PCM; `finish` ends it; the last event is a `Final`."""
        return Stream(self._stub.Transcribe(timeout=timeout_s, metadata=tracing.carried()), _transcribe_request, SPEECH_EVENT.unwrap)

    async def describe(self) -> tuple[str, tuple[speech.SttEngineInfo, ...]]:
        """The default engine's name, and all engines."""
        async with translated():
            answer = await self._stub.Describe(stt_pb2.DescribeRequest(), timeout=_UNARY_S)
        return answer.default_engine, tuple(from_proto(item, speech.SttEngineInfo) for item in answer.engines)


def _transcribe_request(value: speech.TranscribeOpen | bytes) -> stt_pb2.TranscribeRequest:
    if isinstance(value, bytes):
        return stt_pb2.TranscribeRequest(audio=value)
    return stt_pb2.TranscribeRequest(open=to_proto(value, stt_pb2.TranscribeOpen))


class LlmClient:
    """The roleplay service."""

    def __init__(self, channels: Channels, address: str) -> None:
        """Calls go to `address`."""
        self._stub = llm_pb2_grpc.LlmServiceStub(channels.to(address))

    def reply(self, request: ReplyRequest, timeout_s: float) -> AsyncGenerator[ReplyEvent]:
        """One line; closing the iterator stops the provider."""
        return _events(lambda: self._stub.Reply(to_proto(request, llm_pb2.ReplyRequest), timeout=timeout_s, metadata=tracing.carried()), REPLY_EVENT.unwrap)

    async def describe(self) -> tuple[tuple[str, ...], tuple[LlmEngineInfo, ...]]:
        """The chain of engine names, and all engines."""
        async with translated():
            answer = await self._stub.Describe(llm_pb2.DescribeRequest(), timeout=_UNARY_S)
        return tuple(answer.chain), tuple(from_proto(item, LlmEngineInfo) for item in answer.engines)


class TtsClient:
    """The voice service."""

    def __init__(self, channels: Channels, address: str) -> None:
        """Calls go to `address`."""
        self._stub = tts_pb2_grpc.TtsServiceStub(channels.to(address))

    def speak(self, timeout_s: float) -> Stream[voicing.SpeakOpen | voicing.Say, voicing.SpeakEvent]:
        """One line: send a `SpeakOpen`, then `Say` for each sentence; `finish` after the last."""
        return Stream(self._stub.Speak(timeout=timeout_s, metadata=tracing.carried()), SPEAK_REQUEST.wrap, SPEAK_EVENT.unwrap)

    def synthesize(self, request: voicing.SynthesizeRequest, timeout_s: float) -> AsyncGenerator[voicing.SpeakEvent]:
        """A given text; closing the iterator stops the engine."""
        return _events(lambda: self._stub.Synthesize(to_proto(request, tts_pb2.SynthesizeRequest), timeout=timeout_s), SPEAK_EVENT.unwrap)

    async def describe(self) -> tuple[str, tuple[voicing.TtsEngineInfo, ...]]:
        """The default engine's name, and all engines."""
        async with translated():
            answer = await self._stub.Describe(tts_pb2.DescribeRequest(), timeout=_UNARY_S)
        return answer.default_engine, tuple(from_proto(item, voicing.TtsEngineInfo) for item in answer.engines)


class StageClient:
    """The stages: any one may be called, the owner of the session answers."""

    def __init__(self, channels: Channels, address: str) -> None:
        """`address` is the stage that is asked first."""
        self._channels = channels
        self._address = address

    def _stub(self, address: str) -> Any:
        return stage_pb2_grpc.StageServiceStub(self._channels.to(address))

    async def open(self, request: attachment.OpenRequest) -> attachment.OpenResponse:
        """Make or find a session."""
        message = to_proto(request, stage_pb2.OpenRequest)
        answer = await self._followed(lambda stub: stub.Open(message, timeout=_UNARY_S))
        return from_proto(answer, attachment.OpenResponse)

    async def tell(self, request: attachment.TellRequest) -> attachment.TellResponse:
        """Have a fact written; harmless to repeat with the same key."""
        message = to_proto(request, stage_pb2.TellRequest)
        answer = await self._followed(lambda stub: stub.Tell(message, timeout=_UNARY_S))
        return from_proto(answer, attachment.TellResponse)

    async def act(self, request: desk.ActRequest) -> desk.ActResponse:
        """A live act of the director's. Raises `Conflict` when somebody else was quicker, `NotFound` or `InvalidRequest`."""
        message = to_proto(request, stage_pb2.ActRequest)
        answer = await self._followed(lambda stub: stub.Act(message, timeout=_UNARY_S))
        return from_proto(answer, desk.ActResponse)

    async def attach(self, opening: attachment.AttachOpen) -> tuple[attachment.Attached, Stream[AttachUp, AttachDown], AsyncIterator[AttachDown]]:
        """Join a session: who one is there, the stream to send on, and everything that follows.

        The stream has no deadline of its own: it lasts as long as the connection it serves.
        """
        address = self._address
        for _ in range(_FOLLOW):
            stream: Stream[AttachUp, AttachDown] = Stream(self._stub(address).Attach(), ATTACH_UP.wrap, ATTACH_DOWN.unwrap)
            try:
                await stream.send(opening)
                events = aiter(stream)
                first = await anext(events, None)
            except NotOwner as moved:
                address = moved.address
                continue
            except BaseException:
                # Nobody will read it: without this a seat would be kept for one who gave up waiting.
                stream.cancel()
                raise
            if not isinstance(first, attachment.Attached):
                stream.cancel()
                raise Unavailable("the stage ended the attachment")
            return first, stream, events
        raise Unavailable("the session's owner keeps changing")

    async def _followed(self, call: Callable[[Any], Any]) -> Any:
        address = self._address
        for _ in range(_FOLLOW):
            try:
                async with translated():
                    return await call(self._stub(address))
            except NotOwner as moved:
                address = moved.address
        raise Unavailable("the session's owner keeps changing")


class SummarizerClient:
    """The summarizer and adviser, by the director's wish."""

    def __init__(self, channels: Channels, address: str) -> None:
        """Calls go to `address`."""
        self._stub = summarizer_pb2_grpc.SummarizerServiceStub(channels.to(address))

    async def advise(self, session: str, what: str, timeout_s: float) -> tuple[int, tuple[str, ...], str]:
        """Condense and advise now (`what`: summary, advice or both): seq of the digest or 0, ids of the recommendations, a remark."""
        async with translated():
            answer = await self._stub.Advise(summarizer_pb2.AdviseRequest(session=session, what=what), timeout=timeout_s)
        return answer.summary, tuple(answer.recommendations), answer.remark


class ManagerClient:
    """The settings desk and the directory of services."""

    def __init__(self, channels: Channels, address: str) -> None:
        """Calls go to `address`."""
        self._stub = manager_pb2_grpc.ManagerServiceStub(channels.to(address))

    async def settings(self) -> tuple[str, str, int, str]:
        """JSON of the tree (secrets masked), JSON Schema, version, JSON of the live overrides."""
        async with translated():
            answer = await self._stub.GetSettings(manager_pb2.GetSettingsRequest(), timeout=_UNARY_S)
        return answer.settings, answer.schema, answer.version, answer.overrides

    async def patch(self, patch: str, base_version: int = 0) -> tuple[int, str]:
        """Apply a JSON merge patch (RFC 7396). Raises `SettingsRejected` or `Conflict`; then nothing changed."""
        async with translated():
            answer = await self._stub.PatchSettings(manager_pb2.PatchSettingsRequest(patch=patch, base_version=base_version), timeout=_UNARY_S)
        return answer.version, answer.settings

    async def services(self) -> list[dict[str, Any]]:
        """Every service with pid, address and health."""
        async with translated():
            answer = await self._stub.ListServices(manager_pb2.ListServicesRequest(), timeout=_UNARY_S)
        return [
            {"name": item.name, "pid": item.pid, "address": item.address, "health": item.health, "detail": item.detail, "started_at": item.started_at}
            for item in answer.services
        ]
