"""What can be edited: an edit that would change nothing is refused, and never said to be done."""

from __future__ import annotations

import json
from typing import Any

import pytest

from services.core.errors import InvalidRequest
from services.core.model.attachment import TellRequest, TellResponse, TextSaid
from services.core.model.fact import Kind
from services.core.model.principal import Principal
from services.stage.told import told
from services.transcript.view import DIRECTOR as DIRECTOR_READER
from services.transcript.view import fold
from tests.unit.services.stage.table import Table, table

DIRECTOR = Principal("local", "director")
TOLD: dict[str, dict[str, Any]] = {
    Kind.SCENE_SET: {"heading": "INN"},
    Kind.NOTED: {"text": "Be curt."},
    Kind.WHISPERED: {"character": "mirelle", "text": "You are watched."},
    Kind.INSERTED: {"after": 1, "block": "action", "text": "A bell rings."},
}


async def _tell(at: Table, kind: str, body: dict[str, Any], principal: Principal = DIRECTOR) -> TellResponse:
    request = TellRequest(session="s", principal=principal, key=f"{kind}{len(at.log.facts)}", kind=kind, body=json.dumps(body))
    return await told(request, at.session, at.log, 0)


async def _played(at: Table) -> dict[str, int]:
    """The last fact of each kind, once everything that has words and a line stand."""
    ann = await at.sit("Ann", hears=False)
    await at.session.say(ann, TextSaid("m1", "Good evening"))
    await at.closed()
    for kind, body in TOLD.items():
        await _tell(at, kind, body)
    adviser = Principal("summarizer", "adviser")
    await _tell(at, Kind.SUMMARIZED, {"text": "They met.", "covers": [1]}, adviser)
    await _tell(at, Kind.RECOMMENDED, {"recommendation": "r1", "text": "Slow down.", "category": "pacing"}, adviser)
    await _tell(at, Kind.SCENE_SET, {"mode": "auto"})
    return {fact.kind: fact.seq for fact in at.log.facts if fact.body.get("mode") != "auto"}


@pytest.mark.parametrize("kind", [Kind.JOINED, Kind.LINE_OPENED, Kind.LINE_CLOSED, Kind.SCENE_SET])
async def test_what_has_no_wording_cannot_be_reworded(kind: str) -> None:
    """Neither a coming, nor a line as a whole, nor a change of settings alone."""
    async with table() as at:
        await _played(at)
        target, head = max(fact.seq for fact in at.log.facts if fact.kind == kind), len(at.log.facts)
        with pytest.raises(InvalidRequest, match="no wording"):
            await _tell(at, Kind.CORRECTED, {"target": target, "text": "zzz"})
        assert len(at.log.facts) == head


@pytest.mark.parametrize("kind", [Kind.SAID, Kind.SENTENCE, *TOLD, Kind.SUMMARIZED, Kind.RECOMMENDED])
async def test_every_edit_that_is_taken_is_seen(kind: str) -> None:
    """Whatever has words shows the new ones."""
    async with table() as at:
        target = (await _played(at))[kind]
        await _tell(at, Kind.CORRECTED, {"target": target, "text": "Something else entirely."})
        assert "Something else entirely." in repr(fold(at.log.facts, DIRECTOR_READER).entry_of(target))


async def test_only_what_is_spoken_has_a_feeling() -> None:
    """A character's sentence can be said otherwise; a player's words are theirs."""
    async with table() as at:
        facts = await _played(at)
        await _tell(at, Kind.CORRECTED, {"target": facts[Kind.SENTENCE], "text": "", "emotion": "fear"})
        with pytest.raises(InvalidRequest, match="no feeling"):
            await _tell(at, Kind.CORRECTED, {"target": facts[Kind.SAID], "text": "", "emotion": "fear"})
