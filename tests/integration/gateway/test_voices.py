"""Cloned voices over REST: nothing is kept without consent, and what is deleted is gone."""

from __future__ import annotations

import base64
from typing import Any, Final

import pytest

from services.core.errors import NotFound
from services.core.voices import VoiceStore
from tests.integration.gateway.conftest import House
from tests.making.coqui_models import CONSENT, clip

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
