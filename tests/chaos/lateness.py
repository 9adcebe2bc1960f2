"""How busy this machine is, whoever keeps it so: a thread asks to be woken after a moment, looks when it was, and how many others wanted a core."""

from __future__ import annotations

import os
import threading
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from statistics import fmean
from typing import Final

_EVERY_S: Final = 0.05
_RUNNING: Final = Path("/proc/loadavg")
_CORES: Final = len(os.sched_getaffinity(0))


class Lateness:
    """A yardstick beside every duration: where it is long, the program had to wait as well."""

    def __init__(self) -> None:
        """Measures nothing before `measured`."""
        self._seen: list[tuple[float, float, float]] = []
        self._over = threading.Event()

    def longest_s(self, since: float) -> float:
        """By how much a timer came too late since then (`time.monotonic`), at the worst."""
        return max((late for moment, late, _ in self._seen if moment >= since), default=0.0)

    def crowd(self, since: float) -> float:
        """How many wanted each core since then, on average, our own processes among them."""
        return fmean([crowd for moment, _, crowd in self._seen if moment >= since] or [0.0])

    def watch(self) -> None:
        """Until it is over."""
        due = time.monotonic() + _EVERY_S
        while not self._over.wait(max(0.0, due - time.monotonic())):
            now = time.monotonic()
            # Its fourth field: those who run or could, of all there are.
            self.note(now, due, int(_RUNNING.read_text().split()[3].partition("/")[0]) / _CORES)
            due = now + _EVERY_S

    def note(self, now: float, due: float, crowd: float) -> None:
        """It should have been woken when it was `due`, and was it now."""
        self._seen.append((now, max(0.0, now - due), crowd))

    def end(self) -> None:
        """No more."""
        self._over.set()


@contextmanager
def measured() -> Iterator[Lateness]:
    """For the time of the block."""
    lateness = Lateness()
    thread = threading.Thread(target=lateness.watch, name="lateness", daemon=True)
    thread.start()
    try:
        yield lateness
    finally:
        lateness.end()
        thread.join()
