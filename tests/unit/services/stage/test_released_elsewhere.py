"""A line that waits for approval is for those who are there when it is released, in its captions, its sound and everybody's memory."""

from __future__ import annotations

import asyncio

import pytest

from services.core.model.attachment import LineAudio
from services.core.model.fact import Author, Draft, Fact, Kind
from services.core.model.facts import Joined, fields_of
from services.stage.attachments import Attachment
from services.stage.roster import Roster
from services.transcript.view import DIRECTOR, LineEntry, Reader, fold
from tests.unit.services.stage.direction import act, approving, held, sentences, type_in
from tests.unit.services.stage.table import Mind, Table, received, table
from tests.unit.services.stage.telling import tell

_WORDS = ["Good evening.", "Sit down."]


def told(listener: Attachment) -> list[str]:
    """Of a line: its facts and, once, its sound."""
    values = [value for value in received(listener) if isinstance(value, LineAudio) or str(getattr(value, "body", {}).get("line", ""))]
    return list(dict.fromkeys(value.body.get("text") or str(value.kind) if isinstance(value, Fact) else "sound" for value in values))


def knows(at: Table, character: str) -> list[str]:
    """What a character has heard other ones say."""
    view = fold(at.log.facts, Reader("character", character))
    return [entry.heard_text for entry in view.entries if isinstance(entry, LineEntry)]


async def comes(at: Table, character: str) -> None:
    body = fields_of(Joined(member=character, role="character", name=character.title()))
    await at.session.write(Draft(key=f"late:{character}", kind=Kind.JOINED, at_ms=0, by=Author("director"), body=body))


async def waiting(at: Table) -> tuple[str, Attachment, Attachment]:
    """Mirelle's reply waits in the hall, where Ann, Cara and Bram are."""
    await approving(at)
    ann, cara = await at.sit("Ann", role="player"), await at.sit("Cara", role="player")
    await type_in(at, ann, "Mirelle?")
    return await held(at), ann, cara


async def others_come(at: Table, cara: Attachment) -> Attachment:
    """Cara and Bram go down to the cellar; Dora comes in, and Quill."""
    for member in (cara.participant, "bram"):
        await act(at, "move", character=member, text="cellar")
    await comes(at, "quill")
    dora = await at.sit("Dora", role="player")
    received(cara)
    return dora


async def test_who_has_gone_is_told_nothing_and_who_has_come_everything() -> None:
    """The same words stand once more for those who hear them; nobody has given the line other ones."""
    async with table("Mirelle", "Bram") as at:
        line, ann, cara = await waiting(at)
        dora = await others_come(at, cara)
        received(ann), received(dora)
        await act(at, "release", line=line)
        closed = await at.closed()
        assert closed["state"] == "heard"
        whole = [str(Kind.LINE_OPENED), *_WORDS, "sound", str(Kind.LINE_CLOSED)]
        assert (told(ann), told(dora), told(cara)) == (whole, whole, [])
        assert (knows(at, "bram"), knows(at, "quill"), knows(at, "mirelle")) == ([], [" ".join(_WORDS)], [" ".join(_WORDS)])
        assert sentences(at, line) == [(attempt, text) for attempt in (1, 2) for text in _WORDS]
        entry = fold(at.log.facts, DIRECTOR).entry_of(closed["last_seq"])
        assert isinstance(entry, LineEntry)
        assert (set(entry.audience or ()), entry.original) == ({"mirelle", "quill", ann.participant, dora.participant}, None)
        again = await at.sit("Cara", role="player", participant=cara.participant, after_seq=0)
        assert [fact.kind for fact in again._backlog if isinstance(fact, Fact) and fact.body.get("line") == line] == []


async def test_in_other_words_it_is_for_those_who_are_there_too() -> None:
    """And stands twice only: the draft, and what was released."""
    async with table("Mirelle", "Bram") as at:
        line, ann, cara = await waiting(at)
        dora = await others_come(at, cara)
        received(ann), received(dora)
        at.mind.sentences = ["Leave, now."]
        await act(at, "release", line=line, text="Leave, now.")
        await at.closed()
        assert [told(who)[1:-2] for who in (ann, dora, cara)] == [["Leave, now."], ["Leave, now."], []]
        assert (knows(at, "bram"), knows(at, "quill")) == ([], ["Leave, now."])
        assert sentences(at, line) == [*((1, text) for text in _WORDS), (2, "Leave, now.")]


