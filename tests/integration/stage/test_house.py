"""Which stage owns a session: claimed once, kept, let go, tidied up after."""

from __future__ import annotations

import asyncio
import gc
import signal
from collections import Counter
from collections.abc import AsyncIterator, Iterator, Sequence
from contextlib import asynccontextmanager
from dataclasses import replace
from functools import partial
from pathlib import Path

import pytest
from redis.asyncio import Redis
from structlog.testing import capture_logs

from services.compose import redis_client
from services.core.clock import ManualClock
from services.core.errors import InvalidRequest, NotFound, NotOwner, SouffleurError, Unavailable
from services.core.model.attachment import AttachDown, AttachOpen, Goodbye, OpenRequest, TellRequest, TextSaid
from services.core.model.fact import Author, Draft, Fact, Kind
from services.core.rpc.client import StageClient
from services.core.rpc.server import serving
from services.core.runtime import Runtime
from services.stage import servicer
from services.stage.attachments import Attachment
from services.stage.house import _RENEWALS_PER_LEASE, House, Owned
from services.transcript.archive import Archive
from services.transcript.claims import Orphan
from services.transcript.log import TranscriptLog
from services.transcript.store import Entry
from tests.integration.stage.houses import DIRECTOR, INN, kinds_of, opened_house
from tests.redis_server import RedisServer, running_redis
from tests.waiting import until


@asynccontextmanager
async def _served(house: House, runtime: Runtime) -> AsyncIterator[StageClient]:
    async with serving(runtime.address("stage"), "stage", partial(servicer.register, house), drain_s=0.1):
        yield runtime.stage()


@pytest.fixture
def redis_own() -> Iterator[RedisServer]:
    """A server that may be killed."""
    with running_redis() as server:
        yield server


async def _drained(events: AsyncIterator[AttachDown]) -> None:
    async with asyncio.timeout(10):
        async for _ in events:
            pass


async def test_opened_by_many_at_once_a_session_begins_once(redis: Redis, tmp_path: Path) -> None:
    """One owner, and each opening fact once."""
    async with opened_house(redis, tmp_path) as (house, _):
        answers = await asyncio.gather(*(house.open(INN) for _ in range(5)), house.open(INN))
        assert {answer.session for answer in answers} == {"inn"}
        owners = await asyncio.gather(*(house.get("inn") for _ in range(5)))
        assert len({id(owned) for owned in owners}) == 1
        assert await kinds_of(house, "inn") == [Kind.SCENE_SET, Kind.JOINED]


async def test_asking_for_sessions_that_are_not_there_costs_no_memory(redis: Redis, tmp_path: Path) -> None:
    """Neither unknown ids nor impossible ones leave anything behind."""
    async with opened_house(redis, tmp_path) as (house, _):
        for sid in ("nowhere", "x" * 500, "a b", "{inn}:t"):
            results = await asyncio.gather(*(house.get(sid) for _ in range(3)), return_exceptions=True)
            assert {type(result) for result in results} <= {NotFound, InvalidRequest}
        results = []
        gc.collect()
        assert not house._locks
        assert not house._owned


