"""A director steers a running table: the very next line obeys, and panic silences every client."""

from __future__ import annotations

import time
from collections.abc import AsyncIterator
from contextlib import AsyncExitStack
from itertools import count
from typing import Any

import httpx2
import pytest
import pytest_asyncio

from tests.acceptance.conftest import SCRIPTED, need
from tests.acceptance.player import Player, player
from tests.acceptance.program import Program, running
from tests.acceptance.timing import p95, promised
from tests.making.openai_answer import OpenAiServer
from tests.making.openai_server import openai_server
from tests.waiting import until

pytestmark = [pytest.mark.asyncio(loop_scope="module"), pytest.mark.timeout(240)]
PANICS = 8
CLIENTS = 4
_ids = count()


class Director:
    """One session, steered over REST."""

    def __init__(self, http: httpx2.AsyncClient, session: str) -> None:
        self._http, self.session = http, session

    async def act(self, kind: str, **options: Any) -> dict[str, Any]:
        answer = await self._http.post(f"/api/sessions/{self.session}/acts", json={"kind": kind, **options})
        assert answer.status_code == 200, answer.text
        return dict(answer.json())

    async def correct(self, kind: str, **options: Any) -> dict[str, Any]:
        """Accepted, and applied by the time this returns."""
        answer = await self._http.post(f"/api/sessions/{self.session}/corrections", json={"kind": kind, **options})
        assert answer.status_code == 202, answer.text

        async def done() -> dict[str, Any] | None:
            row = (await self._http.get(f"/api/sessions/{self.session}/corrections/{answer.json()['id']}")).json()
            return None if row["state"] == "pending" else dict(row)

        row: dict[str, Any] = await until(done, what="the correction's end")
        return row

    async def say(self, text: str) -> dict[str, Any]:
        answer = await self._http.post(f"/api/sessions/{self.session}/messages", json={"text": text, "speaker": ""})
        assert answer.status_code == 202, answer.text
        return dict(answer.json()["fact"])

    async def facts(self, kind: str = "") -> list[dict[str, Any]]:
        items = (await self._http.get(f"/api/sessions/{self.session}/facts", params={"limit": 500})).json()["items"]
        return [item for item in items if kind in ("", item["kind"])]

    async def lines(self, number: int) -> list[dict[str, Any]]:
        """The `line_closed` facts, once there are so many."""
        found: list[dict[str, Any]] = await until(lambda: self._closed(number), what=f"{number} lines")
        return found

    async def _closed(self, number: int) -> list[dict[str, Any]]:
        closed = await self.facts("line_closed")
        return closed if len(closed) >= number else []


async def directed(http: httpx2.AsyncClient, *cast: str, **options: Any) -> Director:
    answer = await http.post("/api/sessions", json={"cast": list(cast), **options})
    assert answer.status_code == 201, answer.text
    return Director(http, str(answer.json()["id"]))


@pytest_asyncio.fixture(scope="module", loop_scope="module")
async def model() -> AsyncIterator[OpenAiServer]:
    async with openai_server() as server:
        yield server


@pytest_asyncio.fixture(scope="module", loop_scope="module")
async def prompted(tmp_path_factory: pytest.TempPathFactory, model: OpenAiServer) -> AsyncIterator[tuple[Program, httpx2.AsyncClient]]:
    """A program whose model keeps every prompt that it was given."""
    need("espeakng_loader")
    environment = {"OPENAI_BASE_URL": model.base_url, "OPENAI_API_KEY": "test", "OPENAI_MODEL": "good"}
    async with running(tmp_path_factory.mktemp("prompted"), {"tts": {"engine": "espeak"}}, environment=environment) as program:
        async with httpx2.AsyncClient(base_url=program.url, timeout=20, trust_env=False) as http:
            yield program, http
        assert program.complaints() == []


def prompt(model: OpenAiServer) -> str:
    """Everything that the model was told last."""
    return "\n".join(str(message["content"]) for message in model.calls[-1].body["messages"])


async def test_the_very_next_line_obeys(prompted: tuple[Program, httpx2.AsyncClient], model: OpenAiServer) -> None:
    """A note, a corrected word, a struck one, a scene, a retcon: each stands in the next prompt, or does not any more."""
    table = await directed(prompted[1], "mirelle")
    first = await table.say("I am called Quillon.")
    await table.lines(1)
    assert "Quillon" in prompt(model)
    await table.correct("edit", target=first["seq"], text="I am called Marrowby.")
    await table.correct("note", text="You are now afraid of the bell.", scope="until_removed")
    await table.correct("scene", heading="THE CELLAR", description="Water drips.")
    second = await table.say("Who am I?")
    await table.lines(2)
    told = prompt(model)
    assert "Marrowby" in told
    assert "Quillon" not in told
    assert "afraid of the bell" in told
    assert "CELLAR" in told
    await table.correct("strike", targets=[second["seq"]])
    await table.say("Once more.")
    await table.lines(3)
    assert "Who am I?" not in prompt(model)
    await table.correct("retcon", to=first["seq"] - 1)
    await table.say("A new beginning.")
    await table.lines(4)
    told = prompt(model)
    assert "Marrowby" not in told
    assert "CELLAR" not in told
    assert "afraid of the bell" in told, "the director's notes outlive a retcon"


