"""REST of the memories, over real sockets and a real database."""

from __future__ import annotations

from collections.abc import AsyncIterator

import pytest
import pytest_asyncio

from services.transcript.memory import Memory, MemoryStore
from tests.integration.gateway.conftest import House

GUEST = {"X-Forwarded-For": "203.0.113.9"}


@pytest_asyncio.fixture
async def store(house: House) -> AsyncIterator[MemoryStore]:
    """As whoever writes memories has it."""
    opened = await MemoryStore.open(house.runtime.archive_url)
    yield opened
    await opened.close()


def memory(text: str, character: str = "mirelle", at_ms: int = 1_700_000_000_000) -> Memory:
    return Memory(character=character, session="old", text=text, sources=(3, 4), present=(character, "p-1"), created_at_ms=at_ms)


async def test_memories_are_listed_and_searched(house: House, store: MemoryStore) -> None:
    """By page, by character and by words, with all that tells where they come from."""
    await store.add([memory(f"Anna broke mug {number}.", at_ms=1_700_000_000_000 + number) for number in range(5)])
    await store.add([memory("Grim hid the key.", "grim")])
    seen, cursor = [], ""
    while True:
        page = (await house.http.get("/api/memories", params={"limit": 4, "cursor": cursor})).json()
        seen += page["items"]
        cursor = page["next_cursor"]
        if not cursor:
            break
    assert [item["text"] for item in seen[:2]] == ["Anna broke mug 4.", "Anna broke mug 3."]
    assert len({item["id"] for item in seen}) == 6
    first = seen[0]
    assert {name: first[name] for name in ("character", "importance", "session", "sources", "present", "created_at")} == {
        "character": "mirelle",
        "importance": 0.5,
        "session": "old",
        "sources": [3, 4],
        "present": ["mirelle", "p-1"],
        "created_at": "2023-11-14T22:13:20.004Z",
    }
    assert [item["text"] for item in (await house.http.get("/api/memories", params={"character": "grim"})).json()["items"]] == ["Grim hid the key."]
    assert [item["text"] for item in (await house.http.get("/api/memories", params={"q": "mugs 3"})).json()["items"]] == []
    assert [item["text"] for item in (await house.http.get("/api/memories", params={"q": "mug 3"})).json()["items"]] == ["Anna broke mug 3."]
    for bad in ({"cursor": "%%%"}, {"cursor": "eA"}, {"limit": "0"}, {"q": "x" * 501}):
        assert (await house.http.get("/api/memories", params=bad)).status_code == 422


async def test_memories_are_edited_and_deleted(house: House, store: MemoryStore) -> None:
    """What is left out stays; what was deleted is gone for the character too."""
    await store.add([memory("Anna broke a mug.")])
    [item] = (await house.http.get("/api/memories")).json()["items"]
    path = f"/api/memories/{item['id']}"
    edited = await house.http.patch(path, json={"text": "Anna mended a mug."})
    assert edited.status_code == 200
    assert (edited.json()["text"], edited.json()["importance"]) == ("Anna mended a mug.", 0.5)
    assert (await house.http.patch(path, json={"importance": 1})).json()["importance"] == 1
    assert [found.text for found in await store.recall("mirelle", (), "Who mended it?", 3)] == ["Anna mended a mug."]
    bodies: tuple[object, ...] = ({}, {"text": ""}, {"text": "x" * 2_001}, {"importance": 2}, {"importance": "high"}, {"text": None}, {"text": "a\0b"}, [])
    for bad in bodies:
        assert (await house.http.patch(path, json=bad)).status_code == 422
    assert (await house.http.delete(path)).status_code == 204
    assert (await house.http.delete(path)).status_code == 404
    assert (await house.http.patch(path, json={"importance": 1})).status_code == 404
    assert await store.recall("mirelle", (), "Who mended it?", 3) == []


@pytest.mark.parametrize(("method", "path"), [("GET", ""), ("PATCH", "/x"), ("DELETE", "/x")])
async def test_memories_are_for_directors(house: House, method: str, path: str) -> None:
    """A guest sees and changes nothing."""
    body = {"importance": 1} if method == "PATCH" else None
    answer = await house.http.request(method, f"/api/memories{path}", json=body, headers=GUEST)
    assert (answer.status_code, answer.json()["code"]) == (403, "forbidden")
