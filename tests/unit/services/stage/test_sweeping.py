"""When a session that nobody seems to own may be taken up."""

from __future__ import annotations

import asyncio
from typing import cast

import pytest

from services.stage.sweeping import Sightings, Sweep
from services.transcript.claims import Orphan
from services.transcript.log import TranscriptLog
from tests.waiting import until

A, B = Orphan("a", 1, mine=False), Orphan("b", 1, mine=False)


def test_what_is_seen_twice_a_lease_apart_is_due() -> None:
    """Counted from the end of the first look to the beginning of the second; the longest known comes first."""
    sightings = Sightings(6)
    assert sightings.due([A], 0, 2) == []
    assert sightings.due([B, A], 7, 7) == []
    assert sightings.due([B, A], 8, 8) == ["a"]
    assert sightings.due([B, A], 13, 13) == ["a", "b"]


def test_what_a_former_process_of_this_address_had_is_due_at_once() -> None:
    """It is gone for certain: somebody else stands where it stood."""
    assert Sightings(6).due([Orphan("a", 1, mine=True), B], 0, 0) == ["a"]


def test_an_owner_in_between_begins_the_time_anew() -> None:
    """Whether it is there at a look, or has only left another fence."""
    sightings = Sightings(6)
    assert sightings.due([A, B], 0, 0) == []
    assert sightings.due([B], 3, 3) == []
    assert sightings.due([A, Orphan("b", 2, mine=False)], 6, 6) == []
    assert sightings.due([A, Orphan("b", 2, mine=False)], 11.9, 11.9) == []
    assert sightings.due([A, Orphan("b", 2, mine=False)], 12, 12) == ["a", "b"]


def test_a_look_that_failed_begins_the_time_anew() -> None:
    """While the store is away every lease runs out."""
    sightings = Sightings(6)
    assert sightings.due([A], 0, 0) == []
    sightings.blind()
    assert sightings.due([A], 20, 20) == []
    assert sightings.due([A], 26, 26) == ["a"]


def test_the_next_look_comes_when_somebody_is_due() -> None:
    """Those that are due already are not waited for."""
    sightings = Sightings(6)
    assert sightings.next_in_s(0) is None
    sightings.due([A], 0, 0)
    sightings.due([A, B], 2, 2)
    assert sightings.next_in_s(2) == 4
    assert sightings.next_in_s(6.5) == 1.5
    assert sightings.next_in_s(9) is None


async def test_many_are_taken_up_one_after_the_other_without_long_pauses(monkeypatch: pytest.MonkeyPatch) -> None:
    """A stage with many sessions has died: they wait for each other, and not for the next look in some seconds."""
    monkeypatch.setattr("services.stage.sweeping._SWEEP_S", 3600.0)
    monkeypatch.setattr("services.stage.sweeping._BREATH_S", 0.0)
    left = {f"s{number}": Orphan(f"s{number}", 1, mine=True) for number in range(65)}

    class Log:
        async def orphans(self, _me: str, *, everything: bool) -> list[Orphan]:
            return list(left.values())

    async def take_up(sid: str) -> None:
        del left[sid]

    sweep = asyncio.create_task(Sweep(cast(TranscriptLog, Log()), "me", 6, take_up).run())
    try:
        await until(lambda: not left, 5, "all of them taken up")
    finally:
        sweep.cancel()
        await asyncio.gather(sweep, return_exceptions=True)
