"""REST of the characters, over real sockets and a real database."""

from __future__ import annotations

import json
from typing import Any

from tests.integration.gateway.conftest import House

_V2 = {
    "spec": "chara_card_v2",
    "spec_version": "2.0",
    "data": {"name": "Old Tobin", "description": "A ferryman.", "extensions": {"other/tool": {"kept": [1, None]}}, "unknown_field": {"x": 1}},
}


async def _create(house: House, body: Any) -> Any:
    answer = await house.http.post("/api/characters", json=body)
    assert answer.status_code == 201, answer.text
    return answer.json()


async def test_samples_are_there_on_the_first_start(house: House) -> None:
    """Three characters in three languages, each with a voice and a line for the list."""
    items = (await house.http.get("/api/characters")).json()["items"]
    assert {(item["slug"], item["language"], item["sample"]) for item in items} == {("mirelle", "en", True), ("xiaoman", "zh", True), ("yaroglav", "ru", True)}
    assert all(item["tagline"] and item["color"] and item["voice"]["language"] == item["language"] for item in items)


_V1 = {"name": "Old Tobin", "description": "A ferryman.", "personality": "", "scenario": "", "first_mes": "Ahoy.", "mes_example": ""}
_CARDS: list[dict[str, Any]] = [{"data": _V2["data"]}, _V2, {**_V2, "spec": "chara_card_v3", "spec_version": "3.1"}, _V1]


async def test_cards_of_every_version_are_taken(house: House) -> None:
    """Whatever form the card has, it becomes V3 `data`; keys of others survive."""
    for number, body in enumerate(_CARDS, 1):
        made = await _create(house, body)
        assert made["slug"] == ("old-tobin" if number == 1 else f"old-tobin-{number}")
        assert (made["version"], made["sample"]) == (1, False)
        assert made["data"]["group_only_greetings"] == []
        assert made["data"]["name"] == "Old Tobin"
        if body is not _V1:
            assert made["data"]["unknown_field"] == {"x": 1}
            assert made["data"]["extensions"]["other/tool"] == {"kept": [1, None]}


async def test_slugs_are_safe_and_unique(house: House) -> None:
    """Names without Latin letters, with dots or already taken still get a slug of their own."""
    slugs = [(await _create(house, {"data": {"name": name}}))["slug"] for name in ("Злата", "../../etc", "Mirelle", "Éowyn  II", "p-123", "import")]
    assert slugs[0].startswith("npc-")
    assert slugs[1:] == ["etc", "mirelle-2", "eowyn-ii", "npc-p-123", "npc-import"]


_BAD = {
    "no name": b'{"data": {}}',
    "blank name": b'{"data": {"name": "  "}}',
    "two lines": b'{"data": {"name": "a\\nb"}}',
    "nan": b'{"data": {"name": "x", "extensions": {"a": NaN}}}',
    "infinite": b'{"data": {"name": "x", "extensions": {"a": 1e999}}}',
    "huge integer": b'{"data": {"name": "x", "extensions": {"a": ' + b"9" * 400 + b"}}}",
    "endless integer": b'{"data": {"name": "x", "extensions": {"a": ' + b"9" * 9_000 + b"}}}",
    "surrogate": b'{"data": {"name": "x", "description": "\\ud800"}}',
    "surrogate key": b'{"data": {"name": "x", "\\udc00": 1}}',
    "null byte": b'{"data": {"name": "x", "description": "\\u0000"}}',
    "deep": b'{"data": {"name": "x", "extensions": ' + b'{"a":' * 40 + b"1" + b"}" * 40 + b"}}",
    "bottomless": b'{"data": ' + b"[" * 100_000 + b"]" * 100_000 + b"}",
    "not utf-8": b'{"data": {"name": "\xff"}}',
    "not json": b"{",
    "a list": b"[]",
    "wrong spec": b'{"spec": "lorebook_v3", "data": {"name": "x"}}',
    "wrong type": b'{"data": {"name": "x", "tags": "a"}}',
    "wrong book": b'{"data": {"name": "x", "character_book": {"entries": {"0": {}}}}}',
    "wrong voice": b'{"data": {"name": "x", "extensions": {"souffleur": {"voice": {"rate": 90}}}}}',
    "wrong colour": b'{"data": {"name": "x", "extensions": {"souffleur": {"color": "red;x:url(y)"}}}}',
}


