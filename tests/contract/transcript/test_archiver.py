"""The archiver between a real log and a real archive."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator
from contextlib import aclosing
from pathlib import Path
from typing import Any

import pytest
import pytest_asyncio
from redis.asyncio import Redis
from sqlalchemy.exc import DataError, DBAPIError, OperationalError, ProgrammingError
from structlog.testing import capture_logs

from services.core.errors import Conflict, DeadlineExceeded, NotFound, StaleFence, Unavailable
from services.transcript.archive import Archive
from services.transcript.archiver import BATCH, Archiver
from services.transcript.database import database_errors
from services.transcript.log import TranscriptLog
from services.transcript.store import Entry
from tests.unit.services.transcript.drafts import said
from tests.waiting import until

ME = "unix:/tmp/stage-a.sock"


@pytest_asyncio.fixture
async def archive(tmp_path: Path) -> AsyncIterator[Archive]:
    """An SQLite archive."""
    opened = await Archive.open(f"sqlite:///{tmp_path}/archive.sqlite3")
    yield opened
    await opened.close()


@pytest.fixture
def log(redis: Redis) -> TranscriptLog:
    """A log on the session's Redis."""
    return TranscriptLog(redis)


async def written(log: TranscriptLog, count: int, sid: str = "s") -> int:
    """A session with `count` facts; the fence."""
    fence = await log.claim(sid, ME, 60)
    await log.append(sid, [said(f"u{number}") for number in range(1, count + 1)], fence)
    return fence


async def archived(archive: Archive, sid: str, upto: int) -> None:
    """Return once the mark has got there."""

    async def there() -> bool:
        return await archive.mark(sid) >= upto

    # A database does not tell when it has changed.
    await until(there, what=f"the mark {upto}")


async def test_archives_what_it_is_told_of(log: TranscriptLog, archive: Archive) -> None:
    """After a notice the facts are in the archive, exactly as in the stream, for every session."""
    async with Archiver(log, archive) as archiver:
        for sid, count in (("a", 3), ("b", 2 * BATCH + 7)):
            await written(log, count, sid)
            archiver.notify(sid)
            archiver.notify(sid)
        await archived(archive, "a", 3)
        await archived(archive, "b", 2 * BATCH + 7)
    for sid in ("a", "b"):
        assert await archive.entries(sid) == await log.entries(sid)


async def test_sessions_share_a_transaction(log: TranscriptLog, archive: Archive, monkeypatch: pytest.MonkeyPatch) -> None:
    """What several sessions have new is stored at once, and one of them that contradicts the archive holds up nobody else."""
    await archive.store("broken", [Entry(2, "u1", said("u1").at(2).to_json())])
    store, together = archive.store_all, []

    async def counted(parts: dict[str, list[Entry]]) -> dict[str, int]:
        together.append(len(parts))
        return await store(parts)

    monkeypatch.setattr(archive, "store_all", counted)
    sids = ["broken", *(f"s{number}" for number in range(20))]
    for sid in sids:
        await written(log, 3, sid)
    with capture_logs() as logs:
        async with Archiver(log, archive) as archiver:
            for sid in sids:
                archiver.notify(sid)
            for sid in sids[1:]:
                await archived(archive, sid, 3)
    assert together[0] == 21
    assert {item["session"] for item in logs if item["event"] == "archiver.failed"} == {"broken"}


async def test_settling_beside_the_worker(log: TranscriptLog, archive: Archive) -> None:
    """Both may copy the same facts at the same time; neither takes that for a contradiction."""
    fence = await written(log, 2)
    with capture_logs() as logs:
        async with Archiver(log, archive) as archiver:
            for number in range(8):
                await log.append("s", [said(f"later{number}")], fence)
                archiver.notify("s")
                # Around the moment at which the worker begins its round.
                await asyncio.gather(*(_after(0.045 + 0.002 * step, archiver) for step in range(4)))
    assert await archive.mark("s") == 10
    assert not logs


async def _after(delay_s: float, archiver: Archiver) -> None:
    await asyncio.sleep(delay_s)
    await archiver.settle("s")


