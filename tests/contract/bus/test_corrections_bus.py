"""The contract of the corrections' bus, on Redis streams and on RabbitMQ, both real."""

from __future__ import annotations

import asyncio
from collections import Counter

import pytest
from ulid import ULID

from services.core.bus.corrections import CorrectionBus, Counts, Letter, Verdict
from services.core.errors import NotFound, Unavailable
from tests.contract.bus.servers import LIMIT, Broker
from tests.waiting import until

WAIT_S = 30.0
_ASK_AGAIN_S = 0.7


def letter(correction: str = "c1", session: str = "s1") -> Letter:
    """One that nobody has sent before."""
    return Letter(id=str(ULID()).lower(), session=session, correction=correction)


class Desk:
    """A handler that notes what it is given, and says what it is told to say."""

    def __init__(self, *verdicts: Verdict | Exception) -> None:
        """The last verdict is said from then on."""
        self.taken: list[tuple[str, int]] = []
        self._verdicts = list(verdicts or (Verdict.DONE,))

    async def __call__(self, given: Letter, attempt: int) -> Verdict:
        self.taken.append((given.correction, attempt))
        verdict = self._verdicts.pop(0) if len(self._verdicts) > 1 else self._verdicts[0]
        if isinstance(verdict, Exception):
            raise verdict
        return verdict

    @property
    def corrections(self) -> list[str]:
        """In the order in which they came."""
        return [correction for correction, _ in self.taken]


async def up(bus: CorrectionBus) -> None:
    """Wait until it is there."""
    async with asyncio.timeout(WAIT_S):
        await bus.link.next_up(0)


async def counted(bus: CorrectionBus, depth: int, dead: int) -> None:
    """Wait until it has so many."""

    async def same() -> bool:
        try:
            return await bus.counts() == Counts(depth, dead)
        except Unavailable:
            return False

    await until(same)


async def test_a_letter_is_delivered_once_and_acknowledged(broker: Broker) -> None:
    """Nothing is left of it."""
    desk = Desk()
    async with broker.bus() as bus:
        await up(bus)
        async with bus.consuming(desk):
            await bus.publish(letter())
            await until(lambda: bool(desk.taken))
            await counted(bus, 0, 0)
    assert desk.taken == [("c1", 1)]


async def test_a_letter_waits_for_its_reader(broker: Broker) -> None:
    """Sent while nobody reads, counted, delivered in order."""
    desk = Desk()
    async with broker.bus() as bus:
        await up(bus)
        for number in range(5):
            await bus.publish(letter(f"c{number}"))
        await counted(bus, 5, 0)
        async with bus.consuming(desk):
            await until(lambda: len(desk.taken) == 5)
    assert desk.corrections == [f"c{number}" for number in range(5)]


@pytest.mark.parametrize("failure", [Verdict.RETRY, RuntimeError("not now")])
async def test_what_failed_comes_again_with_its_number(broker: Broker, failure: Verdict | Exception) -> None:
    """An exception is as good as a wish to try again."""
    desk = Desk(failure, Verdict.DONE)
    async with broker.bus() as bus:
        await up(bus)
        async with bus.consuming(desk):
            await bus.publish(letter())
            await until(lambda: len(desk.taken) == 2)
            await counted(bus, 0, 0)
    assert desk.taken == [("c1", 1), ("c1", 2)]


async def test_after_the_limit_it_is_dead(broker: Broker) -> None:
    """Tried as often as is set, then put aside with the reason, and read without being taken."""
    desk = Desk(Verdict.RETRY)
    sent = letter()
    async with broker.bus() as bus:
        await up(bus)
        async with bus.consuming(desk):
            await bus.publish(sent)
            await counted(bus, 0, 1)
        for _ in range(2):
            (dead,) = await bus.dead()
            assert (dead.letter, dead.attempts, dead.reason) == (sent, LIMIT, "delivery limit")
            assert dead.at_ms > 0
        await counted(bus, 0, 1)
    assert [attempt for _, attempt in desk.taken] == list(range(1, LIMIT + 1))


async def test_a_dead_letter_is_sent_once_more(broker: Broker) -> None:
    """With all its attempts before it."""
    desk = Desk(Verdict.DEAD, Verdict.RETRY, Verdict.DONE)
    async with broker.bus() as bus:
        await up(bus)
        async with bus.consuming(desk):
            await bus.publish(letter())
            await counted(bus, 0, 1)
            (dead,) = await bus.dead()
            assert (dead.attempts, dead.reason) == (1, "refused")
            assert (await bus.retry(dead.letter.id)).letter == dead.letter
            await until(lambda: len(desk.taken) == 3)
            await counted(bus, 0, 0)
    assert [attempt for _, attempt in desk.taken] == [1, 1, 2]


async def test_a_dead_letter_is_thrown_away(broker: Broker) -> None:
    """That one and no other, in their order."""
    desk = Desk(Verdict.DEAD)
    async with broker.bus() as bus:
        await up(bus)
        async with bus.consuming(desk):
            for number in range(3):
                await bus.publish(letter(f"c{number}"))
            await counted(bus, 0, 3)
        before = await bus.dead()
        await bus.drop(before[1].letter.id)
        await counted(bus, 0, 2)
        assert await bus.dead() == [before[0], before[2]]
        for wrong in (before[1].letter.id, "nothing"):
            with pytest.raises(NotFound):
                await bus.drop(wrong)
            with pytest.raises(NotFound):
                await bus.retry(wrong)
        assert len(await bus.dead(1)) == 1


