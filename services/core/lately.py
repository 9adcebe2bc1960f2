"""What was used lately: a bounded memory that forgets what nobody has asked for in a while."""

from __future__ import annotations

from collections import OrderedDict
from collections.abc import Hashable
from typing import Final, Generic, TypeVar

from services.core.clock import Clock

IDLE_S: Final = 900.0
"""A quarter of an hour."""

K = TypeVar("K", bound=Hashable)
V = TypeVar("V")


class Lately(Generic[K, V]):
    """Values by key. Getting and putting are uses; whatever was not used for `idle_s` goes with the next put."""

    def __init__(self, most: int, clock: Clock, idle_s: float = IDLE_S) -> None:
        """Of more than `most` the least lately used go."""
        self._most = most
        self._clock = clock
        self._idle_s = idle_s
        self._kept: OrderedDict[K, tuple[V, float]] = OrderedDict()

    def __len__(self) -> int:
        return len(self._kept)

    def get(self, key: K) -> V | None:
        """None = it is not there, or not any more."""
        found = self._kept.get(key)
        if found is None:
            return None
        self.put(key, found[0])
        return found[0]

    def put(self, key: K, value: V) -> None:
        """In the place of what is there."""
        now = self._clock.now()
        self._kept[key] = (value, now)
        self._kept.move_to_end(key)
        while len(self._kept) > self._most or next(iter(self._kept.values()))[1] < now - self._idle_s:
            self._kept.popitem(last=False)
