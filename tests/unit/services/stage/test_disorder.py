"""Tables where everybody does anything at any time: whatever the order, nothing is left over."""

from __future__ import annotations

import asyncio
import contextlib
from collections.abc import AsyncGenerator, Callable, Sequence
from random import Random
from typing import Any

import pytest

from services.core.errors import Conflict, EngineFailed, NotFound, SouffleurError
from services.core.model.attachment import CancelLine, Configure, FinalHeard, Onset, PartialHeard, Paused, Played, Resumed, TakeFloor, TextSaid, UtteranceLost
from services.core.model.desk import ActRequest
from services.core.model.fact import Author, Draft, Fact, Kind
from services.core.model.facts import Joined, fields_of
from services.core.model.principal import Principal
from services.core.model.reply import ReplyEvent, ReplyFinished, ReplyRequest, ReplyStarted, Sentence
from services.core.settings import Settings, StageSettings
from services.stage.attachments import Attachment
from services.stage.floor import State
from services.stage.place import Place
from tests.unit.services.stage.table import Mind, Table, table

QUICK = Settings(stage=StageSettings(hang_over_s=0.1, speculative_s=0.05, confirm_s=0.1, resume_s=0.3, longest_utterance_s=2.0))
WORDS = ("Mirelle, hi", "Bram, hi", "hello there", "hmm")


class Moody(Mind):
    """Answers late or soon, much or nothing, and sometimes breaks off."""

    def __init__(self, random: Random) -> None:
        super().__init__()
        self._random = random

    async def reply(self, request: ReplyRequest, timeout_s: float) -> AsyncGenerator[ReplyEvent]:
        self.requests.append(request)
        try:
            await asyncio.sleep(self._random.choice([0, 0, 0.005, 0.03]))
            yield ReplyStarted("scripted", "m")
            for index in range(self._random.choice([0, 1, 1, 2, 3])):
                await asyncio.sleep(self._random.choice([0, 0, 0.01]))
                yield Sentence(index, "One more sentence.", "One more sentence.")
            if self._random.random() < 0.15:
                raise EngineFailed
            yield ReplyFinished("stop", engine="scripted", model="m")
        finally:
            self.stopped += 1


