"""Recordings from strangers: any common audio file to 16 kHz mono PCM, within caps, without touching anything but its bytes."""

from __future__ import annotations

import io
import threading
import time
from typing import Any, Final

import av

from services.core.errors import DeadlineExceeded, InvalidRequest, TooLarge
from services.core.model.audio import HEARING_RATE, SAMPLE_BYTES

MAX_BYTES: Final = 25 * 1024 * 1024
MAX_SECONDS: Final = 600
MAX_RATE: Final = 192_000
MAX_CHANNELS: Final = 8
_DECODE_S: Final = 60.0
_MAX_SAMPLES_BYTES: Final = MAX_SECONDS * HEARING_RATE * SAMPLE_BYTES

_DEMUXERS: Final = "wav,w64,mp3,ogg,flac,mov,matroska,aac,aiff,caf,amr,au"
"""Containers that hold their own sound. Playlists are not among them: those name addresses that would be fetched."""

_OPTIONS: Final = {"format_whitelist": _DEMUXERS, "protocol_whitelist": "", "enable_drefs": "0"}


def decoded(data: bytes, stop: threading.Event) -> bytes:
    """PCM16 mono at `HEARING_RATE`. Blocks: call it in a worker thread; `stop` ends it early with what there is.

    Raises `InvalidRequest` for what is no audio, `TooLarge` beyond a cap, `DeadlineExceeded` for a file that takes for ever.
    """
    if len(data) > MAX_BYTES:
        raise TooLarge(f"A recording may have {MAX_BYTES} bytes.")
    if not data:
        raise InvalidRequest("file: it is empty.")
    try:
        with av.open(io.BytesIO(data), "r", options=_OPTIONS, metadata_errors="replace") as container:
            return _pcm(container, stop)
    except (av.error.FFmpegError, ValueError, EOFError) as error:
        raise InvalidRequest("file: it is no audio that can be decoded here.") from error


def _pcm(container: Any, stop: threading.Event) -> bytes:
    if not container.streams.audio:
        raise InvalidRequest("file: there is no sound in it.")
    stream = container.streams.audio[0]
    if not 0 < (stream.rate or 0) <= MAX_RATE or not 0 < (stream.codec_context.channels or 0) <= MAX_CHANNELS:
        raise InvalidRequest(f"file: at most {MAX_RATE} samples per second and {MAX_CHANNELS} channels are understood.")
    resampler = av.AudioResampler(format="s16", layout="mono", rate=HEARING_RATE)
    until = time.monotonic() + _DECODE_S
    pcm = bytearray()
    for packet in container.demux(stream):
        if stop.is_set():
            break
        if time.monotonic() > until:
            raise DeadlineExceeded("The recording took too long to decode.")
        for frame in _frames(packet):
            for piece in resampler.resample(frame):
                pcm += bytes(piece.planes[0])[: piece.samples * SAMPLE_BYTES]
        if len(pcm) > _MAX_SAMPLES_BYTES:
            raise TooLarge(f"A recording may last {MAX_SECONDS} seconds.")
    for piece in resampler.resample(None):
        pcm += bytes(piece.planes[0])[: piece.samples * SAMPLE_BYTES]
    return bytes(pcm)


def _frames(packet: Any) -> list[Any]:
    try:
        return list(packet.decode())
    except av.error.InvalidDataError:
        # One broken packet is a click, not the end: players skip it too.
        return []
