"""The scripted engines for other systems' servers. It runs in their interpreters, so it needs nothing but the standard library, numpy and bench/script.py."""

from __future__ import annotations

import asyncio
import socket
import time
from collections.abc import AsyncGenerator
from typing import Final

import numpy as np

from bench.script import HEARING_RATE, MS_PER_CHARACTER, REPLY

VOICE_RATE: Final = 24_000
WINDOW_MS: Final = 20
ONSET_WINDOWS: Final = 2
WINDOW_BYTES: Final = HEARING_RATE * WINDOW_MS // 1000 * 2
READY: Final = "ready"
"""A server says so, as text, when its session has started; everything else on these sockets is raw PCM16."""
_LOUD: Final = (32768 * 10 ** (-45 / 20)) ** 2
"""The mean square of -45 dB, the bar of our own detector."""
_TONE: Final = np.tile(np.repeat(np.array([8000, -8000], np.int16), VOICE_RATE // 800), 400 * 30).tobytes()
"""Half a minute of sound, to be cut."""


async def words(token_ms: float) -> AsyncGenerator[str, None]:
    """The reply, a word at a time, on an exact clock: what is subtracted as the model's time must be the model's time."""
    began = time.monotonic()
    for number, word in enumerate(" ".join(REPLY).split()):
        wait = began + number * token_ms / 1000 - time.monotonic()
        if wait > 0:
            await asyncio.sleep(wait)
        yield word if number == 0 else f" {word}"


def spoken(text: str) -> bytes:
    """100 ms of PCM per 17 characters."""
    return _TONE[: 2 * round(len(text) * MS_PER_CHARACTER * VOICE_RATE / 1000)]


def is_loud(window: bytes) -> bool:
    """Voice activity by energy."""
    samples = np.frombuffer(window, np.int16).astype(np.float32)
    return float(np.dot(samples, samples)) > _LOUD * samples.size


def listening() -> socket.socket:
    """A socket on a free port that takes connections from now on, even before somebody accepts them."""
    door = socket.socket()
    door.bind(("127.0.0.1", 0))
    door.listen(1024)
    return door


def announced(door: socket.socket) -> str:
    """The line by which the harness learns where a server is."""
    return f"http://127.0.0.1:{door.getsockname()[1]}\n"
