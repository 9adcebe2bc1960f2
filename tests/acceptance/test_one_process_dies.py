"""Every service in a process of its own, and one after the other dies in the middle of a line: the table goes on."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest

from tests.acceptance.conftest import SCRIPTED, need
from tests.acceptance.player import RATE, Player, player
from tests.acceptance.scattered import Scattered, scattered
from tests.acceptance.table import Fact, assert_whole, facts_of, heard, is_fact, seen
from tests.making.prompts import prompts, words
from tests.redis_server import running_redis
from tests.waiting import until

pytestmark = [pytest.mark.nightly, pytest.mark.timeout(400)]
ASKED = "all circuits are busy now"


async def ask(one: Player) -> tuple[int, str]:
    """Say the phrase; the index of the first event after it, and the line that answers."""
    first = len(one.events)
    await one.say(bytes(RATE // 5 * 2) + next(prompt for prompt in prompts() if words(prompt.text) == ASKED).pcm(RATE))
    _, _, opened = await one.wait_for(is_fact("line_opened"), after=first, timeout_s=30)
    return first, str(opened["fact"]["body"]["line"])


async def closed(one: Player, first: int, line: str) -> dict[str, Any]:
    """The body of its one end; its response is done as well."""
    _, _, event = await one.wait_for(is_fact("line_closed", line=line), after=first, timeout_s=30)
    await one.wait_for(lambda event: event["type"] == "response.done" and event["response"]["id"] == f"resp_{line}", after=first)
    return dict(event["fact"]["body"])


async def lose(house: Scattered, one: Player, victim: str) -> None:
    """Kill a service while the character speaks, start it again, and be answered as before."""
    first, line = await ask(one)
    await until(lambda: len(heard(one, line, first)) > RATE, what="the voice")
    await house.processes[victim].kill()
    await house.start(victim)
    assert (await closed(one, first, line))["state"] in {"heard", "cut", "aborted"}
    await house.ready()
    first, line = await ask(one)
    assert (await closed(one, first, line))["state"] == "heard"
    assert len(heard(one, line, first)) > RATE
    assert [words(fact["body"]["text"]) for fact in seen(one, "said", first)] == [ASKED]


@pytest.mark.parametrize("victim", ["stage", "llm", "tts", "stt", "manager"])
async def test_the_table_survives_the_death_of_a_service(tmp_path: Path, victim: str) -> None:
    """The line in progress is closed once, nothing acknowledged is lost, and the same connection is answered again."""
    need("pocketsphinx", "espeakng_loader")
    with running_redis(fsync="always") as server:
        async with scattered(tmp_path, SCRIPTED, server.url) as house:
            configured = {"audio": {"input": {"transcription": {"model": "default", "prompt": ASKED}}}}
            async with player(house.gateway.websocket, "npc/mirelle", session=configured) as one:
                _, _, attached = await one.wait_for("souffleur.attached")
                await lose(house, one, victim)
                told = seen(one)
            kept(await facts_of(house.gateway.url, attached["session_id"]), told)


def kept(facts: list[Fact], told: list[Fact]) -> None:
    """What was told stands as it was told, once and in order."""
    assert_whole(facts)
    assert [fact["seq"] for fact in told] == list(range(1, len(told) + 1))
    assert facts[: len(told)] == told
