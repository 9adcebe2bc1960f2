"""Live acts go straight to the owner; the last act of a director is taken back with one key."""

from __future__ import annotations

import asyncio
import json
from contextlib import AsyncExitStack
from pathlib import Path
from typing import Any

import pytest
from redis.asyncio import Redis

from services.stage.app import build as stage
from tests.integration.corrections.house import House
from tests.integration.corrections.house import house as opened
from tests.waiting import until


async def acted(house: House, sid: str, **fields: Any) -> dict[str, Any]:
    """A live act that takes effect."""
    answer = await house.http.post(f"/api/sessions/{sid}/acts", json=fields)
    assert answer.status_code == 200, answer.text
    found: dict[str, Any] = answer.json()
    return found


async def undone(house: House, sid: str) -> dict[str, Any]:
    """The last act, taken back."""
    answer = await house.http.post(f"/api/sessions/{sid}/undo")
    assert answer.status_code == 202, answer.text
    row = answer.json()
    found: dict[str, Any] = await house.ended(sid, row["id"])
    assert found["state"] == "applied", found
    return found


async def refused(house: House, sid: str) -> str:
    """Code of the answer to an undo that cannot be."""
    answer = await house.http.post(f"/api/sessions/{sid}/undo")
    assert answer.status_code in (404, 409), answer.text
    return str(answer.json()["code"])


async def test_an_act_is_answered_with_its_fact_and_noted(house: House) -> None:
    """The row says what became of it, and does not stand among the corrections."""
    sid = await house.session()
    done = await acted(house, sid, kind="mute", character="mirelle", id="m1")
    (fact,) = await house.facts(sid, "silenced")
    assert (done["id"], done["seq"]) == ("m1", fact["seq"])
    assert (fact["body"]["on"], fact["body"]["character"]) == (True, "mirelle")
    row = await house.ended(sid, "m1")
    assert (row["class"], row["state"], row["seq"]) == ("live", "applied", fact["seq"])
    assert (await house.http.get(f"/api/sessions/{sid}/corrections")).json()["items"] == []
    assert (await house.http.get(f"/api/sessions/{sid}/corrections", params={"class": "live"})).json()["items"] == [row]
    assert (await acted(house, sid, kind="mute", character="mirelle", id="m1"))["seq"] == fact["seq"]
    assert len(await house.facts(sid, "silenced")) == 1


@pytest.mark.parametrize(
    ("asked", "status", "code"),
    [
        ({"kind": "dance"}, 422, "invalid_request"),
        ({"kind": "mute", "character": "nobody"}, 404, "not_found"),
        ({"kind": "mode", "text": "sometimes"}, 422, "invalid_request"),
        ({"kind": "release", "line": "x"}, 404, "not_found"),
        ({"kind": "puppet", "character": "mirelle", "text": "x" * 5_000}, 422, "invalid_request"),
    ],
)
async def test_a_refused_act_leaves_nothing(house: House, asked: dict[str, Any], status: int, code: str) -> None:
    """Whoever asked has been told: there is nothing to try again."""
    sid = await house.session()
    answer = await house.http.post(f"/api/sessions/{sid}/acts", json=asked)
    assert (answer.status_code, answer.json()["code"]) == (status, code)

    async def nothing() -> bool:
        return not (await house.http.get(f"/api/sessions/{sid}/corrections", params={"class": "all"})).json()["items"]

    await until(nothing)


async def test_an_act_that_finds_no_stage_is_tried_again(redis: Redis, redis_server: str, tmp_path: Path) -> None:
    """Accepted, pending, and done when the stage is back; one that meant a moment only is not."""
    async with AsyncExitStack() as houses:
        house = await houses.enter_async_context(opened(tmp_path, redis_server, {}, services=()))
        async with stage(house.runtime):
            sid = await house.session()
        for kind, fields in (("halt", {}), ("mute", {"character": "mirelle"})):
            answer = await house.http.post(f"/api/sessions/{sid}/acts", json={"kind": kind, "id": kind, **fields})
            assert (answer.status_code, answer.json()["state"]) == (202, "pending"), answer.text
        async with stage(house.runtime):
            for kind in ("halt", "mute"):
                assert (await house.ended(sid, kind))["state"] == "applied"
            assert [fact["body"]["character"] for fact in await house.facts(sid, "silenced")] == ["", "mirelle"]


