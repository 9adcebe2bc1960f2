"""A character's voice on its way to one client: base64 in prepared JSON, or raw binary frames."""

from __future__ import annotations

import binascii
from typing import Final

import numpy as np
import soxr

from services.core.model.attachment import LineAudio
from services.core.model.audio import VOICE_RATE
from services.gateway.hearing import g711
from services.gateway.hearing.resample import PCM, AudioFormat
from services.gateway.realtime.emitter import Emitter
from services.gateway.realtime.outbox import Outbox

SUBPROTOCOL: Final = "souffleur.pcm"
"""With this subprotocol audio travels as raw binary, both ways."""


class Voice:
    """Writes the audio of all lines of one connection."""

    def __init__(self, outbox: Outbox, emitter: Emitter, *, binary: bool) -> None:
        """`binary` where the subprotocol was agreed upon."""
        self.binary = binary
        self._outbox = outbox
        self._emitter = emitter
        self._format = AudioFormat()
        self._heads: dict[str, str] = {}
        self._narrowed: dict[str, soxr.ResampleStream] = {}
        self._announced = ("", 0)

    def set_format(self, audio: AudioFormat) -> None:
        """How audio is written from now on; binary frames are always PCM16 at 24 kHz."""
        self._format = audio

    def send(self, audio: LineAudio) -> None:
        """Queue a piece of a line."""
        line = audio.line
        if self.binary:
            self._announce(audio)
            self._outbox.put_voice(line, audio.pcm)
            return
        pcm = audio.pcm if self._format.type == PCM else self._narrow(line, audio.pcm)
        head = self._heads.get(line) or self._head(line)
        delta = binascii.b2a_base64(pcm, newline=False).decode("ascii")
        self._outbox.put_voice(line, f'{head}{self._emitter.event_id()}","delta":"{delta}"}}')

    def pause(self, line: str) -> None:
        """The client pauses its playback itself: it is told so by an event."""

    def resume(self, line: str) -> None:
        """So with going on."""

    def flush(self, line: str) -> bool:
        """What has not been written of this line is never written."""
        if self._outbox.drop_voice(line):
            self._announced = ("", 0)
        return False

    def forget(self, line: str) -> None:
        """The line is over."""
        self._heads.pop(line, None)
        self._narrowed.pop(line, None)

    async def run(self) -> None:
        """Nothing: the outbox writes."""

    def _announce(self, audio: LineAudio) -> None:
        # Voice that was dropped for a slow reader leaves a hole: say again where the next frame belongs.
        key = (audio.line, audio.seq)
        if key == self._announced and not self._outbox.dropped:
            return
        self._announced = key
        self._outbox.dropped = 0
        offset_ms = audio.offset_samples * 1000 // VOICE_RATE
        self._emitter.own("audio", line_id=audio.line, item_id=f"item_{audio.line}", seq=audio.seq, offset_ms=offset_ms)

    def _head(self, line: str) -> str:
        head = f'{{"type":"response.output_audio.delta","response_id":"resp_{line}","item_id":"item_{line}","output_index":0,"content_index":0,"event_id":"'
        self._heads[line] = head
        return head

    def _narrow(self, line: str, pcm: bytes) -> bytes:
        stream = self._narrowed.get(line)
        if stream is None:
            stream = self._narrowed[line] = soxr.ResampleStream(VOICE_RATE, g711.RATE, 1, dtype="int16", quality="HQ")
        return g711.encode(self._format.type, stream.resample_chunk(np.frombuffer(pcm, "<i2")))
