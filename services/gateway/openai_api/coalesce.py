"""Many small deltas to few: the first goes at once, what follows is gathered for a moment, so that a fast model does not cost a frame a token."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncGenerator
from contextlib import aclosing
from typing import Final, TypeVar

from services.core.model.reply import Delta
from services.gateway.streaming import ended

WINDOW_S: Final = 0.015
T = TypeVar("T")


async def coalesced(events: AsyncGenerator[T, None], window_s: float = WINDOW_S) -> AsyncGenerator[T | Delta, None]:
    """`events` with adjacent `Delta`s joined over at most `window_s`; everything else in its place. Closes `events`."""
    loop = asyncio.get_running_loop()
    gathered, due, first = "", 0.0, True
    async with aclosing(events):
        coming = asyncio.ensure_future(anext(events, None))
        try:
            while True:
                await asyncio.wait({coming}, timeout=max(0.0, due - loop.time()) if gathered else None)
                if not coming.done():
                    yield Delta(gathered)
                    gathered = ""
                    continue
                if gathered and coming.exception() is not None:
                    # What was said before a failure was said.
                    yield Delta(gathered)
                    gathered = ""
                event = coming.result()
                if isinstance(event, Delta) and not first:
                    due = due if gathered else loop.time() + window_s
                    gathered += event.text
                else:
                    if gathered:
                        yield Delta(gathered)
                        gathered = ""
                    if event is None:
                        return
                    first = first and not isinstance(event, Delta)
                    yield event
                coming = asyncio.ensure_future(anext(events, None))
        finally:
            await ended(coming)