async def test_it_is_said_as_it_was_corrected_while_it_waited() -> None:
    """What was struck is gone, what was edited reads as edited."""
    async with table("Mirelle", "Bram", mind=Mind(["One.", "Two.", "Three."])) as at:
        line, ann, cara = await waiting(at)
        first, second, _ = [fact.seq for fact in at.log.facts if fact.kind == Kind.SENTENCE]
        await tell(at, Kind.CORRECTED, target=first, text="Only one.", emotion="anger")
        await tell(at, Kind.STRUCK, targets=[second])
        await others_come(at, cara)
        received(ann)
        await act(at, "release", line=line)
        await at.closed()
        assert told(ann)[1:3] == ["Only one.", "Three."]
        assert [(body["text"], body["emotion"]) for body in at.bodies(Kind.SENTENCE)[3:]] == [("Only one.", "anger"), ("Three.", "neutral")]


@pytest.mark.parametrize("begun", [True, False])
async def test_a_draft_that_is_not_whole_is_written_on_for_them(*, begun: bool) -> None:
    """Released before its first words, or before it was a line: nothing is said twice."""
    mind = Mind(gate=asyncio.Event())
    async with table("Mirelle", "Bram", mind=mind) as at:
        await approving(at)
        ann, cara = await at.sit("Ann", role="player"), await at.sit("Cara", role="player")
        await type_in(at, ann, "Mirelle?")
        await at.until(lambda: at.bodies(Kind.LINE_OPENED) if begun else at.session.desk.shown().held)
        dora = await others_come(at, cara)
        received(ann), received(dora)
        await act(at, "release")
        assert mind.gate is not None
        mind.gate.set()
        assert (await at.closed())["state"] == "heard"
        assert (set(told(ann)), told(cara)) == ({Kind.LINE_OPENED, *_WORDS, "sound", Kind.LINE_CLOSED}, [])
        assert told(dora)[0] == Kind.LINE_OPENED
        assert (knows(at, "bram"), knows(at, "quill")) == ([], [" ".join(_WORDS)])
        assert [body["text"] for body in at.bodies(Kind.SENTENCE)] == _WORDS


async def test_a_whisper_that_waits_stays_with_those_it_is_for() -> None:
    """Whoever comes."""
    async with table("Mirelle", "Bram") as at:
        await approving(at)
        ann, cara = await at.sit("Ann", role="player", hears=False), await at.sit("Cara", role="player", hears=False)
        ann.configure(ann.settings.__class__(whispers="mirelle"))
        await type_in(at, ann, "psst")
        line = await held(at)
        await others_come(at, cara)
        await act(at, "release", line=line)
        await at.closed()
        assert {fact.audience for fact in at.log.facts if fact.body.get("line") == line} == {(ann.participant, "mirelle")}
        assert [attempt for attempt, _ in sentences(at, line)] == [1, 1]


@pytest.mark.parametrize("taken_back", [True, False])
async def test_what_is_left_of_a_line_is_for_those_who_are_there(*, taken_back: bool) -> None:
    """Taken back by the director, or cut for a correction: what goes on is a line of its own."""
    async with table("Mirelle", "Bram", mind=Mind(["One two three four five six seven eight nine ten.", "Second."]), ms_per_char=20) as at:
        ann, cara = await at.sit("Ann", role="player"), await at.sit("Cara", role="player")
        await type_in(at, ann, "Mirelle?")
        await at.until(lambda: at.heard()[1])
        dora = await others_come(at, cara)
        if taken_back:
            await act(at, "hold")
            await act(at, "release", line=await held(at))
        else:
            await tell(at, Kind.CORRECTED, target=at.heard()[0], text="One two three, and so on.")
        await at.closed(2)
        here = {"mirelle", "quill", ann.participant, dora.participant}
        opened = [fact for fact in at.log.facts if fact.kind == Kind.LINE_OPENED]
        assert [set(fact.audience or ()) == here for fact in opened] == [False, True]
        assert len(sentences(at, opened[1].body["line"])) == 2


async def test_the_end_of_a_line_whose_stage_died_is_for_those_who_heard_its_beginning() -> None:
    """Whoever owns the session next knows to whom it was released."""
    async with table("Mirelle", "Bram", ms_per_char=200) as at:
        line, ann, cara = await waiting(at)
        dora = await others_come(at, cara)
        await act(at, "release", line=line)
        roster = Roster()
        for fact in at.log.facts:
            roster.advance(fact)
        assert set(roster.open_lines[line].audience or ()) == {"mirelle", "quill", ann.participant, dora.participant}
