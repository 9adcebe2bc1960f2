"""A character from one sentence over REST: written by a model, or by what the sentence says; and secrets that guests are not shown."""

from __future__ import annotations

import asyncio
import json
from typing import Any

import pytest

from tests.integration.gateway.conftest import House

GUEST = {"X-Forwarded-For": "203.0.113.9"}
WRITTEN: dict[str, Any] = {
    "name": "Borin",
    "description": "{{char}} forges horseshoes.",
    "personality": "Gruff.",
    "scenario": "In the smithy.",
    "greeting": "[anger:0.3] What now?",
    "examples": [{"user": "Hello", "char": "[neutral] Aye."}, {"user": "Bye", "char": "Good."}],
    "tagline": "A smith without a beard",
    "gender": "male",
    "age": "old",
}


async def draft(house: House, sentence: str, **more: str) -> Any:
    answer = await house.http.post("/api/characters/draft", json={"sentence": sentence, **more})
    assert answer.status_code == 200, answer.text
    return answer.json()


async def test_a_model_writes_the_whole_card(house: House) -> None:
    """Asked with a schema for this purpose; the voice is one that is installed; the card can be saved as it is and nothing was saved by itself."""
    text = json.dumps(WRITTEN)
    house.roleplay.pieces = [text[:50], text[50:]]
    made = await draft(house, "A dwarf blacksmith who lost his beard")
    assert made["engine"] == "scripted"
    card = made["card"]
    assert (card["name"], card["first_mes"]) == ("Borin", "[anger:0.3] What now?")
    assert card["mes_example"] == "<START>\n{{user}}: Hello\n{{char}}: [neutral] Aye.\n{{user}}: Bye\n{{char}}: Good."
    ours = card["extensions"]["souffleur"]
    assert (ours["language"], ours["tagline"]) == ("en", "A smith without a beard")
    assert (ours["voice"]["engine"], ours["voice"]["name"]) == ("espeak", "gmw/en")
    assert ours["voice"]["pitch"] < 1
    asked = house.roleplay.asked[0]
    assert (asked.session, asked.card, asked.options.purpose, asked.options.speakable) == ("", "", "character", False)
    assert set(json.loads(asked.options.json_schema)["required"]) == set(WRITTEN)
    assert asked.messages[-1].content == "A dwarf blacksmith who lost his beard"
    assert len((await house.http.get("/api/characters")).json()["items"]) == 3
    saved = await house.http.post("/api/characters", json={"data": card})
    assert (saved.status_code, saved.json()["slug"]) == (201, "borin")


@pytest.mark.parametrize("pieces", [["no"], ["{}"], ["[1]"], [json.dumps(WRITTEN | {"name": " "})], [json.dumps(WRITTEN | {"examples": [5]})], []])
async def test_nonsense_of_a_model_is_no_card(house: House, pieces: list[str]) -> None:
    """The sentence itself tells enough."""
    house.roleplay.pieces = pieces
    made = await draft(house, "An old witch named Zelda")
    assert (made["engine"], made["card"]["name"]) == ("template", "Zelda")


async def test_without_a_model_the_sentence_is_enough(house: House) -> None:
    """In its own language, or the one that is asked for; a model that fails is none."""
    house.roleplay.fails_after = 0
    made = await draft(house, "Старая ведьма по имени Злата")
    assert made["engine"] == "template"
    assert made["card"]["name"] == "Злата"
    assert made["card"]["extensions"]["souffleur"]["language"] == "ru"
    assert "Меня зовут Злата" in made["card"]["first_mes"]
    assert made["card"]["extensions"]["souffleur"]["voice"]["language"] == "ru"
    english = (await draft(house, "Старая ведьма по имени Злата", language="en"))["card"]
    assert english["first_mes"].endswith("What brings you to me?")
    assert (await house.http.post("/api/characters", json={"data": made["card"]})).status_code == 201


async def test_a_model_that_hangs_is_not_waited_for_long(house: House, monkeypatch: pytest.MonkeyPatch) -> None:
    """The call is given up, and the template answers."""
    monkeypatch.setattr("services.gateway.characters.draft._PATIENCE_S", 0.2)
    house.roleplay.waits = asyncio.Event()
    made = await draft(house, "A talking sword")
    assert (made["engine"], made["card"]["name"]) == ("template", "Talking Sword")
    await asyncio.wait_for(house.roleplay.cancelled.wait(), 5)


async def test_bad_wishes_are_refused(house: House) -> None:
    """And guests cannot draft."""
    bodies: tuple[object, ...] = ({}, {"sentence": ""}, {"sentence": "  "}, {"sentence": "x" * 1_001}, {"sentence": 5}, {"sentence": "x", "language": "!"}, [])
    for body in bodies:
        answer = await house.http.post("/api/characters/draft", json=body)
        assert (answer.status_code, answer.json()["code"]) == (422, "invalid_request")
    assert house.roleplay.asked == []
    assert (await house.http.post("/api/characters/draft", json={"sentence": "A spy"}, headers=GUEST)).status_code == 403


async def test_guests_are_not_shown_secrets(house: House) -> None:
    """The director is, and can edit the card without losing them."""
    ours = {"language": "en", "secrets": [{"id": "a", "text": "canary"}]}
    made = (await house.http.post("/api/characters", json={"data": {"name": "Tobin", "extensions": {"souffleur": ours}}})).json()
    path = f"/api/characters/{made['slug']}"
    assert "canary" in (await house.http.get(path)).text
    shown = await house.http.get(path, headers=GUEST)
    assert shown.status_code == 200
    assert "canary" not in shown.text
    assert shown.json()["data"]["extensions"]["souffleur"] == {"language": "en"}
    for listed in ("/api/characters", "/v1/models"):
        assert "canary" not in (await house.http.get(listed)).text
    await house.http.patch(path, json={"data": {"description": "New."}})
    assert "canary" in (await house.http.get(path)).text
