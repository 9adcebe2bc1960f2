"""The promises of delivery, judged by the checker of the whole program (`tests/chaos`): the disorder that a naive log does not survive, done to this one."""

from __future__ import annotations

import asyncio
import random
from collections.abc import AsyncIterator, Iterable, Sequence
from contextlib import aclosing, asynccontextmanager
from pathlib import Path

import pytest
from redis.asyncio import Redis

from services.core.errors import Unavailable
from services.core.model.fact import Draft, Fact
from services.core.model.facts import Passed
from services.transcript.archive import Archive
from services.transcript.archiver import Archiver
from services.transcript.log import TranscriptLog
from tests.chaos.evidence import Correction, Evidence, Told
from tests.chaos.invariants import violations
from tests.redis_server import RedisServer
from tests.unit.services.transcript.drafts import corrected, draft, said
from tests.waiting import until

SID = "s"
OWNERS = ("unix:/tmp/stage-a.sock", "unix:/tmp/stage-b.sock")
SEEDS = range(5)


class House:
    """A log with an archive behind it: whoever owns the session dies now and then, and the next one is told again what nobody has acknowledged."""

    def __init__(self, store: Redis, archive: Archive) -> None:
        """Nobody owns it yet."""
        self._store = store
        self.archive = archive
        self._owner = ""
        self._log = TranscriptLog(store)
        self._archiver = Archiver(self._log, archive)
        self.failures = 0
        self.asked: dict[str, str] = {}
        self.acknowledged: list[tuple[str, Told]] = []
        self.corrections: dict[str, Correction] = {}
        self.shown: list[Told] = []

    async def take_over(self) -> None:
        """As a stage does: claim, restore, and only then write."""
        dead, self._owner = self._owner, OWNERS[self._owner == OWNERS[0]]
        self._log = TranscriptLog(self._store, self.archive)
        self._archiver = Archiver(self._log, self.archive)
        await self._log.claim(SID, self._owner, 60, dead=dead)
        await self._archiver.restore(SID)

    async def say(self, key: str, text: str = "A word.") -> None:
        """Until it is acknowledged, under the same key; and then it is answered by nobody."""
        self.asked[key] = text
        [fact] = await self._told(said(key, text))
        self.acknowledged.append((key, Told.of(fact.to_dict())))
        await self._told(draft(f"pass:{fact.seq}", Passed(turn=fact.seq, reason="stopped"), cause=fact.seq))

    async def correct(self, key: str, target: int, text: str) -> None:
        """The desk says what it was told."""
        [fact] = await self._told(corrected(key, target, text))
        self.corrections[key] = Correction(text=text, target=target, state="applied", seq=fact.seq)

    async def _told(self, *drafts: Draft) -> Sequence[Fact]:
        while True:
            try:
                # The answer may be lost although it was written.
                async with asyncio.timeout(0.1):
                    facts = await self._log.append(SID, drafts)
            except (Unavailable, TimeoutError):
                self.failures += 1
                await asyncio.sleep(0.01)
                continue
            self._archiver.notify(SID)
            return facts

    async def head(self) -> int:
        """Of the session."""
        return await self._log.head(SID)

    async def stands(self, keys: Iterable[str]) -> bool:
        """Whether there is a fact of one of these keys, whoever knows of it."""
        return any([await self._log.seq_of(SID, key) for key in keys])

    @asynccontextmanager
    async def read(self) -> AsyncIterator[None]:
        """For the time of the block, from what was seen last."""
        reading = asyncio.create_task(self._read())
        try:
            yield
        finally:
            reading.cancel()
            await asyncio.gather(reading, return_exceptions=True)

    async def _read(self) -> None:
        async with aclosing(self._log.tail(SID, self.shown[-1].seq if self.shown else 0)) as facts:
            async for fact in facts:
                self.shown.append(Told.of(fact.to_dict()))

    async def evidence(self) -> Evidence:
        """At rest."""
        await self._archiver.settle(SID)
        head = await self.head()
        async with self.read():
            await until(lambda: bool(self.shown) and self.shown[-1].seq == head, what="the last fact")
        await self._archiver.close()
        return Evidence(
            stream=await TranscriptLog(self._store).entries(SID),
            archive=await self.archive.entries(SID),
            asked=self.asked,
            acknowledged=self.acknowledged,
            shown={"reader": self.shown},
            corrections=self.corrections,
            calm=[],
        )


@pytest.mark.parametrize("seed", SEEDS)
async def test_what_a_naive_log_does_not_survive(server: RedisServer, store: Redis, tmp_path: Path, seed: int) -> None:
    """The store stands still while it is written to, and then the owner dies in the middle: nothing is lost, doubled, out of order, or told otherwise."""
    chance = random.Random(seed)
    archive = await Archive.open(f"sqlite+aiosqlite:///{tmp_path / 'archive.sqlite3'}")
    house = House(store, archive)
    try:
        await house.take_over()
        async with house.read():
            await _talk(house, "before", chance.randrange(20, 60))
            server.freeze(on=True)
            try:
                saying = [asyncio.create_task(house.say(f"still-{number}")) for number in range(chance.randrange(2, 8))]
                await until(lambda: house.failures >= len(saying), what="words that nobody acknowledges")
            finally:
                server.freeze(on=False)
            await asyncio.gather(*saying)
        await _talk(house, "between", chance.randrange(20, 60))
        async with house.read():
            await house.correct("c1", house.acknowledged[0][1].seq, "Corrected.")
            server.freeze(on=True)
            try:
                failures = house.failures
                dying = {key: asyncio.create_task(house.say(key)) for key in (f"dying-{number}" for number in range(chance.randrange(2, 8)))}
                await until(lambda: house.failures > failures, what="words that nobody acknowledges")
                for task in dying.values():
                    task.cancel()
                await asyncio.gather(*dying.values(), return_exceptions=True)
            finally:
                server.freeze(on=False)
            # What was under way is written, and the one who would have said so is dead.
            await until(lambda: house.stands(dying), what="what nobody was told of")
        assert not dying.keys() & {key for key, _ in house.acknowledged}
        await house.take_over()
        await asyncio.gather(*map(house.say, dying))
        await _talk(house, "behind", 5)
        evidence = await house.evidence()
    finally:
        await archive.close()
    assert violations(evidence) == []
    assert {key for key, _ in evidence.acknowledged} == set(house.asked)
    assert len(evidence.archive) == 2 * len(house.asked) + 1


async def _talk(house: House, name: str, count: int) -> None:
    """Several at a time: there are connections on which what is said next is under way at once."""
    for first in range(0, count, 8):
        await asyncio.gather(*(house.say(f"{name}-{number}") for number in range(first, min(first + 8, count))))
