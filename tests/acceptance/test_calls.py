"""Calls by WebRTC to the whole program: the library's own peer and the page, each talking with real speech, answered aloud, and interrupting."""

from __future__ import annotations

import asyncio
import json
import time
from collections.abc import AsyncIterator
from pathlib import Path
from typing import Any

import pytest
import pytest_asyncio
from playwright.async_api import Playwright, Route

from tests.acceptance.browser import MIC_RATE, Tape, chromium, need_browser, recording, visiting
from tests.acceptance.conftest import saying, spotless
from tests.acceptance.program import Program
from tests.acceptance.table import Fact, assert_whole, facts_of, opened
from tests.acceptance.test_barge_in import asking, interrupting
from tests.integration.realtime.caller import RATE, calling
from tests.making.prompts import words
from tests.waiting import until

pytestmark = [pytest.mark.asyncio(loop_scope="module"), pytest.mark.timeout(120)]

REPLY = (
    "[joy] Good evening, traveller, and welcome to the oldest house on the whole of the river road. "
    "[neutral] The fire is warm and the ale is cold, so sit down with us for a while and tell us what you have seen on the way."
)
"""Some ten seconds: long enough to be interrupted."""
AUDIBLE = 0.01
BEFORE_S = 4.5


@pytest_asyncio.fixture(scope="module", loop_scope="module")
async def talkative(tmp_path_factory: pytest.TempPathFactory) -> AsyncIterator[Program]:
    """Real hearing and a real voice around known words."""
    async with spotless(tmp_path_factory.mktemp("calls"), saying([REPLY])) as program:
        yield program


async def _table(program: Program) -> str:
    return await opened(program.url, ["mirelle"], phrases=[asking().text, interrupting().text])


async def _closed(program: Program, session: str) -> list[dict[str, Any]]:
    return [fact["body"] for fact in await facts_of(program.url, session) if fact["kind"] == "line_closed"]


def _said(facts: list[Fact]) -> list[str]:
    return [words(fact["body"]["text"]) for fact in facts if fact["kind"] == "said"]


async def test_caller_is_understood_answered_aloud_and_interrupts(talkative: Program) -> None:
    """A recorded phrase comes back as text over the data channel, the character's voice by the track, and the next phrase silences it."""
    session = await _table(talkative)
    async with calling(talkative.url, {"session": session}) as caller:
        await caller.say(asking().pcm(RATE))
        heard = await caller.expect("conversation.item.input_audio_transcription.completed", timeout_s=20)
        assert words(heard["transcript"]) == words(asking().text)
        begun = await caller.sound(timeout_s=20)
        await until(lambda: caller.sounding(begun, time.monotonic()) > 40, what="a second of the character's voice")
        await caller.say(interrupting().pcm(RATE))
        (cut,) = await until(lambda: _closed(talkative, session), 20, "the end of the interrupted line")
        assert (cut["state"], cut["basis"]) == ("cut", "reported")
        await caller.expect("output_audio_buffer.cleared")
        await until(lambda: caller.sounding(caller.heard[-10][0], time.monotonic()) == 0, what="silence")
        after = await caller.expect(lambda event: event["type"].endswith("transcription.completed") and event["item_id"] != heard["item_id"], timeout_s=20)
        assert words(after["transcript"]) == words(interrupting().text)
        await caller.expect("response.done")
        await until(lambda: _answered_twice(talkative, session), 20, "the answer to the second phrase")
        caller.send(type="response.cancel")
        await until(lambda: _all_closed(talkative, session), 10, "its end")
    facts = await facts_of(talkative.url, session)
    assert_whole(facts)
    assert _said(facts) == [words(asking().text), words(interrupting().text)]


async def _answered_twice(program: Program, session: str) -> bool:
    return bool(sum(fact["kind"] == "line_opened" for fact in await facts_of(program.url, session)) == 2)


async def _all_closed(program: Program, session: str) -> bool:
    return len(await _closed(program, session)) == 2


@pytest.mark.browser
async def test_page_talks_and_is_interrupted_by_webrtc(talkative: Program, playwright: Playwright, tmp_path: Path) -> None:
    """Spoken words are understood, the answer sounds, the second phrase cuts it; another transport is one click away, on the same seat."""
    need_browser()
    microphone = recording(tmp_path / "microphone.wav", [0.5, asking().pcm(MIC_RATE), BEFORE_S, interrupting().pcm(MIC_RATE), 30.0])
    session = await _table(talkative)
    async with chromium(playwright, microphone) as browser, visiting(browser, talkative.url, prefs={"transport": "webrtc"}) as visit:
        await visit.sit_down(session)
        await visit.talk()
        tape = Tape(visit)

        async def flushed() -> bool:
            await tape.wind()
            return any(mark["kind"] == "flushed" for mark in tape.marks)

        await until(flushed, 30, "the interrupted line", 0.2)
        (cut, *_) = await until(lambda: _closed(talkative, session), 10, "its end")
        assert _said(await facts_of(talkative.url, session))[0] == words(asking().text)
        assert (cut["state"], cut["basis"]) == ("cut", "reported")
        assert sum(one["line"] == cut["line"] and one["level"] > AUDIBLE for one in tape.output) > 20
        assert {mark["kind"] for mark in tape.marks if mark["line"] == cut["line"]} >= {"started", "paused", "flushed"}
        assert await visit.down() == [], "nothing came by a socket"
        participant = await visit.probe("participant")
        await visit.page.get_by_test_id("settings-button").click()
        await visit.page.locator("input[value=websocket]").check(force=True)
        await visit.until("souffleurProbe.counters.connects === 2 && souffleurProbe.state === 'open'")
        assert await visit.down("souffleur.attached")
        assert (await visit.probe("session"), await visit.probe("participant")) == (session, participant)
        assert visit.complaints == []


@pytest.mark.nightly
@pytest.mark.browser
async def test_choice_is_hidden_where_the_server_takes_no_calls(talkative: Program, playwright: Playwright) -> None:
    """Without the extra there is nothing to choose, and whoever chose WebRTC before comes by WebSocket."""
    need_browser()
    session = await _table(talkative)
    async with chromium(playwright) as browser, visiting(browser, talkative.url, prefs={"transport": "webrtc"}) as visit:

        async def without(route: Route) -> None:
            answer = await route.fetch()
            await route.fulfill(response=answer, body=json.dumps({**await answer.json(), "webrtc": False}))

        async def refused(route: Route) -> None:
            await route.fulfill(status=501, body=json.dumps({"error": {"message": "install it", "code": "not_installed"}}))

        await visit.page.route("**/api/status", without)
        await visit.page.route("**/v1/realtime/calls*", refused)
        visit.deaf = True
        await visit.sit_down(session)
        assert await visit.down("souffleur.attached")
        await visit.page.get_by_test_id("settings-button").click()
        await visit.page.get_by_test_id("language-select").wait_for()
        assert await visit.page.locator("input[value=webrtc]").count() == 0


async def test_server_that_stops_ends_its_calls(talkative: Program) -> None:
    """The last test of this program: with a call open it stops in time, by itself and with nothing to complain about, and the caller is told."""
    async with calling(talkative.url, {"session": await _table(talkative)}) as caller:
        assert await talkative.stop() == 0
        await asyncio.wait_for(caller.closed.wait(), 10)
