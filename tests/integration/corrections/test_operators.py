"""Several directors at one machine: a draft is one operator's at a time, released once, and everybody takes back their own acts."""

from __future__ import annotations

import asyncio
import json
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from pathlib import Path
from typing import Any
from urllib.parse import quote

import httpx2
import pytest
import pytest_asyncio
from redis.asyncio import Redis
from websockets.asyncio.client import ClientConnection, connect
from websockets.exceptions import InvalidStatus

from services.llm.app import build as roleplay
from services.transcript.outbox import Outbox, Row
from tests.integration.corrections.house import WAIT_S, House
from tests.integration.corrections.house import house as opened
from tests.waiting import until

GEM = {"X-Souffleur-Operator": "gem", "X-Souffleur-Operator-Name": "Gem"}
DORA = {"X-Souffleur-Operator": "dora", "X-Souffleur-Operator-Name": quote("Дора")}


@pytest.fixture
def claim_s() -> float:
    """After which a claim lapses."""
    return 60.0


@pytest_asyncio.fixture
async def house(redis: Redis, redis_server: str, tmp_path: Path, claim_s: float) -> AsyncIterator[House]:
    """With somebody who answers: the understudy."""
    async with opened(tmp_path, redis_server, {}, stage_settings={"claim_s": claim_s}) as found, roleplay(found.runtime):
        yield found


class Watch:
    """A director's desk."""

    def __init__(self, socket: ClientConnection) -> None:
        self._socket = socket
        self.attached: dict[str, Any] = {}

    async def next(self, kind: str) -> dict[str, Any]:
        """The next event of this type."""
        async with asyncio.timeout(WAIT_S):
            while (event := json.loads(await self._socket.recv()))["type"] != kind:
                pass
        found: dict[str, Any] = event
        return found

    async def draft(self) -> dict[str, Any]:
        """The one line on the desk, when all of it is there."""
        while True:
            held = (await self.next("souffleur.desk"))["held"]
            if held and held[0]["complete"]:
                return dict(held[0])

    async def claimed_by(self, name: str) -> dict[str, Any]:
        """The one line on the desk, when it is this operator's."""
        while True:
            held = (await self.next("souffleur.desk"))["held"]
            if held and held[0]["claimed_by"] == name:
                return dict(held[0])


def _joined(house: House, sid: str, query: str) -> connect:
    # What is not looked at piles up; it must not keep the goodbye from being read.
    return connect(f"ws://{house.http.base_url.host}:{house.http.base_url.port}/v1/realtime?session={sid}&{query}", max_queue=None)


@asynccontextmanager
async def watching(house: House, sid: str, operator: str) -> AsyncIterator[Watch]:
    """Over the realtime connection, as the page does."""
    async with _joined(house, sid, f"monitor=1&operator={operator}&name={operator.title()}&platform=page") as socket:
        watch = Watch(socket)
        watch.attached = await watch.next("souffleur.attached")
        yield watch


async def acts(house: House, sid: str, who: dict[str, str], **fields: Any) -> httpx2.Response:
    """A live act, whatever comes of it."""
    return await house.http.post(f"/api/sessions/{sid}/acts", json=fields, headers=who)


async def says(house: House, sid: str, text: str = "Good evening!") -> None:
    """Somebody types over HTTP."""
    answer = await house.http.post(f"/api/sessions/{sid}/messages", json={"text": text})
    assert answer.status_code == 202, answer.text


@asynccontextmanager
async def drafted(house: House) -> AsyncIterator[tuple[str, str, Watch]]:
    """A session whose desk holds one draft: session, line, a desk that watches."""
    sid = await house.session(mode="approve")
    async with watching(house, sid, "gem") as desk:
        await says(house, sid)
        yield sid, (await desk.draft())["line"], desk


async def closed(house: House, sid: str, count: int = 1) -> list[dict[str, Any]]:
    """The lines that have ended, when there are so many."""

    async def enough() -> list[dict[str, Any]] | None:
        found = await house.facts(sid, "line_closed")
        return found if len(found) >= count else None

    found: list[dict[str, Any]] = await until(enough)
    return found


