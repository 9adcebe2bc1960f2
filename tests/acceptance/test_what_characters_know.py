"""A running program and a provider that shows every prompt: memories, secrets, and a character from one sentence."""

from __future__ import annotations

import json
from collections.abc import AsyncIterator
from typing import Any

import httpx2
import pytest
import pytest_asyncio

from services.transcript.memory import Memory, MemoryStore
from tests.acceptance.conftest import SCRIPTED, spotless
from tests.acceptance.program import Program
from tests.making.openai_answer import OpenAiServer
from tests.making.openai_server import openai_server
from tests.waiting import until

pytestmark = [pytest.mark.asyncio(loop_scope="module"), pytest.mark.timeout(180)]
WRITTEN: dict[str, Any] = {
    "name": "Borin",
    "description": "{{char}} forges horseshoes and hides a letter.",
    "personality": "Gruff.",
    "scenario": "In the smithy.",
    "greeting": "[anger:0.3] What now?",
    "examples": [{"user": "Hello", "char": "[neutral] Aye."}, {"user": "Bye", "char": "Good."}],
    "tagline": "A smith without a beard",
    "gender": "male",
    "age": "old",
}


@pytest_asyncio.fixture(scope="module", loop_scope="module")
async def provider() -> AsyncIterator[OpenAiServer]:
    """Writes cards and plays characters."""
    async with openai_server() as server:
        yield server


@pytest_asyncio.fixture(scope="module", loop_scope="module")
async def program(tmp_path_factory: pytest.TempPathFactory, provider: OpenAiServer) -> AsyncIterator[Program]:
    """With two models of that provider."""
    play = {"kind": "openai", "base_url": provider.base_url, "model": "good"}
    settings = SCRIPTED | {
        "llm": {"chain": ["play"], "engines": {"play": play, "writer": {**play, "model": "whole"}}},
        "summarizer": {"strong": ["writer"]},
    }
    async with spotless(tmp_path_factory.mktemp("knowing"), settings) as started:
        yield started


@pytest_asyncio.fixture(scope="module", loop_scope="module")
async def http(program: Program) -> AsyncIterator[httpx2.AsyncClient]:
    """As the director's browser."""
    async with httpx2.AsyncClient(base_url=program.url, timeout=30) as client:
        yield client


async def prompt_of(http: httpx2.AsyncClient, provider: OpenAiServer, session: str, text: str) -> str:
    """What the model was told when this was said."""
    provider.calls.clear()
    answer = await http.post(f"/api/sessions/{session}/messages", json={"text": text})
    assert answer.status_code == 202, answer.text

    def asked() -> str:
        bodies = (json.dumps(call.body["messages"], ensure_ascii=False) for call in provider.calls if call.body.get("model") == "good")
        return next((body for body in bodies if text in body), "")

    question: str = await until(asked, what="the question")
    return question


async def test_from_a_sentence_to_what_it_remembers(program: Program, http: httpx2.AsyncClient, provider: OpenAiServer) -> None:
    """A drafted character gets a secret and a memory; each is in its prompt when its time has come, and gone when the director takes it away."""
    provider.reply = json.dumps(WRITTEN)
    drafted = (await http.post("/api/characters/draft", json={"sentence": "A dwarf blacksmith who lost his beard"})).json()
    assert (drafted["engine"], drafted["card"]["name"]) == ("writer", "Borin")
    assert drafted["card"]["extensions"]["souffleur"]["voice"]["engine"] == "espeak"
    assert provider.calls[-1].body["response_format"]["type"] == "json_schema"
    provider.reply = "[neutral] Aye. So it is."
    card = drafted["card"]
    card["extensions"]["souffleur"]["secrets"] = [{"id": "letter", "text": "The letter is from the canary.", "reveal": {"by": "words", "any": ["letter"]}}]
    slug = (await http.post("/api/characters", json={"data": card})).json()["slug"]
    store = await MemoryStore.open(f"sqlite+aiosqlite:///{program.data}/archive.sqlite3")
    try:
        await store.add([Memory(character=slug, session="old", text="A stranger paid for a hammer with zebus.", present=(slug,))])
    finally:
        await store.close()
    session = (await http.post("/api/sessions", json={"title": "Forge", "cast": [slug]})).json()["id"]
    first = await prompt_of(http, provider, session, "Good evening, smith.")
    assert "hides a letter" in first
    assert "canary" not in first
    assert "zebus" not in first
    # What comes too late on a busy machine does not come: asked again, it does.
    asked = [await prompt_of(http, provider, session, f"Do you still sell that hammer? I ask for time {number}.") for number in range(3)]
    assert any("zebus" in prompt for prompt in asked)
    assert "canary" in await prompt_of(http, provider, session, "And who wrote the letter?")
    [memory] = (await http.get("/api/memories", params={"q": "hammer"})).json()["items"]
    assert (await http.delete(f"/api/memories/{memory['id']}")).status_code == 204
    assert "zebus" not in await prompt_of(http, provider, session, "The hammer, I said.")
