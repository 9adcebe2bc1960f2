"""Whose words wait for approval by where they come from: a guest does not choose that."""

from __future__ import annotations

import json
from typing import Any

import pytest
from websockets.asyncio.client import connect

from tests.integration.corrections.house import House
from tests.integration.corrections.test_operators import GEM, Watch, acts, claim_s, closed, house, watching

__all__ = ["claim_s", "house"]
"""Fixtures: somebody answers, for a draft without words waits for nobody."""

GUEST = {"X-Forwarded-For": "203.0.113.7"}


def _guest(house: House, sid: str, platform: str) -> connect:
    url = f"ws://{house.http.base_url.host}:{house.http.base_url.port}/v1/realtime?session={sid}&name=Eve&platform={platform}"
    return connect(url, max_queue=None, additional_headers=GUEST)


async def _speaks(socket: Any) -> None:
    item = {"id": "m1", "type": "message", "role": "user", "content": [{"type": "input_text", "text": "Mirelle, have you a room?"}]}
    await socket.send(json.dumps({"type": "conversation.item.create", "item": item}))
    await socket.send(json.dumps({"type": "response.create"}))


@pytest.mark.parametrize("laid", ["page", "realtime"])
@pytest.mark.parametrize("claimed", ["x", "discord"])
async def test_a_guest_cannot_talk_its_way_around_approval(house: House, laid: str, claimed: str) -> None:
    """Whatever platform its client claims to be, its words wait where those of the page or of the route do."""
    sid = await house.session()
    async with watching(house, sid, "gem") as desk, _guest(house, sid, claimed) as socket:
        await Watch(socket).next("souffleur.attached")
        assert (await acts(house, sid, GEM, kind="mode", platform=laid, text="approve")).status_code == 200
        await _speaks(socket)
        line = (await desk.draft())["line"]
        assert (await acts(house, sid, GEM, kind="release", line=line)).status_code == 200
        await closed(house, sid)
        [opened] = await house.facts(sid, "line_opened")
        assert (opened["body"]["line"], opened["body"]["mode"]) == (line, "approve")
        assert (await desk.next("souffleur.desk"))["platforms"] == ["page"]


async def test_a_mode_of_the_page_s_own_goes_first(house: House) -> None:
    """Where realtime waits and the page does not, a guest is answered at once."""
    sid = await house.session()
    async with _guest(house, sid, "discord") as socket:
        await Watch(socket).next("souffleur.attached")
        for platform, mode in (("realtime", "approve"), ("page", "auto")):
            assert (await acts(house, sid, GEM, kind="mode", platform=platform, text=mode)).status_code == 200
        await _speaks(socket)
        await closed(house, sid)
        [opened] = await house.facts(sid, "line_opened")
        assert opened["body"].get("mode", "auto") == "auto"
