"""Lines that are to be said once more."""

from __future__ import annotations

import pytest

from services.core.errors import Conflict, SouffleurError
from services.core.model.attachment import Configure
from services.core.model.fact import Author, Draft, Kind
from services.core.model.facts import Joined, fields_of
from tests.unit.services.stage.direction import act, approving, held, type_in
from tests.unit.services.stage.table import Table, table
from tests.unit.services.stage.telling import tell


async def _line(at: Table) -> str:
    """One line that was heard."""
    ann = await at.sit("Ann", role="player", hears=False)
    await type_in(at, ann)
    return str((await at.closed())["line"])


def _opened(at: Table) -> list[tuple[str, str]]:
    return [(body["character"], body["retakes"]) for body in at.bodies(Kind.LINE_OPENED)]


@pytest.mark.parametrize("kind", ["mute", "halt"])
async def test_a_silenced_character_loses_no_line(kind: str) -> None:
    """It could not say it once more, so nothing is struck."""
    async with table() as at:
        line = await _line(at)
        await act(at, kind, character="mirelle" if kind == "mute" else "")
        with pytest.raises(Conflict, match="silenced"):
            await act(at, "retake", line=line)
        assert at.bodies(Kind.STRUCK) == []


async def test_a_character_that_has_left_loses_no_line() -> None:
    """Nobody is there to say it once more."""
    async with table() as at:
        line = await _line(at)
        body = fields_of(Joined(member="mirelle", role="character", name="Mirelle"))
        await at.session.write(Draft(key="moved", kind=Kind.JOINED, at_ms=0, by=Author("director"), place="cellar", body=body))
        with pytest.raises(Conflict, match="not here"):
            await act(at, "retake", line=line)
        assert at.bodies(Kind.STRUCK) == []


async def test_the_draft_of_a_silenced_character_is_not_made_anew() -> None:
    """It stays on the desk as it is."""
    async with table() as at:
        await approving(at)
        ann = await at.sit("Ann", role="player", hears=False)
        await type_in(at, ann)
        line = await held(at)
        await act(at, "mute", character="mirelle")
        with pytest.raises(SouffleurError):
            await act(at, "retake", line=line)
        assert [one.line for one in at.session.desk.shown().held] == [line]


async def test_a_line_is_said_once_more_after_whoever_waits() -> None:
    """What was struck comes again, however many wait for the floor."""
    async with table("Mirelle", "Bram", ms_per_char=20) as at:
        ann = await at.sit("Ann", role="player", configure=Configure(interrupts=False))
        await type_in(at, ann, "Mirelle?")
        await at.until(at.speaking)
        await type_in(at, ann, "Bram?")
        answer = await act(at, "retake")
        await at.closed(3)
        assert _opened(at) == [("mirelle", ""), ("bram", ""), ("mirelle", answer.line)]
        assert [body["state"] for body in at.bodies(Kind.LINE_CLOSED)] == ["cut", "heard", "heard"]


async def test_words_that_come_meanwhile_do_not_replace_it() -> None:
    """A retake waits for the floor; then somebody says something."""
    async with table("Mirelle", "Bram", ms_per_char=20) as at:
        first = await _line(at)
        ann = await at.sit("Ann", role="player", configure=Configure(interrupts=False))
        await type_in(at, ann, "Bram?")
        await at.until(at.speaking)
        await act(at, "retake", line=first)
        await type_in(at, ann, "Bram!")
        await at.closed(4)
        assert _opened(at)[1:] == [("bram", ""), ("bram", ""), ("mirelle", first)]


@pytest.mark.parametrize("kind", ["halt", "mute"])
async def test_panic_lets_nothing_be_said_once_more(kind: str) -> None:
    """Not afterwards either."""
    async with table("Mirelle", "Bram", ms_per_char=20) as at:
        first = await _line(at)
        ann = await at.sit("Ann", role="player", configure=Configure(interrupts=False))
        await type_in(at, ann, "Bram?")
        await at.until(at.speaking)
        await act(at, "retake", line=first)
        await act(at, kind, character="mirelle" if kind == "mute" else "")
        assert not at.session.place("").waiting


async def test_a_line_that_never_happened_is_not_said_once_more() -> None:
    """The retake waited for the floor when the line was retconned."""
    async with table("Mirelle", "Bram", ms_per_char=20) as at:
        before = len(at.log.facts)
        first = await _line(at)
        ann = await at.sit("Ann", role="player", configure=Configure(interrupts=False))
        await type_in(at, ann, "Bram?")
        await at.until(at.speaking)
        await act(at, "retake", line=first)
        await tell(at, Kind.RETCONNED, to=before)
        await at.closed(2)
        await at.until(lambda: not at.session.place("")._tasks)
        assert [character for character, _ in _opened(at)] == ["mirelle", "bram"]


async def test_by_approval_a_retake_is_a_draft() -> None:
    """It waits on the desk, not for the floor."""
    async with table("Mirelle", "Bram", ms_per_char=20) as at:
        first = await _line(at)
        await act(at, "mode", character="mirelle", text="approve")
        ann = await at.sit("Ann", role="player", configure=Configure(interrupts=False))
        await type_in(at, ann, "Bram?")
        await at.until(at.speaking)
        await act(at, "retake", line=first)
        line = await held(at)
        assert at.speaking()
        await at.closed(2)
        await act(at, "release", line=line)
        assert (await at.closed(3))["line"] == line
        assert _opened(at)[-1] == ("mirelle", first)
