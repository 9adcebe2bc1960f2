"""LiveKit Agents with the scripted engines, for its own interpreter: `python -m bench.peers.livekit.server` prints its address and serves.

An `AgentSession` a caller, with its audio input and output injected and a plain WebSocket behind them: no room, no WebRTC, so neither their cost nor
their comfort is in the figures. Lean, in its favour: no delay behind the silence window, voice activity alone decides turns and interruptions, no
recording, no early generation, no filters of text, no pause before an interruption is real.
"""

from __future__ import annotations

import argparse
import asyncio
import sys
import time
import uuid

import uvloop
from aiohttp import WSMsgType, web
from livekit import rtc
from livekit.agents import Agent, AgentSession, inference, llm, stt, tts, vad
from livekit.agents.types import DEFAULT_API_CONNECT_OPTIONS, APIConnectOptions
from livekit.agents.voice import io

from bench.peers.fakes import ONSET_WINDOWS, READY, VOICE_RATE, WINDOW_BYTES, WINDOW_MS, announced, is_loud, listening, spoken, words
from bench.peers.livekit.wire import Ears, Mouth
from bench.script import ENERGY, HANG_OVER_MS, HEARD, SILERO

_WINDOW_S = WINDOW_MS / 1000


class EnergyVad(vad.VAD):
    """Loud or not."""

    def __init__(self) -> None:
        super().__init__(capabilities=vad.VADCapabilities(update_interval=_WINDOW_S))

    def stream(self) -> vad.VADStream:
        """One a caller."""
        return _Windows(self)


class _Windows(vad.VADStream):
    async def _main_task(self) -> None:
        heard, speaking, loud, quiet, samples = bytearray(), False, 0, 0, 0
        async for frame in self._input_ch:
            if not isinstance(frame, rtc.AudioFrame):
                heard.clear()
                speaking, loud, quiet = False, 0, 0
                continue
            heard += frame.data.cast("B")
            while len(heard) >= WINDOW_BYTES:
                window = bytes(heard[:WINDOW_BYTES])
                del heard[:WINDOW_BYTES]
                samples += WINDOW_BYTES // 2
                loud, quiet = (loud + 1, 0) if is_loud(window) else (loud if speaking else 0, quiet + 1)
                if not speaking and loud >= ONSET_WINDOWS:
                    speaking = True
                    self._tell(vad.VADEventType.START_OF_SPEECH, samples, loud, quiet, speaking=True)
                if speaking and quiet * WINDOW_MS >= HANG_OVER_MS:
                    speaking = False
                    self._tell(vad.VADEventType.END_OF_SPEECH, samples, loud, quiet, speaking=False)
                    loud = 0
                self._tell(vad.VADEventType.INFERENCE_DONE, samples, loud if speaking else 0, quiet, speaking=speaking)

    def _tell(self, kind: vad.VADEventType, samples: int, loud: int, quiet: int, *, speaking: bool) -> None:
        self._event_ch.send_nowait(
            vad.VADEvent(
                type=kind,
                samples_index=samples,
                timestamp=time.time(),
                speech_duration=loud * _WINDOW_S,
                silence_duration=quiet * _WINDOW_S,
                probability=float(quiet == 0),
                speaking=speaking,
                raw_accumulated_silence=quiet * _WINDOW_S,
                raw_accumulated_speech=0.0 if quiet else loud * _WINDOW_S,
            )
        )


class FixedStt(stt.STT):
    """Has its text as soon as it is told that the speech is over."""

    def __init__(self) -> None:
        super().__init__(capabilities=stt.STTCapabilities(streaming=True, interim_results=False, manual_flush=True))

    async def _recognize_impl(self, buffer: object, **_: object) -> stt.SpeechEvent:
        raise NotImplementedError("this one streams")

    def stream(self, *, conn_options: APIConnectOptions = DEFAULT_API_CONNECT_OPTIONS, **_: object) -> stt.RecognizeStream:
        """One a caller."""
        return _Hearing(stt=self, conn_options=conn_options)


class _Hearing(stt.RecognizeStream):
    async def _run(self) -> None:
        async for frame in self._input_ch:
            if isinstance(frame, self._FlushSentinel):
                said = stt.SpeechData(language="en", text=HEARD, confidence=1.0)
                self._event_ch.send_nowait(stt.SpeechEvent(type=stt.SpeechEventType.FINAL_TRANSCRIPT, alternatives=[said]))


