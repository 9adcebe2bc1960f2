"""Who goes elsewhere while the store is slow: once, and only as long as anything is taken."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from typing import Any

import pytest

from services.core.errors import Conflict, Overloaded
from services.core.model.attachment import Configure, TextSaid
from services.core.model.fact import Fact, Kind
from tests.unit.services.stage.table import Table, table


@asynccontextmanager
async def slowly(at: Table) -> AsyncIterator[None]:
    """What is written within the block is durable after it."""
    gate, append = asyncio.Event(), at.log.append

    async def slow(*given: Any, **options: Any) -> list[Fact]:
        await gate.wait()
        return await append(*given, **options)

    at.log.append = slow  # type: ignore[method-assign]
    try:
        yield
    finally:
        gate.set()


async def test_who_is_on_the_way_goes_nowhere_else() -> None:
    """However often it is asked for, one move is written; what else is asked for meanwhile takes effect."""
    async with table() as at:
        ann = await at.sit("Ann", role="player", hears=False)
        told = at.session.writer.told
        async with slowly(at):
            at.session.configure(ann, Configure(place="cellar"))
            for place in ("attic", ""):
                with pytest.raises(Conflict):
                    at.session.configure(ann, Configure(place=place, addresses="mirelle"))
            assert ann.addresses == ""
            at.session.configure(ann, Configure(place="cellar", addresses="mirelle"))
            assert (ann.addresses, at.session.writer.told - told) == ("mirelle", 1)
        await at.until(lambda: ann.place == "cellar")
        at.session.configure(ann, Configure(place=""))
        await at.until(lambda: ann.place == "")


async def test_nobody_moves_when_the_store_cannot_keep_up() -> None:
    """As nobody speaks then; they move when it can."""
    async with table() as at:
        ann = await at.sit("Ann", role="player", hears=False)
        async with slowly(at):
            at.session.say(ann, TextSaid("first", "Hm.", answers=False))
            await at.until(lambda: at.session.writer._in_flight)
            number = 0
            while not at.session.writer.full:
                at.session.say(ann, TextSaid(f"m{number}", "Hm.", answers=False))
                number += 1
            with pytest.raises(Overloaded):
                at.session.configure(ann, Configure(head_count=2))
        await at.until(lambda: len(at.bodies(Kind.SAID)) == number + 1)
        at.session.configure(ann, Configure(head_count=2))
        await at.until(lambda: at.session.roster.seats[ann.participant].head_count == 2)
