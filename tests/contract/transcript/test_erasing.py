"""What is erased, between a real log and a real archive: nothing is left of it, whoever dies meanwhile."""

from __future__ import annotations

import signal
from contextlib import aclosing
from pathlib import Path
from typing import Any

import pytest
from redis.asyncio import Redis

from services.compose import redis_client
from services.core.errors import Unavailable
from services.core.model.facts import Erased
from services.transcript.archive import Archive
from services.transcript.archiver import Archiver
from services.transcript.log import TranscriptLog
from services.transcript.memory import Memory, MemoryStore
from tests.contract.transcript.test_archiver import ME, archive, archived, log, written
from tests.redis_server import running_redis
from tests.unit.services.transcript.drafts import draft, said
from tests.waiting import until

__all__ = ["archive", "log"]
"""Fixtures."""


async def test_erased_words_are_nowhere(redis: Redis, tmp_path: Path) -> None:
    """Once the erasure is archived: neither in the stream's bytes nor in the database's files. Numbers, keys and everything else stand, for every reader."""
    archive = await Archive.open(f"sqlite:///{tmp_path}/archive.sqlite3")
    log = TranscriptLog(redis, archive)
    fence = await log.claim("s", ME, 60)
    # Compressed, words could not be found where they are.
    await redis.config_set("rdbcompression", "no")
    async with Archiver(log, archive) as archiver:
        await log.append("s", [said(f"u{number}", text=f"swordfish {number}" if number in (2, 3) else f"harmless {number}") for number in range(1, 6)], fence)
        archiver.notify("s")
        await archived(archive, "s", 5)
        async with aclosing(log.tail("s", 1)) as tail:
            erasure = draft("e", Erased(seqs=[2, 3]))
            await log.append("s", [erasure, said("u7", text="harmless 7")], fence)
            archiver.notify("s")
            await archived(archive, "s", 7)
            assert [(await anext(tail)).seq for _ in range(6)] == [2, 3, 4, 5, 6, 7]
        facts = await log.read("s")
        assert [fact.seq for fact in facts] == [1, 2, 3, 4, 5, 6, 7]
        assert [fact.body.get("text") for fact in facts] == ["harmless 1", "", "", "harmless 4", "harmless 5", None, "harmless 7"]
        assert await archive.read("s") == facts
        stream = await redis.dump("{s}:t") or b""
        assert b"harmless 7" in stream
        assert b"swordfish" not in stream
        assert not [path.name for path in tmp_path.iterdir() if b"swordfish" in path.read_bytes()]
        # Told once more it is still the same fact, and what comes next follows on.
        assert [fact.seq for fact in await log.append("s", [said("u2", text="swordfish 2"), said("u8")], fence)] == [2, 8]
        await archiver.settle("s")
        assert await archive.mark("s") == 8
    await archive.close()


async def test_an_erasure_that_was_cut_short_is_finished(log: TranscriptLog, archive: Archive, monkeypatch: pytest.MonkeyPatch) -> None:
    """The archive fails between what is gone from the stream and the tombstones: the next round does both."""
    fence = await written(log, 3)
    await log.append("s", [draft("e", Erased(seqs=[2]))], fence)
    store_all, failures = archive.store_all, iter([False, True])

    async def flaky(parts: Any) -> dict[str, int]:
        if next(failures, False):
            raise Unavailable("the disk is full")
        return await store_all(parts)

    monkeypatch.setattr(archive, "store_all", flaky)
    async with Archiver(log, archive) as archiver:
        archiver.notify("s")
        await archived(archive, "s", 4)
    assert [fact.body.get("text") for fact in await archive.read("s")][1] == ""


async def test_the_stores_file_is_written_anew(tmp_path: Path) -> None:
    """What was erased is not in the append-only file either."""
    with running_redis(fsync="always") as server:
        client = redis_client(server.url)
        archive = await Archive.open(f"sqlite:///{tmp_path}/archive.sqlite3")
        try:
            log = TranscriptLog(client, archive)
            fence = await log.claim("s", ME, 60)
            await client.config_set("rdbcompression", "no")
            async with Archiver(log, archive) as archiver:
                await log.append("s", [said("u1", text="swordfish"), draft("e", Erased(seqs=[1]))], fence)
                assert appended(server.folder, b"swordfish")
                archiver.notify("s")
                await archived(archive, "s", 2)

                async def gone() -> bool:
                    return not appended(server.folder, b"swordfish")

                await until(gone, what="the file written anew")
                assert appended(server.folder, b"erased")
        finally:
            await archive.close()
            await client.aclose()


