"""Measured: what every service uses in a process of its own while so many tables do this or that; a fresh program for each."""

from __future__ import annotations

import asyncio
import json
import sys
import tempfile
import time
from dataclasses import dataclass
from pathlib import Path
from typing import Final

from bench.load import Load, Measured
from bench.overhead import FAST_MS, generated
from bench.program import Program, running
from bench.script import HANG_OVER_MS, first_stop_ms, settings
from bench.tables import cast_of, client_of
from bench.use import Use, use_of
from services.gateway.hearing.vad import WINDOW_BYTES, WINDOW_MS, SileroVad

_WARM_UP_S: Final = 3.0
_SETTLE_S: Final = 8.0
"""Behind the warm-up: whoever left keeps their seat for five seconds."""
_REST_S: Final = 10.0
_WINDOWS: Final = 1500


@dataclass(frozen=True, slots=True, kw_only=True)
class Crowd:
    """Who is there, and what they do."""

    tables: int
    people: int = 1
    """At each, with a microphone each; one of them talks."""
    characters: int = 1
    talks: bool = True
    """A turn about every three seconds, without a pause."""
    microphones: bool = True
    """Open; silence counts as much as speech."""
    corrections_per_s: float = 0.0


@dataclass(frozen=True, slots=True)
class Seen:
    """What came of it."""

    crowd: Crowd
    rest: dict[str, float]
    """Service -> cores that it uses when nobody is there."""
    base_mb: dict[str, float]
    run: Measured

    def cores(self, service: str) -> float:
        """That it used beyond its rest."""
        return self.run.services[service][0] / self.run.seconds - self.rest[service]

    @property
    def turns(self) -> int:
        """That ended in the window, the unanswered ones among them."""
        return len(self.run.turns) + self.run.missing


async def seen(crowd: Crowd, seconds: float) -> Seen:
    """Measure one crowd for so long. Raises `RuntimeError` or `TimeoutError` if the program or the load generator gave up."""
    sys.stderr.write(f"{seconds:.0f} s of {crowd}\n")
    with tempfile.TemporaryDirectory(prefix="souffleur-bench-") as folder:
        async with running(Path(folder), _settings(), pinned=False, options=["--processes"]) as program:
            # Whoever is measured has loaded everything.
            await generated(Load(url=program.url, pid=program.pid, sessions=1, seconds=_WARM_UP_S), urgent=False)
            async with client_of(program.url) as client:
                cast = await cast_of(client, crowd.characters)
            await asyncio.sleep(_SETTLE_S)
            before = use_of(program.pid)
            await asyncio.sleep(_REST_S)
            after = use_of(program.pid)
            run = await generated(_load(crowd, seconds, program, cast), urgent=False)
    return Seen(crowd, _between(before, after), {name: mb for name, (_, mb) in after.services.items()}, run)


def _settings() -> dict[str, str]:
    # Who sits at a table in company would have to call a character by name.
    return settings(FAST_MS) | {"SOUFFLEUR__STAGE": json.dumps({"hang_over_s": HANG_OVER_MS / 1000, "wake_name": "never"})}


def _load(crowd: Crowd, seconds: float, program: Program, cast: list[str]) -> Load:
    return Load(
        url=program.url,
        redis_url=program.redis_url,
        probe=False,
        pid=program.pid,
        sessions=crowd.tables,
        seconds=seconds,
        model_ms=first_stop_ms(FAST_MS),
        cast=cast,
        people=crowd.people,
        talks=crowd.talks,
        microphones=crowd.microphones,
        corrections_per_s=crowd.corrections_per_s,
    )


def _between(before: Use, after: Use) -> dict[str, float]:
    return {name: (used - before.services[name][0]) / (after.at - before.at) for name, (used, _) in after.services.items() if name in before.services}


def silero_share(windows: int = _WINDOWS) -> float:
    """Part of a core that the Silero model takes for one open microphone."""
    model = SileroVad()
    began = time.process_time()
    for _ in range(windows):
        model.probability(bytes(WINDOW_BYTES))
    return 1000 * (time.process_time() - began) / windows / WINDOW_MS
