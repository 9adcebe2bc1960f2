"""Over REST: advice by the director's wish, the recap, and a session that continues another one."""

from __future__ import annotations

import httpx2

from services.core.model.fact import Kind
from tests.integration.summarizer.conftest import Tables

_WITH_GATEWAY = ("llm", "stage", "summarizer", "gateway")


async def test_a_session_that_continues_another_begins_with_its_recap(tables: Tables) -> None:
    """It is the first digest there, and it stands in what the character's model is asked."""
    async with tables({"every_turns": 500}, play="good", names=_WITH_GATEWAY) as party, httpx2.AsyncClient(base_url=party.url, timeout=20) as client:
        await party.say("My name is Anselm Vogt, and I hid 12 silver keys in Brackwater.")
        empty = (await client.get(f"/api/sessions/{party.sid}/recap")).json()
        assert empty == {"text": "", "from": [party.sid]}
        answer = await client.post("/api/sessions", json={"title": "The next night", "cast": ["mirelle"], "continues": party.sid})
        assert answer.status_code == 201, answer.text
        sid = answer.json()["id"]
        recap = (await client.get(f"/api/sessions/{party.sid}/recap")).json()["text"]
        assert "12 silver keys in Brackwater" in recap
        first = next(fact for fact in await party.log.read(sid) if fact.kind == Kind.SUMMARIZED)
        assert first.body == {"text": recap, "covers": []}
        said = await client.post(f"/api/sessions/{sid}/messages", json={"text": "Do you know me?"}, headers={"Accept": "text/event-stream"})
        assert "line_closed" in said.text
        asked = party.server.calls[-1].body["messages"]
        assert "12 silver keys in Brackwater" in asked[0]["content"]
        # A session of which nothing was told yet but what came before hands that on.
        third = await client.post("/api/sessions", json={"cast": ["mirelle"], "continues": sid})
        assert third.status_code == 201


async def test_advice_is_the_directors_and_bad_wishes_change_nothing(tables: Tables) -> None:
    """The answer says what was made; unknown sessions and wishes are refused."""
    async with tables({"every_turns": 500}, names=_WITH_GATEWAY) as party, httpx2.AsyncClient(base_url=party.url, timeout=20) as client:
        await party.say("Where is the silver key of Brackwater?")
        answer = await client.post(f"/api/sessions/{party.sid}/advice", json={"what": "both"})
        assert answer.status_code == 200, answer.text
        assert answer.json()["summary"] > 0
        assert answer.json()["recommendations"] == []
        assert "summarizer.strong" in answer.json()["remark"]
        head = await party.log.head(party.sid)
        assert (await client.post(f"/api/sessions/{party.sid}/advice", json={"what": "everything"})).status_code == 422
        assert (await client.post("/api/sessions/nowhere/advice", json={"what": "both"})).status_code == 404
        assert (await client.get("/api/sessions/nowhere/recap")).status_code == 404
        assert (await client.post("/api/sessions", json={"cast": ["mirelle"], "continues": "nowhere"})).status_code == 404
        guest = {"X-Forwarded-For": "203.0.113.9"}
        assert (await client.post(f"/api/sessions/{party.sid}/advice", json={"what": "both"}, headers=guest)).status_code == 403
        assert await party.log.head(party.sid) == head
