"""What a connection says of the company it is in: how many sit behind its microphone, where, and who alone is to hear."""

from __future__ import annotations

from typing import Any

import pytest
from websockets.asyncio.client import connect
from websockets.exceptions import InvalidStatus

from services.core.model.attachment import Configure
from services.core.model.fact import Author
from services.core.model.facts import SceneSet
from tests.integration.realtime.conftest import House
from tests.integration.realtime.table import Guest, silence, tone

pytestmark = pytest.mark.parametrize("patch", [{"stage": {"safety_words": ["red light"]}}])


async def configure(guest: Guest, **fields: Any) -> None:
    await guest.send(type="souffleur.configure", **fields)


async def test_the_query_declares_a_rooms_microphone_and_a_place(house: House) -> None:
    """Four heads in the cellar; a single one in the place without a name is what comes without saying so."""
    async with house.guest(heads="4", place="cellar") as guest:
        assert (guest.seat.opening.head_count, guest.seat.opening.place) == (4, "cellar")
    async with house.guest() as guest:
        assert (guest.seat.opening.head_count, guest.seat.opening.place) == (1, "")


@pytest.mark.parametrize("heads", ["0", "101", "-1", "four", ""])
async def test_a_head_count_that_cannot_be_is_refused(house: House, heads: str) -> None:
    """A room's microphone that was taken for one person's would be answered all the time."""
    with pytest.raises(InvalidStatus) as refused:
        async with connect(f"ws://{house.url}/v1/realtime?model=npc/mirelle&heads={heads}"):
            pass
    assert refused.value.response.status_code == 400


async def test_company_may_change_while_connected(house: House) -> None:
    """Whispers, place and head count go up as one change; what does not fit is refused and goes nowhere."""
    async with house.guest() as guest:
        await configure(guest, whispers=["bram", "p-1"], place="cellar", head_count=3)
        assert await guest.seat.expect(Configure) == Configure(whispers="bram p-1", place="cellar", head_count=3)
        for fields in ({"whispers": "bram"}, {"whispers": ["a b"]}, {"whispers": [3]}, {"head_count": 0}, {"head_count": True}, {"place": "x" * 81}):
            await configure(guest, **fields)
            error = await guest.expect("error")
            assert error["error"]["param"] == next(iter(fields))
        await configure(guest, whispers=[])
        assert await guest.seat.expect(Configure) == Configure(whispers="")


async def test_whoever_comes_back_is_not_carried_to_where_they_came_in(house: House) -> None:
    """After a stage has died the session knows better where its participant is; how many they are they say again."""
    async with house.guest(place="hall") as guest:
        await configure(guest, head_count=3)
        await guest.seat.expect(Configure)
        guest.seat.die()
        again = await house.stage.seat()
        assert (again.opening.place, again.opening.head_count, again.opening.participant) == ("", 3, guest.seat.participant)


async def test_whoever_watches_goes_on_watching_there(house: House) -> None:
    """Who has no seat is nowhere by themselves: the next stage is told which place it is, the one of the query or a later one."""
    async with house.guest(monitor="1", place="hall") as guest:
        guest.seat.die()
        again = await house.stage.seat()
        assert (again.opening.monitor, again.opening.place) == (True, "hall")
        await configure(guest, place="cellar")
        await again.expect(Configure)
        again.die()
        assert (await house.stage.seat()).opening.place == "cellar"


@pytest.mark.parametrize("phrases", [(), ("good evening",)])
async def test_safety_words_are_listened_for(house: House, phrases: tuple[str, ...]) -> None:
    """The house's and the session's: among the phrases where nothing else is listened for, else among the likely words."""
    async with house.guest() as guest:
        house.stage.write(guest.sid, SceneSet(safety_words=["pineapple", ""]), Author("stage"))
        while not (await guest.expect("souffleur.fact"))["fact"]["body"].get("safety_words"):
            pass
        if phrases:
            await guest.update(audio={"input": {"transcription": {"model": "default", "prompt": "\n".join(phrases)}}})
        await guest.append(silence(0.1) + tone(0.5))
        await house.stt.until(lambda: bool(house.stt.calls and house.stt.calls[0].sizes))
        opening = house.stt.calls[0].opening
        assert opening.phrases == ((*phrases, "red light", "pineapple") if phrases else ())
        assert {"red light", "pineapple"} <= set(opening.hotwords)
