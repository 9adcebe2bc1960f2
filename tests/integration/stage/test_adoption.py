"""What an owner of sessions leaves behind is taken up by another one."""

from __future__ import annotations

import asyncio
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager
from dataclasses import replace
from pathlib import Path

import pytest
from redis.asyncio import Redis
from structlog.testing import capture_logs

from services.core.errors import Unavailable
from services.core.model.attachment import AttachOpen, TextSaid
from services.core.model.fact import Author, Draft, Kind
from services.stage.door import SEAT_KEPT_S
from services.stage.house import _FORGET_S, House
from services.transcript.archive import Archive
from services.transcript.log import TranscriptLog
from services.transcript.store import keys_of
from tests.integration.stage.houses import DIRECTOR, INN, kinds_of, opened_house
from tests.waiting import until


async def test_every_place_is_tidied_up_after_a_dead_owner(redis: Redis, tmp_path: Path) -> None:
    """What was said and never answered is passed, in each place, and whoever sat there still does."""
    async with opened_house(redis, tmp_path) as (house, _):
        await house.open(INN)
        dead = await house.get("inn")
        for number, place in enumerate(("", "cellar")):
            opening = AttachOpen(session="inn", principal=DIRECTOR, place=place, hears=False)
            attachment, _ = await dead.door.enter(opening)
            for message in (f"a{number}", f"b{number}"):
                await dead.session.say(attachment, TextSaid(message, "Hello?", answers=False))
        dead.writing.cancel()
        house._owned.clear()
        await house.get("inn")
        facts = await house.log.read("inn")
        said = [fact for fact in facts if fact.kind == Kind.SAID]
        passed = [fact for fact in facts if fact.kind == Kind.PASSED]
        assert [(fact.place, fact.body["turn"], fact.cause) for fact in passed] == [("", said[0].seq, said[1].seq), ("cellar", said[2].seq, said[3].seq)]
        assert Kind.LEFT not in [fact.kind for fact in facts]


async def test_whoever_sat_there_has_a_place_under_the_next_owner(redis: Redis, tmp_path: Path) -> None:
    """Who comes back in time simply sits there, and has missed nothing; who does not will have left."""
    async with opened_house(redis, tmp_path) as (house, _):
        await house.open(INN)
        dead = await house.get("inn")
        opening = AttachOpen(session="inn", principal=DIRECTOR, hears=False)
        ann, bob = [(await dead.door.enter(opening))[0] for _ in range(2)]
        dead.writing.cancel()
        house._owned.clear()
        owned = await house.get("inn")
        joined = (await kinds_of(house, "inn")).count(Kind.JOINED)
        back, _ = await owned.door.enter(replace(opening, participant=ann.participant, after_seq=ann.seen))
        said = await owned.session.say(back, TextSaid("a", "Is anybody left?", answers=False))
        assert {ann.participant, bob.participant} <= set(said.audience or ())
        kinds = await kinds_of(house, "inn")
        assert (kinds.count(Kind.JOINED), kinds.count(Kind.LEFT)) == (joined, 0)
        (away,) = owned.door._away.items()
        assert away[0] == bob.participant
        assert 60 < away[1].leaves.when() - asyncio.get_running_loop().time() <= SEAT_KEPT_S