async def test_settling_waits_for_everything_up_to_now(log: TranscriptLog, archive: Archive) -> None:
    """When `settle` returns, the head of before is archived; also without a notice and without the worker."""
    await written(log, BATCH + 1)
    archiver = Archiver(log, archive)
    await archiver.settle("s")
    assert await archive.mark("s") == BATCH + 1
    await archiver.settle("nobody")


async def test_leaving_archives_what_is_due(log: TranscriptLog, archive: Archive) -> None:
    """A notice given just before the end is still worked off."""
    await written(log, 4)
    async with Archiver(log, archive) as archiver:
        archiver.notify("s")
    assert await archive.mark("s") == 4


async def test_trims_only_what_is_archived(log: TranscriptLog, archive: Archive, redis: Redis) -> None:
    """The stream keeps the last archived facts and everything that is not archived yet; the archive has all of it."""
    fence = await written(log, 100)
    archiver = Archiver(log, archive, keep=10)
    await archiver.settle("s")
    assert await redis.xlen("{s}:t") == 10
    assert [fact.seq for fact in await log.read("s", 90)] == list(range(91, 101))
    await log.append("s", [said("later")], fence)
    assert [fact.seq for fact in await archive.read("s")] == list(range(1, 101))
    with pytest.raises(NotFound):
        await log.read("s")
    await archiver.settle("s")
    assert await archive.mark("s") == 101


async def test_trimmed_facts_are_read_from_the_archive(log: TranscriptLog, archive: Archive, redis: Redis) -> None:
    """A log that knows the archive reads, finds and tails a trimmed session as if nothing were missing."""
    fence = await written(log, 1300)
    archiver = Archiver(log, archive, keep=20)
    await archiver.settle("s")
    assert await redis.xlen("{s}:t") == 20
    whole = TranscriptLog(redis, archive)
    assert [fact.seq for fact in await whole.read("s")] == list(range(1, 1301))
    for after, upto, limit in (
        (1270, 1290, None),
        (3, 5, None),
        (1279, None, 3),
        (1278, None, 3),
        (0, None, 600),
        (1300, None, None),
        (2, 2, None),
        (0, 9999, 1290),
    ):
        expected = range(after + 1, min(1300 if upto is None else upto, 1300, after + (limit or 9999)) + 1)
        assert [fact.seq for fact in await whole.read("s", after, upto, limit)] == list(expected)
    assert await whole.one("s", 7) == (await archive.read("s", 6, 7))[0]
    assert await whole.one("s", 1301) is None
    seen: list[int] = []
    async with asyncio.timeout(10), aclosing(whole.tail("s", 5)) as tail:
        async for fact in tail:
            seen.append(fact.seq)
            if fact.seq == 1300:
                await log.append("s", [said("new")], fence)
            if fact.seq == 1301:
                break
    assert seen == list(range(6, 1302))


async def test_facts_that_nobody_has_are_not_skipped(log: TranscriptLog, archive: Archive) -> None:
    """What neither stream nor archive holds is reported; a reader never sees a gap."""
    await written(log, 10)
    await log.trim("s", 8)
    await archive.store("s", (await log.entries("s", 7))[:1])
    whole = TranscriptLog(log._redis, archive)
    for after in (0, 6):
        with pytest.raises(NotFound):
            await whole.read("s", after)
        async with aclosing(whole.tail("s", after)) as tail:
            with pytest.raises(NotFound):
                await asyncio.wait_for(anext(tail), 5)


async def test_keeps_everything_while_it_is_little(log: TranscriptLog, archive: Archive, redis: Redis) -> None:
    """A session shorter than what is kept is never trimmed."""
    await written(log, 9)
    await Archiver(log, archive, keep=10).settle("s")
    assert await redis.xlen("{s}:t") == 9


