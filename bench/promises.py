"""Whether a program under load keeps what it promises: the checker of the runs with faults, on every session that the callers leave behind."""

from __future__ import annotations

import asyncio
import time
from collections.abc import AsyncIterator
from dataclasses import dataclass
from pathlib import Path
from typing import Final

from redis.asyncio import Redis

from services.core.settings import LlmSettings
from services.stage.backstage import LINE_SLACK_S
from services.transcript.archive import Archive
from services.transcript.store import entry_of, keys_of
from tests.chaos.evidence import Evidence
from tests.chaos.invariants import violations

REST_S: Final = 60.0
"""For a session to come to rest; what is still broken then is broken."""
_LOOK_S: Final = 0.5
_PAGE: Final = 500


@dataclass(frozen=True, slots=True, kw_only=True)
class Kept:
    """What one look at the sessions found that no look before had seen."""

    sessions: int
    facts: int
    broken: list[str]
    """The promises that were not kept, each with its session; empty = all were."""


class Auditor:
    """`look` again and again: each session is checked once, when it is at rest."""

    def __init__(self, redis: Redis, archive: Archive) -> None:
        """`redis` and `archive` are those of a program that runs with the deadlines it comes with."""
        self._redis = redis
        self._archive = archive
        self._seen: set[str] = set()

    async def look(self, rest_s: float = REST_S) -> Kept:
        """Check every session that is new. What is still open comes to its end meanwhile, so a broken promise is one that is broken after `rest_s` as well."""
        until = time.monotonic() + rest_s
        sessions, facts, broken = 0, 0, list[str]()
        async for sid in self._new():
            found, count = await self._checked(sid)
            while found and time.monotonic() < until:
                await asyncio.sleep(_LOOK_S)
                found, count = await self._checked(sid)
            self._seen.add(sid)
            sessions, facts = sessions + 1, facts + count
            broken += [f"{sid}: {promise}" for promise in found]
        return Kept(sessions=sessions, facts=facts, broken=broken)

    async def _new(self) -> AsyncIterator[str]:
        cursor: str | None = ""
        while cursor is not None:
            page = await self._archive.sessions(_PAGE, cursor)
            for row in page.items:
                if row.id not in self._seen:
                    yield row.id
            cursor = page.next_cursor

    async def _checked(self, sid: str) -> tuple[list[str], int]:
        # The archive first: what comes meanwhile stands in the stream alone, and is seen as not at rest.
        archive = await self._archive.entries(sid)
        stream = [entry_of(item) for item in await self._redis.xrange(keys_of(sid).stream) or ()]
        # Nothing is done to this program: all of it is one calm.
        evidence = Evidence(stream=stream, archive=archive, calm=[(0, len(archive))], deadline_s=LlmSettings().reply_timeout_s + LINE_SLACK_S)
        return violations(evidence), len(archive)


def archive_url(data: Path) -> str:
    """Of the archive in a program's data folder."""
    return f"sqlite+aiosqlite:///{data / 'archive.sqlite3'}"
