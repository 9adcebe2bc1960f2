"""Whoever comes in while a line is being spoken: it is not for them, from its sound to its end."""

from __future__ import annotations

import pytest

from services.core.model.attachment import LineAudio, LineFlushed, LinePaused, LineResumed, LineWords, Played, TurnTimed
from services.core.model.fact import Fact, Kind
from services.stage.attachments import Attachment
from tests.unit.services.stage.direction import act, type_in
from tests.unit.services.stage.table import Mind, Table, received, table

LONG = "One two three four five six seven eight nine ten."


def of_the_line(listener: Attachment) -> set[str]:
    """What a listener was sent of any line, facts and sound."""
    found = (value.kind if isinstance(value, Fact) else type(value).__name__ for value in received(listener))
    lines = {kind.__name__ for kind in (LineAudio, LineWords, LinePaused, LineResumed, LineFlushed, TurnTimed)}
    return {name for name in found if name in {Kind.LINE_OPENED, Kind.SENTENCE, Kind.LINE_CLOSED, *lines}}


async def speaking_to(at: Table) -> Attachment:
    """Ann, and Mirelle speaks to her."""
    ann = await at.sit("Ann", role="player", reports_playback=True)
    await type_in(at, ann)
    await at.until(lambda: at.heard()[1])
    return ann


@pytest.mark.parametrize("role", ["player", "director"])
async def test_who_comes_in_during_a_line_has_none_of_its_sound(role: str) -> None:
    """A client that is sent a beginning and no end would wait for ever; the next line is theirs too, and a monitor hears everything."""
    async with table(mind=Mind([LONG]), ms_per_char=20.0) as at:
        ann = await speaking_to(at)
        dora, desk = await at.sit("Dora", role=role), await at.sit("GM", monitor=True)
        await act(at, "stop")
        await at.closed()
        told = of_the_line(dora)
        assert told == (set() if role == "player" else {Kind.LINE_CLOSED})
        assert {"LineFlushed", Kind.LINE_CLOSED} <= of_the_line(desk) & of_the_line(ann)
        await type_in(at, ann, "Mirelle, go on")
        await at.closed(2)
        assert {Kind.LINE_OPENED, "LineAudio", Kind.LINE_CLOSED} <= of_the_line(dora)


async def test_a_newcomers_word_cuts_the_line_where_those_heard_it_whom_it_is_for() -> None:
    """The newcomer's loudspeaker has played nothing of it."""
    async with table(mind=Mind([LONG]), ms_per_char=20.0) as at:
        ann = await speaking_to(at)
        line = at.bodies(Kind.LINE_OPENED)[0]["line"]
        dora = await at.sit("Dora", role="player", reports_playback=True)
        at.session.played(ann, Played(line, 300))
        await type_in(at, dora, "Mirelle, enough")
        closed = await at.closed()
        assert (closed["state"], closed["reason"], closed["basis"]) == ("cut", "barge_in", "reported")
        assert closed["offset"] > 0
