"""G.711: telephone samples of eight bits as tables, both ways."""

from __future__ import annotations

from typing import Final

import numpy as np
from numpy.typing import NDArray

RATE: Final = 8_000
"""Samples per second of G.711 audio."""

Table = NDArray[np.int16]


def _ulaw() -> Table:
    code = ~np.arange(256, dtype=np.uint8)
    exponent = ((code >> 4) & 7).astype(np.int32)
    magnitude = ((((code & 0x0F).astype(np.int32) << 3) + 0x84) << exponent) - 0x84
    return np.where(code & 0x80, -magnitude, magnitude).astype(np.int16)


def _alaw() -> Table:
    code = np.arange(256, dtype=np.uint8) ^ 0x55
    exponent = ((code >> 4) & 7).astype(np.int32)
    mantissa = (code & 0x0F).astype(np.int32) << 4
    magnitude = np.where(exponent == 0, mantissa + 8, (mantissa + 0x108) << np.maximum(exponent - 1, 0))
    return np.where(code & 0x80, magnitude, -magnitude).astype(np.int16)


def _encoder(decode: Table) -> NDArray[np.uint8]:
    """For every 16 bit sample the code whose value is nearest."""
    order = np.argsort(decode, kind="stable")
    values = decode[order].astype(np.int32)
    samples = np.arange(-32768, 32768, dtype=np.int32)
    right = np.clip(np.searchsorted(values, samples), 1, 255)
    left_is_nearer = samples - values[right - 1] <= values[right] - samples
    return order[np.where(left_is_nearer, right - 1, right)].astype(np.uint8)


_DECODE: Final = {"audio/pcmu": _ulaw(), "audio/pcma": _alaw()}
_ENCODE: Final = {name: _encoder(table) for name, table in _DECODE.items()}


def decode(encoding: str, data: bytes) -> NDArray[np.int16]:
    """16 bit samples at `RATE`. `encoding` is audio/pcmu or audio/pcma."""
    return _DECODE[encoding][np.frombuffer(data, np.uint8)]


def encode(encoding: str, samples: NDArray[np.int16]) -> bytes:
    """One byte per sample at `RATE`. `encoding` is audio/pcmu or audio/pcma."""
    return _ENCODE[encoding][samples.astype(np.int32) + 32768].tobytes()