class Company:
    """Whoever is at the table, doing one thing after another."""

    def __init__(self, at: Table, random: Random) -> None:
        self._at, self._random = at, random
        self._seats: list[Attachment] = []
        self._talking: dict[str, Attachment] = {}
        self._count = 0
        self._acts: dict[Callable[[Attachment], object], int] = {
            self._say: 22, self._ask: 8, self._cancel: 6, self._correct: 6, self._leave: 3, self._move: 2, self._begin: 12, self._go_on: 33, self._play: 8,
        }  # fmt: skip

    async def something(self, *, directed: bool = False) -> None:
        """One act, of the director's too if the evening is `directed`; what is refused is refused."""
        random = self._random
        if directed and random.random() < 0.3:
            await self._direct()
            return
        if not self._seats or random.random() < 0.08:
            settings = Configure(answers=random.choice([None, None, False]), interrupts=random.choice([None, None, False]))
            hears, reports, role = random.random() < 0.6, random.random() < 0.3, random.choice(["director", "player"])
            self._seats.append(await self._at.sit(self._new(), hears=hears, reports_playback=reports, configure=settings, role=role))
            return
        (act,) = random.choices(list(self._acts), list(self._acts.values()))
        try:
            act(random.choice(self._seats))
        except SouffleurError:
            return

    async def _direct(self) -> None:
        random = self._random
        kinds = (
            "mode",
            "mode",
            "release",
            "release",
            "reject",
            "hold",
            "halt",
            "resume",
            "mute",
            "unmute",
            "puppet",
            "next",
            "retake",
            "claim",
            "unclaim",
            "stop",
        )
        kind = random.choice(kinds)
        text = {"mode": random.choice(["auto", "approve"]), "puppet": "My words.", "release": random.choice(["", "Other words."])}.get(kind, "")
        held = [line.line for line in self._at.session.desk.shown().held]
        line = random.choice(["", *held, *self._at.session.roster.lines]) if kind in ("release", "reject", "retake", "claim", "unclaim", "hold") else ""
        who = Principal("gm", "director") if random.random() < 0.8 else Principal("op", "operator")
        character = random.choice(["mirelle", "bram"]) if kind in ("mute", "unmute", "puppet", "next") else ""
        asked = ActRequest(session="s", principal=who, act=self._new(), kind=kind, line=line, character=character, text=text, direction="otherwise")
        try:
            await self._at.session.act(asked)
        except SouffleurError:
            return

    async def let_go(self) -> None:
        """The director leaves the table to itself: nothing is held any more, and nobody is muted."""
        acts = [("mode", "", "auto"), ("resume", "", ""), ("unmute", "mirelle", ""), ("unmute", "bram", "")]
        for kind, character, text in acts:
            await self._at.session.act(
                ActRequest(session="s", principal=Principal("gm", "director"), act=self._new(), kind=kind, character=character, text=text)
            )
        for line in self._at.session.desk.shown().held:
            if not line.queued:
                owner = Principal(line.claimed_by or "gm", "director")
                here = any(seat.member == line.character for seat in self._at.session.roster.cast(line.place))
                # One that was overtaken goes by itself.
                with contextlib.suppress(NotFound, Conflict):
                    await self._at.session.act(ActRequest(session="s", principal=owner, act=self._new(), kind="release" if here else "reject", line=line.line))

    def be_quiet(self) -> None:
        """Everybody finishes."""
        for utterance, who in self._talking.items():
            self._at.session.listening.heard(who, FinalHeard(utterance, self._random.choice(["", "Mirelle, hi"])))

    def _new(self) -> str:
        self._count += 1
        return f"n{self._count}"

    def _say(self, who: Attachment) -> None:
        self._at.session.say(who, TextSaid(self._new(), self._random.choice(WORDS), answers=self._random.random() < 0.75))

    def _ask(self, who: Attachment) -> None:
        self._at.session.take_floor(who, TakeFloor(self._random.choice(["", "bram", "mirelle"])))

    def _cancel(self, who: Attachment) -> None:
        self._at.session.cancel_line(who, CancelLine())

    def _correct(self, _: Attachment) -> None:
        sentences = [fact.seq for fact in self._at.log.facts if fact.kind == Kind.SENTENCE]
        self._at.session.interrupt_for(dict.fromkeys(sentences[-1:]))

    def _leave(self, who: Attachment) -> None:
        self._seats.remove(who)
        self._at.door.leave(who)
        self._talking = {utterance: other for utterance, other in self._talking.items() if other is not who}

    def _move(self, _: Attachment) -> None:
        slug, place = self._random.choice(["mirelle", "bram"]), self._random.choice(["", "", "cellar"])
        body = fields_of(Joined(member=slug, role="character", name=slug.title()))
        self._at.session.write(Draft(key=self._new(), kind=Kind.JOINED, at_ms=0, by=Author("director"), place=place, body=body))

    def _begin(self, who: Attachment) -> None:
        utterance = self._new()
        self._talking[utterance] = who
        self._at.session.listening.heard(who, Onset(utterance, self._random.random() < 0.25))

    def _go_on(self, _: Attachment) -> None:
        if not self._talking:
            return
        utterance = self._random.choice(list(self._talking))
        event: Any = self._random.choice([
            Paused(utterance, 20), Paused(utterance, 20), Resumed(utterance), PartialHeard(utterance, "mirelle hi"), PartialHeard(utterance, "hello"),
            FinalHeard(utterance, ""), FinalHeard(utterance, "Mirelle, hi."), FinalHeard(utterance, "Bram?"), UtteranceLost(utterance, "lost"),
        ])  # fmt: skip
        who = self._talking[utterance]
        if isinstance(event, FinalHeard | UtteranceLost):
            del self._talking[utterance]
        self._at.session.listening.heard(who, event)

    def _play(self, who: Attachment) -> None:
        line = self._at.session.place("").line
        if line is not None:
            self._at.session.played(who, Played(line.order.line, self._random.randint(0, 3000)))


def _slow(at: Table, random: Random) -> None:
    append = at.log.append

    async def slowly(sid: str, drafts: Sequence[Draft]) -> list[Fact]:
        await asyncio.sleep(random.choice([0, 0.002, 0.02]))
        return await append(sid, drafts)

    at.log.append = slowly  # type: ignore[method-assign]


def _calm(at: Table) -> bool:
    return all(_is_calm(place) for place in at.session._floors())