@pytest.mark.parametrize("lost", ["everything", "stream", "emptied"])
async def test_reopens_a_session_from_the_archive(log: TranscriptLog, archive: Archive, redis: Redis, lost: str) -> None:
    """With the stream gone, the restored session has identical facts, its keys still yield their facts, and it goes on where it ended."""
    former = await written(log, 450)
    archiver = Archiver(log, archive)
    await archiver.settle("s")
    before = await log.entries("s")
    if lost == "everything":
        await redis.flushall()
    elif lost == "stream":
        await redis.delete("{s}:t")
    else:
        await log.trim("s", 451)
    other = TranscriptLog(redis)
    fence = await other.claim("s", ME, 60)
    with pytest.raises(StaleFence):
        await log.append("s", [said("new")], former)
    restorer = Archiver(other, archive)
    assert await restorer.restore("s") == 450
    assert await restorer.restore("s") == 0
    assert await other.entries("s") == before
    again, new = await other.append("s", [said("u7", "told again"), said("new")], fence)
    assert (again, new.seq) == (before[6].fact(), 451)
    await archiver.settle("s")
    assert await archive.mark("s") == 451


async def test_restores_a_lost_end(log: TranscriptLog, archive: Archive, redis: Redis) -> None:
    """A stream that came back without its last facts gets them from the archive before anything new is numbered."""
    await written(log, 20)
    archiver = Archiver(log, archive)
    await archiver.settle("s")
    before = await log.entries("s")
    await redis.flushall()
    other = TranscriptLog(redis)
    fence = await other.claim("s", ME, 60)
    await other.restore("s", before[:13])
    assert await Archiver(other, archive).restore("s") == 7
    assert await other.entries("s") == before
    assert [fact.seq for fact in await other.append("s", [said("new")], fence)] == [21]


async def test_restoring_leaves_a_trimmed_stream_as_it_is(log: TranscriptLog, archive: Archive) -> None:
    """What was trimmed stays in the archive alone as long as the stream holds the end."""
    await written(log, 100)
    archiver = Archiver(log, archive, keep=10)
    await archiver.settle("s")
    assert await archiver.restore("s") == 0
    assert await archiver.restore("nobody") == 0


async def test_a_failing_archive_is_tried_again(log: TranscriptLog, archive: Archive, monkeypatch: pytest.MonkeyPatch) -> None:
    """While the database is away facts stay in the log; once it is back they are archived without another notice."""
    await written(log, 5)
    store = archive.store_all
    calls: list[int] = []

    async def failing(parts: dict[str, list[Entry]]) -> dict[str, int]:
        calls.append(len(parts["s"]))
        if len(calls) == 1:
            raise Unavailable
        if len(calls) == 2:
            raise RuntimeError("a bug")
        return await store(parts)

    monkeypatch.setattr(archive, "store_all", failing)
    with capture_logs() as logs:
        async with Archiver(log, archive) as archiver:
            archiver.notify("s")
            await archived(archive, "s", 5)
    # Closed in the middle of what it has just stored, it stores it once more, which changes nothing.
    assert calls in ([5] * 3, [5] * 4)
    assert [item["event"] for item in logs] == ["archiver.failed"] * 2


@pytest.mark.parametrize("error", [DataError, ProgrammingError])
async def test_a_session_that_the_database_refuses_holds_up_nobody_else(
    log: TranscriptLog, archive: Archive, monkeypatch: pytest.MonkeyPatch, error: type[DBAPIError]
) -> None:
    """What is said in the others is archived meanwhile, again and again, and at its pace."""
    store = archive.store_all

    async def choosy(parts: dict[str, list[Entry]]) -> dict[str, int]:
        async with database_errors():
            if "bad" in parts:
                raise error("UPDATE", {}, Exception("invalid byte sequence"))
        return await store(parts)

    monkeypatch.setattr(archive, "store_all", choosy)
    await written(log, 1, "bad")
    fence = await written(log, 1, "good")
    with capture_logs() as logs:
        async with Archiver(log, archive) as archiver:
            for number in range(2, 8):
                archiver.notify("bad")
                archiver.notify("good")
                await archived(archive, "good", number - 1)
                await log.append("good", [said(f"later{number}")], fence)
            assert "bad" in archiver._resting
    assert {item["session"] for item in logs if item["event"] == "archiver.failed"} == {"bad"}
    assert archiver._failures["bad"] > 1


