"""Whose connection is gone keeps their seat for a while: what they miss meanwhile, and what nobody waits for."""

from __future__ import annotations

import pytest

from services.core.errors import Ahead
from services.core.model.attachment import AttachOpen, Goodbye, TextSaid
from services.core.model.fact import Fact, Kind
from services.core.model.principal import Principal
from services.core.settings import Settings, StageSettings
from services.core.telemetry import CLIENTS_AHEAD
from services.stage.attachments import Attachment
from services.stage.house import Owned
from services.stage.servicer import _take
from tests.unit.services.stage.table import Mind, Table, table


@pytest.fixture(autouse=True)
def _short_goodbyes(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("services.stage.door._GOODBYE_S", 0.01)


async def _parts(at: Table, attachment: Attachment) -> None:
    """A clean close, and the time that is kept for it."""
    _take(Goodbye(), Owned(at.session, at.door, None), attachment)  # type: ignore[arg-type] # a goodbye is nothing to the writer
    at.door.leave(attachment)
    await at.until(lambda: {"member": attachment.participant} in at.bodies(Kind.LEFT))


def _seqs(attachment: Attachment) -> list[int]:
    return [value.seq for value in attachment._backlog if isinstance(value, Fact)]


async def test_words_reach_whoever_is_back_after_a_break() -> None:
    """They sit there all the time: no `left`, no second `joined`, and what was said meanwhile is theirs as well."""
    async with table() as at:
        ann, bob, cid = [await at.sit(name, role="player", hears=False) for name in ("Ann", "Bob", "Cid")]
        joined, seen = len(at.bodies(Kind.JOINED)), bob.seen
        at.door.leave(bob)
        await _parts(at, cid)
        said = await at.session.say(ann, TextSaid("m1", "Where is he?", answers=False))
        whispered = await at.session.say(ann, TextSaid("m2", "Psst.", answers=False, whispers=bob.participant))
        assert [set(fact.audience or ()) >= {ann.participant, bob.participant} for fact in (said, whispered)] == [True, True]
        assert cid.participant not in (said.audience or ())
        back = await at.sit("Bob", role="player", hears=False, participant=bob.participant, after_seq=seen)
        assert {said.seq, whispered.seq} <= set(_seqs(back))
        assert [body["member"] for body in at.bodies(Kind.LEFT)] == [cid.participant]
        assert len(at.bodies(Kind.JOINED)) == joined


async def test_whoever_does_not_come_back_in_time_has_left(monkeypatch: pytest.MonkeyPatch) -> None:
    """Then a return is another `joined`."""
    monkeypatch.setattr("services.stage.door.SEAT_KEPT_S", 0.02)
    async with table() as at:
        bob = await at.sit("Bob", role="player", hears=False)
        at.door.leave(bob)
        await at.until(lambda: at.bodies(Kind.LEFT))
        await at.sit("Bob", role="player", hears=False, participant=bob.participant)
        assert [body["member"] for body in at.bodies(Kind.JOINED)].count(bob.participant) == 2


async def test_a_table_of_two_goes_on_needing_names_while_one_is_away() -> None:
    """The number of heads does not change with every break; it does with a goodbye."""
    async with table() as at:
        ann, bob = [await at.sit(name, role="player", hears=False) for name in ("Ann", "Bob")]
        at.door.leave(bob)
        at.session.say(ann, TextSaid("m1", "What a night."))
        assert (await at.until(lambda: at.bodies(Kind.PASSED)))[0]["reason"] == "not_addressed"
        bob = await at.sit("Bob", role="player", hears=False, participant=bob.participant)
        await _parts(at, bob)
        at.session.say(ann, TextSaid("m2", "What a night."))
        assert (await at.closed())["state"] == "heard"


async def test_whoever_comes_without_saying_as_whom_is_known_by_the_name_after_a_break() -> None:
    """Otherwise they were two at the table, and nobody would answer without a name. Others who are called so are others."""
    async with table() as at:
        ann = await at.sit("Ann", role="player", hears=False)
        at.door.leave(ann)
        back = await at.sit("Ann", role="player", hears=False)
        assert back.participant == ann.participant
        beside = await at.sit("Ann", role="player", hears=False)
        assert beside.participant != ann.participant
        at.door.leave(back)
        somebody = Principal("id-other", "player", "Ann")
        assert at.door._kept_for(somebody.id, somebody.name) is None
        assert at.door._kept_for("", "Ann") is None
        again = await at.sit("Ann", role="player", hears=False)
        assert again.participant == ann.participant
        await _parts(at, beside)
        assert at.door._kept_for("id-Ann", "Ann") is None


async def test_whoever_has_no_name_is_known_as_one_without_a_name() -> None:
    """Each of several gets a seat of their own again; a name is nobody else's."""
    async with table() as at:
        nameless = AttachOpen(session="s", principal=Principal("id", "player"), hears=False)
        named = AttachOpen(session="s", principal=Principal("id", "player", "Ann"), hears=False)
        there = [(await at.door.enter(opening))[0] for opening in (named, nameless, nameless)]
        for attachment in there:
            at.door.leave(attachment)
        back = [(await at.door.enter(nameless))[0] for _ in range(3)]
        assert [one.participant for one in back[:2]] == [one.participant for one in there[1:]]
        assert back[2].participant not in {one.participant for one in there}


async def test_a_line_does_not_wait_for_the_report_of_somebody_who_is_gone(monkeypatch: pytest.MonkeyPatch) -> None:
    """They still sit there, and report nothing any more: when the sound has ended, so has the line."""
    monkeypatch.setattr("services.stage.conductor._GRACE_S", 60.0)
    async with table(mind=Mind(["Come in and sit down, the fire is warm."])) as at:
        ann = await at.sit("Ann", role="player", reports_playback=True)
        at.session.say(ann, TextSaid("m1", "Good evening"))
        await at.until(at.speaking)
        line = at.session.place("").line
        assert line is not None
        await at.until(lambda: line._playhead.sent and line._playhead.remaining_s(at.session._clock.now()) <= 0)
        assert not at.bodies(Kind.LINE_CLOSED)
        at.door.leave(ann)
        closed = await at.closed()
        assert (closed["state"], closed["basis"]) == ("heard", "estimated")
        assert not at.bodies(Kind.LEFT)


async def test_nobody_speaks_up_for_people_who_are_away() -> None:
    """A seat that is kept is nobody who could hear it."""
    async with table(settings=Settings(stage=StageSettings(idle_prompt_s=5.0))) as at:
        ann = await at.sit("Ann", role="player", hears=False)
        at.door.leave(ann)
        assert at.session.roster.people("")
        assert not at.session.place("")._speak_up()


async def test_whose_seat_is_kept_has_left_when_the_session_is_put_away() -> None:
    """Once, and nobody else."""
    async with table() as at:
        ann, bob = [await at.sit(name, role="player", hears=False) for name in ("Ann", "Bob")]
        at.door.leave(ann)
        at.door.see_out()
        at.door.see_out()
        await at.session.writer.caught_up()
        assert at.bodies(Kind.LEFT) == [{"member": ann.participant}]
        assert at.session.roster.seats[bob.participant].present


@pytest.mark.parametrize("monitor", [False, True])
async def test_whoever_has_seen_what_was_lost_is_told_to_begin_again(*, monitor: bool) -> None:
    """Otherwise every new fact would be one that they know, up to where they were. They are not seated, and it is counted."""
    async with table() as at:
        await at.sit("Bob", hears=False)
        head, counted = at.session.writer.durable, CLIENTS_AHEAD._value.get()
        joined = len(at.bodies(Kind.JOINED))
        with pytest.raises(Ahead):
            await at.sit("Ann", hears=False, monitor=monitor, after_seq=head + 1)
        assert CLIENTS_AHEAD._value.get() == counted + 1
        assert (len(at.session.attachments), len(at.bodies(Kind.JOINED))) == (1, joined)
        ann = await at.sit("Ann", hears=False, monitor=monitor)
        assert _seqs(ann)[:head] == list(range(1, head + 1))


async def test_whoever_has_seen_what_was_written_just_now_is_not_ahead() -> None:
    """Readers of the log may know of a fact before its own writer does."""
    async with table() as at:
        await at.sit("Bob", hears=False)
        head = at.session.writer.durable
        at.session.writer.durable -= 1
        await at.sit("Ann", hears=False, monitor=True, after_seq=head)
