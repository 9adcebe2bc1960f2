"""What one durable append costs while everybody talks: a session of its own, written through the project's own log."""

from __future__ import annotations

import asyncio
import time
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from typing import Final

from ulid import ULID

from services.compose import redis_client
from services.core.model.fact import Author, Draft, Kind
from services.transcript.log import TranscriptLog

_EVERY_S: Final = 0.1
_LEASE_S: Final = 600.0
_TEXT: Final = "Nobody in our valley will guide strangers across the marsh before the next full moon."


@asynccontextmanager
async def appends(redis_url: str) -> AsyncIterator[list[tuple[float, float]]]:
    """Append one sentence ten times a second for the time of the block; (monotonic seconds, seconds it took) of each collects in the list."""
    found: list[tuple[float, float]] = []
    redis = redis_client(redis_url)
    log = TranscriptLog(redis)
    sid = f"bench-{ULID()}"
    fence = await log.claim(sid, "bench", _LEASE_S)
    writing = asyncio.create_task(_write(log, sid, fence, found), name="appends")
    try:
        yield found
    finally:
        writing.cancel()
        await asyncio.wait([writing])
        await log.release(sid, forget_s=1.0)
        await redis.aclose()
    if not writing.cancelled():
        writing.result()


async def _write(log: TranscriptLog, sid: str, fence: int, found: list[tuple[float, float]]) -> None:
    while True:
        draft = Draft(
            key=str(ULID()),
            kind=Kind.SENTENCE,
            at_ms=time.time_ns() // 1_000_000,
            by=Author("character", "mirelle", "Mirelle"),
            place="",
            audience=("mirelle",),
            body={"line": sid, "attempt": 1, "index": len(found), "text": _TEXT, "tagged": _TEXT, "emotion": "neutral", "intensity": 0.5, "manner": "plain"},
        )
        began = time.monotonic()
        await log.append(sid, [draft], fence)
        found.append((began, time.monotonic() - began))
        await asyncio.sleep(_EVERY_S)
