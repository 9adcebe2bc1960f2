"""Held lines of several operators: who works on one keeps it from the others, and not for ever."""

from __future__ import annotations

import asyncio

import pytest

from services.core.errors import Conflict
from services.core.model.desk import DeskShown
from services.core.model.fact import Kind
from services.core.model.principal import Principal
from services.core.settings import Settings, StageSettings
from tests.unit.services.stage.direction import act, approving, held, type_in
from tests.unit.services.stage.table import Table, received, table

GEM = Principal("local:gem", "director", "Gem")
DORA = Principal("local:dora", "director", "Dora")


def _rules(claim_s: float) -> Settings:
    return Settings(stage=StageSettings().model_copy(update={"claim_s": claim_s}))


async def _draft(at: Table) -> str:
    await approving(at)
    ann = await at.sit("Ann", role="player", hears=False)
    await type_in(at, ann)
    return await held(at)


def _claimed_by(at: Table) -> str:
    [line] = at.session.desk.shown().held
    return line.claimed_by


@pytest.mark.parametrize(("kind", "options"), [("release", {}), ("release", {"text": "Go."}), ("reject", {}), ("retake", {}), ("claim", {}), ("unclaim", {})])
async def test_two_directors_at_one_machine_are_two_operators(kind: str, options: dict[str, str]) -> None:
    """Whatever one of them tries with the other's draft is refused, and it stays as it is."""
    async with table() as at:
        line = await _draft(at)
        await act(at, "claim", GEM, line=line)
        with pytest.raises(Conflict, match="Gem is working"):
            await act(at, kind, DORA, line=line, **options)
        [waiting] = at.session.desk.shown().held
        assert (waiting.line, waiting.claimed_by, waiting.claimed_by_name) == (line, GEM.id, "Gem")
        assert waiting.claim_lapses_at_ms > waiting.since_ms
        assert at.bodies(Kind.RELEASED) == at.bodies(Kind.REJECTED) == []


async def test_a_claim_that_nothing_is_heard_of_lapses() -> None:
    """The desks are shown that it is free; then somebody else decides."""
    async with table(settings=_rules(0.1)) as at:
        line = await _draft(at)
        desk = await at.sit("GM", role="director", monitor=True)
        await act(at, "claim", GEM, line=line)
        await at.until(lambda: not _claimed_by(at))
        shown = [value for value in received(desk) if isinstance(value, DeskShown)]
        assert [one.held[0].claimed_by for one in shown[-2:]] == [GEM.id, ""]
        assert shown[-1].held[0].claim_lapses_at_ms == 0
        await act(at, "release", DORA, line=line)
        assert (await at.closed())["line"] == line


async def test_whoever_goes_on_working_keeps_the_claim() -> None:
    """Claimed again it lasts as long as a new one."""
    async with table(settings=_rules(30.0)) as at:
        line = await _draft(at)
        await act(at, "claim", GEM, line=line)
        [first] = at.session.desk.shown().held

        async def longer() -> bool:
            await act(at, "claim", GEM, line=line)
            [now] = at.session.desk.shown().held
            return now.claim_lapses_at_ms > first.claim_lapses_at_ms

        await at.until(longer, "a claim that lapses later")


async def test_a_lapsed_claim_sets_the_timer_of_the_line_going_again() -> None:
    """A draft that is to be released by itself does not wait for an operator who went away."""
    rules = _rules(0.1)
    rules = rules.model_copy(update={"stage": rules.stage.model_copy(update={"auto_release_s": 0.15})})
    async with table(settings=rules) as at:
        await approving(at)
        ann = await at.sit("Ann", role="player", hears=False)
        await type_in(at, ann)
        await at.until(lambda: [line for line in at.session.desk.shown().held if line.complete])
        line = at.session.desk.shown().held[0].line
        await act(at, "claim", GEM, line=line)
        assert at.session.desk.shown().held[0].releases_at_ms == 0
        closed = await at.closed()
        assert (closed["line"], closed["state"]) == (line, "heard")


async def test_of_two_releases_at_once_one_is_a_conflict() -> None:
    """However close they come, the line is released once; also when it is being spoken, and when it was."""
    async with table() as at:
        line = await _draft(at)
        both = await asyncio.gather(act(at, "release", GEM, line=line), act(at, "release", DORA, line=line), return_exceptions=True)
        assert sorted(type(one).__name__ for one in both) == ["ActResponse", "Conflict"]
        await at.closed()
        with pytest.raises(Conflict):
            await act(at, "release", DORA, line=line)
        assert len(at.bodies(Kind.RELEASED)) == 1


async def test_while_words_are_being_changed_nobody_releases_the_old_ones() -> None:
    """Two edits at once: the first one's words are spoken, the second one is told."""
    async with table() as at:
        line = await _draft(at)
        at.mind.sentences = ["Leave, now."]
        both = await asyncio.gather(
            act(at, "release", GEM, line=line, text="Leave, now."), act(at, "release", DORA, line=line, text="Stay."), return_exceptions=True
        )
        assert [type(one).__name__ for one in both] == ["ActResponse", "Conflict"]
        await at.closed()
        assert [fact.by.id for fact in at.log.facts if fact.kind in (Kind.RELEASED, Kind.SENTENCE) and fact.by.role == "director"] == [GEM.id, GEM.id]


async def test_one_platform_alone_is_by_approval() -> None:
    """Words from the page wait, those from elsewhere are answered at once; a character's own mode goes before."""
    async with table() as at:
        await act(at, "mode", GEM, platform="page", text="approve")
        far, ann = await at.sit("Far", role="player", hears=False, platform="api"), await at.sit("Ann", role="player", hears=False, platform="page")
        assert at.session.desk.shown().platforms == ("api", "page")
        await type_in(at, far, "Mirelle, good evening!")
        assert (await at.closed())["state"] == "heard"
        await type_in(at, ann, "Mirelle, and you?")
        line = await held(at)
        await act(at, "release", GEM, line=line)
        await at.until(lambda: len(at.bodies(Kind.LINE_CLOSED)) == 2)
        await act(at, "mode", GEM, character="mirelle", text="auto")
        await type_in(at, ann, "Mirelle, what now?")
        await at.until(lambda: len(at.bodies(Kind.LINE_CLOSED)) == 3)
        assert [body.get("mode", "auto") for body in at.bodies(Kind.LINE_OPENED)] == ["auto", "approve", "auto"]


async def test_a_desk_is_no_platform() -> None:
    """Who only watches says nothing, so there is nothing to hold."""
    async with table() as at:
        await at.sit("GM", role="director", monitor=True, platform="page")
        assert at.session.desk.shown().platforms == ()
