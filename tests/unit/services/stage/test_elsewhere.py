"""The director's acts reach those who are in another place than the desk."""

from __future__ import annotations

import pytest

from services.core.model.fact import Author, Draft, Fact, Kind
from services.core.model.facts import Joined, fields_of
from services.stage.attachments import Attachment
from tests.unit.services.stage.direction import act, type_in
from tests.unit.services.stage.table import Table, received, table


def _told(attachment: Attachment) -> list[str]:
    return [value.kind for value in received(attachment) if isinstance(value, Fact)]


async def _in_the_cellar(at: Table) -> Attachment:
    """Ann and Bram are there, and nobody else."""
    body = fields_of(Joined(member="bram", role="character", name="Bram"))
    await at.session.write(Draft(key="bram", kind=Kind.JOINED, at_ms=0, by=Author("director"), place="cellar", body=body))
    return await at.sit("Ann", role="player", hears=False, place="cellar")


async def test_a_retake_takes_the_line_from_those_who_heard_it() -> None:
    """Otherwise they would be left with the line that was struck, and the new one."""
    async with table() as at:
        ann = await _in_the_cellar(at)
        await type_in(at, ann, "Bram?")
        first = (await at.closed())["line"]
        received(ann)
        await act(at, "retake", line=first)
        await at.closed(2)
        assert _told(ann) == [Kind.STRUCK, Kind.LINE_OPENED, Kind.SENTENCE, Kind.SENTENCE, Kind.LINE_CLOSED]


@pytest.mark.parametrize(("kind", "character"), [("halt", ""), ("resume", ""), ("mute", "bram"), ("unmute", "bram")])
async def test_everybody_is_told_who_is_silenced(kind: str, character: str) -> None:
    """Wherever they are: nobody answers them either."""
    async with table() as at:
        ann = await _in_the_cellar(at)
        received(ann)
        await act(at, kind, character=character)
        assert _told(ann) == [Kind.SILENCED]
