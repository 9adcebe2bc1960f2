"""Pipecat with the scripted engines, for its own interpreter: `python -m bench.peers.pipecat.server` prints its address and serves.

The pipeline of Pipecat's own examples over its FastAPI WebSocket transport. Lean, in its favour: no RTVI, no turn tracking, no metrics, no model that
judges turns (the silence window alone decides), final texts marked as such, raw PCM instead of protobuf on the wire.
"""

from __future__ import annotations

import argparse
import asyncio
import sys
from collections.abc import AsyncGenerator
from dataclasses import fields

import uvicorn
import uvloop
from fastapi import FastAPI, WebSocket
from loguru import logger
from pipecat.audio.vad.silero import SileroVADAnalyzer
from pipecat.audio.vad.vad_analyzer import VADAnalyzer, VADParams
from pipecat.frames.frames import (
    Frame,
    InputAudioRawFrame,
    LLMContextFrame,
    LLMFullResponseEndFrame,
    LLMFullResponseStartFrame,
    OutputAudioRawFrame,
    TranscriptionFrame,
    TTSAudioRawFrame,
    VADUserStoppedSpeakingFrame,
)
from pipecat.pipeline.pipeline import Pipeline
from pipecat.pipeline.worker import PipelineParams, PipelineWorker
from pipecat.processors.aggregators.llm_context import LLMContext
from pipecat.processors.aggregators.llm_response_universal import LLMContextAggregatorPair, LLMUserAggregatorParams
from pipecat.processors.frame_processor import FrameDirection
from pipecat.serializers.base_serializer import FrameSerializer
from pipecat.services.llm_service import LLMService
from pipecat.services.settings import LLMSettings, STTSettings, TTSSettings
from pipecat.services.stt_service import STTService
from pipecat.services.tts_service import TTSService
from pipecat.transports.websocket.fastapi import FastAPIWebsocketParams, FastAPIWebsocketTransport
from pipecat.turns.user_start import VADUserTurnStartStrategy
from pipecat.turns.user_stop import SpeechTimeoutUserTurnStopStrategy
from pipecat.turns.user_turn_strategies import UserTurnStrategies
from pipecat.utils.time import time_now_iso8601
from pipecat.workers.runner import WorkerRunner

from bench.peers.fakes import ONSET_WINDOWS, READY, VOICE_RATE, WINDOW_MS, announced, is_loud, listening, spoken, words
from bench.script import ENERGY, HANG_OVER_MS, HEARD, HEARING_RATE, SILERO


class RawPcm(FrameSerializer):
    """The wire is PCM both ways."""

    async def serialize(self, frame: Frame) -> bytes | None:
        """Sound only."""
        return frame.audio if isinstance(frame, OutputAudioRawFrame) else None

    async def deserialize(self, data: str | bytes) -> Frame | None:
        """Sound only."""
        return InputAudioRawFrame(audio=data, sample_rate=HEARING_RATE, num_channels=1) if isinstance(data, bytes) else None


class EnergyVad(VADAnalyzer):
    """Loud or not."""

    def num_frames_required(self) -> int:
        """In samples."""
        return HEARING_RATE * WINDOW_MS // 1000

    def voice_confidence(self, buffer: bytes) -> float:
        """1 or 0."""
        return float(is_loud(buffer))


class FixedStt(STTService):
    """Has its text as soon as the speech is over."""

    async def run_stt(self, audio: bytes) -> AsyncGenerator[Frame | None, None]:  # noqa: ARG002
        """Takes the audio."""
        return
        yield

    async def process_frame(self, frame: Frame, direction: FrameDirection) -> None:
        """As any service does, and the text behind the end of speech."""
        await super().process_frame(frame, direction)
        if isinstance(frame, VADUserStoppedSpeakingFrame):
            await self.push_frame(TranscriptionFrame(text=HEARD, user_id="", timestamp=time_now_iso8601(), finalized=True))


class PacedLlm(LLMService):
    """60 words, one every so many ms."""

    def __init__(self, token_ms: float) -> None:
        unused = {one.name: None for one in fields(LLMSettings) if one.name not in ("model", "extra", "use_provider_thinking_default")}
        super().__init__(settings=LLMSettings(model="paced", use_provider_thinking_default=False, **unused))
        self._token_ms = token_ms

    async def process_frame(self, frame: Frame, direction: FrameDirection) -> None:
        """As Pipecat's own services answer a context."""
        await super().process_frame(frame, direction)
        if not isinstance(frame, LLMContextFrame):
            await self.push_frame(frame, direction)
            return
        try:
            await self.push_frame(LLMFullResponseStartFrame())
            async for word in words(self._token_ms):
                await self._push_llm_text(word)
        finally:
            await self.push_frame(LLMFullResponseEndFrame())


