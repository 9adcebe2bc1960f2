"""Tiny scripted hearing, roleplay and voice services: real gRPC, real wire, no models."""

from __future__ import annotations

import asyncio
import math
from array import array
from collections.abc import AsyncIterator
from dataclasses import dataclass, field
from typing import Any

from protos import llm_pb2, llm_pb2_grpc, stt_pb2, stt_pb2_grpc, tts_pb2, tts_pb2_grpc
from services.core.errors import EngineFailed, InvalidRequest
from services.core.model.audio import VOICE_RATE
from services.core.model.reply import Delta, FellBack, LlmEngineInfo, ReplyFinished, ReplyRequest, ReplyStarted
from services.core.model.speech import Final, SttEngineInfo, SttOpened, TranscribeOpen, Word
from services.core.model.voicing import SentenceDone, SpeakOpened, SpeechAudio, SynthesizeRequest, TtsEngineInfo, VoiceInfo
from services.core.rpc.codec import from_proto, to_proto
from services.core.rpc.wire import REPLY_EVENT, SPEAK_EVENT, SPEECH_EVENT


@dataclass
class Hearing(stt_pb2_grpc.SttServiceServicer):
    """Answers with the length of what it heard."""

    infos: list[SttEngineInfo] = field(default_factory=lambda: [SttEngineInfo("scripted", ready=True)])
    opened: list[TranscribeOpen] = field(default_factory=list)
    fails: bool = False

    def register(self, server: Any) -> None:
        """Add to a server."""
        stt_pb2_grpc.add_SttServiceServicer_to_server(self, server)

    async def Transcribe(self, requests: Any, context: Any) -> AsyncIterator[Any]:  # noqa: N802 - the method's name on the wire
        """One utterance."""
        heard = 0
        async for request in requests:
            if request.WhichOneof("kind") == "open":
                self.opened.append(from_proto(request.open, TranscribeOpen))
                if self.fails:
                    raise EngineFailed("deaf today")
                yield SPEECH_EVENT.wrap(SttOpened("scripted"))
            else:
                heard += len(request.audio)
        seconds = heard / 32_000
        yield SPEECH_EVENT.wrap(Final(f"{seconds:.1f} seconds", (Word("seconds", 0.0, seconds),), 0.9, "en", "scripted"))

    async def Describe(self, request: Any, context: Any) -> Any:  # noqa: N802
        """The engines."""
        return stt_pb2.DescribeResponse(default_engine=self.infos[0].name, engines=[to_proto(info, stt_pb2.SttEngineInfo) for info in self.infos])


@dataclass
class Roleplay(llm_pb2_grpc.LlmServiceServicer):
    """Says its pieces one by one."""

    pieces: list[str] = field(default_factory=lambda: ["Good ", "evening, ", "traveller."])
    infos: list[LlmEngineInfo] = field(default_factory=lambda: [LlmEngineInfo("scripted", ready=True, model="tiny")])
    asked: list[ReplyRequest] = field(default_factory=list)
    fails_after: int | None = None
    waits: asyncio.Event | None = None
    """Before the second piece."""
    cancelled: asyncio.Event = field(default_factory=asyncio.Event)

    def register(self, server: Any) -> None:
        """Add to a server."""
        llm_pb2_grpc.add_LlmServiceServicer_to_server(self, server)

    async def Reply(self, request: Any, context: Any) -> AsyncIterator[Any]:  # noqa: N802
        """One reply."""
        self.asked.append(from_proto(request, ReplyRequest))
        try:
            yield REPLY_EVENT.wrap(ReplyStarted("first", "tiny"))
            yield REPLY_EVENT.wrap(FellBack("first", "scripted", "timeout"))
            for index, piece in enumerate(self.pieces):
                if index == self.fails_after:
                    raise EngineFailed("lost for words")
                if index == 1 and self.waits is not None:
                    await self.waits.wait()
                yield REPLY_EVENT.wrap(Delta(piece))
            yield REPLY_EVENT.wrap(ReplyFinished("stop", 11, 7, 1.0, "scripted", "tiny"))
        except asyncio.CancelledError:
            self.cancelled.set()
            raise

    async def Describe(self, request: Any, context: Any) -> Any:  # noqa: N802
        """The engines."""
        return llm_pb2.DescribeResponse(chain=[info.name for info in self.infos], engines=[to_proto(info, llm_pb2.LlmEngineInfo) for info in self.infos])


@dataclass
class Voices(tts_pb2_grpc.TtsServiceServicer):
    """Speaks a tone of 50 ms for each character."""

    infos: list[TtsEngineInfo] = field(default_factory=lambda: [TtsEngineInfo("espeak", ready=True, voices=(VoiceInfo("gmw/en", "en", "English"),))])
    asked: list[SynthesizeRequest] = field(default_factory=list)
    mute: bool = False

    def register(self, server: Any) -> None:
        """Add to a server."""
        tts_pb2_grpc.add_TtsServiceServicer_to_server(self, server)

    def Speak(self, request_iterator: Any, context: Any) -> Any:  # noqa: N802
        """Lines are the stage's business."""
        raise NotImplementedError

    async def Synthesize(self, request: Any, context: Any) -> AsyncIterator[Any]:  # noqa: N802
        """One text."""
        wanted = from_proto(request, SynthesizeRequest)
        self.asked.append(wanted)
        if wanted.text == "unspeakable":
            raise InvalidRequest("that cannot be spoken")
        yield SPEAK_EVENT.wrap(SpeakOpened("scripted", word_marks=False))
        sent = 0
        for _ in range(0 if self.mute else len(wanted.text)):
            yield SPEAK_EVENT.wrap(SpeechAudio(0, tone(sent, VOICE_RATE // 20), sent))
            sent += VOICE_RATE // 20
        yield SPEAK_EVENT.wrap(SentenceDone(0, sent))

    async def Describe(self, request: Any, context: Any) -> Any:  # noqa: N802
        """The engines."""
        return tts_pb2.DescribeResponse(default_engine=self.infos[0].name, engines=[to_proto(info, tts_pb2.TtsEngineInfo) for info in self.infos])


def tone(start: int, samples: int) -> bytes:
    """440 Hz at `VOICE_RATE`, from the sample `start` on."""
    return array("h", [round(8_000 * math.sin(2 * math.pi * 440 * (start + index) / VOICE_RATE)) for index in range(samples)]).tobytes()
