"""Between the program and its store: a way that can be cut, and that can be slow."""

from __future__ import annotations

import asyncio
import contextlib
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from pathlib import Path
from typing import Final, Literal

Mode = Literal["open", "silent", "deaf", "cut", "slow"]
"""`silent`: nothing passes; `deaf`: what is asked passes, what is answered does not; `cut`: nobody gets in, and nobody stays; `slow`: everything
passes, late and in pieces."""

_LATE_S: Final = 0.05


class Proxy:
    """Listens at one Unix socket and passes everything on to another."""

    def __init__(self, target: Path) -> None:
        self._target = target
        self._mode: Mode = "open"
        self._open = asyncio.Event()
        self._open.set()
        self._connections: set[asyncio.Task[None]] = set()

    @asynccontextmanager
    async def fault(self, mode: Mode) -> AsyncIterator[None]:
        """Behave like that for the time of the block; whoever has missed an answer is cut off at its end, as after any partition."""
        self._mode = mode
        if mode != "slow":
            self._open.clear()
        if mode == "cut":
            self.drop()
        try:
            yield
        finally:
            if mode == "deaf":
                self.drop()
            self._mode = "open"
            self._open.set()

    def drop(self) -> None:
        """Every connection ends."""
        for task in self._connections:
            task.cancel()

    async def serve(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        """One connection."""
        task = asyncio.current_task()
        assert task is not None
        self._connections.add(task)
        try:
            if self._mode != "cut":
                await self._connected(reader, writer)
        except (OSError, asyncio.CancelledError):
            pass  # that is what this is for; nobody waits for the task
        finally:
            self._connections.discard(task)
            writer.close()

    async def _connected(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        there, back = await asyncio.open_unix_connection(self._target)
        try:
            ways = [asyncio.create_task(self._pass(reader, back, asked=True)), asyncio.create_task(self._pass(there, writer, asked=False))]
            try:
                await asyncio.wait(ways, return_when=asyncio.FIRST_COMPLETED)
            finally:
                for way in ways:
                    way.cancel()
                await asyncio.gather(*ways, return_exceptions=True)
        finally:
            back.close()

    async def _pass(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter, *, asked: bool) -> None:
        while data := await reader.read(65_536):
            if not (asked and self._mode == "deaf"):
                await self._open.wait()
            if self._mode == "slow":
                await asyncio.sleep(_LATE_S)
                half = len(data) // 2
                writer.write(data[:half])
                await writer.drain()
                await asyncio.sleep(_LATE_S)
                data = data[half:]
            writer.write(data)
            await writer.drain()


@asynccontextmanager
async def proxied(target: Path) -> AsyncIterator[tuple[Proxy, str]]:
    """The proxy, and the URL of the store behind it."""
    proxy, socket = Proxy(target), target.with_name("p")
    server = await asyncio.start_unix_server(proxy.serve, socket)
    try:
        yield proxy, f"unix://{socket}"
    finally:
        server.close()
        proxy.drop()
        with contextlib.suppress(TimeoutError):
            async with asyncio.timeout(5):
                await server.wait_closed()
