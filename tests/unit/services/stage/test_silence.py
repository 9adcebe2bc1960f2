"""Panic and mute against lines that are released already, or release themselves: who is silenced says nothing."""

from __future__ import annotations

from typing import Any

import pytest

from services.core.errors import Conflict
from services.core.model.attachment import Configure, LineAudio
from services.core.model.fact import Author, Draft, Kind
from services.core.model.facts import Joined, fields_of
from services.core.settings import Settings, StageSettings
from services.stage.attachments import Attachment
from tests.unit.services.stage.direction import act, approving, held, type_in
from tests.unit.services.stage.table import Table, received, table


async def _two_released(at: Table) -> tuple[Attachment, str, str]:
    """Mirelle speaks her released line, Bram's waits for the floor."""
    await approving(at)
    ann = await at.sit("Ann", role="player")
    await type_in(at, ann, "Mirelle?")
    first = await held(at)
    await act(at, "release", line=first)
    await at.until(at.speaking)
    ann.configure(Configure(interrupts=False))
    await type_in(at, ann, "Bram?")
    second = await held(at)
    await act(at, "release", line=second)
    assert at.session.place("").approval.has(second)
    received(ann)
    return ann, first, second


async def _moved(at: Table, place: str, name: str = "Mirelle") -> None:
    body = fields_of(Joined(member=name.lower(), role="character", name=name))
    await at.session.write(Draft(key=f"to:{place}", kind=Kind.JOINED, at_ms=0, by=Author("director"), place=place, body=body))


def _sound(values: list[Any], line: str) -> int:
    return sum(isinstance(value, LineAudio) and value.line == line for value in values)


async def test_panic_starts_no_line_that_was_released() -> None:
    """It waits, and is spoken when the director lets them speak again."""
    async with table("Mirelle", "Bram", ms_per_char=30) as at:
        ann, first, second = await _two_released(at)
        await act(at, "halt")
        assert (await at.closed())["line"] == first
        assert at.session.place("").line is None
        await type_in(at, ann, "Anybody?")
        await at.until(lambda: at.bodies(Kind.PASSED), "the end of a turn behind it")
        assert _sound(received(ann), second) == 0
        [waiting] = at.session.desk.shown().held
        assert (waiting.line, waiting.queued) == (second, True)
        await act(at, "resume")
        closed = await at.closed(2)
        assert (closed["line"], closed["state"]) == (second, "heard")


async def test_a_muted_character_keeps_its_released_line_until_it_is_unmuted() -> None:
    """Others go on; nothing is stuck behind it."""
    async with table("Mirelle", "Bram", ms_per_char=10) as at:
        ann, _, second = await _two_released(at)
        await act(at, "mute", character="bram")
        await at.closed()
        await type_in(at, ann, "Mirelle?")
        third = await held(at, 2)
        await act(at, "release", line=third)
        assert (await at.closed(2))["line"] == third
        assert at.session.place("").line is None
        await act(at, "unmute", character="bram")
        assert (await at.closed(3))["line"] == second
        assert _sound(received(ann), second)


async def test_a_character_that_has_left_does_not_speak_its_released_line() -> None:
    """The line ends unheard, and the desk is clear."""
    async with table("Mirelle", "Bram", ms_per_char=40) as at:
        ann, first, second = await _two_released(at)
        await _moved(at, "cellar", "Bram")
        await at.closed(2)
        ends = {body["line"]: (body["state"], body["reason"]) for body in at.bodies(Kind.LINE_CLOSED)}
        assert ends == {first: ("heard", ""), second: ("aborted", "no_character")}
        assert _sound(received(ann), second) == 0
        assert at.session.desk.shown().held == ()


async def test_the_draft_of_a_character_that_has_left_is_not_released() -> None:
    """Whoever tries is told; it can still be refused."""
    async with table("Mirelle", "Bram") as at:
        await approving(at)
        ann = await at.sit("Ann", role="player", hears=False)
        await type_in(at, ann, "Bram?")
        line = await held(at)
        await _moved(at, "cellar", "Bram")
        with pytest.raises(Conflict, match="not here"):
            await act(at, "release", line=line)
        assert at.bodies(Kind.RELEASED) == []
        await act(at, "reject", line=line)
        assert (await at.closed())["state"] == "rejected"


@pytest.mark.parametrize(("silence", "speak", "whom"), [("halt", "resume", ""), ("mute", "unmute", "mirelle")])
async def test_a_silenced_character_releases_nothing_by_itself(silence: str, speak: str, whom: str) -> None:
    """The timer stands still, and begins anew when the character may speak."""
    async with table(settings=Settings(stage=StageSettings(auto_release_s=0.1))) as at:
        await approving(at)
        ann = await at.sit("Ann", role="player")
        await type_in(at, ann)
        line = await held(at)
        await act(at, silence, character=whom)
        received(ann)
        [waiting] = at.session.desk.shown().held
        assert waiting.releases_at_ms == 0
        await act(at, speak, character=whom)
        assert (await at.closed())["state"] == "heard"
        assert _sound(received(ann), line)
        [released] = [fact.at_ms for fact in at.log.facts if fact.kind == Kind.RELEASED]
        assert released - [fact.at_ms for fact in at.log.facts if fact.kind == Kind.SILENCED][-1] > 90


async def test_the_timer_releases_no_line_of_a_character_that_has_left() -> None:
    """It may come back."""
    async with table(settings=Settings(stage=StageSettings(auto_release_s=0.1))) as at:
        await approving(at)
        ann = await at.sit("Ann", role="player", hears=False)
        await type_in(at, ann)
        line = await held(at)
        await _moved(at, "cellar")
        [waiting] = at.session.desk.shown().held
        await at.until(lambda: at.session.desk.shown().held[0].releases_at_ms > waiting.releases_at_ms, "the end of its time")
        assert at.bodies(Kind.RELEASED) == []
        assert at.session.place("").approval.has(line)
        await _moved(at, "")
        assert (await at.closed())["state"] == "heard"
