"""When a followed turn is over."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator
from types import SimpleNamespace
from typing import Any

from services.core.errors import Ahead
from services.core.model.attachment import AttachDown, Attached, AttachOpen, AttachUp, Goodbye, TextSaid
from services.core.model.fact import Author, Fact, Kind
from services.core.model.principal import Principal
from services.gateway.turns import _FOLLOWED_OF_ONE, Turns, Words, _Followed


def fact(seq: int, kind: Kind, cause: int | None = None, place: str = "", by: str = "ann", **body: Any) -> Fact:
    author = Author("player", by) if kind == Kind.SAID else Author("stage")
    return Fact(seq=seq, kind=kind, at_ms=0, by=author, place=place, cause=cause, body=body)


def followed(*facts: Fact) -> list[tuple[bool, bool]]:
    """For every fact whether it is told, and whether the turn of Ann's message m is over with it."""
    turn = _Followed("ann", "m")
    return [(turn.takes(one), turn.over) for one in facts]


def test_a_turn_is_told_from_its_words_to_the_end_of_its_line() -> None:
    """What came before is not told; another line's end is not this one's."""
    facts = (
        fact(4, Kind.SAID, utterance="other"),
        fact(5, Kind.SAID, utterance="m"),
        fact(6, Kind.LINE_OPENED, line="l", turn=5),
        fact(7, Kind.LINE_CLOSED, line="before"),
        fact(8, Kind.LINE_CLOSED, line="l"),
    )
    assert followed(*facts) == [(False, False), (True, False), (True, False), (True, False), (True, True)]


def test_a_turn_begins_with_its_speakers_own_words() -> None:
    """Somebody else's message of the same id is not it."""
    facts = (fact(4, Kind.SAID, utterance="m", by="bob"), fact(5, Kind.PASSED, 4, turn=4), fact(6, Kind.SAID, utterance="m"))
    assert followed(*facts) == [(False, False), (False, False), (True, False)]


def test_a_line_may_answer_words_from_before_as_well() -> None:
    """The turn is named by the first of them: the follower of the last ones must not wait for a turn of their own name."""
    facts = (fact(5, Kind.SAID, utterance="m"), fact(6, Kind.LINE_OPENED, line="l", turn=4), fact(7, Kind.LINE_CLOSED, line="l"))
    assert followed(*facts)[-1] == (True, True)


def test_a_line_elsewhere_answers_nobody_here() -> None:
    """Two places, two conversations."""
    facts = (fact(5, Kind.SAID, utterance="m"), fact(6, Kind.LINE_OPENED, line="l", turn=4, place="cellar"), fact(7, Kind.LINE_CLOSED, line="l"))
    assert followed(*facts)[-1] == (True, False)


def test_only_what_was_said_until_then_is_passed() -> None:
    """A turn that is given up because of these words ends another one; one with the words in it ends theirs."""
    said = fact(5, Kind.SAID, utterance="m")
    assert followed(said, fact(6, Kind.PASSED, 4, turn=4))[-1] == (True, False)
    assert followed(said, fact(6, Kind.PASSED, 5, turn=4))[-1] == (True, True)
    assert followed(said, fact(6, Kind.PASSED, None, turn=4))[-1] == (True, True)


def test_a_turn_that_waited_already_answers_somebody_else() -> None:
    """Bob called Bram before Ann said anything: his line comes first and ends first, and hers is still to come."""
    said = fact(6, Kind.SAID, utterance="m")
    theirs = (fact(7, Kind.LINE_OPENED, line="bram", turn=5, upto=5), fact(8, Kind.LINE_CLOSED, line="bram"))
    own = (fact(9, Kind.LINE_OPENED, line="mirelle", turn=6, upto=6), fact(10, Kind.LINE_CLOSED, line="mirelle"))
    assert [over for _, over in followed(said, *theirs, *own)] == [False, False, False, False, True]