class InstantTts(TTSService):
    """A sentence's sound at once."""

    def __init__(self) -> None:
        settings = TTSSettings(model=None, voice=None, language=None)
        super().__init__(sample_rate=VOICE_RATE, push_start_frame=True, push_stop_frames=True, settings=settings)

    async def run_tts(self, text: str, context_id: str) -> AsyncGenerator[Frame | None, None]:
        """One frame; the transport cuts it."""
        yield TTSAudioRawFrame(audio=spoken(text), sample_rate=self.sample_rate, num_channels=1, context_id=context_id)


def detector(kind: str) -> VADAnalyzer:
    """By loudness, or Pipecat's own Silero as it comes but for the length of the silence, and no bar of loudness beside it."""
    stop_s = HANG_OVER_MS / 1000
    if kind == SILERO:
        return SileroVADAnalyzer(params=VADParams(stop_secs=stop_s, min_volume=0.0))
    return EnergyVad(params=VADParams(confidence=0.5, start_secs=ONSET_WINDOWS * WINDOW_MS / 1000, stop_secs=stop_s, min_volume=0.0))


def application(token_ms: float, kind: str) -> FastAPI:
    """A WebSocket a caller."""
    app = FastAPI()

    @app.websocket("/")
    async def talk(websocket: WebSocket) -> None:
        await websocket.accept()
        params = FastAPIWebsocketParams(audio_in_enabled=True, audio_out_enabled=True, serializer=RawPcm())
        transport = FastAPIWebsocketTransport(websocket, params)
        worker = PipelineWorker(
            pipeline(transport, token_ms, detector(kind)),
            params=PipelineParams(audio_in_sample_rate=HEARING_RATE, audio_out_sample_rate=VOICE_RATE),
            enable_rtvi=False,
            enable_turn_tracking=False,
            idle_timeout_secs=None,
        )

        @transport.event_handler("on_client_connected")
        async def started(_: FastAPIWebsocketTransport, caller: WebSocket) -> None:
            await caller.send_text(READY)

        @transport.event_handler("on_client_disconnected")
        async def gone(*_: object) -> None:
            await worker.cancel()

        runner = WorkerRunner(handle_sigint=False)
        await runner.add_workers(worker)
        await runner.run()

    return app


def pipeline(transport: FastAPIWebsocketTransport, token_ms: float, vad: VADAnalyzer) -> Pipeline:
    """In, text, context, model, voice, out."""
    turns = UserTurnStrategies(start=[VADUserTurnStartStrategy()], stop=[SpeechTimeoutUserTurnStopStrategy(user_speech_timeout=0)])
    pair = LLMContextAggregatorPair(
        LLMContext([{"role": "system", "content": "You are terse."}]),
        user_params=LLMUserAggregatorParams(vad_analyzer=vad, user_turn_strategies=turns),
    )
    stt = FixedStt(ttfs_p99_latency=0.0, settings=STTSettings(model=None, language=None))
    return Pipeline([transport.input(), stt, pair.user(), PacedLlm(token_ms), InstantTts(), transport.output(), pair.assistant()])


async def serve(token_ms: float, kind: str) -> None:
    """Until a signal."""
    door = listening()
    server = uvicorn.Server(uvicorn.Config(application(token_ms, kind), log_level="warning"))
    sys.stdout.write(announced(door))
    sys.stdout.flush()
    await server.serve(sockets=[door])


def main() -> int:
    """Entry point."""
    parser = argparse.ArgumentParser(prog="python -m bench.peers.pipecat.server", description=__doc__)
    parser.add_argument("--token-ms", type=float, default=5.0)
    parser.add_argument("--vad", choices=(ENERGY, SILERO), default=ENERGY)
    options = parser.parse_args()
    logger.remove()
    logger.add(sys.stderr, level="WARNING")
    with asyncio.Runner(loop_factory=uvloop.new_event_loop) as runner:
        runner.run(serve(options.token_ms, options.vad))
    return 0


if __name__ == "__main__":
    sys.exit(main())
