"""Typed words and what becomes of them: one turn, followed from its `said` to its one end."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncGenerator, AsyncIterator
from contextlib import aclosing, asynccontextmanager
from dataclasses import dataclass, field
from typing import Final

import structlog

from services.core import errors
from services.core.model.attachment import AttachDown, Attached, AttachOpen, AttachUp, Goodbye, Refused, TextSaid, TurnTimed
from services.core.model.fact import Fact, Kind
from services.core.model.principal import Principal
from services.core.rpc.client import StageClient, Stream
from services.gateway.history import History, Table
from services.gateway.streaming import ended

LONGEST_TURN_S: Final = 300.0
"""A held line waits for its director; not for ever, as far as a request is concerned."""
SAID_S: Final = 10.0
_FOLLOWED: Final = 64
"""Turns followed for requests that have been answered already."""
_FOLLOWED_OF_ONE: Final = 8
"""Of one session, where each is a connection; while a director thinks, one may last as long as a turn may."""
_LOOKED_BACK: Final = 1_000
_DEFAULT_NAME: Final = "Player"

_log = structlog.get_logger(__name__)
_REFUSALS: Final = {
    cls.code: cls
    for cls in (
        errors.InvalidRequest,
        errors.NotFound,
        errors.Conflict,
        errors.Forbidden,
        errors.TooLarge,
        errors.Overloaded,
        errors.Recovering,
        errors.Unavailable,
    )
}


@dataclass(frozen=True, slots=True, kw_only=True)
class Words:
    """What is to be said, by whom."""

    session: str
    principal: Principal
    text: str
    message: str
    """Idempotency key."""
    minted: bool = False
    """The key was made just now, so it cannot have been said before."""
    speaker: str = ""
    """Member id or name of a participant; empty = the one that the principal was last, else a new one."""
    whispers: str = ""
    """Ids of the members who alone are to hear it, with spaces between."""


@dataclass(slots=True)
class Turns:
    """Says words in sessions. Entered by `app.build`; leaving it gives up what is still followed."""

    stage: StageClient
    history: History
    _followers: dict[asyncio.Task[None], str] = field(default_factory=dict)
    """And the session of each, the oldest first."""

    @asynccontextmanager
    async def open(self) -> AsyncIterator[Turns]:
        """Own the turns that are followed in the background."""
        try:
            yield self
        finally:
            await ended(*self._followers)

    async def say(self, words: Words) -> Fact:
        """Say it and return its `said` fact; the turn is followed to its end behind the caller's back, so that it has a listener."""
        known = await self._known(words)
        if known is not None:
            return known
        if len(self._followers) >= _FOLLOWED:
            raise errors.Overloaded
        turn = self.turn(words)
        try:
            async with asyncio.timeout(SAID_S):
                first = await anext(turn)
        except TimeoutError:
            await turn.aclose()
            raise errors.DeadlineExceeded from None
        except BaseException:
            await turn.aclose()
            raise
        assert isinstance(first, Fact)  # noqa: S101 - a turn begins with its `said`
        task = asyncio.create_task(_drain(turn), name=f"turn-{words.message}")
        self._followers[task] = words.session
        task.add_done_callback(self._followers.pop)
        same = [one for one, session in self._followers.items() if session == words.session]
        for old in same[:-_FOLLOWED_OF_ONE]:
            old.cancel()
        return first

    async def turn(self, words: Words) -> AsyncGenerator[Fact | TurnTimed, None]:
        """Say it; yield its `said`, then every fact of the session until the turn's line has closed or it was passed.

        Raises what the stage refused it with; `DeadlineExceeded` after `LONGEST_TURN_S`.
        """
        deadline = asyncio.get_running_loop().time() + LONGEST_TURN_S
        try:
            known, (seated, stream, events) = await self._attached(words)
        except errors.Ahead:
            # What is remembered here is of facts that were lost.
            self.history.forget(words.session)
            known, (seated, stream, events) = await self._attached(words)
        followed = _Followed(seated.participant if known is None else known.by.id, words.message)
        try:
            if known is None:
                await stream.send(TextSaid(words.message, words.text, whispers=words.whispers))
            # Nobody stays behind this: however it ends, there is no connection that could come back.
            await stream.send(Goodbye())
            while (event := await _next(events, deadline)) is not None:
                if isinstance(event, Refused) and event.ref == words.message:
                    raise _REFUSALS.get(event.code, errors.InvalidRequest)(event.detail)
                if isinstance(event, Fact | TurnTimed) and followed.takes(event):
                    yield event
                    if followed.over:
                        return
            raise errors.Unavailable("The stage ended the attachment before the turn was over.")
        finally:
            stream.cancel()

    async def _attached(self, words: Words) -> tuple[Fact | None, tuple[Attached, Stream[AttachUp, AttachDown], AsyncIterator[AttachDown]]]:
        """The `said` of this message, if it was said before, and an attachment for what follows."""
        known = await self._known(words)
        table = await self.history.table(words.session)
        return known, await self.stage.attach(self._opening(words, table, known))

    def _opening(self, words: Words, table: Table, known: Fact | None) -> AttachOpen:
        participant, name = _speaker(words, table)
        after = table.view.seq
        if known is not None:
            # Of a whisper only the seat that said it is told anything, and its speaker may have another one by now.
            participant, after = known.by.id, known.seq - 1
        principal = Principal(id=words.principal.id, role=words.principal.role, name=name)
        return AttachOpen(session=words.session, principal=principal, participant=participant, hears=False, after_seq=after, platform="api")

    async def _known(self, words: Words) -> Fact | None:
        """The `said` of this message, if this speaker has said it before; to somebody who may not speak for them it was not said."""
        if words.minted:
            return None
        table = await self.history.table(words.session)
        speakers = _speakers(words, table)
        facts = await self.history.facts(words.session, max(0, table.view.seq - _LOOKED_BACK))
        return next((fact for member in speakers for fact in facts if _is_said(fact, member, words.message)), None)