async def test_a_database_that_is_away_is_not_asked_once_for_each_session(log: TranscriptLog, archive: Archive, monkeypatch: pytest.MonkeyPatch) -> None:
    """Only what it does not take is looked for among them."""
    store, together = archive.store_all, []

    async def away(parts: dict[str, list[Entry]]) -> dict[str, int]:
        together.append(len(parts))
        if len(together) > 1:
            return await store(parts)
        async with database_errors():
            raise OperationalError("INSERT", {}, Exception("database is locked"))

    monkeypatch.setattr(archive, "store_all", away)
    for sid in ("a", "b", "c"):
        await written(log, 2, sid)
    with capture_logs():
        async with Archiver(log, archive) as archiver:
            for sid in ("a", "b", "c"):
                archiver.notify(sid)
            for sid in ("a", "b", "c"):
                await archived(archive, sid, 2)
    assert together[:2] == [3, 3]


async def test_an_owner_that_gives_up_leaves_its_facts_to_the_archive(log: TranscriptLog, archive: Archive, redis: Redis) -> None:
    """Of what was acknowledged to it the store may have the least; the next owner finds all of it."""
    fence = await written(log, 3)
    archiver = Archiver(log, archive)
    await archiver.settle("s")
    await log.append("s", [said(f"late{number}") for number in range(2 * BATCH)], fence)
    before = await log.entries("s")
    await redis.flushall()
    assert await archiver.keep("s")
    assert await archive.entries("s") == before
    assert log.kept("s") == []
    assert not await archiver.keep("s")
    assert not await archiver.keep("nobody")
    other = TranscriptLog(redis)
    await other.claim("s", ME, 60)
    assert await Archiver(other, archive).restore("s") == len(before)
    assert await other.entries("s") == before


async def test_nothing_is_archived_behind_a_gap(log: TranscriptLog, archive: Archive) -> None:
    """Others may come to stand where facts are missing."""
    await written(log, 4)
    log.archived("s", 2)
    with capture_logs() as logs:
        await Archiver(log, archive).keep("s")
    assert await archive.mark("s") == 0
    assert [(item["event"], item["archived"], item["kept"]) for item in logs] == [("archiver.gap", 0, 3)]


async def test_settling_ends_when_the_archive_cannot(log: TranscriptLog, archive: Archive, monkeypatch: pytest.MonkeyPatch) -> None:
    """`settle` says so when the archive contradicts the log, fails, or takes too long; it never waits for ever."""
    await archive.store("s", [Entry(2, "u1", said("u1").at(2).to_json())])
    await written(log, 3)
    archiver = Archiver(log, archive)
    with capture_logs(), pytest.raises(Conflict):
        await archiver.settle("s")

    async def hanging(*_: Any) -> int:
        await asyncio.Event().wait()
        return 0

    monkeypatch.setattr(archive, "mark", hanging)
    with pytest.raises(DeadlineExceeded):
        await archiver.settle("s", timeout_s=0.05)


async def test_closing_does_not_wait_for_a_worker_that_was_told_once_only(log: TranscriptLog, archive: Archive, monkeypatch: pytest.MonkeyPatch) -> None:
    """A library may make an error of a cancellation; the worker ends at its next look."""
    await written(log, 3)
    store_all, storing = archive.store_all, asyncio.Event()

    async def stubborn(parts: Any) -> dict[str, int]:
        storing.set()
        try:
            await asyncio.Event().wait()
        except asyncio.CancelledError:
            monkeypatch.setattr(archive, "store_all", store_all)
            raise Unavailable("the connection broke") from None
        return {}

    monkeypatch.setattr(archive, "store_all", stubborn)
    archiver = Archiver(log, archive)
    archiver.notify("s")
    async with asyncio.timeout(10):
        await storing.wait()
        await archiver.close()
    assert await archive.mark("s") == 3
