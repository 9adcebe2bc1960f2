"""Child processes that end with this one, whatever ends it (on Linux; see `tether`)."""

from __future__ import annotations

import asyncio
import contextlib
import errno
import os
import signal
import subprocess
import sys
import threading
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import IO

from manager import tether


@dataclass(frozen=True, slots=True)
class Tied:
    """A running or ended child. Made on the loop's own thread: on Linux it ends with the thread that spawned it."""

    process: subprocess.Popen[bytes]
    ended: asyncio.Future[int]
    """Its exit status, once it has one."""

    @property
    def pid(self) -> int:
        """0 once it has ended."""
        return self.process.pid if self.process.poll() is None else 0

    async def stop(self, grace_s: float, number: signal.Signals = signal.SIGTERM) -> bool:
        """Ask it to end by that signal; make it after `grace_s`. Did it end by itself?"""
        if not self.ended.done():
            self.process.send_signal(number)
        try:
            async with asyncio.timeout(grace_s):
                await asyncio.shield(self.ended)
        except TimeoutError:
            self.process.kill()
            await self.ended
            return False
        return True


def spawn(command: Sequence[str], environment: Mapping[str, str], output: IO[bytes] | None = None) -> Tied:
    """Start `command` (its program as a path); it inherits our output where none is given. Raises `OSError` where no process or thread is to be had."""
    tied = [sys.executable, "-I", "-S", tether.__file__, str(os.getpid()), *command]
    # A session of its own: Ctrl-C in the terminal is for us alone, who end the children in order.
    process = subprocess.Popen(tied, stdin=subprocess.DEVNULL, stdout=output, stderr=output, env=dict(environment), start_new_session=True)  # noqa: S603 - our own programs
    try:
        return Tied(process, _watched(process))
    except RuntimeError as error:
        process.kill()
        process.wait()
        raise OSError(errno.EAGAIN, "no thread is to be had that watches the child") from error


def _watched(process: subprocess.Popen[bytes]) -> asyncio.Future[int]:
    """The exit status as a future. A thread waits for it: asyncio's own ways differ between loops and fork through libuv on one of them."""
    loop = asyncio.get_running_loop()
    ended: asyncio.Future[int] = loop.create_future()

    def tell(code: int) -> None:
        if not ended.done():
            ended.set_result(code)

    def wait() -> None:
        code = process.wait()
        # The loop may be gone: then nobody waits any more.
        with contextlib.suppress(RuntimeError):
            loop.call_soon_threadsafe(tell, code)

    threading.Thread(target=wait, name=f"wait-{process.pid}", daemon=True).start()
    return ended
