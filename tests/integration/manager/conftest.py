"""What the manager's integration tests share: every Redis of this machine, and a short folder for sockets."""

from __future__ import annotations

import shutil
import tempfile
from collections.abc import Iterator
from pathlib import Path

import pytest

from manager.redis_binary import RedisBinary, available

BINARIES: list[RedisBinary | None] = list(available())


@pytest.fixture
def folder() -> Iterator[Path]:
    """Short enough for a socket; gone afterwards."""
    path = Path(tempfile.mkdtemp(prefix="sfm-", dir="/tmp"))
    yield path
    shutil.rmtree(path, ignore_errors=True)


@pytest.fixture(params=BINARIES or [None], ids=lambda binary: f"{binary.source}-{binary.version_text}" if binary else "none")
def binary(request: pytest.FixtureRequest) -> RedisBinary:
    """Each server that is here: the one on PATH and the one of the wheel."""
    if request.param is None:
        pytest.skip("no Redis server on this machine")
    assert isinstance(request.param, RedisBinary)
    return request.param