@dataclass(slots=True)
class _Followed:
    """Where a followed turn is. It is named by its first words, which may be somebody else's from a moment before."""

    member: str
    message: str
    said: int = 0
    place: str = ""
    lines: set[str] = field(default_factory=set)
    over: bool = False

    def takes(self, event: Fact | TurnTimed) -> bool:
        """Take an event in; whether it belongs to what is told of the turn."""
        if isinstance(event, Fact):
            self._fact(event)
        return self.said > 0

    def _fact(self, fact: Fact) -> None:
        body = fact.body
        if not self.said:
            if _is_said(fact, self.member, self.message):
                self.said, self.place = fact.seq, fact.place
        elif fact.kind == Kind.LINE_CLOSED:
            self.over = self.over or body.get("line") in self.lines
        elif answers(fact, self.said, self.place):
            self.lines.add(str(body.get("line")))
        elif fact.kind == Kind.PASSED and 0 < int(body.get("turn") or 0) <= self.said and fact.place == self.place:
            # A turn that was given up for these words has an earlier cause than they are.
            self.over = self.over or (fact.cause or self.said) >= self.said


def answers(fact: Fact, said: int, place: str) -> bool:
    """This opens a line that answers the words `said`: they are among those from its turn's first ones to the last that it was asked about.

    Whoever was addressed before these words were said may begin after them, and answers somebody else.
    """
    body = fact.body
    return fact.kind == Kind.LINE_OPENED and fact.place == place and 0 < int(body.get("turn") or 0) <= said <= int(body.get("upto") or said)


def _speakers(words: Words, table: Table) -> list[str]:
    """Whose message it may be: the speaker's that is named, else the caller's, who may have had another seat when it was said."""
    member, _ = _speaker(words, table)
    if words.speaker:
        return [member] if words.principal.role == "director" or table.principals.get(member) == words.principal.id else []
    return sorted((seat for seat, owner in table.principals.items() if owner == words.principal.id), key=lambda seat: seat != member)


def _is_said(fact: Fact, member: str, message: str) -> bool:
    """Message ids are their speakers' own: two of them may choose the same one."""
    return fact.kind == Kind.SAID and fact.by.id == member and fact.body.get("utterance") == message


async def _next(events: AsyncIterator[AttachDown], deadline: float) -> AttachDown | None:
    # A timeout around the whole loop would belong to whichever task happened to take the first step of the generator.
    try:
        async with asyncio.timeout_at(deadline):
            return await anext(events, None)
    except TimeoutError:
        raise errors.DeadlineExceeded("The turn goes on, but this request has waited long enough; read the facts later.") from None


def _speaker(words: Words, table: Table) -> tuple[str, str]:
    """Participant id and name: a member that is meant by id or name, else somebody new of that name."""
    humans = {member: seat for member, seat in table.view.members.items() if seat.role != "character"}
    if not words.speaker:
        member = table.member_of(words.principal)
        return (member, humans[member].name) if member else ("", _DEFAULT_NAME)
    if words.speaker in humans:
        return words.speaker, humans[words.speaker].name
    if words.speaker in table.view.members:
        raise errors.Forbidden("A character's words are not a participant's to say.")
    wanted = words.speaker.casefold()
    for member, seat in humans.items():
        if seat.name.casefold() == wanted and table.principals.get(member) == words.principal.id:
            return member, seat.name
    return "", words.speaker


async def _drain(turn: AsyncGenerator[Fact | TurnTimed, None]) -> None:
    async with aclosing(turn):
        try:
            async for _ in turn:
                pass
        except errors.SouffleurError as error:
            # Its caller has long been answered; the session itself says how the turn ended.
            _log.info("turn.unfollowed", code=error.code)
