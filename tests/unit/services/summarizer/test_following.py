"""Which sessions are followed: as many as may play, as long as what is known of them is not too much."""

from __future__ import annotations

import asyncio
from collections import Counter
from typing import Any

import pytest

from services.core.clock import ManualClock
from services.core.errors import NotFound
from services.core.model.fact import Fact
from services.core.settings import SummarizerSettings
from services.summarizer.following import MOST_SESSIONS, Following
from services.summarizer.ground import Ground, Outcome
from services.summarizer.record import Record
from services.transcript.archive import SessionPage, SessionRow
from tests.unit.services.transcript.story import Story


class House:
    """Tables, and a summarizer that looks when it is told to. It plays archive, log, leases and work."""

    def __init__(self, **bounds: int) -> None:
        self.clock = ManualClock()
        self.story = Story()
        self.heads: dict[str, int] = {}
        self.active: dict[str, int] = {}
        self.begun: Counter[str] = Counter()
        """How often a session was read from its first fact."""
        self.pages: list[int] = []
        self.taken: set[str] = set()
        """Sessions whose lease another instance has."""
        nothing: Any = None
        chosen = SummarizerSettings()
        self.ground = Ground(teller=nothing, models=nothing, settings=lambda: chosen, clock=self.clock)
        house: Any = self
        self.following = Following(house, house, house, house, **bounds)

    def play(self, *names: str, facts: int = 3) -> None:
        """Something moves at these tables, one after the other."""
        for name in names:
            self.clock.advance(0.001)
            self.active[name] = self.clock.wall_ms()
            self.heads[name] = self.heads.get(name, 0) + facts
            while len(self.story.facts) < self.heads[name]:
                self.story.say("Good evening.")

    async def look(self) -> None:
        await self.following._look()
        await asyncio.gather(*(item.visit for item in self.following._followed.values() if item.visit is not None))

    def known(self) -> dict[str, int]:
        return {sid: item.record.view.seq for sid, item in self.following._followed.items() if item.record.view.seq}

    async def sessions(self, limit: int = 100, cursor: str | None = None) -> SessionPage:
        assert cursor is None
        self.pages.append(limit)
        last = sorted(self.active, key=self.active.__getitem__, reverse=True)
        rows = tuple(SessionRow(id=sid, created_at_ms=0, active_at_ms=self.active[sid], head=self.heads[sid]) for sid in last[:limit])
        return SessionPage(rows, "more" if len(last) > limit else None)

    async def read(self, sid: str, after: int = 0, upto: int | None = None, limit: int | None = None) -> list[Fact]:
        assert upto is None
        self.begun[sid] += after == 0
        return self.story.facts[after : self.heads.get(sid, 0)][:limit]

    async def owner(self, sid: str) -> str | None:
        return None

    async def hold(self, sid: str, seconds: float) -> bool:
        return sid not in self.taken

    async def visit(self, record: Record, *, live: bool) -> None:
        pass

    async def wish(self, record: Record, what: str, patience_s: float) -> Outcome:
        return Outcome(summary=record.view.seq)


def tables(count: int) -> list[str]:
    return [f"table {number}" for number in range(count)]


async def test_a_hundred_tables_are_read_once() -> None:
    """Whichever of them moves next: only what is new is read of it."""
    house, names = House(), tables(100)
    house.play(*names)
    await house.look()
    for moving in (names[:50], names[50:], names[:50]):
        house.play(*moving)
        await house.look()
    assert house.begun == dict.fromkeys(names, 1)
    assert house.known() == {name: 9 if name in names[:50] else 6 for name in names}


async def test_few_tables_are_asked_for_with_a_short_page() -> None:
    """However many sessions there were before: the list is asked for every second."""
    house = House()
    house.play(*tables(400))
    house.clock.advance(7_200)
    house.play("tonight")
    await house.look()
    assert house.known() == {"tonight": 3}
    assert len(house.pages) == 1
    assert house.pages[0] < MOST_SESSIONS


async def test_what_is_too_much_drops_the_least_recently_active() -> None:
    """Three tables of which two fit; the one that moves is among them."""
    house = House(most_facts=7)
    house.play("one", "two", "three")
    await house.look()
    assert house.known() == {"three": 3, "two": 3}
    house.play("one", facts=1)
    await house.look()
    assert house.known() == {"one": 4, "three": 3}
    assert house.begun == {"one": 1, "two": 1, "three": 1}


async def test_the_last_active_one_is_followed_however_long_it_is() -> None:
    """A table alone must not lose its digests for having played long."""
    house = House(most_facts=7)
    house.play("short")
    house.play("long", facts=50)
    await house.look()
    assert house.known() == {"long": 50}


async def test_what_another_instance_works_for_weighs_nothing() -> None:
    """It is not read, and leaves its room to others: instances share what is too much for one."""
    house = House(most_facts=7)
    house.taken = {"three", "two"}
    house.play("one", "two", "three")
    await house.look()
    await house.look()
    assert house.known() == {"one": 3}
    assert house.begun == {"one": 1}
    house.taken.clear()
    house.clock.advance(5)
    await house.look()
    await house.look()
    assert house.known() == {"three": 3, "two": 3}


async def test_a_wish_reaches_a_session_that_nobody_follows() -> None:
    """Long ago, held by another instance, or one too many: it is read for the wish; one that does not exist is not found."""
    house = House(most_facts=7)
    house.taken = {"taken"}
    house.play("old")
    house.clock.advance(7_200)
    house.play("one", "taken", "two", "three")
    await house.look()
    for name in ("old", "one", "taken"):
        assert (await house.following.wish(name, "summary", 5)).summary == 3
    with pytest.raises(NotFound):
        await house.following.wish("never", "summary", 5)
    await house.look()
    assert set(house.known()) == {"three", "two"}


async def test_wishes_without_a_look_are_bounded_as_well() -> None:
    """While nothing is followed, by the settings, the last wished for are kept and no more."""
    house = House(most_facts=7)
    house.play(*tables(9))
    for name in tables(9):
        await house.following.wish(name, "summary", 5)
    assert list(house.known()) == ["table 7", "table 8"]
