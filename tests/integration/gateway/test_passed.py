"""Guests through the real stage: a turn that nobody answers ends for them as well."""

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
