"""Where the program's time goes while it relays text: samples of its stack under the loads of the section `relay`; the section `relay-profile`."""

from __future__ import annotations

import asyncio
import sys
import tempfile
from pathlib import Path
from typing import Final

from bench.beside import beside
from bench.profile import Stack, functions_table, recorded, rooms_table
from bench.program import running
from bench.relay import Far, far_end, relay_settings
from bench.relay_load import WARM_UP_S, Wanted

LOADS: Final = (("paced", 1), ("paced", 128), ("flood", 32))
"""One stream waits for the first word; many at a pace, and all at once, are what a core can do."""
_BEGUN_S: Final = 0.5
"""Behind the warm-up: every stream is connected by then."""
_SLACK_S: Final = 2.0


async def relay_profile_tables(seconds: float, *, urgent: bool) -> str:
    """A table of rooms and one of functions, with a column for each load. Raises `RuntimeError` without py-spy."""
    found = []
    async with far_end(urgent=urgent) as far:
        for pace, streams in LOADS:
            sys.stderr.write(f"{seconds:.0f} s, {streams} streams, {pace}\n")
            found.append(await _sampled(far, pace, streams, seconds, urgent=urgent))
    names = [f"% at {pace}, {streams}" for pace, streams in LOADS]
    return f"{rooms_table(found, names)}\n\n{functions_table(found, names)}"


async def _sampled(far: Far, pace: str, streams: int, seconds: float, *, urgent: bool) -> list[Stack]:
    with tempfile.TemporaryDirectory(prefix="souffleur-profile-") as folder:
        async with running(Path(folder), relay_settings(far.url, pace), urgent=urgent) as program:
            long_s = seconds + _BEGUN_S + _SLACK_S
            wanted = Wanted(url=f"{program.url}/v1/chat/completions", streams=streams, seconds=long_s, pace="npc/mirelle", pid=program.pid)
            async with beside(far.ask(wanted)):
                await asyncio.sleep(WARM_UP_S + _BEGUN_S)
                return await recorded(program.pid, seconds, Path(folder) / "stacks.txt")
