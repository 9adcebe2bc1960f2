"""An owner that does not answer holds up its own session, and no other."""

from __future__ import annotations

import asyncio
from collections import Counter
from collections.abc import AsyncIterator
from pathlib import Path

import pytest
import pytest_asyncio

from services.core.bus.corrections import PREFETCH, Letter, Verdict
from services.core.clock import ManualClock
from services.core.errors import SouffleurError, Unavailable
from services.core.model.attachment import TellRequest, TellResponse
from services.core.model.principal import Principal
from services.core.rpc.client import StageClient
from services.corrections import turns
from services.corrections.worker import Worker
from services.transcript.outbox import OPEN, Outbox, Row
from services.transcript.outbox.row import TEXT
from tests.waiting import until

DIRECTOR = Principal("local", "director")
LATER_MS = 60_000
WAIT_S = 10.0


class Stage(StageClient):
    """Owners that answer at once, except those that hang; `error` is what these say in the end."""

    def __init__(self) -> None:
        self.asked: Counter[str] = Counter()
        self.hangs: set[str] = set()
        self.freed = asyncio.Event()
        self.error: SouffleurError | None = None

    async def tell(self, request: TellRequest) -> TellResponse:
        self.asked[request.session] += 1
        if request.session in self.hangs:
            await self.freed.wait()
            if self.error is not None:
                raise self.error
        return TellResponse(self.asked.total())


@pytest.fixture
def clock() -> ManualClock:
    """Moves when told."""
    return ManualClock()


@pytest_asyncio.fixture
async def outbox(tmp_path: Path, clock: ManualClock) -> AsyncIterator[Outbox]:
    """In a file."""
    opened = await Outbox.open(f"sqlite+aiosqlite:///{tmp_path / 'application.sqlite3'}", clock)
    yield opened
    await opened.close()


async def _letter(outbox: Outbox, clock: ManualClock, session: str, name: str) -> Letter:
    due_at_ms = clock.wall_ms() + LATER_MS
    row = Row(id=name, session=session, principal=DIRECTOR, sort=TEXT, kind="note", body={"text": name}, due_at_ms=due_at_ms)
    await outbox.add(row)
    return Letter(id=f"letter-{session}-{name}", session=session, correction=name)


async def _states(outbox: Outbox, session: str) -> Counter[str]:
    return Counter(row.state for row in (await outbox.page(session)).items)


async def test_letters_of_a_hung_session_leave_their_hands_to_others(outbox: Outbox, clock: ManualClock) -> None:
    """All but the one that asks; they stay open, and are due as soon as the owner answers."""
    stage = Stage()
    stage.hangs.add("hung")
    worker = Worker(outbox, stage, clock, attempts=5)
    letters = [await _letter(outbox, clock, "hung", f"c{number}") for number in range(PREFETCH)]
    hands = [asyncio.create_task(worker.handle(letter, 1)) for letter in letters]
    await until(lambda: stage.asked["hung"] == 1, WAIT_S, "the owner is asked")
    clock.advance(turns._SLOW_S * 2)
    await until(lambda: sum(hand.done() for hand in hands) == PREFETCH - 1, WAIT_S, "the others are put off")
    assert {hand.result() for hand in hands if hand.done()} == {Verdict.DONE}
    assert await _states(outbox, "hung") == {OPEN: PREFETCH}
    assert stage.asked["hung"] == 1

    assert await worker.handle(await _letter(outbox, clock, "well", "a"), 1) is Verdict.DONE
    assert await _states(outbox, "well") == {"applied": 1}

    assert await outbox.due(TEXT) == []
    stage.freed.set()
    assert set(await asyncio.gather(*hands)) == {Verdict.DONE}
    assert await _states(outbox, "hung") == {OPEN: PREFETCH - 1, "applied": 1}
    assert {row.session for row in await outbox.due(TEXT)} == {"hung"}
    assert not worker._turns._put_off
    assert not worker._turns._turns


async def test_an_owner_that_could_not_be_reached_is_let_alone_for_a_while(outbox: Outbox, clock: ManualClock) -> None:
    """Then it is asked again, and what waited goes its way."""
    stage = Stage()
    stage.hangs.add("gone")
    stage.error = Unavailable()
    stage.freed.set()
    worker = Worker(outbox, stage, clock, attempts=5, patience_s=0.0)
    assert await worker.handle(await _letter(outbox, clock, "gone", "a"), 1) is Verdict.DONE
    asked = stage.asked["gone"]
    stage.hangs.clear()
    assert await worker.handle(await _letter(outbox, clock, "gone", "b"), 1) is Verdict.DONE
    assert (stage.asked["gone"], await _states(outbox, "gone")) == (asked, {OPEN: 2})
    clock.advance(turns._SILENT_S + 1)
    assert await worker.handle(await _letter(outbox, clock, "gone", "c"), 1) is Verdict.DONE
    assert await _states(outbox, "gone") == {"applied": 3}


async def test_no_more_sessions_are_remembered_than_that(clock: ManualClock) -> None:
    """However many owners are silent."""
    known = turns.Turns(clock)
    for number in range(turns._MOST * 2):
        known.unreachable(f"s{number}")
        with pytest.raises(turns.OwnerSilent):
            async with known.turn(f"s{number}"):
                pass
    assert (len(known._silent), len(known._put_off), len(known._turns)) == (turns._MOST, turns._MOST, 0)


async def test_who_gives_up_waiting_takes_the_turn_from_nobody(clock: ManualClock) -> None:
    """A letter that is cut while it waits leaves the others in line."""
    known, first, order = turns.Turns(clock), asyncio.Event(), list[int]()

    async def letter(number: int) -> None:
        async with known.turn("s"):
            if number == 0:
                await first.wait()
            order.append(number)

    hands = [asyncio.create_task(letter(number)) for number in range(4)]
    await until(lambda: "s" in known._turns and known._turns["s"].letters == len(hands), WAIT_S, "all are in line")
    hands[1].cancel()
    await asyncio.wait([hands[1]])
    first.set()
    await asyncio.gather(*hands, return_exceptions=True)
    assert order == [0, 2, 3]
    assert not known._turns
