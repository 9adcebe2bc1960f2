"""Ids that clients choose: whatever is taken under one can be written."""

from __future__ import annotations

import pytest

from services.core.errors import InvalidRequest
from services.core.model.attachment import Onset, Refused, TextSaid
from services.core.model.desk import ActRequest
from services.core.model.fact import Author, Draft, Kind
from services.stage.roster import said_key
from services.transcript.store import spliced
from tests.unit.services.stage.direction import GM, act
from tests.unit.services.stage.table import received, table

LETTERS = "ж" * 64
"""As long as an id may be: a letter has two bytes."""


@pytest.mark.parametrize("given", ["", LETTERS + "a", "ж" * 128, "a\0b"], ids=["none", "a byte more", "letters", "nul"])
async def test_what_the_log_would_not_take_is_refused_before_anything_has_changed(given: str) -> None:
    """Typed, spoken or done: its sender is told so."""
    async with table() as at:
        ann = await at.sit(hears=False)
        before = len(at.log.facts)
        with pytest.raises(InvalidRequest):
            at.session.say(ann, TextSaid(given, "Mirelle?"))
        with pytest.raises(InvalidRequest):
            await at.session.act(ActRequest(session="s", principal=GM, act=given, kind="halt"))
        received(ann)
        at.session.listening.heard(ann, Onset(given))
        assert [value.code for value in received(ann) if isinstance(value, Refused)] == ["invalid_request"]
        assert not at.session.desk.halted
        assert len(at.log.facts) == before


async def test_the_longest_id_makes_a_key_that_is_taken() -> None:
    """Whoever said it."""
    async with table() as at:
        ann = await at.sit(hears=False)
        await at.session.say(ann, TextSaid(LETTERS, "Mirelle?"))
        await act(at, "halt", act_id=LETTERS)
        for key in (said_key(ann.participant, LETTERS), f"told:{LETTERS}"):
            assert key in at.log.keys
        for key in at.log.keys:
            assert spliced(Draft(key=key, kind=Kind.SAID, at_ms=0, by=Author("player"), body={}))
