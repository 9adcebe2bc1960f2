"""Deltas on their way out: the first at once, then whatever came within a few milliseconds as one."""

from __future__ import annotations

import asyncio
import contextlib
from collections import deque
from collections.abc import AsyncGenerator
from typing import Final

from services.core.model.reply import Delta, ReplyEvent

COALESCE_S: Final = 0.015
_MOST_WAITING: Final = 4096


async def coalesced(events: AsyncGenerator[ReplyEvent, None], within_s: float = COALESCE_S) -> AsyncGenerator[ReplyEvent, None]:
    """`events` with neighbouring deltas joined, none later than `within_s` after it came. Closing this closes `events`."""
    waiting: deque[ReplyEvent] = deque()
    changed = asyncio.Event()
    room = asyncio.Event()

    async def pump() -> None:
        async with contextlib.aclosing(events):
            async for event in events:
                waiting.append(event)
                changed.set()
                if len(waiting) >= _MOST_WAITING:
                    room.clear()
                    await room.wait()

    task = asyncio.create_task(pump(), name="relay")
    task.add_done_callback(lambda _: changed.set())
    try:
        while True:
            await changed.wait()
            changed.clear()
            only_deltas = bool(waiting)
            for event in _joined(waiting):
                only_deltas = only_deltas and isinstance(event, Delta)
                yield event
            room.set()
            if task.done() and not waiting:
                await task
                return
            if only_deltas:
                await asyncio.sleep(within_s)
    finally:
        task.cancel()
        with contextlib.suppress(asyncio.CancelledError):
            await task


def _joined(waiting: deque[ReplyEvent]) -> list[ReplyEvent]:
    found: list[ReplyEvent] = []
    texts: list[str] = []
    while waiting:
        event = waiting.popleft()
        if isinstance(event, Delta):
            texts.append(event.text)
            continue
        if texts:
            found.append(Delta("".join(texts)))
            texts.clear()
        found.append(event)
    if texts:
        found.append(Delta("".join(texts)))
    return found
