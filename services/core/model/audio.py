"""Audio inside the house: mono PCM, signed 16 bit little endian, at two rates only."""

from __future__ import annotations

from typing import Final

HEARING_RATE: Final = 16_000
"""Samples per second of everything that is listened to."""

VOICE_RATE: Final = 24_000
"""Samples per second of everything that a character says; the OpenAI Realtime default."""

SAMPLE_BYTES: Final = 2
FRAME_MS: Final = 20
"""Length of one frame."""

HEARING_FRAME_BYTES: Final = HEARING_RATE * FRAME_MS // 1000 * SAMPLE_BYTES
VOICE_FRAME_SAMPLES: Final = VOICE_RATE * FRAME_MS // 1000
VOICE_FRAME_BYTES: Final = VOICE_FRAME_SAMPLES * SAMPLE_BYTES


def duration_ms(pcm_bytes: int, rate: int) -> float:
    """How long `pcm_bytes` of mono PCM16 last at `rate` samples per second."""
    return pcm_bytes / SAMPLE_BYTES / rate * 1000
