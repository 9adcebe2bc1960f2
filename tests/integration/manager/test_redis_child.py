"""The embedded Redis: it starts, keeps what it was told, comes back when it dies, and ends with its parent."""

from __future__ import annotations

import asyncio
import os
import signal
import subprocess
import sys
from pathlib import Path

import psutil
import pytest
from redis.asyncio import Redis
from redis.exceptions import RedisError, ResponseError

from manager.redis_binary import RedisBinary
from manager.redis_child import PID_FILE, RedisChild, supervised
from manager.redis_leftover import end_leftover
from services.core.errors import SettingsRejected, Unavailable
from tests.waiting import until_at_last

_PARENT = """
import asyncio, sys
from pathlib import Path
from manager.redis_binary import RedisBinary
from manager.redis_child import RedisChild

async def main():
    folder = Path(sys.argv[1])
    child = RedisChild(folder / "redis", folder / "run", "always", RedisBinary(Path(sys.argv[2]), tuple(map(int, sys.argv[3].split("."))), "PATH"))
    await child.start()
    print(child.pid, flush=True)
    await asyncio.Event().wait()

asyncio.run(main())
"""


def _child(folder: Path, binary: RedisBinary, durability: str = "everysec") -> RedisChild:
    return RedisChild(folder / "redis", folder / "run", durability, binary)


def _client(child: RedisChild) -> Redis:
    return Redis.from_url(child.url, protocol=2, decode_responses=True)


def _ended(pid: int) -> bool:
    return not psutil.pid_exists(pid) or psutil.Process(pid).status() == psutil.STATUS_ZOMBIE


async def test_it_serves_as_durably_as_asked(folder: Path, binary: RedisBinary) -> None:
    """It answers on its private socket only, with the append-only file and the fsync that were asked for."""
    child = _child(folder, binary, "always")
    await child.start()
    try:
        async with _client(child) as client:
            found = {name: (await client.config_get(name)).get(name) for name in ("appendonly", "appendfsync", "save", "port", "maxmemory-policy")}
            assert found == {"appendonly": "yes", "appendfsync": "always", "save": "", "port": "0", "maxmemory-policy": "noeviction"}
            assert (await client.info("server"))["process_id"] == child.pid
            await client.set("k", "v")
            with pytest.raises(ResponseError, match=r"not allowed|unknown command"):
                await client.debug_object("k")
        assert (folder / "run" / "redis.sock").stat().st_mode & 0o077 == 0
    finally:
        await child.stop()
    assert not (folder / "run" / "redis.sock").exists()


async def test_what_was_acknowledged_outlives_a_kill(folder: Path, binary: RedisBinary) -> None:
    """Killed without warning, it is started again and still knows every acknowledged word."""
    child = _child(folder, binary, "always")
    await child.start()
    try:
        async with supervised(child), _client(child) as client:
            for number in range(200):
                await client.xadd("s", {"n": number})
            first = child.pid
            os.kill(first, signal.SIGKILL)
            async with asyncio.timeout(15):
                while child.pid in (0, first) or not await _pings(client):
                    await asyncio.sleep(0.02)
            entries = await client.xrange("s")
            assert [fields["n"] for _, fields in entries or [] if fields] == [str(number) for number in range(200)]
    finally:
        await child.stop()


async def test_it_is_polite_at_the_end(folder: Path, binary: RedisBinary) -> None:
    """Stopping syncs the file: with everysec, too, nothing is lost and the process is gone."""
    child = _child(folder, binary)
    await child.start()
    async with _client(child) as client:
        await client.set("k", "v")
    pid = child.pid
    await child.stop()
    assert _ended(pid)
    again = _child(folder, binary)
    await again.start()
    try:
        async with _client(again) as client:
            assert await client.get("k") == "v"
    finally:
        await again.stop()


@pytest.mark.skipif(sys.platform != "linux", reason="the kernel's tie to the parent is a thing of Linux; elsewhere the next start ends the left-over")
def test_a_killed_parent_leaves_no_orphan(folder: Path, binary: RedisBinary) -> None:
    """Kill -9 of the parent ends the server as well."""
    command = [sys.executable, "-c", _PARENT, str(folder), str(binary.path), binary.version_text]
    parent = subprocess.Popen(command, stdout=subprocess.PIPE, text=True)
    assert parent.stdout is not None
    pid = int(parent.stdout.readline())
    assert not _ended(pid)
    parent.kill()
    parent.communicate(timeout=10)
    until_at_last(lambda: _ended(pid))


async def test_a_leftover_is_ended_before_a_new_one_opens_its_files(folder: Path, binary: RedisBinary) -> None:
    """A server of an earlier run that still works in the folder is recognised, ended politely, and its words are there."""
    earlier = _untied(folder, binary)
    child = _child(folder, binary)
    try:
        await child.start()
        assert child.pid != earlier.pid
        assert earlier.wait(timeout=10) == 0
        async with _client(child) as client:
            assert await client.get("earlier") == "word"
    finally:
        await child.stop()
        earlier.kill()
        earlier.wait()


def test_a_pid_that_was_given_to_somebody_else_is_left_alone(folder: Path) -> None:
    """A pid alone proves nothing: a process that is no Redis in this folder is not touched."""
    (folder / "redis").mkdir()
    pid_file = folder / "redis" / PID_FILE
    with subprocess.Popen([sys.executable, "-c", "import sys; sys.stdin.read()"], stdin=subprocess.PIPE, cwd=folder / "redis") as stranger:
        pid_file.write_text(f"{stranger.pid}\n")
        assert end_leftover(folder / "redis", pid_file) is None
        assert stranger.poll() is None
        assert not pid_file.exists()
        stranger.kill()


async def test_a_server_that_cannot_start_says_why(folder: Path, binary: RedisBinary) -> None:
    """Its own last words are in the message."""
    (folder / "redis").mkdir()
    (folder / "redis" / "appendonlydir").touch()
    (folder / "redis" / "appendonly.aof").mkdir()
    child = _child(folder, binary)
    with pytest.raises(Unavailable, match=r"ended while starting: .*append"):
        await child.start()
    await child.stop()


def test_a_socket_path_that_is_too_long_is_said(tmp_path: Path, binary: RedisBinary) -> None:
    """The kernel's limit is met with a message about the setting, not with a puzzle."""
    with pytest.raises(SettingsRejected, match="runtime_dir"):
        _child(tmp_path / ("x" * 90), binary)


def _untied(folder: Path, binary: RedisBinary) -> subprocess.Popen[bytes]:
    """A server as an earlier run would have left it where the kernel does not tie it."""
    data = folder / "redis"
    data.mkdir()
    options = [
        "--port",
        "0",
        "--unixsocket",
        str(folder / "old.sock"),
        "--dir",
        str(data),
        "--appendonly",
        "yes",
        "--save",
        "",
        "--pidfile",
        str(data / PID_FILE),
    ]
    process = subprocess.Popen([binary.path, *options], stdout=subprocess.DEVNULL, cwd=data)
    from redis import Redis as Blocking

    with Blocking(unix_socket_path=str(folder / "old.sock"), protocol=2) as client:
        until_at_last(lambda: _answers(client))
        client.set("earlier", "word")
    until_at_last((data / PID_FILE).exists)
    return process


def _answers(client: object) -> bool:
    try:
        return bool(client.ping())  # type: ignore[attr-defined]
    except (RedisError, OSError):
        return False


async def _pings(client: Redis) -> bool:
    try:
        return bool(await client.ping())
    except (RedisError, OSError):
        return False