async def test_a_claimed_draft_is_its_operators(house: House) -> None:
    """The other one may neither release nor edit nor reject nor take it; their desks show whose it is; then its operator releases it."""
    async with drafted(house) as (sid, line, desk), watching(house, sid, "dora") as other:
        assert (await acts(house, sid, GEM, kind="claim", line=line)).status_code == 200
        for watch in (desk, other):
            shown = await watch.claimed_by("local:gem")
            assert (shown["line"], shown["claimed_by_name"]) == (line, "Gem")
            assert shown["claim_lapses_at_ms"] > 0
        for fields in ({"kind": "release"}, {"kind": "release", "text": "Go!"}, {"kind": "reject"}, {"kind": "retake"}, {"kind": "claim"}, {"kind": "unclaim"}):
            for who in (DORA, {}):
                answer = await acts(house, sid, who, line=line, **fields)
                assert (answer.status_code, answer.json()["code"]) == (409, "conflict"), fields
        assert await house.facts(sid, "released") == await house.facts(sid, "rejected") == []
        assert (await acts(house, sid, GEM, kind="release", line=line, text="Come in.")).status_code == 200
        [end] = await closed(house, sid)
        assert end["body"]["line"] == line
        [released] = await house.facts(sid, "released")
        assert released["by"] == {"role": "director", "id": "local:gem", "name": "Gem"}


async def test_a_draft_is_released_once(house: House) -> None:
    """Of two operators who press the key at the same time one gets a conflict, and so does whoever comes later."""
    async with drafted(house) as (sid, line, _):
        answers = await asyncio.gather(*(acts(house, sid, who, kind="release", line=line) for who in (GEM, DORA)))
        assert sorted(answer.status_code for answer in answers) == [200, 409]
        await closed(house, sid)
        late = await acts(house, sid, DORA, kind="reject", line=line)
        assert (late.status_code, late.json()["code"]) == (409, "conflict")
        assert len(await house.facts(sid, "released")) == 1


@pytest.mark.parametrize("claim_s", [1.0])
async def test_an_operator_who_went_away_does_not_keep_a_draft(house: House) -> None:
    """The claim lapses, every desk is shown, and another one releases."""
    async with drafted(house) as (sid, line, desk):
        assert (await acts(house, sid, DORA, kind="claim", line=line)).status_code == 200
        assert (await desk.claimed_by("local:dora"))["claimed_by_name"] == "Дора"
        assert (await acts(house, sid, GEM, kind="release", line=line)).status_code == 409
        assert (await desk.claimed_by(""))["claim_lapses_at_ms"] == 0
        assert (await acts(house, sid, GEM, kind="release", line=line)).status_code == 200


async def test_everybody_takes_back_their_own(house: House) -> None:
    """Not what the other one did last, and nobody takes back what a client without an id did but one like it."""
    sid = await house.session()
    note = await house.http.post(f"/api/sessions/{sid}/corrections", json={"kind": "note", "text": "You are afraid."}, headers=GEM)
    await house.ended(sid, note.json()["id"])
    assert (await acts(house, sid, DORA, kind="mute", character="mirelle")).status_code == 200
    assert (await acts(house, sid, {}, kind="mode", text="approve")).status_code == 200
    undone = {}
    for name, who in (("gem", GEM), ("dora", DORA), ("", {})):
        answer = await house.http.post(f"/api/sessions/{sid}/undo", headers=who)
        assert answer.status_code == 202, answer.text
        undone[name] = await house.ended(sid, answer.json()["id"])
        assert (await house.http.post(f"/api/sessions/{sid}/undo", headers=who)).json()["code"] == "not_found"
    assert {name: (row["kind"], row["by"]["id"]) for name, row in undone.items()} == {
        "gem": ("note", "local:gem"),
        "dora": ("unmute", "local:dora"),
        "": ("mode", "local"),
    }
    assert [fact["by"]["name"] for fact in await house.facts(sid, "noted")] == ["Gem", "Gem"]


async def test_what_another_one_has_decided_since_is_not_taken_back(house: House) -> None:
    """The mode that stands is the other operator's; once they have taken that back the earlier one is one's own again."""
    sid = await house.session()
    for who, text in ((GEM, "approve"), (DORA, "auto"), (DORA, "approve")):
        assert (await acts(house, sid, who, kind="mode", text=text)).status_code == 200
    refused = await house.http.post(f"/api/sessions/{sid}/undo", headers=GEM)
    assert (refused.status_code, refused.json()["code"]) == (404, "not_found")
    for who, text in ((DORA, "auto"), (DORA, "approve"), (GEM, "auto")):
        undone = (await house.http.post(f"/api/sessions/{sid}/undo", headers=who)).json()
        assert (undone["kind"], undone["body"]["text"]) == ("mode", text)