async def test_letting_one_session_go_does_not_cost_another_its_lease(redis: Redis, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Releasing may wait for the archive; meanwhile every other lease is renewed."""
    async with opened_house(redis, tmp_path) as (house, runtime):
        await house.open(INN)
        await house.open(OpenRequest(session="busy"))
        gate, settle, renew, renewed = asyncio.Event(), house._archiver.settle, house.log.renew, Counter[str]()

        async def slow(sid: str, timeout_s: float = 30.0) -> None:
            await gate.wait()
            await settle(sid, timeout_s)

        async def counted(sid: str, lease_s: float) -> None:
            await renew(sid, lease_s)
            renewed[sid] += 1

        monkeypatch.setattr(house._archiver, "settle", slow)
        monkeypatch.setattr(house.log, "renew", counted)
        assert isinstance(runtime.clock, ManualClock)
        runtime.clock.advance(10_000)
        busy = (await house.get("busy")).session
        busy.touched = runtime.clock.now()
        async with asyncio.timeout(5):
            while "inn" in house._owned:
                await asyncio.sleep(0.02)
            # For longer than one lease lasts.
            soon = renewed["busy"] + _RENEWALS_PER_LEASE + 1
            while renewed["busy"] < soon:
                await asyncio.sleep(0.02)
        assert await house.log.owner("busy") == house._address
        gate.set()


async def test_nobody_looks_at_what_is_renewed(redis: Redis, tmp_path: Path) -> None:
    """Whoever renews its leases says so where orphans are looked for: a look does not grow with the sessions that are well."""
    async with opened_house(redis, tmp_path) as (house, _):
        await house.open(INN)
        first = await redis.zscore("souffleur:claims", "inn")

        async def later() -> bool:
            return float(await redis.zscore("souffleur:claims", "inn") or 0) > float(first or 0)

        await until(later, 20, "a renewal on the list")


async def test_one_renewal_that_breaks_costs_no_lease(redis: Redis, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Something unforeseen is logged, and what keeps the sessions goes on."""
    async with opened_house(redis, tmp_path) as (house, _):
        await house.open(INN)
        renew, renewed = house.log.renew, Counter[str]()

        async def broken_once(sid: str, lease_s: float) -> None:
            renewed[sid] += 1
            if renewed[sid] == 1:
                raise RuntimeError("a bug")
            await renew(sid, lease_s)

        with capture_logs() as logs:
            monkeypatch.setattr(house.log, "renew", broken_once)
            await until(lambda: renewed["inn"] > 3, 10, "renewals")
        assert [item["log_level"] for item in logs if item["event"] == "lease.not_renewed"] == ["error"]
        assert await house.log.owner("inn") == house._address


async def test_a_living_owner_keeps_what_an_absence_of_the_store_cost_its_lease(redis: Redis, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """However often another stage looks before the owner's next renewal, it does not take the session for an orphan."""
    monkeypatch.setattr("services.stage.sweeping._SWEEP_S", 0.02)
    (tmp_path / "a").mkdir()
    (tmp_path / "b").mkdir()
    # The other one's lease does not run out here, so neither does its patience.
    async with opened_house(redis, tmp_path / "a") as (first, _), opened_house(redis, tmp_path / "b", f"unix:{tmp_path / 'b.sock'}", 60.0) as (second, _):
        await first.open(INN)
        owned, back, renew, looks, orphans = await first.get("inn"), asyncio.Event(), first.log.renew, Counter[bool](), second.log.orphans

        async def held_up(sid: str, lease_s: float) -> None:
            await back.wait()
            await renew(sid, lease_s)

        async def counted(me: str = "", *, everything: bool = False) -> list[Orphan]:
            found = await orphans(me, everything=everything)
            looks[bool(found)] += 1
            return found

        monkeypatch.setattr(first.log, "renew", held_up)
        monkeypatch.setattr(second.log, "orphans", counted)
        await until(lambda: looks[True] > 5, 20, "looks at a session without a lease")
        back.set()

        async def renewed() -> bool:
            return await first.log.owner("inn") == first._address

        await until(renewed, 10, "the renewal")
        assert not second._owned
        note = Draft(key="k", kind=Kind.NOTED, at_ms=0, by=Author("director"), body={"text": "It rains."})
        assert await asyncio.wait_for(owned.session.writer.write(note), 10)
        assert (await first.get("inn")) is owned


async def test_what_an_absence_of_the_store_left_open_is_closed_after_it(redis_own: RedisServer, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Away for longer than anybody waits, the store costs the session its owner; once it is back, what stands open in it is closed."""
    monkeypatch.setattr("services.stage.sweeping._SWEEP_S", 0.2)
    monkeypatch.setattr("services.stage.writer._PATIENCE_S", 1.0)
    redis = redis_client(redis_own.url)
    async with opened_house(redis, tmp_path) as (house, _):
        await house.open(INN)
        session = (await house.get("inn")).session
        body = {"line": "L", "character": "mirelle", "turn": 0}
        await session.write(Draft(key="L:open", kind=Kind.LINE_OPENED, at_ms=0, by=Author("character", "mirelle"), body=body))
        redis_own.kill(signal.SIGTERM)
        with pytest.raises(Unavailable):
            await session.write(Draft(key="late", kind=Kind.NOTED, at_ms=0, by=Author("director"), body={"text": "late"}))
        await until(lambda: not house._owned and not house._closing, 20, "the end of it here")
        redis_own.start()

        async def closed() -> bool:
            return Kind.LINE_CLOSED in await kinds_of(house, "inn")

        await until(closed, 20, "the end of the line")
    await redis.aclose()


@pytest.mark.parametrize("ends", ["gives up", "is told to end"])
async def test_what_only_the_owner_has_outlives_it(redis_own: RedisServer, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, ends: str) -> None:
    """The store is away for longer than anybody waits and comes back with less; or has less, and nobody has noticed yet."""
    monkeypatch.setattr("services.stage.writer._PATIENCE_S", 0.5)
    # As if the archive were behind.
    monkeypatch.setattr("services.transcript.archiver.Archiver.notify", lambda *_: None)
    redis = redis_client(redis_own.url)
    async with opened_house(redis, tmp_path, lease_s=60.0) as (house, _):
        owned, attachment, before = await _cut_after_words(house, redis)
        if ends == "gives up":
            redis_own.kill(signal.SIGKILL)
            with pytest.raises(SouffleurError):
                await owned.session.say(attachment, TextSaid("b", "Still there?", answers=False))
            await until(lambda: not house._owned and not house._closing, 20, "the end of it here")
            redis_own.start()
    async with opened_house(redis, tmp_path) as (house, _):
        await house.get("inn")
        assert (await house.log.entries("inn"))[: len(before)] == before
    await redis.aclose()


async def test_a_store_that_lost_its_tail_gets_it_back_from_the_owner(redis: Redis, tmp_path: Path) -> None:
    """Archived or not, each acknowledged fact stands where it stood, and the session goes on as if nothing had happened; idle, too."""
    async with opened_house(redis, tmp_path) as (house, _):
        owned, attachment, before = await _cut_after_words(house, redis)
        await owned.session.say(attachment, TextSaid("b", "Still there?", answers=False))
        assert (await house.log.entries("inn"))[: len(before)] == before
        assert (await house.log.read("inn"))[-1].body["utterance"] == "b"
        before = await house.log.entries("inn")
        await _cut(redis, before, 2)

        async def whole() -> bool:
            return await house.log.head("inn") == len(before)

        # Nobody says anything: the next renewal of the lease finds out.
        await until(whole, 10, "what was lost")
        assert await house.log.entries("inn") == before
        assert (await house.get("inn")) is owned


async def test_a_lease_is_renewed_while_lost_facts_are_given_back(redis: Redis, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """However long that takes, nobody takes the session meanwhile, and it is not given up."""
    async with opened_house(redis, tmp_path) as (house, _):
        await house.open(INN)
        owned = await house.get("inn")
        before = await house.log.entries("inn")
        gate, restore, renew, renewals = asyncio.Event(), house._archiver.restore, house.log.renew, Counter[str]()

        async def slow(sid: str) -> int:
            await gate.wait()
            return await restore(sid)

        async def counted(sid: str, lease_s: float) -> None:
            renewals[sid] += 1
            await renew(sid, lease_s)

        monkeypatch.setattr(house._archiver, "restore", slow)
        monkeypatch.setattr(house.log, "renew", counted)
        await _cut(redis, before, 1)
        note = Draft(key="k", kind=Kind.NOTED, at_ms=0, by=Author("director"), body={"text": "It rains."})
        written = owned.session.writer.write(note)
        # For longer than one lease lasts.
        await until(lambda: renewals["inn"] > _RENEWALS_PER_LEASE + 1, 10, "renewals")
        assert await house.log.owner("inn") == house._address
        gate.set()
        assert (await asyncio.wait_for(written, 10)).seq == len(before) + 1
        assert (await house.log.entries("inn"))[:-1] == before
        assert (await house.get("inn")) is owned


async def _cut_after_words(house: House, redis: Redis) -> tuple[Owned, Attachment, list[Entry]]:
    """A session in which something was said, and a store that has lost the end of it: the owner, who said it, and all that there was."""
    await house.open(INN)
    owned = await house.get("inn")
    attachment, _ = await owned.door.enter(AttachOpen(session="inn", principal=DIRECTOR, hears=False))
    for number in range(5):
        await owned.session.say(attachment, TextSaid(f"a{number}", "Hello?", answers=False))
    before = await house.log.entries("inn")
    await _cut(redis, before, 4)
    return owned, attachment, before


async def _cut(redis: Redis, entries: Sequence[Entry], upto: int) -> None:
    """As an append-only file without its last moments."""
    async with redis.pipeline(transaction=True) as pipe:
        for entry in entries[upto:]:
            pipe.xdel("{inn}:t", f"{entry.seq}-0")
            pipe.hdel("{inn}:i", f"k:{entry.key}")
        pipe.execute_command("XSETID", "{inn}:t", f"{upto}-0")
        pipe.hset("{inn}:i", "head", upto)
        await pipe.execute()


async def test_a_session_of_another_stage_is_not_touched(redis: Redis, tmp_path: Path) -> None:
    """While its owner answers, it is named; once it is gone the session is taken, and who had it writes nothing more."""
    (tmp_path / "a").mkdir()
    (tmp_path / "b").mkdir()
    sock, lease_s = f"unix:{tmp_path / 'a.sock'}", 60.0
    # No lease runs out here, however slow the machine: the session changes hands because nobody answers at its owner's address.
    async with (
        opened_house(redis, tmp_path / "a", sock, lease_s) as (first, _),
        opened_house(redis, tmp_path / "b", f"unix:{tmp_path / 'b.sock'}", lease_s) as (second, _),
    ):
        async with serving(sock, "stage", partial(servicer.register, first), drain_s=0.1):
            await first.open(INN)
            with pytest.raises(NotOwner) as raised:
                await second.get("inn")
            assert raised.value.address == sock
        # Asked for it later the first one might have noticed its loss, and taken it back from the second, which does not answer either.
        lost = (await first.get("inn")).session
        await second.get("inn")
        with pytest.raises(SouffleurError):
            await lost.write(Draft(key="late", kind=Kind.NOTED, at_ms=0, by=Author("director"), body={"text": "late"}))
        assert Kind.NOTED not in await kinds_of(second, "inn")


async def test_over_the_wire_a_slow_reader_is_let_go_and_told_why(redis: Redis, tmp_path: Path) -> None:
    """Its seat is free at once; when it reads again it learns what happened, and may come back."""
    async with opened_house(redis, tmp_path) as (house, runtime), _served(house, runtime) as client:
        await client.open(INN)
        _, stream, events = await client.attach(AttachOpen(session="inn", principal=DIRECTOR))
        session = (await house.get("inn")).session
        (attachment,) = session.attachments
        note = Fact(seq=0, kind=Kind.NOTED, at_ms=0, by=Author("director"), body={"text": "x" * 60_000})
        async with asyncio.timeout(10):
            while session.attachments:
                attachment.deliver(note)
                await asyncio.sleep(0)
        with pytest.raises(SouffleurError) as raised:
            await _drained(events)
        assert raised.value.code == "overloaded"
        stream.cancel()
        _, stream, _ = await client.attach(AttachOpen(session="inn", principal=DIRECTOR))
        stream.cancel()


async def test_over_the_wire_a_goodbye_is_no_break(redis: Redis, tmp_path: Path) -> None:
    """A stream that is half-closed behind a goodbye ends in order; one that is torn off leaves a seat that is kept."""
    async with opened_house(redis, tmp_path) as (house, runtime), _served(house, runtime) as client:
        await house.open(INN)
        away = (await house.get("inn")).door._away
        for goodbye in (True, False):
            attached, stream, events = await client.attach(AttachOpen(session="inn", principal=DIRECTOR, hears=False))
            if goodbye:
                await stream.send(Goodbye())
                await stream.finish()
                await _drained(events)
            stream.cancel()
            await until(partial(away.get, attached.participant), 10, "an empty seat")
            assert away[attached.participant].broke is not goodbye


async def test_over_the_wire_what_is_told_and_told_again_is_one_fact(redis: Redis, tmp_path: Path) -> None:
    """The same key, the same seq; a session that is moving says so instead of keeping the caller waiting."""
    async with opened_house(redis, tmp_path) as (house, runtime), _served(house, runtime) as client:
        await client.open(INN)
        request = TellRequest(session="inn", principal=DIRECTOR, key="k", kind=Kind.NOTED, body='{"text": "It rains."}')
        first, again = await client.tell(request), await client.tell(request)
        assert (first.seq, again.seq, again.repeated_key) == (again.seq, first.seq, True)
        session = (await house.get("inn")).session
        await session.close("test")
        with pytest.raises(Unavailable):
            async with asyncio.timeout(5):
                await client.tell(TellRequest(session="inn", principal=DIRECTOR, key="late", kind=Kind.NOTED, body='{"text": "x"}'))


async def test_a_late_release_leaves_alone_what_was_claimed_anew(redis: Redis, tmp_path: Path) -> None:
    """It queued behind whoever came back: their session is another one."""
    async with opened_house(redis, tmp_path) as (house, _):
        await house.open(INN)
        former = (await house.get("inn")).session
        await house._release(former, "unavailable")
        again = await house.get("inn")
        await house._release(former, "unavailable")
        assert await house.get("inn") is again
        assert not again.session.writer.given_up


async def test_one_session_that_cannot_be_closed_keeps_nothing_else_open(redis: Redis, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """The others are closed in order and archived, and the archive after them."""
    with capture_logs() as logs:
        async with opened_house(redis, tmp_path) as (house, runtime):
            await house.open(replace(INN, session="broken"))
            await house.open(INN)

            async def failing(reason: str) -> None:
                raise RuntimeError(reason)

            monkeypatch.setattr((await house.get("broken")).session, "close", failing)
    assert "session.release_failed" in [item["event"] for item in logs]
    log, archive = TranscriptLog(redis), await Archive.open(runtime.archive_url)
    assert await log.owner("inn") is None
    assert await archive.mark("inn") == await log.head("inn") > 0
    await archive.close()
