"""The fixed fakes: what is said, how fast, and the settings under which the program is measured."""

from __future__ import annotations

import json
from typing import Any, Final

REPLY: Final = (
    "Come and sit beside the fire because the eastern road lies flooded beyond our bridge.",
    "Your father came through here yesterday at dawn and carried one torch without a wick.",
    "Nobody in our valley will guide strangers across the marsh before the next full moon.",
    "Drink your ale slowly and tell me plainly what you were hunting beyond our mountains.",
)
"""Four sentences of 15 words; a word is a token. 340 characters are 2.0 s of sound."""

HEARD: Final = "Good evening, who sits at that table over there?"
"""What recognition always understands."""

TOKENS_TO_FULL_STOP: Final = 15
MS_PER_CHARACTER: Final = 100 / 17
HANG_OVER_MS: Final = 200
ENERGY: Final = "energy"
SILERO: Final = "silero"
"""The two kinds of voice activity: everybody's same arithmetic on loudness, or everybody's own build of the Silero model."""
SPEECH_MS: Final = 600
FRAME_MS: Final = 20
HEARING_RATE: Final = 16_000
FRAME_BYTES: Final = HEARING_RATE * FRAME_MS // 1000 * 2


def first_stop_ms(token_ms: float) -> float:
    """When the model's first full stop comes: the first token is there at once, the others follow at their pace."""
    return (TOKENS_TO_FULL_STOP - 1) * token_ms


def settings(token_ms: float, vad: str = ENERGY) -> dict[str, str]:
    """The settings as environment variables."""
    tree: dict[str, Any] = {
        "offline": True,
        "stt": {"engine": "scripted", "max_streams": 1024, "engines": {"scripted": {"texts": [HEARD]}}},
        "llm": {"chain": ["paced"], "engines": {"paced": {"kind": "bench.paced:PacedEngine", "replies": [" ".join(REPLY)], "token_ms": token_ms}}},
        "tts": {"engine": "scripted", "max_streams": 1024, "engines": {"scripted": {"ms_per_char": MS_PER_CHARACTER}}},
        "hearing": {"vad": vad},
        "stage": {"hang_over_s": HANG_OVER_MS / 1000},
        "gateway": {"max_sockets": 1024},
        "redis": {"durability": "always"},
        "telemetry": {"log_level": "warning"},
    }
    return {f"SOUFFLEUR__{name.upper()}": json.dumps(value) for name, value in tree.items()}


def speech_frame() -> bytes:
    """20 ms of a 400 Hz square wave: loud enough for any energy detector, whatever part of a window it fills."""
    half = HEARING_RATE // 800
    period = (8000).to_bytes(2, "little", signed=True) * half + (-8000).to_bytes(2, "little", signed=True) * half
    return period * (FRAME_BYTES // len(period))