async def test_hostile_cards_are_refused(house: House) -> None:
    """Nothing malformed is stored, and the answer names the fault without repeating the card."""
    for fault, raw in _BAD.items():
        answer = await house.http.post("/api/characters", content=raw, headers={"Content-Type": "application/json"})
        assert answer.status_code == 422, fault
        assert answer.json()["code"] == "invalid_request"
    assert len((await house.http.get("/api/characters")).json()["items"]) == 3


async def test_a_card_of_more_than_two_mebibytes_is_too_large(house: House) -> None:
    """The cap counts bytes before parsing."""
    raw = json.dumps({"data": {"name": "x", "description": "y" * (2 * 1024 * 1024)}}).encode()
    answer = await house.http.post("/api/characters", content=raw, headers={"Content-Type": "application/json"})
    assert answer.status_code == 413


async def test_edits_name_the_version_they_were_made_on(house: House) -> None:
    """A stale `version` is 409, a stale If-Match 412; a fresh one changes the card and its version."""
    made = await _create(house, {"data": {"name": "Tobin"}})
    assert made["version"] == 1
    ok = await house.http.put("/api/characters/tobin", json={"data": {"name": "Tobin", "description": "new"}, "version": 1})
    assert (ok.json()["version"], ok.headers["etag"]) == (2, '"2"')
    stale = await house.http.put("/api/characters/tobin", json={"data": {"name": "Tobin"}, "version": 1})
    assert (stale.status_code, stale.json()["code"]) == (409, "conflict")
    tagged = await house.http.patch("/api/characters/tobin", json={"data": {"nickname": "Tob"}}, headers={"If-Match": '"1"'})
    assert tagged.status_code == 412
    patched = await house.http.patch("/api/characters/tobin", json={"data": {"nickname": "Tob", "unknown": 1}}, headers={"If-Match": '"2"'})
    assert patched.json()["data"]["nickname"] == "Tob"
    assert patched.json()["data"]["description"] == "new"
    removed = await house.http.patch("/api/characters/tobin", json={"data": {"unknown": None}})
    assert "unknown" not in removed.json()["data"]
    assert (await house.http.delete("/api/characters/tobin", headers={"If-Match": '"1"'})).status_code == 412
    assert (await house.http.delete("/api/characters/tobin")).status_code == 204
    assert (await house.http.get("/api/characters/tobin")).status_code == 404


async def test_samples_are_edited_deleted_and_restored(house: House) -> None:
    """A sample is a character like any other, and its first form can always be had back."""
    await house.http.patch("/api/characters/mirelle", json={"data": {"name": "Someone Else"}})
    restored = await house.http.post("/api/characters/mirelle/restore")
    assert restored.json()["data"]["name"] == "Mirelle"
    assert restored.json()["version"] == 3
    await house.http.delete("/api/characters/mirelle")
    again = await house.http.post("/api/characters/mirelle/restore")
    assert (again.json()["data"]["name"], again.json()["sample"]) == ("Mirelle", True)
    assert (await house.http.post("/api/characters/tobin/restore")).status_code == 404


async def test_the_list_is_paged(house: House) -> None:
    """Pages follow each other by cursor without loss or repeat; a broken cursor is refused."""
    seen, cursor = [], ""
    for _ in range(2):
        page = (await house.http.get("/api/characters", params={"limit": 2, "cursor": cursor})).json()
        seen += [item["slug"] for item in page["items"]]
        cursor = page["next_cursor"] or ""
    assert seen == ["mirelle", "xiaoman", "yaroglav"]
    assert not cursor
    assert (await house.http.get("/api/characters", params={"cursor": "%%%"})).status_code == 422
