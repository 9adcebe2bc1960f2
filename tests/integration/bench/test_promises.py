"""What the soak asks of every session that its callers leave behind."""

from __future__ import annotations

from collections.abc import AsyncIterator, Sequence
from pathlib import Path

import pytest_asyncio
from redis.asyncio import Redis

from bench.promises import Auditor, archive_url
from services.core.model.fact import Draft, LineState
from services.core.model.facts import LineClosed
from services.transcript.archive import Archive
from services.transcript.archiver import Archiver
from services.transcript.log import TranscriptLog
from tests.unit.services.transcript.drafts import draft, opened, said, sentence

OPEN = [said("u1"), opened("L"), sentence("L", 0, "Come in.")]
END = draft("L:close", LineClosed(line="L", state=LineState.HEARD, last_seq=3, offset=8))


@pytest_asyncio.fixture
async def archive(tmp_path: Path) -> AsyncIterator[Archive]:
    """An empty one."""
    opened = await Archive.open(archive_url(tmp_path))
    yield opened
    await opened.close()


async def stored(redis: Redis, archive: Archive, sid: str, drafts: Sequence[Draft]) -> None:
    """A session of these facts, in stream and archive."""
    log = TranscriptLog(redis)
    await log.append(sid, drafts, await log.claim(sid, "unix:/tmp/stage.sock", 60))
    async with Archiver(log, archive) as archiver:
        await archiver.settle(sid)


async def test_whole_sessions_are_counted_once(redis: Redis, archive: Archive) -> None:
    """A session is looked at when it is new, and not again."""
    auditor = Auditor(redis, archive)
    await stored(redis, archive, "a", [*OPEN, END])
    first = await auditor.look(rest_s=0)
    await stored(redis, archive, "b", [*OPEN, END])
    second, third = await auditor.look(rest_s=0), await auditor.look(rest_s=0)
    assert [(found.sessions, found.facts, found.broken) for found in (first, second, third)] == [(1, 4, []), (1, 4, []), (0, 0, [])]


async def test_a_line_that_nobody_closed_is_a_broken_promise(redis: Redis, archive: Archive) -> None:
    """With the session's name before it."""
    await stored(redis, archive, "a", OPEN)
    assert (await Auditor(redis, archive).look(rest_s=0)).broken == ["a: I5 line L was closed 0 times"]


async def test_a_fact_that_the_archive_lacks_is_a_broken_promise(redis: Redis, archive: Archive) -> None:
    """The stream has gone on, the archive has not."""
    await stored(redis, archive, "a", [*OPEN, END])
    log = TranscriptLog(redis)
    await log.append("a", [said("u2")], await log.claim("a", "unix:/tmp/other.sock", 60, dead="unix:/tmp/stage.sock"))
    assert (await Auditor(redis, archive).look(rest_s=0)).broken == ["a: I2 the stream ends at 5, the archive at 4"]


async def test_what_is_still_open_has_time_to_end(redis: Redis, archive: Archive) -> None:
    """The callers have only just gone: a look waits for the line's end and finds nothing wrong."""
    await stored(redis, archive, "a", OPEN)
    checks = 0

    class Ending(Auditor):
        async def _checked(self, sid: str) -> tuple[list[str], int]:
            nonlocal checks
            checks += 1
            if checks == 2:
                log = TranscriptLog(redis)
                fence = await log.claim("a", "unix:/tmp/other.sock", 60, dead="unix:/tmp/stage.sock")
                await log.append("a", [END], fence)
                async with Archiver(log, archive) as archiver:
                    await archiver.settle("a")
            return await super()._checked(sid)

    found = await Ending(redis, archive).look(rest_s=20)
    assert (found.broken, checks) == ([], 2)
