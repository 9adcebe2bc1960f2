"""What is counted inside the program, and what is made of it."""

from __future__ import annotations

import gc
import json
import os
import signal
import tracemalloc
from collections.abc import Iterator
from pathlib import Path

import pytest

from bench import inside
from bench.memory import memory_of
from tests.waiting import until


class Chair:
    """Something that the collector knows."""

    def __init__(self) -> None:
        """It holds something, else nobody would look after it."""
        self.sitter = [self]


@pytest.fixture
def traced() -> Iterator[None]:
    """Memory is traced, as in an interpreter that was told to."""
    was = tracemalloc.is_tracing()
    if not was:
        tracemalloc.start()
    yield
    if not was:
        tracemalloc.stop()


@pytest.fixture
def told(tmp_path: Path) -> Iterator[Path]:
    """Where a census comes at the signal; whoever had it before has it again afterwards."""
    before = signal.getsignal(signal.SIGUSR2)
    inside.watched(tmp_path)
    yield tmp_path
    signal.signal(signal.SIGUSR2, before)


@pytest.mark.usefixtures("traced")
async def test_a_census_comes_at_the_signal(told: Path) -> None:
    """Whole, one after the other; what was made in between is in the second one alone."""
    os.kill(os.getpid(), signal.SIGUSR2)
    await until((told / "0.json").exists)
    chairs, block = [Chair() for _ in range(100)], bytearray(500_000)
    os.kill(os.getpid(), signal.SIGUSR2)
    await until((told / "1.json").exists)
    before, after = (json.loads((told / f"{number}.json").read_text(encoding="utf-8")) for number in range(2))
    name = f"{Chair.__module__}.{Chair.__qualname__}"
    assert after["objects"][name] - before["objects"].get(name, 0) == len(chairs)
    assert after["bytes"][__file__] - before["bytes"].get(__file__, 0) >= len(block)
    del chairs
    gc.collect()


def test_growth_is_shared_out_among_the_sessions() -> None:
    """By room of ours and by library; what shrank is taken off."""
    before = {"bytes": {"/x/services/stage/house.py": 1_000, "<frozen abc>": 10_000}, "objects": {"builtins.dict": 10}}
    after = {
        "bytes": {
            "/x/services/stage/house.py": 41_000,
            "/x/services/core/rpc/client.py": 20_000,
            "/v/lib/python3.11/site-packages/websockets/server.py": 60_000,
            "<frozen abc>": 8_000,
        },
        "objects": {"builtins.dict": 110, "asyncio.events.Handle": 40},
    }
    rows = [[cell.strip() for cell in line.strip("| ").split("|")] for line in memory_of(before, after, 20).splitlines() if line.startswith("| ")]
    assert ["websockets, by itself", "3.0"] in rows
    assert ["stage", "2.0"] in rows
    assert ["core/rpc", "1.0"] in rows
    assert ["Python's own library", "-0.1"] in rows
    assert ["all that Python gave out", "5.9"] in rows
    assert ["`builtins.dict`", "5.0"] in rows
    assert ["`asyncio.events.Handle`", "2.0"] in rows
