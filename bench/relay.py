"""The text relay: `/v1/chat/completions` without a session, against an OpenAI-compatible server, direct and through the program."""

from __future__ import annotations

import asyncio
import json
import sys
import tempfile
from collections.abc import AsyncIterator, Sequence
from contextlib import asynccontextmanager
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any, Final

from bench.cores import LOAD, hurry, on_core
from bench.figures import Spread, number, percentile, spread, table
from bench.overhead import FAST_MS
from bench.program import Program, running
from bench.relay_load import Seen, Wanted
from bench.script import settings

STREAMS: Final = (1, 32, 128)
_HEAD: Final = ("load", "streams", "direct TTFT p50", "relayed TTFT p50", "relayed TTFT p95", "reply p50", "relayed", "tokens/s", "relayed", "us CPU a token")
_SLACK_S: Final = 60.0


@dataclass(slots=True)
class Far:
    """The process with the fake provider and the clients."""

    url: str
    process: asyncio.subprocess.Process

    async def ask(self, wanted: Wanted) -> Seen:
        """One run."""
        if self.process.stdin is None or self.process.stdout is None:
            raise RuntimeError("the other end has no pipes")
        self.process.stdin.write(json.dumps(asdict(wanted)).encode() + b"\n")
        async with asyncio.timeout(wanted.seconds + _SLACK_S):
            answer = await self.process.stdout.readline()
        found = Seen(**json.loads(answer))
        for failure in dict.fromkeys(found.failures):
            sys.stderr.write(f"{wanted.streams} streams, {wanted.pace}: {failure}\n")
        return found


async def relay_table(seconds: float, runs: int, *, urgent: bool, streams: Sequence[int] = STREAMS) -> str:
    """Each load direct and through the program, in turn."""
    rows = []
    async with far_end(urgent=urgent) as far:
        for pace in ("paced", "flood"):
            with tempfile.TemporaryDirectory(prefix="souffleur-bench-") as folder:
                async with running(Path(folder), relay_settings(far.url, pace), urgent=urgent) as program:
                    for count in streams:
                        sys.stderr.write(f"{runs} x 2 x {seconds:.0f} s, {count} streams, {pace}\n")
                        rows.append(_row(pace, count, [await _pair(far, program, pace, count, seconds) for _ in range(runs)]))
    return table(_HEAD, rows)


async def _pair(far: Far, program: Program, pace: str, streams: int, seconds: float) -> tuple[Seen, Seen]:
    common: dict[str, Any] = {"streams": streams, "seconds": seconds}
    direct = await far.ask(Wanted(url=f"{far.url}/chat/completions", pace=pace, **common))
    relayed = await far.ask(Wanted(url=f"{program.url}/v1/chat/completions", pace="npc/mirelle", pid=program.pid, **common))
    return direct, relayed


def _row(pace: str, streams: int, pairs: Sequence[tuple[Seen, Seen]]) -> list[str]:
    direct, relayed = ([pair[side] for pair in pairs] for side in (0, 1))

    def over(runs: Sequence[Seen], name: str, share: float) -> Spread:
        return spread([percentile(getattr(run, name), share) for run in runs])

    cells: list[object] = [
        over(direct, "first", 50),
        over(relayed, "first", 50),
        over(relayed, "first", 95),
        over(direct, "whole", 50),
        over(relayed, "whole", 50),
    ]
    cells += [f"{spread([run.tokens / run.seconds for run in runs]).middle:,.0f}" for runs in (direct, relayed)]
    cells.append(number(spread([1e6 * run.cpu_s / max(1, run.tokens) for run in relayed]).middle))
    return [pace, str(streams), *map(str, cells)]


def relay_settings(url: str, pace: str) -> dict[str, str]:
    """As for the other benchmarks, with the fake provider as the model."""
    base = settings(FAST_MS)
    engine = {"kind": "openai", "base_url": url, "api_key": "none", "model": pace}
    return base | {"SOUFFLEUR__LLM": json.dumps({"chain": ["far"], "engines": {"far": engine}})}


@asynccontextmanager
async def far_end(*, urgent: bool) -> AsyncIterator[Far]:
    """Provider and clients, on their own core."""
    pipe = asyncio.subprocess.PIPE
    with on_core(LOAD):
        process = await asyncio.create_subprocess_exec(sys.executable, "-m", "bench.relay_load", stdin=pipe, stdout=pipe, start_new_session=True, limit=1 << 26)
    try:
        if urgent:
            hurry(process.pid)
        line = await process.stdout.readline() if process.stdout is not None else b""
        yield Far(line.decode().strip(), process)
    finally:
        if process.returncode is None:
            process.kill()
            await process.wait()
