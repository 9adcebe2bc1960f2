"""What comes to mind first: how well a memory fits, how much it mattered, how long ago it was, and who is here again."""

from __future__ import annotations

import math
from collections.abc import Collection, Sequence
from typing import Final

from services.transcript.memory.memory import Memory

_FADING_MS: Final = 60 * 24 * 3_600_000
_COMPANY: Final = 1.15
_RANK: Final = 60
"""Of reciprocal rank fusion: how little the first places differ."""


def weight(memory: Memory, present: Collection[str], now_ms: int) -> float:
    """By what everything that fits is multiplied."""
    age = max(0, now_ms - memory.created_at_ms)
    recency = 0.5 + 0.5 * math.exp(-age / _FADING_MS)
    company = _COMPANY if any(member in memory.present for member in present if member != memory.character) else 1.0
    return (0.5 + memory.importance) * recency * company


def merged(*lists: Sequence[tuple[Memory, float]]) -> list[Memory]:
    """Several rankings as one, by the sum of their reciprocal ranks; of a single one, its order."""
    scores: dict[str, float] = {}
    known: dict[str, Memory] = {}
    for ranking in lists:
        for place, (memory, _) in enumerate(sorted(ranking, key=lambda item: -item[1])):
            scores[memory.id] = scores.get(memory.id, 0.0) + 1 / (_RANK + place)
            known[memory.id] = memory
    return [known[name] for name in sorted(scores, key=lambda name: -scores[name])]
