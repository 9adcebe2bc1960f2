"""What passes between the engine and its worker: kind (1 byte), job (4 bytes), length (4 bytes), payload.

To the worker: S speak (JSON), L load a model (JSON), K one more piece may be made, C cancel. Its answers: R ready (JSON), L loaded (JSON),
A a piece of sound (rate as 4 bytes, then float32 samples, all little-endian), E the end of the job, X failed (JSON with `reason` and `place`).
Every job is answered by exactly one E, L or X, a cancelled one too. The end of the worker's input ends it.
"""

from __future__ import annotations

import json
import struct
from typing import Any, BinaryIO, Final

HEADER: Final = struct.Struct("!cII")
RATE: Final = struct.Struct("<I")
MAX_FRAME: Final = 16 * 1024 * 1024
READY, LOAD, SPEAK, CREDIT, CANCEL, AUDIO, END, FAILED = b"R", b"L", b"S", b"K", b"C", b"A", b"E", b"X"
CREDITS: Final = 4
"""Pieces that a job may make before the first of them was taken."""

Frame = tuple[bytes, int, bytes]


def packed(kind: bytes, job: int, payload: bytes = b"") -> bytes:
    """A frame as it goes over the pipe."""
    return HEADER.pack(kind, job, len(payload)) + payload


def told(kind: bytes, job: int, /, **fields: Any) -> bytes:
    """A frame that holds JSON."""
    return packed(kind, job, json.dumps(fields).encode())


def read(stream: BinaryIO) -> Frame | None:
    """The next frame; None at the end. Raises `ValueError` for one that is too large."""
    header = stream.read(HEADER.size)
    if len(header) < HEADER.size:
        return None
    kind, job, length = HEADER.unpack(header)
    if length > MAX_FRAME:
        raise ValueError("a frame is too large")
    payload = stream.read(length)
    return (kind, job, payload) if len(payload) == length else None