def test_a_line_answers_all_the_words_that_it_was_asked_about() -> None:
    """Words that came between its first and its last ones are among them."""
    said = fact(6, Kind.SAID, utterance="m")
    assert followed(said, fact(8, Kind.LINE_OPENED, line="l", turn=5, upto=7), fact(9, Kind.LINE_CLOSED, line="l"))[-1] == (True, True)


def test_who_is_passed_elsewhere_is_not_this_one() -> None:
    """Another place gives up a longer turn."""
    said = fact(6, Kind.SAID, utterance="m")
    assert followed(said, fact(8, Kind.PASSED, 7, turn=5, place="cellar"))[-1] == (True, False)


class _Stage:
    """Answers every attachment with words and their end; whoever has seen more than `head` is refused."""

    def __init__(self, head: int = 4) -> None:
        self.head = head
        self.sent: list[AttachUp] = []

    async def attach(self, opening: AttachOpen) -> tuple[Attached, _Stage, AsyncIterator[AttachDown]]:
        if opening.after_seq > self.head:
            raise Ahead
        return Attached("ann", "Ann", 4), self, self._events()

    async def _events(self) -> AsyncIterator[AttachDown]:
        for one in (fact(5, Kind.SAID, utterance="m"), fact(6, Kind.PASSED, 5, turn=5)):
            yield one

    async def send(self, value: AttachUp) -> None:
        self.sent.append(value)

    def cancel(self) -> None:
        pass


class _Waiting(_Stage):
    """A director thinks about every answer."""

    async def _events(self) -> AsyncIterator[AttachDown]:
        said = next(value for value in reversed(self.sent) if isinstance(value, TextSaid))
        yield fact(5, Kind.SAID, utterance=said.message)
        await asyncio.Event().wait()


class _History:
    """Remembers the session up to a fact, until it is told to forget it."""

    def __init__(self, seq: int) -> None:
        self.seq = seq

    async def table(self, _: str) -> Any:
        return SimpleNamespace(view=SimpleNamespace(seq=self.seq, members={}), member_of=lambda _: "")

    def forget(self, _: str) -> None:
        self.seq = 0


async def _said(stage: _Stage, remembered: int) -> list[Any]:
    """What is told of a turn by a gateway that remembers so much of the session."""
    stages: Any = stage
    history: Any = _History(remembered)
    words = Words(session="s", principal=Principal("id-ann", "player", "Ann"), text="Hello?", message="m", minted=True)
    return [one async for one in Turns(stages, history).turn(words)]


async def test_whoever_speaks_by_a_request_does_not_stay() -> None:
    """The request is over with its turn: no seat is kept for a connection that will not come back."""
    stage = _Stage()
    assert await _said(stage, 4)
    assert [type(value) for value in stage.sent] == [TextSaid, Goodbye]


async def test_what_is_remembered_of_lost_facts_is_forgotten() -> None:
    """A gateway that has read more than the transcript holds says the words all the same, once."""
    stage = _Stage()
    assert [one.seq for one in await _said(stage, 50)] == [5, 6]
    assert [type(value) for value in stage.sent] == [TextSaid, Goodbye]


async def test_turns_that_wait_for_a_director_keep_nobody_out() -> None:
    """Of one session the latest are followed, each of which is a connection to it; other sessions have theirs."""
    stages: Any = _Waiting()
    history: Any = _History(4)
    async with Turns(stages, history).open() as turns:
        for session, count in (("quiet", 1), ("busy", _FOLLOWED_OF_ONE + 3)):
            for number in range(count):
                words = Words(session=session, principal=Principal("id-ann", "player", "Ann"), text="Hello?", message=f"{session}{number}", minted=True)
                assert (await turns.say(words)).seq == 5
        while len(turns._followers) > _FOLLOWED_OF_ONE + 1:
            await asyncio.sleep(0)
        names = [task.get_name() for task in turns._followers]
    assert names == ["turn-quiet0", *(f"turn-busy{number}" for number in range(3, _FOLLOWED_OF_ONE + 3))]
    assert not turns._followers