async def test_a_later_act_outdoes_an_earlier_one_that_waits(redis: Redis, redis_server: str, tmp_path: Path) -> None:
    """A panic that could not be delivered does not come after its own end."""
    async with AsyncExitStack() as houses:
        house = await houses.enter_async_context(opened(tmp_path, redis_server, {}, services=()))
        async with stage(house.runtime):
            sid = await house.session()
        assert (await house.http.post(f"/api/sessions/{sid}/acts", json={"kind": "halt", "id": "halt"})).status_code == 202
        async with stage(house.runtime):
            answer = await house.http.post(f"/api/sessions/{sid}/acts", json={"kind": "resume", "id": "resume"})
            await house.ended(sid, "resume")
            row = await house.ended(sid, "halt")
            assert answer.status_code in (200, 202)
            assert [fact["body"]["on"] for fact in await house.facts(sid, "silenced")] in ([False], [True, False])
            assert row["state"] in ("applied", "conflicted")


async def test_an_edit_is_taken_back_to_the_wording_before(house: House) -> None:
    """Edit upon edit; each undo goes one further, until there is nothing left."""
    sid = await house.session()
    said = await house.heard(sid, "One.")
    for text in ("Two.", "Three."):
        await house.done(sid, kind="edit", target=said, text=text)
    first, second = await undone(house, sid), await undone(house, sid)
    assert [first["body"]["text"], second["body"]["text"]] == ["Two.", "One."]
    assert await refused(house, sid) == "not_found"
    assert [fact["body"]["text"] for fact in await house.facts(sid, "corrected")] == ["Two.", "Three.", "Two.", "One."]


async def test_each_kind_is_taken_back_in_its_way(house: House) -> None:
    """Notes are removed, what was added is struck, what was silenced speaks, modes are as before."""
    sid = await house.session()
    note = await house.done(sid, kind="note", text="Afraid.")
    assert (await undone(house, sid))["body"]["removes"] == note["seq"]
    insert = await house.done(sid, kind="insert", after=2, block="action", text="A door slams.")
    assert (await undone(house, sid))["body"]["targets"] == [insert["seq"]]
    scene = await house.done(sid, kind="scene", heading="INT. CELLAR")
    assert (await undone(house, sid))["body"]["targets"] == [scene["seq"]]
    for kind, opposite, character in (("mute", "unmute", "mirelle"), ("halt", "resume", "")):
        await acted(house, sid, kind=kind, character=character)
        assert (await undone(house, sid))["kind"] == opposite
    for text, before in (("approve", "inherit"), ("auto", "inherit")):
        await acted(house, sid, kind="mode", character="mirelle", text=text)
        assert (await undone(house, sid))["body"]["text"] == before
    await acted(house, sid, kind="mode", text="approve")
    assert (await undone(house, sid))["body"]["text"] == "auto"
    await acted(house, sid, kind="deliver", character="mirelle", text="teleprompter")
    assert (await undone(house, sid))["body"]["text"] == "voice"


async def test_what_cannot_be_taken_back_says_so(house: House) -> None:
    """A note that was removed stays so, and a title stays as it was given."""
    sid = await house.session()
    note = await house.done(sid, kind="note", text="Afraid.")
    for asked in ({"kind": "note", "removes": note["seq"]}, {"kind": "scene", "title": "Another night"}):
        await house.done(sid, **asked)
        assert await refused(house, sid) == "cannot_undo"


async def test_an_edit_that_somebody_else_touched_is_not_taken_back_silently(house: House) -> None:
    """The undo rests on the edit it takes back."""
    sid = await house.session()
    said = await house.heard(sid, "One.")
    mine = await house.done(sid, kind="edit", target=said, text="Two.")
    await house.told(sid, "corrected", json.dumps({"target": said, "text": "Three."}))
    answer = await house.http.post(f"/api/sessions/{sid}/undo")
    row = await house.ended(sid, answer.json()["id"])
    assert (row["undoes"], row["state"], row["current"]) == (mine["id"], "conflicted", "Three.")


async def test_two_undos_at_once_take_back_two_acts(house: House) -> None:
    """A quick hand means the last two, not the last one twice."""
    sid = await house.session()
    notes = [await house.done(sid, kind="note", text=text) for text in ("Afraid.", "Tired.")]
    answers = await asyncio.gather(*(house.http.post(f"/api/sessions/{sid}/undo") for _ in range(2)))
    assert [answer.status_code for answer in answers] == [202, 202]
    assert {answer.json()["body"]["removes"] for answer in answers} == {note["seq"] for note in notes}
