"""The first phase of an end: what is waited for, how long, and what the outside may ask for meanwhile."""

from __future__ import annotations

import asyncio
import os
import signal
from collections.abc import Iterator

import pytest

from services.core.draining import LINES, Draining
from services.core.errors import Unavailable
from services.core.signals import Signals
from tests.waiting import until

LONG_S = 60.0


@pytest.fixture
def signals() -> Iterator[Signals]:
    """Of this process; what was there before is there again afterwards."""
    before = {number: signal.getsignal(number) for number in (signal.SIGINT, signal.SIGTERM)}
    yield Signals()
    for number, handler in before.items():
        signal.signal(number, handler)


async def test_what_runs_is_waited_for_and_nothing_new_is_taken() -> None:
    """Until the last of it has ended, wherever it runs."""
    draining, lines, requests = Draining(), 1, 1
    draining.refuse()
    with draining.counting(LINES, lambda: lines), draining.counting("requests", lambda: requests):
        waiting = asyncio.create_task(draining.drain(LONG_S, asyncio.Event()))
        await until(lambda: draining.on)
        assert (draining.left(LINES), draining.left()) == (1, 2)
        with pytest.raises(Unavailable):
            draining.refuse()
        lines = 0
        await asyncio.sleep(0)
        assert not waiting.done()
        requests = 0
        await asyncio.wait_for(waiting, 10)
    assert draining.left() == 0


async def test_where_nothing_can_run_nothing_is_waited_for() -> None:
    """A service without lines ends at once."""
    draining = Draining()
    await asyncio.wait_for(draining.drain(LONG_S, asyncio.Event()), 5)
    assert draining.on


@pytest.mark.parametrize("hurried", [False, True])
async def test_what_does_not_end_is_waited_for_no_longer_than_that(*, hurried: bool) -> None:
    """The limit, or whoever wants it to end at once."""
    draining, at_once = Draining(), asyncio.Event()
    with draining.counting(LINES, lambda: 1):
        waiting = asyncio.create_task(draining.drain(LONG_S if hurried else 0.05, at_once))
        await until(lambda: draining.on)
        if hurried:
            at_once.set()
        await asyncio.wait_for(waiting, 10)
        assert draining.left() == 1


async def test_the_first_sigterm_asks_for_an_end_in_order_and_the_next_signal_for_a_quick_one(signals: Signals) -> None:
    """Only the one after that ends the process."""
    signals.listen()
    os.kill(os.getpid(), signal.SIGTERM)
    await asyncio.wait_for(signals.asked.wait(), 5)
    assert not signals.at_once.is_set()
    os.kill(os.getpid(), signal.SIGTERM)
    await asyncio.wait_for(signals.at_once.wait(), 5)
    assert {signal.getsignal(number) for number in (signal.SIGINT, signal.SIGTERM)} == {signal.SIG_DFL}


async def test_ctrl_c_waits_for_nothing(signals: Signals) -> None:
    """One is enough."""
    signals.listen()
    os.kill(os.getpid(), signal.SIGINT)
    await asyncio.wait_for(signals.asked.wait(), 5)
    assert signals.at_once.is_set()
