"""What a player is shown of the past after the stage has begun anew."""

from __future__ import annotations

from typing import Any

import pytest

from services.core.model.fact import Fact, Kind
from services.stage.attachments import Attachment
from services.stage.sight import Sight
from tests.unit.services.stage.direction import type_in
from tests.unit.services.stage.table import Table, table
from tests.unit.services.stage.telling import tell


def _backlog(attachment: Attachment) -> list[str]:
    return [value.kind for value in attachment._backlog if isinstance(value, Fact)]


def _restarted(at: Table) -> None:
    """As a stage does that takes the session over."""
    sight = at.session.sight
    sight.view = None
    if Sight.needed(at.log.facts):
        sight.begin(list(at.log.facts))


@pytest.mark.parametrize(
    ("kind", "body"),
    [(Kind.CORRECTED, {"target": 3, "text": "I like you"}), (Kind.INSERTED, {"after": 3, "text": "A bell rings.", "block": "action"})],
)
async def test_who_comes_back_to_a_stage_that_began_anew_is_sent_what_was_corrected(kind: str, body: dict[str, Any]) -> None:
    """As before it did."""
    async with table() as at:
        ann = await at.sit("Ann", role="player", hears=False)
        assert await type_in(at, ann, "I hate you") == 3
        await at.closed()
        await tell(at, kind, **body)
        again = await at.sit("Ann", role="player", participant=ann.participant)
        assert kind in _backlog(again)
        _restarted(at)
        again = await at.sit("Ann", role="player", participant=ann.participant)
        assert kind in _backlog(again)


async def test_a_table_that_plays_by_itself_is_shown_fact_by_fact() -> None:
    """Nobody keeps a view of it."""
    async with table() as at:
        ann = await at.sit("Ann", role="player", hears=False)
        await type_in(at, ann)
        await at.closed()
        assert not Sight.needed(at.log.facts)
        assert at.session.sight.view is None
