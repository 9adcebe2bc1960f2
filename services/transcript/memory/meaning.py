"""Nearness of meaning: vectors as they are kept, and how near they are."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any, Final, Protocol

import numpy as np

_NEAR: Final = 0.3
"""Cosine below which two texts have nothing to do with each other."""
_MOST: Final = 50


class Embedder(Protocol):
    """Turns texts into vectors of unit length."""

    @property
    def name(self) -> str:
        """Vectors of one name can be compared."""
        ...

    async def embed(self, texts: Sequence[str]) -> list[bytes]:
        """One vector each, as half-precision numbers; empty for a text that cannot have one."""
        ...


def packed(vectors: np.ndarray[Any, Any]) -> list[bytes]:
    """Rows of unit length as they are kept."""
    return [row.tobytes() for row in vectors.astype("<f2")]


def nearest(query: bytes, kept: Sequence[tuple[Any, bytes]]) -> list[tuple[Any, float]]:
    """What is near to the query, the nearest first, with the cosine."""
    usable = [(row, vector) for row, vector in kept if len(vector) == len(query)]
    if not usable:
        return []
    matrix = np.frombuffer(b"".join(vector for _, vector in usable), "<f2").astype(np.float32).reshape(len(usable), -1)
    cosines = matrix @ np.frombuffer(query, "<f2").astype(np.float32)
    order = np.argsort(-cosines)[:_MOST]
    return [(usable[at][0], float(cosines[at])) for at in order if cosines[at] >= _NEAR]
