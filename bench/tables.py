"""Tables that are laid before anybody sits down: their characters, their sessions, what stands in the transcripts, and a director who corrects."""

from __future__ import annotations

import asyncio
import time
from collections.abc import AsyncIterator, Sequence
from contextlib import asynccontextmanager
from typing import Any, Final

import httpx2

from services.compose import redis_client
from services.transcript.log import TranscriptLog

HOSTESS: Final = "mirelle"
NAMES: Final = (
    "Aldous", "Berengar", "Corisande", "Dunstan", "Eglantine", "Fulbert", "Gwendolyn", "Hildebrand",
    "Isolde", "Jocelyn", "Kunigunde", "Leofric", "Melisande", "Nicodemus", "Osmund", "Perpetua",
)  # fmt: skip
"""What nobody at the tables ever says."""
_TIMEOUT_S: Final = 30.0


def client_of(url: str) -> httpx2.AsyncClient:
    """To be closed."""
    return httpx2.AsyncClient(base_url=url, timeout=_TIMEOUT_S, trust_env=False)


async def cast_of(client: httpx2.AsyncClient, count: int) -> list[str]:
    """Slugs of so many characters: the hostess, and others with her card under names of their own."""
    hostess: dict[str, Any] = (await client.get(f"/api/characters/{HOSTESS}")).raise_for_status().json()["data"]
    slugs = [HOSTESS]
    for name in NAMES[: count - 1]:
        made = await client.post("/api/characters", json={"data": hostess | {"name": name}})
        slugs.append(str(made.raise_for_status().json()["slug"]))
    if len(slugs) != count:
        raise ValueError(f"a cast has 1 to {len(NAMES) + 1} characters here")
    return slugs


async def opened(client: httpx2.AsyncClient, cast: Sequence[str], count: int) -> list[str]:
    """Ids of so many new sessions, each with all of the cast."""
    return [str((await client.post("/api/sessions", json={"cast": list(cast)})).raise_for_status().json()["id"]) for _ in range(count)]


async def facts_in(redis_url: str, sids: Sequence[str]) -> int:
    """How many facts stand in these sessions together, past the program."""
    if not sids:
        return 0
    redis = redis_client(redis_url)
    try:
        log = TranscriptLog(redis)
        return sum([await log.newest(sid) for sid in sids])
    finally:
        await redis.aclose()


@asynccontextmanager
async def correcting(client: httpx2.AsyncClient, sids: Sequence[str], per_s: float) -> AsyncIterator[list[float]]:
    """A director who gives notes to these sessions in turn, for the time of the block; when each was accepted (monotonic seconds) collects in the list."""
    found: list[float] = []
    writing = asyncio.create_task(_correct(client, sids, per_s, found), name="director")
    try:
        yield found
    finally:
        writing.cancel()
        await asyncio.wait([writing])
    if not writing.cancelled():
        writing.result()


async def _correct(client: httpx2.AsyncClient, sids: Sequence[str], per_s: float, found: list[float]) -> None:
    began = time.monotonic()
    while True:
        number = len(found)
        note = {"kind": "note", "text": f"Note {number}.", "scope": "once"}
        (await client.post(f"/api/sessions/{sids[number % len(sids)]}/corrections", json=note)).raise_for_status()
        found.append(time.monotonic())
        await asyncio.sleep(max(0.0, began + len(found) / per_s - time.monotonic()))
