"""Characters' voices in a call: pieces onto the reel, and what happened to them to the client and to the stage."""

from __future__ import annotations

from collections.abc import Callable
from typing import Final

from openai.types.realtime.realtime_server_event import OutputAudioBufferCleared, OutputAudioBufferStarted, OutputAudioBufferStopped

from services.core.model.attachment import AttachUp, LineAudio, Played
from services.core.model.audio import VOICE_RATE
from services.gateway.hearing.resample import AudioFormat
from services.gateway.realtime.emitter import Emitter
from services.gateway.realtime.webrtc.reel import Reel, Sent, Silent, Sounds

_HEARD_LATER_MS: Final = 60
"""From here to an ear: the browser's own jitter buffer and its output. A cut line is counted as heard up to there."""


class CallVoice:
    """The `Sound` of a call. Positions are what the track has sent, so no client needs to report."""

    def __init__(self, reel: Reel, emitter: Emitter, report: Callable[[AttachUp], None]) -> None:
        """`report` takes positions to the stage."""
        self._reel = reel
        self._emitter = emitter
        self._report = report
        self._begun: set[str] = set()

    def set_format(self, audio: AudioFormat) -> None:
        """Nothing: a call's audio is Opus."""

    def send(self, audio: LineAudio) -> None:
        """Play it after what came before."""
        self._reel.push(audio)

    def pause(self, line: str) -> None:
        """Hold it here: few clients can."""
        self._reel.hold(line)

    def resume(self, line: str) -> None:
        """Go on."""
        self._reel.go(line)

    def flush(self, line: str) -> bool:
        """Throw away what waits; the client is told by `output_audio_buffer.cleared`."""
        self._reel.drop(line)
        return True

    def forget(self, line: str) -> None:
        """It ends when it has been played."""
        self._reel.end(line)

    async def run(self) -> None:
        """Tell what happens on the reel, for ever."""
        while True:
            told = await self._reel.told.get()
            if isinstance(told, Sounds):
                self._sounds(told)
            elif isinstance(told, Sent):
                played_ms = told.samples * 1000 // VOICE_RATE - (_HEARD_LATER_MS if told.more else 0)
                self._report(Played(told.line, max(0, played_ms)))
            else:
                self._silent(told)

    def _sounds(self, told: Sounds) -> None:
        if told.line not in self._begun:
            self._begun.add(told.line)
            self._emitter.emit(OutputAudioBufferStarted, response_id=f"resp_{told.line}")
        offset_ms = told.offset * 1000 // VOICE_RATE
        self._emitter.own("audio", line_id=told.line, item_id=f"item_{told.line}", seq=told.seq, offset_ms=offset_ms)

    def _silent(self, told: Silent) -> None:
        begun = told.line in self._begun
        self._begun.discard(told.line)
        if begun or told.dropped:
            self._emitter.emit(OutputAudioBufferCleared if told.dropped else OutputAudioBufferStopped, response_id=f"resp_{told.line}")
