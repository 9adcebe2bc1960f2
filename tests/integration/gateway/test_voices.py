"""Cloned voices over REST: nothing is kept without consent, and what is deleted is gone."""

from __future__ import annotations

import asyncio
import base64
import json
import threading
from pathlib import Path
from typing import Any, Final

import pytest

from services.core.errors import NotFound
from services.core.voices import FEELINGS, MAX_CLIP, VoiceStore
from services.gateway import strict_json
from tests.integration.gateway.conftest import House
from tests.making.coqui_models import CONSENT, clip
from tests.waiting import until

NEUTRAL: Final = base64.b64encode(clip(150, 1.5)).decode()
BODY: Final[dict[str, Any]] = {
    "name": "mara",
    "language": "en",
    "consent": {"by": CONSENT.by, "at": CONSENT.at, "statement": CONSENT.statement},
    "clips": {"neutral": NEUTRAL},
}


async def test_a_voice_is_added_listed_and_forgotten(house: House) -> None:
    """What the desk adds is what the voice service reads; recordings do not come back."""
    added = await house.http.post("/api/voices", json=BODY)
    assert added.status_code == 201, added.text
    assert added.headers["location"] == "/api/voices/mara"
    shown = added.json()
    assert shown["consent"] == BODY["consent"]
    assert set(shown["clips"]) == {"neutral"}
    assert NEUTRAL[:100] not in added.text
    assert (await house.http.get("/api/voices")).json() == {"items": [shown]}
    assert (await house.http.get("/api/voices/mara")).json() == shown
    store = VoiceStore(house.runtime.settings.data_dir / "voices")
    assert store.get("mara").consent == CONSENT
    again = await house.http.post("/api/voices", json=BODY)
    assert (again.status_code, again.json()["code"]) == (409, "conflict")
    assert (await house.http.delete("/api/voices/mara")).status_code == 204
    assert (await house.http.get("/api/voices")).json() == {"items": []}
    with pytest.raises(NotFound):
        store.get("mara")
    assert (await house.http.delete("/api/voices/mara")).status_code == 404


async def test_a_voice_of_every_feeling_fits_into_one_request(house: House, monkeypatch: pytest.MonkeyPatch) -> None:
    """Ordinary recordings of every feeling and manner; nothing of it is read on the loop that the table speaks in."""
    threads: set[threading.Thread] = set()

    def parse(raw: bytes) -> Any:
        threads.add(threading.current_thread())
        return json.loads(raw)

    monkeypatch.setattr(strict_json, "parse", parse)
    recording = base64.b64encode(clip(150, 10.0, 44_100)).decode()
    added = await house.http.post("/api/voices", json=BODY | {"clips": dict.fromkeys(FEELINGS, recording)})
    assert added.status_code == 201, added.text
    assert set(added.json()["clips"]) == FEELINGS
    assert len(threads) == 1
    assert threading.current_thread() not in threads


@pytest.fixture
def left(tmp_path: Path) -> Path:
    """What a gateway left that was killed while it deleted a voice."""
    folder = tmp_path / "voices" / ".old-abc" / "mara"
    folder.mkdir(parents=True)
    (folder / "neutral.wav").write_bytes(clip(150, 1.5))
    return folder


async def test_the_next_start_ends_what_a_killed_gateway_began(left: Path, house: House) -> None:
    """Recordings whose consent was withdrawn do not stay."""
    assert not left.exists()
    assert list((house.runtime.settings.data_dir / "voices").iterdir()) == []


async def test_what_is_too_long_for_a_voice_is_refused(house: House) -> None:
    """413, unread."""
    answer = await house.http.post("/api/voices", json=BODY | {"clips": dict.fromkeys(("neutral", "joy", "anger"), "A" * 4 * (MAX_CLIP // 3))})
    assert (answer.status_code, answer.json()["code"]) == (413, "too_large")
    assert not (house.runtime.settings.data_dir / "voices").exists()


async def test_one_voice_is_added_at_a_time(house: House, monkeypatch: pytest.MonkeyPatch) -> None:
    """A second one meanwhile is told to come again, and does."""
    entered, free = threading.Event(), threading.Event()
    add = VoiceStore.add

    def slow(*asked: Any) -> Any:
        entered.set()
        assert free.wait(20)
        return add(*asked)

    monkeypatch.setattr(VoiceStore, "add", slow)
    first = asyncio.create_task(house.http.post("/api/voices", json=BODY))
    await until(entered.is_set)
    second = await house.http.post("/api/voices", json=BODY | {"name": "else"})
    assert (second.status_code, second.json()["code"]) == (429, "overloaded")
    assert (await house.http.get("/api/voices")).json() == {"items": []}
    free.set()
    assert (await first).status_code == 201
    assert (await house.http.post("/api/voices", json=BODY | {"name": "else"})).status_code == 201


async def test_a_guest_is_refused_before_anything_is_read(house: House) -> None:
    """What they sent is no JSON, and nobody looked."""
    headers = {"X-Forwarded-For": "203.0.113.7", "Content-Type": "application/json"}
    answer = await house.http.post("/api/voices", content=b"{", headers=headers)
    assert (answer.status_code, answer.json()["code"]) == (403, "forbidden")
    for method, path in (("GET", "/api/voices"), ("GET", "/api/voices/mara"), ("DELETE", "/api/voices/mara")):
        assert (await house.http.request(method, path, headers=headers)).status_code == 403


@pytest.mark.parametrize(
    "change",
    [
        {"consent": None},
        {"consent": BODY["consent"] | {"statement": "ok"}},
        {"consent": BODY["consent"] | {"by": "  "}},
        {"clips": {}},
        {"clips": {"neutral": "not base64!"}},
        {"clips": {"neutral": base64.b64encode(b"not a recording").decode()}},
        {"name": "../mara"},
        {"unknown": 1},
    ],
)
async def test_what_does_not_fit_is_refused_and_nothing_is_kept(house: House, change: dict[str, Any]) -> None:
    """422 with a code, and no folder."""
    answer = await house.http.post("/api/voices", json=BODY | change)
    assert answer.status_code == 422, answer.text
    assert answer.json()["code"] == "invalid_request"
    assert not (house.runtime.settings.data_dir / "voices").exists()


async def test_clips_that_somebody_copied_there_are_no_voice(house: House) -> None:
    """They have a code of their own, and can be deleted."""
    folder = house.runtime.settings.data_dir / "voices" / "stolen"
    folder.mkdir(parents=True)
    (folder / "neutral.wav").write_bytes(clip(150, 1.5))
    answer = await house.http.get("/api/voices/stolen")
    assert (answer.status_code, answer.json()["code"]) == (403, "consent_missing")
    assert (await house.http.get("/api/voices")).json() == {"items": []}
    assert (await house.http.delete("/api/voices/stolen")).status_code == 204
    assert not folder.exists()
