"""Voice activity for all connections of the process: windows that have come in are judged together, with one thread hop for all of them.

A hop starts when something is waiting and none is under way: a lone speaker never waits for a tick, and many speakers share each hop.
There is no task and no queue per window. A detector that can judge many at a time is asked once for one window of each speaker.
"""

from __future__ import annotations

import asyncio
from collections import deque
from collections.abc import Callable, Sequence
from concurrent.futures import ThreadPoolExecutor
from typing import Any, Final, cast

import structlog

from services.core.model.audio import HEARING_RATE, SAMPLE_BYTES
from services.gateway.hearing.vad import WINDOW_MS, EnergyVad, QuickVad, Vad

_CROWD: Final = 2
"""So many are worth being judged together."""
_SHARE: Final = 4
"""Windows of one speaker per hop, so that somebody who sends a whole file at once does not deafen the others."""

Deliver = Callable[[bytes, float], None]
_log = structlog.get_logger(__name__)


class Source:
    """One speaker's windows on their way through the pool."""

    def __init__(self, pool: VadPool, deliver: Deliver, quick: QuickVad | None, window_ms: int = WINDOW_MS) -> None:
        """`deliver` is called on the loop with every window and its probability, in order; at once, if there is a `quick` detector."""
        self.window_ms = window_ms
        self.window_bytes = HEARING_RATE * window_ms // 1000 * SAMPLE_BYTES
        self._pool = pool
        self.deliver = deliver
        self.vad: Vad | None = None
        self._quick = quick
        self.waiting: deque[bytes] = deque()
        self.generation = 0
        self.stale = False
        self.open = True
        self.failure: Exception | None = None

    def push(self, windows: bytes) -> None:
        """Have these judged: one whole window, or some. Raises what `deliver` has raised meanwhile."""
        if self.failure is not None:
            failure, self.failure = self.failure, None
            raise failure
        size, generation = self.window_bytes, self.generation
        if self._quick is None:
            for start in range(0, len(windows), size):
                self._pool.judge(self, windows[start : start + size])
            return
        if self.stale:
            self._quick.reset()
            self.stale = False
        for at, probability in enumerate(self._quick.probabilities(windows)):
            # What one of them leads to may be that nobody wants the others any more.
            if generation == self.generation:
                self.deliver(windows[at * size : at * size + size], probability)

    def reset(self) -> None:
        """Forget what is waiting and under way, and what the detector remembers."""
        self.waiting.clear()
        self.generation += 1
        self.stale = True

    def close(self) -> None:
        """Nothing is delivered any more."""
        self.open = False
        self.reset()


class VadPool:
    """One per process. `close` ends its thread."""

    def __init__(self, build: Callable[[], Vad]) -> None:
        """`build` makes a detector for each speaker."""
        self._build = build
        self._together: Callable[[Sequence[Any], Sequence[bytes]], list[float]] | None = getattr(build, "together", None)
        self._thread = ThreadPoolExecutor(max_workers=1, thread_name_prefix="vad")
        self._ready: dict[Source, None] = {}
        self._hop: asyncio.Future[list[list[float]]] | None = None

    def source(self, deliver: Deliver) -> Source:
        """A new speaker."""
        quick = cast(QuickVad, self._build()) if getattr(self._build, "inline", False) else None
        return Source(self, deliver, quick, getattr(self._build, "window_ms", WINDOW_MS))

    def judge(self, source: Source, window: bytes) -> None:
        """Judge in the next hop."""
        source.waiting.append(window)
        self._ready[source] = None
        if self._hop is None:
            self._start()

    def _start(self) -> None:
        batch: list[tuple[Source, int, list[bytes]]] = []
        for source in list(self._ready):
            windows = [source.waiting.popleft() for _ in range(min(_SHARE, len(source.waiting)))]
            if not source.waiting:
                del self._ready[source]
            if windows and source.open:
                batch.append((source, source.generation, windows))
        if not batch:
            return
        self._hop = asyncio.get_running_loop().run_in_executor(self._thread, self._evaluate, [(source, windows) for source, _, windows in batch])
        self._hop.add_done_callback(lambda hop: self._landed(hop, batch))

    def _evaluate(self, batch: list[tuple[Source, list[bytes]]]) -> list[list[float]]:
        found: list[list[float]] = [[] for _ in batch]
        for place in range(_SHARE):
            now = [(source, windows[place], judged) for (source, windows), judged in zip(batch, found, strict=True) if place < len(windows)]
            for (*_, judged), probability in zip(now, self._probabilities([(source, window) for source, window, _ in now]), strict=True):
                judged.append(probability)
        return found

    def _probabilities(self, asked: list[tuple[Source, bytes]]) -> list[float]:
        """One window of each of these."""
        found = self._judged_together(asked)
        return [found[at] if at in found else self._probability(source, window) for at, (source, window) in enumerate(asked)]

    def _judged_together(self, asked: list[tuple[Source, bytes]]) -> dict[int, float]:
        """By their places: all but those whose own detector has failed before; nobody, where there is nothing to be gained."""
        places = [at for at, (source, _) in enumerate(asked) if not isinstance(source.vad, EnergyVad)]
        if self._together is None or len(places) < _CROWD:
            return {}
        try:
            detectors = [self._fresh(asked[at][0]) for at in places]
            return dict(zip(places, self._together(detectors, [asked[at][1] for at in places]), strict=True))
        except Exception:
            # Whose fault it is shows when each is asked alone.
            _log.exception("vad.failed_together", speakers=len(places))
            return {}

    def _probability(self, source: Source, window: bytes) -> float:
        try:
            return self._fresh(source).probability(window)
        except Exception:
            _log.exception("vad.failed")
            source.vad = EnergyVad()
            return source.vad.probability(window)

    def _fresh(self, source: Source) -> Vad:
        """The speaker's detector, having forgotten what it is to forget."""
        if source.vad is None:
            source.vad = self._build()
        elif source.stale:
            source.vad.reset()
        source.stale = False
        return source.vad

    def _landed(self, hop: asyncio.Future[list[list[float]]], batch: list[tuple[Source, int, list[bytes]]]) -> None:
        self._hop = None
        if hop.cancelled():
            return
        for (source, generation, windows), judged in zip(batch, hop.result(), strict=True):
            try:
                for window, probability in zip(windows, judged, strict=True):
                    if source.open and source.generation == generation:
                        source.deliver(window, probability)
            except Exception as error:
                # One who cannot be told of their own windows must not cost the others theirs; they hear of it with their next sound.
                source.failure = error
        if self._ready and self._hop is None:
            self._start()

    async def close(self) -> None:
        """Wait for the hop under way and end the thread."""
        self._ready.clear()
        if self._hop is not None:
            await asyncio.wait([self._hop])
        self._thread.shutdown(wait=False)