async def test_a_whisper_is_in_one_prompt_and_in_no_other(prompted: tuple[Program, httpx2.AsyncClient], model: OpenAiServer) -> None:
    """Only the character that was whispered to knows."""
    table = await directed(prompted[1], "mirelle", "xiaoman")
    await table.correct("whisper", character="xiaoman", text="The moonstone is under the well.")
    before = len(model.calls)
    await table.say("Mirelle, what do you know?")
    await table.lines(1)
    await table.say("小满，你知道什么？")
    await table.lines(2)
    prompts = ["\n".join(str(message["content"]) for message in call.body["messages"]) for call in model.calls[before:]]
    assert ["moonstone" in told for told in prompts] == [False, True]


async def test_a_held_line_is_edited_and_the_edited_words_are_spoken(prompted: tuple[Program, httpx2.AsyncClient], model: OpenAiServer) -> None:
    """Nothing is heard before; what is heard and remembered is the director's wording."""
    program, http = prompted
    table = await directed(http, "mirelle", mode="approve")
    async with player(program.websocket, "npc/mirelle", query={"session": table.session, "role": "player"}, mic=False) as one:
        await one.connection.conversation.item.create(item={"type": "message", "role": "user", "content": [{"type": "input_text", "text": "Hello?"}]})
        await one.connection.response.create()
        await until(lambda: table.facts("sentence"), what="a draft")
        assert one.of("response.created") == []
        answer = await table.act("release", text="[anger] Not one word more, stranger.")
        _, _, done = await one.wait_for("response.done")
        assert done["response"]["status"] == "completed"
        [item] = done["response"]["output"]
        assert item["content"][0]["transcript"] == "Not one word more, stranger."
        assert one.of("response.output_audio.delta") != []
    spoken = [fact for fact in await table.facts("sentence") if fact["body"]["line"] == answer["line"] and fact["body"]["attempt"] == 2]
    assert [(fact["body"]["text"], fact["body"]["emotion"], fact["by"]["role"]) for fact in spoken] == [("Not one word more, stranger.", "anger", "director")]
    await table.act("mode", text="auto")
    await table.say("Pardon?")
    await table.lines(2)
    assert "Not one word more" in prompt(model)


async def test_a_puppet_speaks_and_a_muted_character_does_not(prompted: tuple[Program, httpx2.AsyncClient], model: OpenAiServer) -> None:
    """The director's words in the character's voice, without asking a model."""
    table = await directed(prompted[1], "mirelle")
    before = len(model.calls)
    await table.act("puppet", character="mirelle", text="[joy] The cellar is closed today.")
    await table.lines(1)
    assert len(model.calls) == before
    [sentence] = await table.facts("sentence")
    assert (sentence["body"]["text"], sentence["body"]["emotion"], sentence["by"]["role"]) == ("The cellar is closed today.", "joy", "director")
    await table.act("mute", character="mirelle")
    await table.say("Mirelle?")
    await until(lambda: table.facts("passed"), what="a passed turn")
    assert len(await table.facts("line_opened")) == 1


async def last_sound(one: Player, after: int) -> float:
    """The moment of the last sound of the line that sounds first, once the sound of another line has come behind it."""
    _, _, first = await one.wait_for("response.output_audio.delta", after=after)
    await one.wait_for(lambda event: event["type"] == first["type"] and event["response_id"] != first["response_id"], after=after)
    return max(moment for moment, event in one.of(first["type"], after) if event["response_id"] == first["response_id"])


async def test_panic_silences_every_client(program: Program) -> None:
    """From the director's key to the last sound at any client under 200 ms (p95); one key resumes."""
    assert SCRIPTED["llm"]["chain"] == ["scripted"]
    async with AsyncExitStack() as stack:
        http = await stack.enter_async_context(httpx2.AsyncClient(base_url=program.url, timeout=20, trust_env=False))
        delays: list[float] = []
        for _ in range(PANICS):
            table = await directed(http, "mirelle")
            query = {"session": table.session}
            async with AsyncExitStack() as listeners:
                ones = [await listeners.enter_async_context(player(program.websocket, "npc/mirelle", query=query, mic=False)) for _ in range(CLIENTS)]
                marks = [len(one.events) for one in ones]
                await table.act("next", character="mirelle")
                for one, mark in zip(ones, marks, strict=True):
                    await one.wait_for("response.output_audio.delta", after=mark)
                pressed = time.monotonic()
                await table.act("halt")
                for one, mark in zip(ones, marks, strict=True):
                    await one.wait_for("response.done", after=mark)
                await table.act("resume")
                await table.act("next", character="mirelle")
                delays += [await last_sound(one, mark) - pressed for one, mark in zip(ones, marks, strict=True)]
        assert len(delays) == PANICS * CLIENTS
        assert p95(delays) < promised(0.2), delays
