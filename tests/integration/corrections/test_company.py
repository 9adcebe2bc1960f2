"""By REST, through the real stage: whispers, whose turn it is, who goes where, which word is enough."""

from __future__ import annotations

import asyncio
from typing import Any

from tests.integration.corrections.house import House
from tests.integration.corrections.test_acts_and_undo import acted
from tests.waiting import until


async def say(house: House, sid: str, text: str, **fields: Any) -> dict[str, Any]:
    """Something typed; its fact."""
    answer = await house.http.post(f"/api/sessions/{sid}/messages", json={"text": text, **fields})
    assert answer.status_code == 202, answer.text
    fact: dict[str, Any] = answer.json()["fact"]
    return fact


async def lines(house: House, sid: str, count: int) -> list[dict[str, Any]]:
    """The lines that were opened, when so many are over."""

    async def closed() -> bool:
        return len(await house.facts(sid, "line_closed")) >= count

    await until(closed, what=f"{count} lines")
    return await house.facts(sid, "line_opened")


async def test_a_message_may_be_whispered(house: House) -> None:
    """To one of two characters, who answers without being named, and to the speaker alone."""
    sid = await house.session(cast=["mirelle", "yaroglav"])
    said = await say(house, sid, "Meet me at midnight.", speaker="Ann", whispers=["yaroglav"])
    assert said["body"]["whispered"]
    assert set(said["audience"]) == {said["by"]["id"], "yaroglav"}
    [line] = await lines(house, sid, 1)
    assert (line["by"]["id"], line["body"]["whispered"], set(line["audience"])) == ("yaroglav", True, set(said["audience"]))
    answer = await house.http.post(f"/api/sessions/{sid}/messages", json={"text": "psst", "speaker": "Ann", "whispers": ["nobody"]})
    assert (answer.status_code, answer.json()["code"]) == (404, "not_found")
    assert len(await house.facts(sid, "said")) == 1


async def test_a_safety_word_of_the_session_silences_it(house: House) -> None:
    """Given with the session, and changed by an act."""
    sid = await house.session(safety_words=["pineapple"])
    await say(house, sid, "Mirelle, pineapple!", speaker="Ann")
    [silenced] = await house.facts(sid, "silenced")
    assert (silenced["body"]["on"], silenced["body"]["reason"], silenced["by"]["name"]) == (True, "safety", "Ann")
    await acted(house, sid, kind="resume")
    await acted(house, sid, kind="safety", text="red light")
    await say(house, sid, "Mirelle, a pineapple please.", speaker="Ann")
    await lines(house, sid, 1)
    await say(house, sid, "Red light.", speaker="Ann")
    assert [fact["body"]["on"] for fact in await house.facts(sid, "silenced")] == [True, False, True]
    for words in (["!?"], ["x" * 101], ["a"] * 17):
        assert (await house.http.post("/api/sessions", json={"cast": ["mirelle"], "safety_words": words})).status_code == 422


async def test_a_new_card_leaves_a_character_where_it_is(house: House) -> None:
    """Unless it is to go elsewhere; one that comes in comes to where everybody begins."""
    sid = await house.session(cast=["mirelle"])
    for character, place, wanted in (("yaroglav", None, ""), ("yaroglav", "cellar", "cellar"), ("yaroglav", None, "cellar"), ("yaroglav", "", "")):
        body = {"character": character} | ({} if place is None else {"place": place})
        answer = await house.http.post(f"/api/sessions/{sid}/cast", json=body)
        assert (answer.status_code, answer.json()["place"]) == (201, wanted)
    await acted(house, sid, kind="move", character="yaroglav", text="cellar")
    assert (await house.http.delete(f"/api/sessions/{sid}/cast/yaroglav")).status_code == 200
    assert (await house.http.post(f"/api/sessions/{sid}/cast", json={"character": "yaroglav"})).json()["place"] == ""


async def test_the_key_needs_no_name_and_places_are_places(house: House) -> None:
    """Your turn, whoever you are; a character that is sent elsewhere speaks there; a place may have many voices."""
    sid = await house.session(cast=["mirelle", "yaroglav"])
    await acted(house, sid, kind="move", character="yaroglav", text="cellar")
    await acted(house, sid, kind="next", place="cellar")
    [line] = await lines(house, sid, 1)
    assert (line["by"]["id"], line["place"]) == ("yaroglav", "cellar")
    await acted(house, sid, kind="voices", place="cellar", text="many")
    assert (await house.facts(sid, "scene_set"))[-1]["body"]["voices"] == {"cellar": "many"}
    refusals = await asyncio.gather(
        *(
            house.http.post(f"/api/sessions/{sid}/acts", json=act)
            for act in ({"kind": "voices", "text": "two"}, {"kind": "move", "character": "nobody", "text": "x"}, {"kind": "next", "place": "attic"})
        )
    )
    assert [answer.status_code for answer in refusals] == [422, 404, 404]