class PacedLlm(llm.LLM):
    """60 words, one every so many ms."""

    def __init__(self, token_ms: float) -> None:
        super().__init__()
        self.token_ms = token_ms

    def chat(
        self,
        *,
        chat_ctx: llm.ChatContext,
        tools: list[llm.Tool] | None = None,
        conn_options: APIConnectOptions = DEFAULT_API_CONNECT_OPTIONS,
        **_: object,
    ) -> llm.LLMStream:
        """A reply."""
        return _Reply(self, chat_ctx=chat_ctx, tools=tools or [], conn_options=conn_options)


class _Reply(llm.LLMStream):
    async def _run(self) -> None:
        name = uuid.uuid4().hex
        async for word in words(self._llm.token_ms):
            self._event_ch.send_nowait(llm.ChatChunk(id=name, delta=llm.ChoiceDelta(role="assistant", content=word)))


class InstantTts(tts.TTS):
    """A sentence's sound at once; LiveKit's own adapter cuts the sentences."""

    def __init__(self) -> None:
        super().__init__(capabilities=tts.TTSCapabilities(streaming=False), sample_rate=VOICE_RATE, num_channels=1)

    def synthesize(self, text: str, *, conn_options: APIConnectOptions = DEFAULT_API_CONNECT_OPTIONS) -> tts.ChunkedStream:
        """One sentence."""
        return _Spoken(tts=self, input_text=text, conn_options=conn_options)


class _Spoken(tts.ChunkedStream):
    async def _run(self, output_emitter: tts.AudioEmitter) -> None:
        output_emitter.initialize(request_id=uuid.uuid4().hex, sample_rate=VOICE_RATE, num_channels=1, mime_type="audio/pcm")
        output_emitter.push(spoken(self.input_text))
        output_emitter.flush()


def detector(kind: str) -> vad.VAD:
    """By loudness, or LiveKit's own Silero as it comes but for the length of the silence."""
    return EnergyVad() if kind == ENERGY else inference.VAD(model="silero", min_silence_duration=HANG_OVER_MS / 1000)


def session(token_ms: float, heard_by: vad.VAD, ears: io.AudioInput, mouth: io.AudioOutput) -> AgentSession:
    """With everything off that would wait, record or judge the end of a turn by a model."""
    made = AgentSession(
        stt=FixedStt(),
        vad=heard_by,
        llm=PacedLlm(token_ms),
        tts=InstantTts(),
        turn_handling={
            "turn_detection": "vad",
            "endpointing": {"mode": "fixed", "min_delay": 0.0, "max_delay": 0.0},
            "interruption": {
                "mode": "vad",
                "min_duration": ONSET_WINDOWS * _WINDOW_S,
                "resume_false_interruption": False,
                "false_interruption_timeout": None,
            },
            "preemptive_generation": {"enabled": False},
        },
        stt_context_options={"forward_chat_context": False},
        tts_text_transforms=None,
        aec_warmup_duration=None,
        user_away_timeout=None,
    )
    made.input.audio, made.output.audio = ears, mouth
    return made


async def serve(token_ms: float, kind: str) -> None:
    """Until a signal."""
    app, heard_by = web.Application(), detector(kind)

    async def talk(request: web.Request) -> web.WebSocketResponse:
        caller = web.WebSocketResponse(compress=False)
        await caller.prepare(request)
        ears, mouth = Ears(), Mouth(caller)
        talking = session(token_ms, heard_by, ears, mouth)
        await talking.start(Agent(instructions="You are terse."), record=False)
        await caller.send_str(READY)
        try:
            async for message in caller:
                if message.type is WSMsgType.BINARY:
                    ears.take(message.data)
        finally:
            ears.close()
            mouth.close()
            await talking.aclose()
        return caller

    app.router.add_get("/", talk)
    runner = web.AppRunner(app, access_log=None)
    await runner.setup()
    door = listening()
    await web.SockSite(runner, door).start()
    sys.stdout.write(announced(door))
    sys.stdout.flush()
    await asyncio.Event().wait()


def main() -> int:
    """Entry point."""
    parser = argparse.ArgumentParser(prog="python -m bench.peers.livekit.server", description=__doc__)
    parser.add_argument("--token-ms", type=float, default=5.0)
    parser.add_argument("--vad", choices=(ENERGY, SILERO), default=ENERGY)
    options = parser.parse_args()
    with asyncio.Runner(loop_factory=uvloop.new_event_loop) as runner:
        runner.run(serve(options.token_ms, options.vad))
    return 0


if __name__ == "__main__":
    sys.exit(main())
