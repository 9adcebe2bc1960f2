"""What several conversations need of a running program: its REST interface, its facts, and a character who wastes no time."""

from __future__ import annotations

import base64
import re
from collections.abc import AsyncIterator, Mapping, Sequence
from contextlib import asynccontextmanager
from typing import Any

import httpx2

from tests.acceptance.player import Player
from tests.chaos.closure import closure
from tests.chaos.evidence import Told

Fact = dict[str, Any]


@asynccontextmanager
async def api(url: str) -> AsyncIterator[httpx2.AsyncClient]:
    """The REST interface of a program."""
    async with httpx2.AsyncClient(base_url=url, trust_env=False, timeout=30) as client:
        yield client


async def facts_of(url: str, session: str) -> list[Fact]:
    """Every fact of a session, from the first."""
    found: list[Fact] = []
    async with api(url) as client:
        while True:
            answer = await client.get(f"/api/sessions/{session}/facts", params={"after": found[-1]["seq"] if found else 0, "limit": 200})
            answer.raise_for_status()
            page = answer.json()
            found += page["items"]
            if page["next_cursor"] is None:
                return found


async def brisk(url: str, name: str = "Quill", **data: Any) -> str:
    """Make a character with a short card who talks fast; its slug."""
    own = {"language": "en", "voice": {"language": "en", "rate": 2.5}}
    card = {"name": name, "description": "{{char}} answers in a few words.", "first_mes": "Yes?", "extensions": {"souffleur": own}} | data
    async with api(url) as client:
        answer = await client.post("/api/characters", json={"data": card})
        answer.raise_for_status()
        return str(answer.json()["slug"])


async def opened(url: str, cast: Sequence[str], **fields: Any) -> str:
    """Open a session by REST; its id."""
    async with api(url) as client:
        answer = await client.post("/api/sessions", json={"cast": list(cast), **fields})
        answer.raise_for_status()
        return str(answer.json()["id"])


def seen(one: Player, kind: str = "", after: int = 0) -> list[Fact]:
    """The facts that a player was told, of one kind or all."""
    facts = [event["fact"] for _, event in one.of("souffleur.fact", after)]
    return [fact for fact in facts if not kind or fact["kind"] == kind]


def heard(one: Player, line: str, after: int = 0) -> bytes:
    """The sound of a line that reached a player: PCM16 at 24 kHz."""
    deltas = (event for _, event in one.of("response.output_audio.delta", after) if event["response_id"] == f"resp_{line}")
    return b"".join(base64.b64decode(event["delta"]) for event in deltas)


def is_fact(kind: str, **body: Any) -> Any:
    """A condition for `Player.wait_for`: a fact of this kind with these fields in its body."""

    def matches(event: Mapping[str, Any]) -> bool:
        fact = event.get("fact")
        return isinstance(fact, Mapping) and fact["kind"] == kind and all(fact["body"].get(name) == value for name, value in body.items())

    return matches


def words_in(text: str) -> list[str]:
    """Lower-case words, for looking whether anything can be spoken."""
    return re.findall(r"\w+", text.lower())


def assert_whole(facts: Sequence[Fact]) -> None:
    """What holds of every session at rest: dense seqs, each line closed once and nothing in it afterwards, each turn answered or passed."""
    assert [fact["seq"] for fact in facts] == list(range(1, len(facts) + 1))
    said = {fact["seq"]: fact["body"]["utterance"] for fact in facts if fact["kind"] == "said"}
    assert len(set(said.values())) == len(said), "nothing is said twice"
    assert all(fact["body"]["turn"] in {0, *said} for fact in facts if fact["kind"] in {"line_opened", "passed"})
    assert list(closure([Told.of(fact) for fact in facts])) == []
