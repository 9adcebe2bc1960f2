"""Who goes elsewhere while the store is slow: once, and only as long as anything is taken."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from typing import Any

import pytest

from services.core.errors import Conflict, Overloaded
from services.core.model.attachment import Configure, FinalHeard, Onset, TextSaid
from services.core.model.fact import Fact, Kind
from services.core.settings import Settings, StageSettings
from tests.unit.services.stage.direction import act
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


async def test_how_many_they_are_may_be_said_while_they_speak() -> None:
    """A table talks when somebody says that it is one; whoever speaks stays where they are all the same."""
    async with table() as at:
        ann = await at.sit("Ann", role="player", hears=False)
        at.session.listening.heard(ann, Onset("u"))
        at.session.configure(ann, Configure(head_count=4))
        await at.until(lambda: at.session.roster.seats[ann.participant].head_count == 4)
        with pytest.raises(Conflict):
            at.session.configure(ann, Configure(place="cellar", head_count=4))
        at.session.listening.heard(ann, FinalHeard("u", "shall we rest here"))
        assert (await at.until(lambda: at.bodies(Kind.PASSED)))[0]["reason"] == "not_addressed"


async def test_where_somebody_has_come_to_silence_begins_to_count() -> None:
    """Nobody has said a word there yet."""
    async with table(settings=Settings(stage=StageSettings(idle_prompt_s=0.05, idle_prompts=1))) as at:
        ann = await at.sit("Ann", role="player")
        await at.closed()
        await act(at, "move", character="mirelle", text="cellar")
        await act(at, "move", character=ann.participant, text="cellar")
        await at.closed(2)
        assert [body["character"] for body in at.bodies(Kind.LINE_OPENED)] == ["mirelle", "mirelle"]


async def test_whoever_goes_somewhere_by_themselves_is_spoken_to_there() -> None:
    """As where the director sends them."""
    async with table(settings=Settings(stage=StageSettings(idle_prompt_s=0.05, idle_prompts=1))) as at:
        await act(at, "move", character="mirelle", text="cellar")
        ann = await at.sit("Ann", role="player")
        at.session.configure(ann, Configure(place="cellar"))
        await at.closed()
        assert at.session.place("cellar").line is None
