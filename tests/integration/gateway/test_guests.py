"""Guests through the real stage: their turns end when nobody answers, and their words are their own."""

from __future__ import annotations

import asyncio
import json
from collections.abc import AsyncIterator
from pathlib import Path

import pytest_asyncio
from redis.asyncio import Redis
from websockets.asyncio.client import connect

from services.core.model.attachment import AttachOpen, Onset
from services.core.model.principal import Principal
from services.gateway.turns import _FOLLOWED
from tests.integration.corrections.house import WAIT_S, House
from tests.integration.corrections.house import house as opened
from tests.integration.corrections.test_acts_and_undo import acted
from tests.integration.corrections.test_operators import Watch

GUEST = {"X-Forwarded-For": "203.0.113.9"}


@pytest_asyncio.fixture
async def house(redis: Redis, redis_server: str, tmp_path: Path) -> AsyncIterator[House]:
    """Gateway and stage; nobody answers."""
    async with opened(tmp_path, redis_server, {}, services=("stage",)) as found:
        yield found


async def test_a_guests_message_that_nobody_answers_is_over_at_once(house: House) -> None:
    """Its events end with the turn, and whoever does not read them keeps nobody else from speaking."""
    sid = await house.session()
    await acted(house, sid, kind="mute", character="mirelle")
    where = f"/api/sessions/{sid}/messages"
    async with asyncio.timeout(WAIT_S), house.http.stream("POST", where, json={"text": "Mirelle?"}, headers=GUEST | {"Accept": "text/event-stream"}) as answer:
        events = [row.removeprefix("event: ") async for row in answer.aiter_lines() if row.startswith("event: ")]
    assert events == ["said", "passed", "done"]
    for number in range(_FOLLOWED + 1):
        said = await house.http.post(where, json={"text": f"Mirelle, number {number}?"}, headers=GUEST)
        assert said.status_code == 202, said.text


async def test_a_guest_may_ask_again_when_nobody_answers(house: House) -> None:
    """Over realtime: each `response.create` whose turn is passed is told so; none is still open when the next one comes."""
    sid = await house.session()
    talker = Principal(id="bob", role="player", name="Bob")
    _, stream, _ = await house.runtime.stage().attach(AttachOpen(session=sid, principal=talker, hears=False))
    url = f"ws://{house.http.base_url.host}:{house.http.base_url.port}/v1/realtime?session={sid}&name=Eve"
    async with connect(url, max_queue=None, additional_headers=GUEST) as socket:
        watch = Watch(socket)
        await watch.next("souffleur.attached")
        # Everybody waits for him to finish.
        await stream.send(Onset("u1"))
        await watch.next("souffleur.speech")
        for number in range(2):
            item = {"id": f"m{number}", "type": "message", "role": "user", "content": [{"type": "input_text", "text": "Mirelle?"}]}
            await socket.send(json.dumps({"type": "conversation.item.create", "item": item}))
            await watch.next("conversation.item.done")
            await socket.send(json.dumps({"type": "response.create"}))
            # Behind it, so that the turn waits by now.
            await socket.send(json.dumps({"type": "conversation.item.create", "item": item | {"id": f"n{number}"}}))
            await watch.next("conversation.item.done")
            await acted(house, sid, kind="mute", character="mirelle")
            assert (await watch.next("error"))["error"]["code"] == "nobody_answers"
            await acted(house, sid, kind="unmute", character="mirelle")
    stream.cancel()


async def test_one_guests_message_is_never_taken_for_another_ones(house: House) -> None:
    """Two clients that count their messages from one: each says its own words, and neither gets what the other has whispered."""
    sid = await house.session()
    where = f"/api/sessions/{sid}/messages"
    facts = []
    for name, text, rest in (("Ann", "Meet me at midnight.", {"whispers": ["mirelle"]}), ("Bob", "Mirelle, an ale!", {})):
        for _ in range(2):
            answer = await house.http.post(where, json={"text": text, "speaker": name, "message_id": "1", **rest}, headers=GUEST)
            assert answer.status_code == 202, answer.text
            facts.append(answer.json()["fact"])
    assert [fact["body"]["text"] for fact in facts] == ["Meet me at midnight."] * 2 + ["Mirelle, an ale!"] * 2
    assert [fact["seq"] for fact in await house.facts(sid, "said")] == [facts[0]["seq"], facts[2]["seq"]]
    assert [fact["seq"] for fact in facts] == [facts[at]["seq"] for at in (0, 0, 2, 2)]


async def test_nobody_gets_a_message_by_naming_its_author(house: House) -> None:
    """Who said it may be asked for by whoever may speak for them."""
    sid = await house.session()
    where = f"/api/sessions/{sid}/messages"
    whisper = {"text": "Meet me at midnight.", "speaker": "Gia", "message_id": "1", "whispers": ["mirelle"]}
    said = (await house.http.post(where, json=whisper)).json()["fact"]
    answer = await house.http.post(where, json=whisper | {"speaker": said["by"]["id"]}, headers=GUEST)
    assert (answer.status_code, answer.json()["code"]) == (403, "forbidden")
    again = await house.http.post(where, json=whisper | {"speaker": said["by"]["id"]})
    assert again.json()["fact"]["seq"] == said["seq"]


async def test_a_repeated_message_is_found_from_another_seat(house: House) -> None:
    """Whoever names nobody may have sat elsewhere when they said it: before the program was started again, for one."""
    sid = await house.session()
    where = f"/api/sessions/{sid}/messages"
    first = {"text": "Good evening.", "message_id": "1"}
    said = (await house.http.post(where, json=first, headers=GUEST)).json()["fact"]
    other = (await house.http.post(where, json={"text": "And me.", "speaker": "Eve", "message_id": "2"}, headers=GUEST)).json()["fact"]
    assert other["by"]["id"] != said["by"]["id"]
    for message, fact in ((first, said), ({"text": "And me.", "message_id": "2"}, other)):
        assert (await house.http.post(where, json=message, headers=GUEST)).json()["fact"] == fact
    assert [fact["seq"] for fact in await house.facts(sid, "said")] == [said["seq"], other["seq"]]


async def test_a_repeated_whisper_is_followed_from_the_seat_that_said_it(house: House) -> None:
    """Its speaker's newer seat never hears of it, and would wait for its end in vain."""
    sid = await house.session()
    await acted(house, sid, kind="mute", character="mirelle")
    where = f"/api/sessions/{sid}/messages"
    whisper = {"text": "Meet me at midnight.", "message_id": "1", "whispers": ["mirelle"]}
    said = (await house.http.post(where, json=whisper, headers=GUEST)).json()["fact"]
    other = (await house.http.post(where, json={"text": "And me.", "speaker": "Eve", "message_id": "2"}, headers=GUEST)).json()["fact"]
    assert other["by"]["id"] != said["by"]["id"]
    headers = GUEST | {"Accept": "text/event-stream"}
    async with asyncio.timeout(WAIT_S), house.http.stream("POST", where, json=whisper, headers=headers) as answer:
        rows = [row async for row in answer.aiter_lines()]
    events = [row.removeprefix("event: ") for row in rows if row.startswith("event: ")]
    assert (events[0], events[-1]) == ("said", "done")
    assert any(row.startswith("data: ") and said["by"]["id"] in row for row in rows)