def _is_calm(place: Place) -> bool:
    waits = bool(place.waiting) or place.approval or place.remainders
    return place.line is None and not waits and place.floor.state is State.IDLE and not place._tasks


async def _evening(seed: int, *, directed: bool = False) -> None:
    random = Random(seed)
    mind = Moody(random)
    async with table("Mirelle", "Bram", mind=mind, settings=QUICK, ms_per_char=random.choice([0.5, 3.0])) as at:
        if random.random() < 0.3:
            _slow(at, random)
        company = Company(at, random)
        for _ in range(random.randint(20, 60)):
            await company.something(directed=directed)
            if random.random() < 0.7:
                await asyncio.sleep(random.choice([0, 0, 0, 0.005, 0.02, 0.12]))
        ends_suddenly = random.random() < 0.4
        if ends_suddenly:
            await at.session.close("shutdown")
        else:
            company.be_quiet()
            if directed:
                await company.let_go()
            # Each held line that is let go may wait two seconds for a listener who never says that it has played it.
            await at.until(lambda: _calm(at), "the floor is free in the end", timeout_s=30)
        await at.session.writer.close()
        await at.until(lambda: mind.stopped == len(mind.requests), "no reply goes on that nobody wants")
        _check(at, ends_suddenly=ends_suddenly, directed=directed)


seeds = pytest.mark.parametrize("first", [0, *(pytest.param(first, marks=pytest.mark.nightly) for first in range(20, 200, 20))])
"""Twenty evenings at once, and the others at night."""


def _check(at: Table, *, ends_suddenly: bool, directed: bool) -> None:
    opened, closed = ([body["line"] for body in at.bodies(kind)] for kind in (Kind.LINE_OPENED, Kind.LINE_CLOSED))
    assert sorted(opened) == sorted(closed), "every line has one end"
    first = [body for body in at.bodies(Kind.LINE_OPENED) if not body["retakes"]]
    ended = [body["turn"] for body in (*first, *at.bodies(Kind.PASSED)) if body["turn"]]
    assert directed or len(ended) == len(set(ended)), "a turn is answered or passed, once, unless the director has it answered again"
    spoken = {body["line"] for body in at.bodies(Kind.LINE_CLOSED) if body["state"] in ("heard", "cut") and body["last_seq"]}
    held = {body["line"] for body in at.bodies(Kind.LINE_OPENED) if body["mode"] == "approve"}
    assert spoken & held <= {body["line"] for body in at.bodies(Kind.RELEASED)}, "nothing is heard that was held and not released"
    assert len(at.bodies(Kind.RELEASED)) == len({body["line"] for body in at.bodies(Kind.RELEASED)}), "a line is released once"
    last: dict[str, int] = {fact.body["line"]: fact.seq for fact in at.log.facts if fact.kind == Kind.LINE_CLOSED}
    assert all(fact.seq < last[fact.body["line"]] for fact in at.log.facts if fact.kind == Kind.SENTENCE), "nothing is said after the end"
    assert ends_suddenly or at.session.place("").waiting.unasked is not None or not at.session.roster.unanswered, "no words are forgotten"
    assert not (ends_suddenly and at.session.roster.unanswered), "whoever closes the house passes what is open"
    assert not at.lost


@seeds
async def test_whatever_happens_every_turn_and_every_line_has_one_end(first: int) -> None:
    """Speech, typing, requests, cancellations, corrections, comings and goings in any order, over a slow store or a quick one."""
    unforeseen: list[Any] = []
    asyncio.get_running_loop().set_exception_handler(lambda _, context: unforeseen.append(context))
    async with asyncio.timeout(60):
        ends = await asyncio.gather(*(_evening(seed) for seed in range(first, first + 20)), return_exceptions=True)
    assert {first + number: end for number, end in enumerate(ends) if end is not None} == {}
    assert not unforeseen


@seeds
async def test_whatever_the_director_does_every_line_has_one_end(first: int) -> None:
    """The same evenings with a director who holds, releases, refuses, puppets, mutes and panics; nothing held is heard."""
    unforeseen: list[Any] = []
    asyncio.get_running_loop().set_exception_handler(lambda _, context: unforeseen.append(context))
    async with asyncio.timeout(60):
        ends = await asyncio.gather(*(_evening(seed, directed=True) for seed in range(first, first + 20)), return_exceptions=True)
    assert {first + number: end for number, end in enumerate(ends) if end is not None} == {}
    assert not unforeseen
