"""Time as something that is handed in, so that a minute of talk can be tested in a millisecond."""

from __future__ import annotations

import time
from datetime import UTC, datetime
from typing import Protocol


def rfc3339(at_ms: int) -> str:
    """Milliseconds since 1970 as every interface writes them: UTC, with a Z."""
    return datetime.fromtimestamp(at_ms / 1000, UTC).isoformat(timespec="milliseconds").replace("+00:00", "Z")


class Clock(Protocol):
    """Where a component reads the time."""

    def now(self) -> float:
        """Monotonic seconds; only differences mean anything."""
        ...

    def wall_ms(self) -> int:
        """Milliseconds since 1970 UTC, for people and for `Fact.at_ms`; never for ordering."""
        ...


class SystemClock:
    """The clock of this machine."""

    def now(self) -> float:
        """Monotonic seconds of the running kernel."""
        return time.monotonic()

    def wall_ms(self) -> int:
        """The system's idea of the date."""
        return time.time_ns() // 1_000_000


class ManualClock:
    """A clock that moves when told; for tests and replays."""

    def __init__(self, start_s: float = 0.0, wall_ms: int = 1_700_000_000_000) -> None:
        """Starts at `start_s` on both scales."""
        self._now = start_s
        self._wall = wall_ms

    def advance(self, seconds: float) -> None:
        """Move both scales forward."""
        if seconds < 0:
            raise ValueError("time does not run backwards")
        self._now += seconds
        self._wall += int(seconds * 1000)

    def now(self) -> float:
        """The told time."""
        return self._now

    def wall_ms(self) -> int:
        """The told date."""
        return self._wall
