"""Which Redis is taken, and what it is told."""

from __future__ import annotations

from pathlib import Path

import pytest

from manager import redis_binary
from manager.redis_binary import RedisBinary, available, choose, directives
from services.core.errors import Unavailable


@pytest.fixture(autouse=True)
def no_wheel(monkeypatch: pytest.MonkeyPatch) -> None:
    """Only what a test puts on its path is there."""
    monkeypatch.setattr(redis_binary, "_bundled", lambda: None)


def _server(folder: Path, answer: str, name: str = "redis-server") -> Path:
    """A program that says it is that version."""
    folder.mkdir(exist_ok=True)
    path = folder / name
    path.write_text(f"#!/bin/sh\necho '{answer}'\n")
    path.chmod(0o755)
    return path


def test_the_first_on_the_path_is_taken(tmp_path: Path) -> None:
    """The order of the path decides, and the version is read from the program."""
    first = _server(tmp_path / "a", "Redis server v=7.0.15 sha=0:0")
    _server(tmp_path / "b", "Redis server v=7.4.1 sha=0:0")
    assert choose(tmp_path, f"{tmp_path / 'a'}:{tmp_path / 'b'}") == RedisBinary(first, (7, 0, 15), "PATH")


def test_valkey_will_do(tmp_path: Path) -> None:
    """A Valkey under its own name counts."""
    path = _server(tmp_path / "a", "Valkey server v=8.0.1 sha=0:0", "valkey-server")
    assert choose(tmp_path, str(tmp_path / "a")).path == path


@pytest.mark.parametrize("answer", ["not a server", "Redis server v=5.0.3"])
def test_what_is_no_server_or_too_old_is_passed_over(tmp_path: Path, answer: str) -> None:
    """The next one on the path is tried."""
    _server(tmp_path / "a", answer)
    good = _server(tmp_path / "b", "Redis server v=6.2.14")
    assert choose(tmp_path, f"{tmp_path / 'a'}:{tmp_path / 'b'}").path == good


def test_newer_data_is_not_given_to_an_older_server(tmp_path: Path) -> None:
    """6.2 does not see the folder of parts that 7 writes: it would start empty, so it is refused."""
    data = tmp_path / "data"
    (data / "appendonlydir").mkdir(parents=True)
    _server(tmp_path / "a", "Redis server v=6.2.14")
    with pytest.raises(Unavailable, match=r"cannot read.*install Redis 7 or newer"):
        choose(data, str(tmp_path / "a"))
    newer = _server(tmp_path / "b", "Redis server v=7.2.0")
    assert choose(data, f"{tmp_path / 'a'}:{tmp_path / 'b'}").path == newer


def test_without_any_server_one_line_says_what_to_install(tmp_path: Path) -> None:
    """The message is one line with a command in it."""
    with pytest.raises(Unavailable) as refusal:
        choose(tmp_path, str(tmp_path))
    assert "apt-get install redis-server" in refusal.value.detail
    assert "\n" not in refusal.value.detail


def test_the_venvs_own_copy_is_not_on_the_path(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Which server is used does not depend on whether the environment is activated."""
    _server(tmp_path / "bin", "Redis server v=6.2.14")
    monkeypatch.setattr("sys.prefix", str(tmp_path))
    assert list(available(str(tmp_path / "bin"))) == []


@pytest.mark.parametrize("version", [(6, 2, 14), (7, 0, 15)])
def test_directives_are_those_the_version_knows(version: tuple[int, ...]) -> None:
    """An old server refuses to start on a directive that it does not know; both get the same safety."""
    text = directives(RedisBinary(Path("/x"), version, "PATH"), data=Path('/da"ta'), socket=Path("/run/s"), pid_file=Path("/p"), durability="always")
    lines = text.splitlines()
    assert {"port 0", "appendonly yes", "appendfsync always", 'save ""', "maxmemory-policy noeviction", 'dir "/da\\"ta"'} <= set(lines)
    assert {"aof-use-rdb-preamble yes", "no-appendfsync-on-rewrite no", "aof-load-truncated yes"} <= set(lines)
    assert ("enable-debug-command no" in lines) is (version >= (7,))
    assert ('rename-command DEBUG ""' in lines) is (version < (7,))