async def test_a_rewriting_that_ends_with_the_store_is_begun_again() -> None:
    """Whatever the store says of itself after its return."""
    with running_redis(fsync="always") as server:
        client = redis_client(server.url)
        try:
            log = TranscriptLog(client)
            await client.config_set("rdbcompression", "no")
            await client.config_set("rdb-key-save-delay", 20_000_000)
            await log.claim("s", ME, 60)
            await log.append("s", [said("u1", text="swordfish"), said("u2")])
            await log.bury("s", 1)
            assert not await log.rewritten()
            assert (await client.info("persistence"))["aof_rewrite_in_progress"]
            # It takes the rewriting with it.
            server.kill(signal.SIGTERM)
            server.start()
            assert (await client.info("persistence"))["aof_last_bgrewrite_status"] == "ok"
            assert appended(server.folder, b"swordfish")

            async def done() -> bool:
                return await log.rewritten()

            await until(done, what="the file written anew")
            assert not appended(server.folder, b"swordfish")
        finally:
            await client.aclose()


async def test_what_is_buried_while_the_file_is_written_is_not_forgotten(monkeypatch: pytest.MonkeyPatch) -> None:
    """Somebody sees the end of one rewriting in the moment in which somebody else asks for the next."""
    with running_redis(fsync="always") as server:
        client = redis_client(server.url)
        try:
            log, other = TranscriptLog(client), TranscriptLog(client)
            await log.claim("s", ME, 60)
            await log.append("s", [said(f"u{number}") for number in range(3)])
            await log.bury("s", 1)
            assert not await other.rewritten()

            async def at_rest() -> bool:
                return not (await client.info("persistence"))["aof_rewrite_in_progress"]

            await until(at_rest, what="the end of the rewriting")
            mark = other._rewriting._mark

            async def beside(before: bytes, then: bytes = b"") -> bool:
                await log.bury("s", 2)
                return await mark(before, then)

            with monkeypatch.context() as patched:
                patched.setattr(other._rewriting, "_mark", beside)
                assert not await other.rewritten()
            assert not await other.rewritten()
        finally:
            await client.aclose()


async def test_a_store_that_lost_the_end_of_an_erasure_gets_no_words_back(redis: Redis, archive: Archive) -> None:
    """The archive has taken it over, and the store comes back with the words in its stream: whoever claims the session takes them out again."""
    log = TranscriptLog(redis, archive)
    fence = await log.claim("s", ME, 60)
    await log.append("s", [said("u1", text="swordfish"), said("u2")], fence)
    before = await redis.dump("{s}:t")
    await log.append("s", [draft("e", Erased(seqs=[1])), said("u3")], fence)
    async with Archiver(log, archive) as archiver:
        await archiver.settle("s")
        await redis.delete("{s}:t")
        await redis.restore("{s}:t", 0, before or b"")
        await log.claim("s", ME, 60)
        await archiver.restore("s")
        assert await redis.xlen("{s}:t") == 3
        assert [fact.body.get("text") for fact in await log.read("s")] == ["", "Is there a room?", None, "Is there a room?"]


async def test_memories_go_with_the_words_they_rest_on(tmp_path: Path, redis: Redis) -> None:
    """In the same transaction, whether anybody looks after memories or not; others stay."""
    url = f"sqlite:///{tmp_path}/archive.sqlite3"
    archive, store = await Archive.open(url), await MemoryStore.open(url)
    try:
        await store.add(
            [
                Memory(character="mirelle", session="s", text=text, importance=0.5, sources=sources)
                for text, sources in (("It is swordfish.", (1, 2)), ("It rained.", (2,)))
            ]
        )
        log = TranscriptLog(redis, archive)
        fence = await log.claim("s", ME, 60)
        await log.append("s", [said("u1", text="swordfish"), said("u2"), draft("e", Erased(seqs=[1]))], fence)
        async with Archiver(log, archive) as archiver:
            await archiver.settle("s")
        assert [memory.text for memory in (await store.page()).items] == ["It rained."]
        assert (await store.page(text="swordfish")).items == ()
    finally:
        await store.close()
        await archive.close()


def appended(folder: Path, words: bytes) -> bool:
    """The append-only files, of whatever version of Redis, have these words."""
    files = [path for path in folder.rglob("*") if path.is_file() and "appendonly" in path.name]
    return any(words in path.read_bytes() for path in files)
