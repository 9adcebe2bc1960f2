"""The embedded Redis: a supervised child on a private socket, restarted when it dies, ended when its owner ends."""

from __future__ import annotations

import asyncio
import contextlib
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from pathlib import Path
from typing import Final

import structlog
from redis.asyncio import Redis
from redis.asyncio.retry import Retry
from redis.backoff import NoBackoff
from redis.exceptions import BusyLoadingError, RedisError

from manager.redis_binary import RedisBinary, choose, directives
from manager.redis_leftover import end_leftover
from manager.supervision import kept_running
from manager.tied import Tied, spawn
from services.core.errors import SettingsRejected, Unavailable
from services.core.redis_connection import pool
from services.core.settings import scrubbed_environment

SOCKET: Final = "redis.sock"
PID_FILE: Final = "redis.pid"
_LONGEST_SOCKET_PATH: Final = 100
_READY_S: Final = 60.0
"""A large append-only file takes a while to load."""
_POLL_S: Final = 0.02
_STOP_S: Final = 10.0
_LOG_LIMIT: Final = 1024 * 1024

_log = structlog.get_logger(__name__)


class RedisChild:
    """One private server. Made on the loop's own thread and kept there: on Linux the child ends with the thread that spawned it."""

    def __init__(self, data: Path, run_dir: Path, durability: str, binary: RedisBinary | None = None) -> None:
        """`data` is its own folder; `durability` is Redis' `appendfsync`. Raises `Unavailable` where no server is found, with what to install."""
        self._data = data.resolve()
        self._socket = run_dir / SOCKET
        if len(str(self._socket).encode()) > _LONGEST_SOCKET_PATH:
            raise SettingsRejected(f"runtime_dir is too long for a socket: {self._socket} has more than {_LONGEST_SOCKET_PATH} bytes")
        self._config = run_dir / "redis.conf"
        self._durability = durability
        self.binary = binary or choose(self._data)
        self._child: Tied | None = None

    @property
    def url(self) -> str:
        """Where clients connect; the same after every restart."""
        return f"unix://{self._socket}"

    @property
    def pid(self) -> int:
        """Of the running server; 0 between a death and the restart."""
        return self._child.pid if self._child is not None else 0

    async def start(self) -> None:
        """Start it and wait until it serves. Raises `Unavailable` with its own last words if it ends instead."""
        self.spawn()
        await self.ready()

    def spawn(self) -> None:
        """Start it without waiting, so that other preparations run meanwhile; the lock on the data folder must be held."""
        self._data.mkdir(parents=True, exist_ok=True, mode=0o700)
        self._socket.parent.mkdir(parents=True, exist_ok=True, mode=0o700)
        pid_file = self._data / PID_FILE
        end_leftover(self._data, pid_file)
        self._socket.unlink(missing_ok=True)
        text = directives(self.binary, data=self._data, socket=self._socket, pid_file=pid_file, durability=self._durability)
        self._config.write_text(text, encoding="utf-8")
        with self._log_file().open("ab") as log:
            self._child = spawn([str(self.binary.path), str(self._config)], scrubbed_environment(), log)

    async def ready(self) -> None:
        """Wait until it has loaded its file and answers."""
        client = Redis.from_pool(pool(self.url, protocol=2, socket_timeout=2, retry=Retry(NoBackoff(), 0)))
        try:
            async with asyncio.timeout(_READY_S):
                while not await _answers(client):
                    if self._child is None or self._child.ended.done():
                        raise Unavailable(f"Redis ({self.binary.path}) ended while starting: {self._last_words()}")
                    await asyncio.sleep(_POLL_S)
        except TimeoutError:
            raise Unavailable(f"Redis ({self.binary.path}) did not get ready within {_READY_S:.0f} s: {self._last_words()}") from None
        finally:
            await client.aclose()

    async def supervise(self) -> None:
        """Start it again whenever it dies, with growing pauses; runs until cancelled."""
        await kept_running("redis", lambda: self._child, self.start, lambda: {"pid": self.pid, "last_words": self._last_words()})

    async def stop(self) -> None:
        """End it politely: it syncs its file on SIGTERM. Firmly after ten seconds."""
        child, self._child = self._child, None
        if child is None:
            return
        if not await child.stop(_STOP_S):
            _log.warning("redis.killed", pid=child.process.pid)
        for path in (self._socket, self._data / PID_FILE):
            path.unlink(missing_ok=True)

    def _log_file(self) -> Path:
        path = self._data / "redis.log"
        if path.exists() and path.stat().st_size > _LOG_LIMIT:
            path.replace(path.with_suffix(".log.1"))
        return path

    def _last_words(self) -> str:
        try:
            lines = (self._data / "redis.log").read_text(errors="replace").splitlines()
        except OSError:
            return "it left no log"
        return " | ".join(line.strip() for line in lines[-3:]) or "it said nothing"


@asynccontextmanager
async def private_redis(data: Path, run_dir: Path, durability: str) -> AsyncIterator[RedisChild]:
    """A private server for the time of the block, watched all the while."""
    child = RedisChild(data, run_dir, durability)
    try:
        await child.start()
        async with supervised(child):
            yield child
    finally:
        await asyncio.shield(child.stop())


@asynccontextmanager
async def supervised(child: RedisChild) -> AsyncIterator[None]:
    """Watch a started child for the time of the block."""
    watch = asyncio.create_task(child.supervise(), name="redis")
    try:
        yield
    finally:
        watch.cancel()
        with contextlib.suppress(asyncio.CancelledError):
            await watch


async def _answers(client: Redis) -> bool:
    try:
        return bool(await client.ping())
    except BusyLoadingError:
        return False
    except (RedisError, OSError):
        return False