async def test_only_an_idle_session_sends_away_whose_seat_was_kept(redis: Redis, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """One that is put in order for another stage keeps them; until it has been away for longer than any seat is kept."""
    # However slow the disk is: what is not archived in time stays with the stream, which is another test's business.
    monkeypatch.setattr("services.stage.house._SETTLE_S", 60.0)
    async with opened_house(redis, tmp_path) as (house, _):
        await house.open(INN)
        opening = AttachOpen(session="inn", principal=DIRECTOR, hears=False)
        for reason, left in (("shutdown", 0), ("idle", 1)):
            owned = await house.get("inn")
            attachment, _ = await owned.door.enter(opening)
            opening = replace(opening, participant=attachment.participant)
            owned.door.leave(attachment)
            house._let_go(owned.session, reason)
            await until(lambda: not house._owned and not house._closing, 60, "the release")
            assert (await kinds_of(house, "inn")).count(Kind.LEFT) == left
            assert await house._archive.mark("inn") == await house.log.head("inn")
        owned = await house.get("inn")
        await owned.door.enter(opening)
        house._let_go(owned.session, "shutdown")
        await until(lambda: not house._owned and not house._closing, 60, "the release")
        # As after three minutes.
        await redis.pexpire(keys_of("inn").index, int((_FORGET_S - 180) * 1000))
        await house.get("inn")
        await until(lambda: _has_left(house, 2), 10, "the one who is long gone")


async def _has_left(house: House, times: int) -> bool:
    return (await kinds_of(house, "inn")).count(Kind.LEFT) == times


async def test_what_a_dead_owner_left_is_taken_up_by_itself(redis: Redis, tmp_path: Path) -> None:
    """Nobody asks for the session: what is open in it is closed and archived all the same."""
    async with opened_house(redis, tmp_path) as (dead, _):
        await _left_open(dead)
        async with opened_house(redis, tmp_path) as (living, _):

            async def archived() -> bool:
                return Kind.PASSED in [entry.fact().kind for entry in await living._archive.entries("inn")]

            await until(archived, 20, "the end of what was open")
            assert "inn" in living._owned
        assert await living.log.orphans() == []


async def _left_open(house: House) -> None:
    """A session in which somebody was never answered, and whose owner is gone."""
    await house.open(INN)
    owned = await house.get("inn")
    attachment, _ = await owned.door.enter(AttachOpen(session="inn", principal=DIRECTOR, hears=False))
    await owned.session.say(attachment, TextSaid("a", "Hello?", answers=False))
    owned.writing.cancel()
    house._owned.clear()


async def _whole(house: House) -> bool:
    """All of it is archived, its last turn passed."""
    entries = await house._archive.entries("inn")
    return entries == await house.log.entries("inn") and Kind.PASSED in [entry.fact().kind for entry in entries]


@contextmanager
def _archive_away() -> Iterator[None]:
    """A database that cannot be reached."""

    async def failing(*_: object, **__: object) -> None:
        raise Unavailable("the archive is away")

    with pytest.MonkeyPatch.context() as patch:
        for name in ("mark", "entries", "store_all"):
            patch.setattr(Archive, name, failing)
        yield


async def test_what_could_not_be_taken_up_is_taken_up_later(redis: Redis, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """The archive is away when the sweep comes by: the session waits for it."""
    monkeypatch.setattr("services.stage.sweeping._SWEEP_S", 0.2)
    async with opened_house(redis, tmp_path) as (dead, _):
        await _left_open(dead)
        async with opened_house(redis, tmp_path) as (living, _):
            with _archive_away(), capture_logs() as logs:
                await until(lambda: "session.not_adopted" in [item["event"] for item in logs], 10, "an attempt")
            assert not living._owned
            await until(lambda: _whole(living), 20, "the end of what was open")
            assert "inn" in living._owned


async def test_what_was_not_archived_at_the_end_is_archived_at_the_next_start(redis: Redis, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """The archive is away when the house closes, in order as far as the store is concerned."""
    monkeypatch.setattr("services.stage.sweeping._SWEEP_S", 0.2)
    with ExitStack() as away:
        async with opened_house(redis, tmp_path) as (house, _):
            await house.open(INN)
            away.enter_context(_archive_away())
            session = (await house.get("inn")).session
            for number in range(3):
                await session.write(Draft(key=f"n{number}", kind=Kind.NOTED, at_ms=0, by=Author("director"), body={"text": "It rains."}))
    async with opened_house(redis, tmp_path) as (house, _):
        head = await house.log.head("inn")
        assert head == 5

        async def archived() -> bool:
            return await house._archive.mark("inn") == head

        await until(archived, 20, "the rest of it in the archive")
        assert "inn" in house._owned


async def test_a_session_that_was_taken_away_is_taken_up_again_like_any(redis: Redis, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Its first owner learns of it at a renewal and has nothing to write; when the second one dies, the first one's sweep finds the session."""
    monkeypatch.setattr("services.stage.sweeping._SWEEP_S", 0.2)
    async with opened_house(redis, tmp_path) as (house, _):
        await house.open(INN)
        await TranscriptLog(redis).claim("inn", "127.0.0.1:1", 0.5, dead=house._address)
        await until(lambda: not house._owned, 10, "the loss")
        await until(lambda: "inn" in house._owned, 10, "another life")


async def test_a_session_that_cannot_even_be_closed_is_given_up(redis: Redis, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Whatever is wrong with it, it is nobody's afterwards, and is taken up again."""
    monkeypatch.setattr("services.stage.sweeping._SWEEP_S", 0.2)
    async with opened_house(redis, tmp_path) as (house, _):
        await house.open(INN)
        owned = await house.get("inn")

        async def failing(reason: str) -> None:
            raise RuntimeError(reason)

        monkeypatch.setattr(owned.session, "close", failing)
        with capture_logs() as logs:
            house._let_go(owned.session, "idle")
            await until(lambda: house._owned.get("inn", owned) is not owned, 10, "another life")
        assert "session.release_failed" in [item["event"] for item in logs]
        assert owned.writing.done()


async def test_what_was_whispered_is_ended_for_those_who_heard_it(redis: Redis, tmp_path: Path) -> None:
    """Nobody else learns that there was anything."""
    async with opened_house(redis, tmp_path) as (house, _):
        await house.open(INN)
        dead = await house.get("inn")
        attachment, _ = await dead.door.enter(AttachOpen(session="inn", principal=DIRECTOR, hears=False))
        await dead.session.say(attachment, TextSaid("a", "Psst.", answers=False, whispers="mirelle"))
        dead.writing.cancel()
        house._owned.clear()
        await house.get("inn")
        facts = await house.log.read("inn")
        [said] = [fact for fact in facts if fact.kind == Kind.SAID]
        [passed] = [fact for fact in facts if fact.kind == Kind.PASSED]
        assert said.audience is not None
        assert (passed.audience, passed.cause) == (said.audience, said.seq)
