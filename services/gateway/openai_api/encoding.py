"""Voices as files: PCM in, wav, pcm, mp3, opus, flac or aac out, piece by piece as they are made."""

from __future__ import annotations

import struct
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any, Final, Protocol

import av
import numpy as np

from services.core.model.audio import SAMPLE_BYTES, VOICE_RATE

_UNKNOWN: Final = 0xFFFFFFFF
"""Length of a stream in a RIFF header, as far as anybody knows while it is made."""


class Encoder(Protocol):
    """Takes PCM16 at `VOICE_RATE`, gives bytes of the file. May block for a few milliseconds."""

    def feed(self, pcm: bytes) -> bytes:
        """More sound; whatever of the file is finished by it."""
        ...

    def end(self) -> bytes:
        """The rest of the file."""
        ...


@dataclass(frozen=True, slots=True)
class AudioFormat:
    """One value of `response_format`."""

    media_type: str
    make: Callable[[], Encoder]


class _Pcm:
    def feed(self, pcm: bytes) -> bytes:
        return pcm

    def end(self) -> bytes:
        return b""


class _Wav:
    def __init__(self) -> None:
        self._head = _wav_head()

    def feed(self, pcm: bytes) -> bytes:
        head, self._head = self._head, b""
        return head + pcm

    def end(self) -> bytes:
        return self.feed(b"")


class _Compressed:
    """A muxer of PyAV over a sink that can only be written to, as a response is."""

    def __init__(self, container: str, codec: str, bit_rate: int, options: dict[str, str] | None = None) -> None:
        self._sink = _Sink()
        self._file: Any = av.open(self._sink, "w", format=container, options=options or {})
        stream: Any = self._file.add_stream(codec, rate=VOICE_RATE, layout="mono")
        if bit_rate:
            stream.bit_rate = bit_rate
        self._stream = stream
        self._samples = 0

    def feed(self, pcm: bytes) -> bytes:
        frame = av.AudioFrame.from_ndarray(np.frombuffer(pcm, dtype="<i2").reshape(1, -1), format="s16", layout="mono")
        frame.sample_rate = VOICE_RATE
        frame.pts = self._samples
        self._samples += frame.samples
        for packet in self._stream.encode(frame):
            self._file.mux(packet)
        return self._sink.taken()

    def end(self) -> bytes:
        if self._samples:
            for packet in self._stream.encode(None):
                self._file.mux(packet)
        self._file.close()
        return self._sink.taken()


class _Sink:
    """A file that is written from beginning to end and read away at once."""

    def __init__(self) -> None:
        self._pieces: list[bytes] = []

    def write(self, data: bytes) -> int:
        self._pieces.append(bytes(data))
        return len(data)

    def taken(self) -> bytes:
        pieces, self._pieces = self._pieces, []
        return b"".join(pieces)


def _wav_head() -> bytes:
    """RIFF head of mono PCM16 of unknown length."""
    block = struct.pack("<4sIHHIIHH", b"fmt ", 16, 1, 1, VOICE_RATE, VOICE_RATE * SAMPLE_BYTES, SAMPLE_BYTES, 8 * SAMPLE_BYTES)
    return struct.pack("<4sI4s", b"RIFF", _UNKNOWN, b"WAVE") + block + struct.pack("<4sI", b"data", _UNKNOWN)


FORMATS: Final[dict[str, AudioFormat]] = {
    # The Xing frame would be written into the file's beginning afterwards: a stream has been sent by then.
    "mp3": AudioFormat("audio/mpeg", lambda: _Compressed("mp3", "libmp3lame", 64_000, {"write_xing": "0", "id3v2_version": "0"})),
    "opus": AudioFormat("audio/ogg", lambda: _Compressed("ogg", "libopus", 48_000, {"page_duration": "200000"})),
    "flac": AudioFormat("audio/flac", lambda: _Compressed("flac", "flac", 0)),
    "aac": AudioFormat("audio/aac", lambda: _Compressed("adts", "aac", 64_000)),
    "wav": AudioFormat("audio/wav", _Wav),
    "pcm": AudioFormat(f"audio/pcm;rate={VOICE_RATE};channels=1", _Pcm),
}
"""By `response_format`."""
