"""The text relay beside LiteLLM's proxy: the same clients against the same provider directly, through us and through it; the section `relay-peers`."""

from __future__ import annotations

import asyncio
import sys
import tempfile
from collections.abc import AsyncIterator, Sequence
from contextlib import asynccontextmanager
from pathlib import Path
from typing import Final, NamedTuple

from bench.figures import number, percentile, spread, table
from bench.peers import servers
from bench.peers.environments import LITELLM, SOUFFLEUR, ready
from bench.peers.size import weighed
from bench.program import running
from bench.relay import Far, far_end, relay_settings
from bench.relay_load import Seen, Wanted
from bench.relay_script import PACES

HEAD: Final = ("relay", "load", "streams", "TTFT p50", "TTFT p95", "added at p50", "reply p50", "tokens/s", "us CPU a token")
_DIRECT: Final = "direct"
_IMPORTS: Final = 5


class _Relay(NamedTuple):
    name: str
    url: str
    model: str
    """By which the clients call it."""
    pid: int


async def relay_peers_table(streams: Sequence[int], seconds: float, runs: int, *, urgent: bool) -> str:
    """Every load through every relay; then what the other one weighs."""
    other = await asyncio.to_thread(ready, LITELLM)
    rows: list[list[str]] = []
    async with far_end(urgent=urgent) as far:
        for pace in PACES:
            direct = {count: [await _asked(far, _Relay(_DIRECT, far.url, pace, 0), count, seconds) for _ in range(runs)] for count in streams}
            rows += [relay_row(_DIRECT, pace, count, direct[count], direct[count]) for count in streams]
            for name in (SOUFFLEUR.title, *([LITELLM.title] if other else [])):
                async with _relay(name, far, pace, urgent=urgent) as relay:
                    for count in streams:
                        sys.stderr.write(f"{name}: {runs} x {seconds:.0f} s, {count} streams, {pace}\n")
                        found = [await _asked(far, relay, count, seconds) for _ in range(runs)]
                        rows.append(relay_row(name, pace, count, found, direct[count]))
    return f"{table(HEAD, rows)}\n\n{await asyncio.to_thread(_weight) if other else 'LiteLLM could not be installed.'}"


@asynccontextmanager
async def _relay(name: str, far: Far, pace: str, *, urgent: bool) -> AsyncIterator[_Relay]:
    if name == LITELLM.title:
        async with servers.relay(far.url, list(PACES), urgent=urgent) as server:
            yield _Relay(name, f"{server.url}/v1", pace, server.pid)
        return
    with tempfile.TemporaryDirectory(prefix="souffleur-bench-") as folder:
        async with running(Path(folder), relay_settings(far.url, pace), urgent=urgent) as program:
            yield _Relay(name, f"{program.url}/v1", "npc/mirelle", program.pid)


async def _asked(far: Far, relay: _Relay, streams: int, seconds: float) -> Seen:
    return await far.ask(Wanted(url=f"{relay.url}/chat/completions", pace=relay.model, streams=streams, seconds=seconds, pid=relay.pid))


def relay_row(name: str, pace: str, streams: int, runs: Sequence[Seen], direct: Sequence[Seen]) -> list[str]:
    """The cells under `HEAD`."""
    first, bare = (spread([percentile(run.first, 50) for run in side]) for side in (runs, direct))
    cells = [
        str(first),
        str(spread([percentile(run.first, 95) for run in runs])),
        "" if name == _DIRECT else number(first.middle - bare.middle),
        str(spread([percentile(run.whole, 50) for run in runs])),
        f"{spread([run.tokens / run.seconds for run in runs]).middle:,.0f}",
        "" if name == _DIRECT else number(spread([1e6 * run.cpu_s / max(1, run.tokens) for run in runs]).middle),
    ]
    return [name, pace, str(streams), *cells]


def _weight() -> str:
    found = weighed(LITELLM, _IMPORTS)
    return (
        f"{LITELLM.versions()}. Importing its proxy: {found.import_s.middle:.1f} s, then {number(found.rss_mb.middle)} MB; "
        f"installed: {found.disk_mib:.0f} MiB in {found.distributions} packages."
    )