async def test_a_reader_that_vanishes_leaves_its_letters_to_another(broker: Broker) -> None:
    """Unacknowledged is undelivered; the second delivery says that it is one."""
    stuck, desk = asyncio.Event(), Desk()

    async def never(_letter: Letter, _attempt: int) -> Verdict:
        stuck.set()
        await asyncio.Event().wait()
        raise AssertionError

    async with broker.bus() as second:
        await up(second)
        async with broker.bus() as first:
            await up(first)
            async with first.consuming(never, drain_s=0):
                await second.publish(letter())
                await asyncio.wait_for(stuck.wait(), WAIT_S)
        async with second.consuming(desk):
            await until(lambda: bool(desk.taken))
            await counted(second, 0, 0)
    assert desk.taken == [("c1", 2)]


async def test_leaving_waits_for_what_is_in_hand(broker: Broker) -> None:
    """Two stages: no new letters, then those in hand are finished and acknowledged."""
    begun, may_end, ended = asyncio.Event(), asyncio.Event(), []

    async def slow(given: Letter, _attempt: int) -> Verdict:
        begun.set()
        await may_end.wait()
        ended.append(given.correction)
        return Verdict.DONE

    async with broker.bus() as bus:
        await up(bus)
        async with bus.consuming(slow):
            await bus.publish(letter("first"))
            await asyncio.wait_for(begun.wait(), WAIT_S)
            asyncio.get_running_loop().call_later(0.2, may_end.set)
        await bus.publish(letter("second"))
        await counted(bus, 1, 0)
    assert ended == ["first"]


@pytest.mark.parametrize("abandoned_ms", [30_000])
async def test_several_readers_share_the_letters(broker: Broker) -> None:
    """Each letter is given to one of them."""
    one, two = Desk(), Desk()
    async with broker.bus() as first, broker.bus() as second:
        await up(first)
        await up(second)
        async with first.consuming(one), second.consuming(two):
            await asyncio.gather(*(first.publish(letter(f"c{number}")) for number in range(200)))
            await until(lambda: len(one.taken) + len(two.taken) >= 200)
            await counted(first, 0, 0)
    assert Counter(one.corrections + two.corrections) == Counter({f"c{number}": 1 for number in range(200)})


async def test_what_is_no_letter_is_put_aside(broker: Broker) -> None:
    """It stops nobody."""
    desk = Desk()

    class Garbage(Letter):
        def to_bytes(self) -> bytes:
            return b"\xff nonsense"

    async with broker.bus() as bus:
        await up(bus)
        async with bus.consuming(desk):
            await bus.publish(Garbage(id="g", session="s", correction="c"))
            await bus.publish(letter())
            await counted(bus, 0, 1)
            await until(lambda: bool(desk.taken))
        (dead,) = await bus.dead()
        assert dead.letter.correction == ""
        await bus.drop(dead.letter.id)
        await counted(bus, 0, 0)


async def test_a_broker_that_is_killed_keeps_what_it_confirmed(broker: Broker) -> None:
    """The link says that it is gone and that it is back; publishing meanwhile fails and says so; the reader goes on by itself."""
    desk = Desk()
    kept = [letter(f"kept{number}") for number in range(20)]
    async with broker.bus() as bus:
        await up(bus)
        for one in kept:
            await bus.publish(one)
        await broker.killed()
        await until(lambda: not bus.link.connected)
        with pytest.raises(Unavailable):
            await bus.publish(letter("lost"))
        with pytest.raises(Unavailable):
            await bus.counts()
        async with bus.consuming(desk):
            await broker.started()
            await until(lambda: bus.link.connected)
            await until(lambda: set(desk.corrections) >= {one.correction for one in kept})
            await bus.publish(letter("after"))
            await until(lambda: "after" in desk.corrections)
            await counted(bus, 0, 0)
    assert "lost" not in desk.corrections


async def _published(bus: CorrectionBus) -> bool:
    try:
        await bus.publish(letter("after"))
    except Unavailable:
        return False
    return True


async def test_a_broker_that_stands_still_is_away_and_no_more(broker: Broker) -> None:
    """Whatever is asked of it fails as that: a link that is given up must not look, to whoever waits for an answer, like being told to end."""
    async with broker.bus() as bus:
        await up(bus)
        broker.freeze(True)
        try:
            asked: list[asyncio.Task[object]] = [asyncio.create_task(bus.publish(letter("still")))]
            for _ in range(8):
                asked.append(asyncio.create_task(bus.counts()))
                await asyncio.wait(asked, timeout=_ASK_AGAIN_S, return_when=asyncio.ALL_COMPLETED)
            answers = await asyncio.gather(*asked, return_exceptions=True)
        finally:
            broker.freeze(False)
        assert [type(answer) for answer in answers] == [Unavailable] * len(asked)
        # The link may still be the one that is about to be given up.
        await until(lambda: _published(bus), WAIT_S)


@pytest.mark.nightly
async def test_a_reader_outlives_the_broker(broker: Broker) -> None:
    """It is reading when the broker dies, and reads again afterwards."""
    desk = Desk()
    async with broker.bus() as bus:
        await up(bus)
        async with bus.consuming(desk):
            await bus.publish(letter("before"))
            await until(lambda: "before" in desk.corrections)
            await counted(bus, 0, 0)
            await broker.killed()
            await until(lambda: not bus.link.connected)
            await broker.started()
            await until(lambda: bus.link.connected)
            await bus.publish(letter("after"))
            await until(lambda: "after" in desk.corrections)


@pytest.mark.nightly
async def test_opening_does_not_wait_for_the_broker(broker: Broker) -> None:
    """A service starts without it, and is there when it comes."""
    async with broker.bus() as bus:
        await up(bus)
    await broker.killed()
    try:
        async with broker.bus() as bus:
            assert not bus.link.connected
            with pytest.raises(Unavailable):
                await bus.publish(letter())
            await broker.started()
            await up(bus)
            await bus.publish(letter())
            await counted(bus, 1, 0)
    except BaseException:
        await broker.started()
        raise
