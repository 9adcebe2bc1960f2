"""What a system weighs before it does anything: the time of its import, the memory behind it, and the disk that its environment takes."""

from __future__ import annotations

import json
import subprocess
from collections.abc import Iterable
from dataclasses import dataclass
from pathlib import Path
from typing import Final

from bench.figures import Spread, spread
from bench.peers.environments import SOUFFLEUR, Peer
from bench.program import scrubbed
from manager.setup.shell import ROOT

_IMPORT: Final = """
import time; began = time.perf_counter()
{imported}
took = time.perf_counter() - began
import json, resource
print(json.dumps([took, resource.getrusage(resource.RUSAGE_SELF).ru_maxrss * 1024 / 1e6]))
"""
_OURS: Final = ("protos", "services", "manager")


@dataclass(frozen=True, slots=True)
class Weight:
    """Of one system."""

    import_s: Spread
    rss_mb: Spread
    disk_mib: float
    distributions: int


def weighed(peer: Peer, times: int) -> Weight:
    """Import it again and again, each time in a process of its own, and count the files of its environment."""
    found = [_imported(peer) for _ in range(times)]
    folders = [peer.folder / "lib", *([ROOT / name for name in _OURS] if peer is SOUFFLEUR else [])]
    distributions = sum(1 for _ in (peer.folder / "lib").glob("python*/site-packages/*.dist-info"))
    return Weight(spread([took for took, _ in found]), spread([size for _, size in found]), disk_mib(folders), distributions + (peer is SOUFFLEUR))


def disk_mib(folders: Iterable[Path]) -> float:
    """The blocks of all their files, one with several names once."""
    sizes = {}
    for folder in folders:
        for path in folder.rglob("*"):
            if path.is_file() and not path.is_symlink():
                status = path.stat()
                sizes[status.st_dev, status.st_ino] = status.st_blocks * 512
    return float(sum(sizes.values()) / 2**20)


def _imported(peer: Peer) -> tuple[float, float]:
    command = [str(peer.python), "-c", _IMPORT.format(imported=peer.imported)]
    answer = subprocess.run(command, check=True, capture_output=True, timeout=120, env=scrubbed() | {"LITELLM_LOCAL_MODEL_COST_MAP": "True"}, cwd=ROOT).stdout
    seconds, size = json.loads(answer.splitlines()[-1])
    return float(seconds), float(size)