async def test_acts_are_noted_in_their_order(house: House, monkeypatch: pytest.MonkeyPatch) -> None:
    """Also where the database takes longer over the earlier one: whose act was the last is read from there."""
    sid = await house.session()
    second_answered, adding = asyncio.Event(), Outbox.add

    async def slow_at_first(outbox: Outbox, row: Row) -> tuple[Row, bool]:
        if row.principal.id == "local:gem":
            await second_answered.wait()
        return await adding(outbox, row)

    monkeypatch.setattr(Outbox, "add", slow_at_first)
    for who, text in ((GEM, "approve"), (DORA, "auto")):
        assert (await acts(house, sid, who, kind="mode", text=text)).status_code == 200
    second_answered.set()

    async def noted() -> list[str]:
        items = (await house.http.get(f"/api/sessions/{sid}/corrections", params={"class": "all"})).json()["items"]
        return [item["body"]["text"] for item in items]

    async with asyncio.timeout(WAIT_S):
        while len(order := await noted()) < 2:
            await asyncio.sleep(0.02)
    assert order == ["auto", "approve"]


@pytest.mark.parametrize("who", [{"X-Souffleur-Operator": "a:b"}, {"X-Souffleur-Operator": "x" * 33}, GEM | {"X-Souffleur-Operator-Name": "%FF"}])
async def test_a_name_that_is_none_is_refused(house: House, who: dict[str, str]) -> None:
    """With a reason, and nothing is done."""
    sid = await house.session()
    for path, body in (("acts", {"kind": "halt"}), ("corrections", {"kind": "note", "text": "x"}), ("undo", {})):
        answer = await house.http.post(f"/api/sessions/{sid}/{path}", json=body, headers=who)
        assert (answer.status_code, answer.json()["code"]) == (422, "invalid_request")
    assert (await house.http.get(f"/api/sessions/{sid}/corrections", params={"class": "all"})).json()["items"] == []
    with pytest.raises(InvalidStatus) as refused:
        async with _joined(house, sid, "monitor=1&operator=a:b"):
            pass
    assert refused.value.response.status_code == 400


async def test_a_player_stays_who_they_were(house: House) -> None:
    """Seats belong to the connection's own principal: an operator who sits down at the table is found again without an id."""
    sid = await house.session()
    async with watching(house, sid, "gem") as desk:
        assert desk.attached["participant"] == "local:gem"
        async with _joined(house, sid, "operator=gem&name=Anna") as socket:
            seat = await Watch(socket).next("souffleur.attached")
        [joined] = [fact for fact in await house.facts(sid, "joined") if fact["body"]["role"] == "player"]
        assert (joined["by"]["id"], joined["body"]["member"]) == ("local", seat["participant"])


async def test_words_from_one_platform_alone_wait(house: House) -> None:
    """With approval for the page a page's player is held, and whoever comes over HTTP is answered at once; inherited again nobody waits."""
    sid = await house.session()
    async with watching(house, sid, "gem") as desk, _joined(house, sid, "name=Anna&platform=page") as socket:
        anna = Watch(socket)
        await anna.next("souffleur.attached")
        assert (await acts(house, sid, GEM, kind="mode", platform="page", text="approve")).status_code == 200
        await says(house, sid, "Mirelle, good evening!")
        await closed(house, sid)
        item = {"id": "m1", "type": "message", "role": "user", "content": [{"type": "input_text", "text": "Mirelle, have you a room?"}]}
        await socket.send(json.dumps({"type": "conversation.item.create", "item": item}))
        await socket.send(json.dumps({"type": "response.create"}))
        line = (await desk.draft())["line"]
        shown = await acts(house, sid, GEM, kind="claim", line=line)
        assert shown.status_code == 200
        desk_shown = await desk.next("souffleur.desk")
        assert (desk_shown["modes"], desk_shown["mode"]) == ({"platform:page": "approve"}, "auto")
        assert set(desk_shown["platforms"]) == {"page", "api"}
        assert (await acts(house, sid, GEM, kind="release", line=line)).status_code == 200
        ended = await closed(house, sid, 2)
        modes = [fact["body"].get("mode", "auto") for fact in await house.facts(sid, "line_opened")]
        assert (modes, ended[1]["body"]["line"]) == (["auto", "approve"], line)
