"""Coming and going: who may join a session as whom, and what they are sent first."""

from __future__ import annotations

import asyncio
from dataclasses import dataclass, replace
from typing import Final, Protocol

import structlog
from ulid import ULID

from services.core.clock import Clock
from services.core.errors import Ahead, Forbidden, InvalidRequest, NotFound, Overloaded
from services.core.model.attachment import Attached, AttachOpen
from services.core.model.fact import Author, Draft, Fact, Kind
from services.core.model.facts import Left, fields_of
from services.core.telemetry import ATTACHMENTS, CLIENTS_AHEAD
from services.stage.attachments import Attachment, check
from services.stage.roster import CHARACTER, HEADS, PLACE_LIMIT, Seat
from services.stage.seating import joining
from services.stage.session import Session
from services.transcript.view.reader import OVERSEERS

_ATTACHMENTS: Final = 64
_NAME_LIMIT: Final = 80
_NAMELESS: Final = "Player"
SEAT_KEPT_S: Final = 120.0
"""Whose connection broke, or whose stage died, has so long to come back to their seat."""
_GOODBYE_S: Final = 5.0
"""Who said goodbye may only be loading a page anew, which takes a second or two."""

_log = structlog.get_logger(__name__)


class Backlog(Protocol):
    """The log as the door needs it."""

    async def read(self, sid: str, after: int = 0, upto: int | None = None, limit: int | None = None) -> list[Fact]:
        """Facts in order."""
        ...

    async def head(self, sid: str) -> int:
        """Seq of the last fact."""
        ...


@dataclass(frozen=True, slots=True)
class _Away:
    """A member that sits here and has no connection."""

    leaves: asyncio.TimerHandle
    broke: bool
    """Without a goodbye."""


class Door:
    """One per session."""

    def __init__(self, session: Session, log: Backlog, clock: Clock) -> None:
        """`log` gives the backlog of a newcomer."""
        self._session = session
        self._log = log
        self._clock = clock
        self._away: dict[str, _Away] = {}

    async def enter(self, opening: AttachOpen) -> tuple[Attachment, Attached]:
        """Seat somebody; their `joined` is durable when this returns. Raises `Ahead`, `Forbidden`, `NotFound`, `InvalidRequest` or `Overloaded`."""
        session = self._session
        if len(session.attachments) >= _ATTACHMENTS and opening.principal.role not in OVERSEERS:
            # Nobody can keep the director out.
            raise Overloaded("this session has as many connections as it may")
        await self._check_seen(opening.after_seq)
        seat = self._watcher(opening) if opening.monitor else self._seat(opening)
        attachment = Attachment(
            principal=opening.principal,
            participant=seat.member,
            name=seat.name,
            place=seat.place,
            monitor=opening.monitor,
            platform=opening.platform[:PLACE_LIMIT],
            hears=opening.hears,
            reports_playback=opening.reports_playback,
            settings=opening.configure,
            seen=max(0, opening.after_seq),
            overran=self.leave,
        )
        session.attachments.append(attachment)
        ATTACHMENTS.inc()
        try:
            if (away := self._away.pop(seat.member, None)) is not None:
                away.leaves.cancel()
            if opening.monitor:
                # A director who watches is not there.
                pass
            elif seat.member not in session.roster.seats or not session.roster.seats[seat.member].present:
                await self._join(seat)
            head = session.writer.durable
            backlog = await self._log.read(session.sid, after=attachment.seen, upto=head)
        except BaseException:
            self.leave(attachment)
            raise
        if not opening.monitor:
            session.desk.came_from(attachment.platform)
        if attachment.reader.oversees:
            attachment.deliver(session.desk.shown())
        attachment.caught_up(backlog, session.sight.shown)
        if not opening.monitor:
            # From here on somebody may wait for a word, also where nobody has said one yet.
            session.place(attachment.place).offer()
        return attachment, Attached(attachment.participant, attachment.name, head, attachment.place)

    async def _check_seen(self, seq: int) -> None:
        """Whoever has seen what is not there any more would take every new fact for one that they know. Raises `Ahead`."""
        # The log is read by many: a fact may be known outside before its writer here has been told that it stands.
        if seq > self._session.writer.durable and seq > await self._log.head(self._session.sid):
            CLIENTS_AHEAD.inc()
            _log.error("transcript.client_ahead", session=self._session.sid, seen=seq, head=self._session.writer.durable)
            raise Ahead

    def _seat(self, opening: AttachOpen) -> Seat:
        principal = opening.principal
        if not 1 <= opening.head_count <= HEADS:
            raise InvalidRequest(f"head_count is 1 to {HEADS}")
        if len(opening.place) > PLACE_LIMIT:
            raise InvalidRequest(f"a place's name has at most {PLACE_LIMIT} characters")
        check(opening.configure)
        known = self._session.roster.seats.get(opening.participant)
        if opening.participant:
            if known is None or known.role == CHARACTER:
                raise NotFound("there is no such participant")
            if not known.may_be(principal):
                raise Forbidden("you may not be that participant")
            # Whoever is here stays where they are, however they once came in; only who comes back says anew where, and how many they are.
            return known if known.present else replace(known, place=opening.place or known.place, head_count=opening.head_count)
        name = " ".join(principal.name.split())[:_NAME_LIMIT]
        if (seat := self._kept_for(principal.id, name)) is not None:
            return seat
        name = name or self._free_name()
        return Seat(member=f"p-{str(ULID()).lower()}", role="player", name=name, place=opening.place, principal=principal.id, head_count=opening.head_count)

    def _kept_for(self, principal: str, name: str) -> Seat | None:
        """The seat of somebody who comes back from a break without saying as whom: otherwise they would be two heads for as long as it is kept."""
        for member in (member for member, away in self._away.items() if principal and away.broke):
            seat = self._session.roster.seats.get(member)
            if seat is not None and seat.present and seat.principal == principal and (seat.name == name if name else seat.name.startswith(f"{_NAMELESS} ")):
                return seat
        return None

    def _watcher(self, opening: AttachOpen) -> Seat:
        principal = opening.principal
        if principal.role not in OVERSEERS:
            raise Forbidden("only who directs may watch without being there")
        check(opening.configure)
        name = " ".join(principal.name.split())[:_NAME_LIMIT]
        return Seat(member=principal.id, role=principal.role, name=name, place=opening.place, principal=principal.id)

    def _free_name(self) -> str:
        # Who is just coming in has a name, and no seat yet.
        taken = {*(seat.name for seat in self._session.roster.seats.values()), *(attachment.name for attachment in self._session.attachments)}
        number = 1
        while (name := f"{_NAMELESS} {number}") in taken:
            number += 1
        return name

    async def _join(self, seat: Seat) -> None:
        await self._session.write(joining(seat, self._clock.wall_ms()))

    def leave(self, attachment: Attachment) -> None:
        """A connection has ended; its participant leaves the table unless it comes back in time."""
        session = self._session
        if attachment not in session.attachments:
            return
        session.attachments.remove(attachment)
        ATTACHMENTS.dec()
        session.gone(attachment)
        session.touched = self._clock.now()
        member = attachment.participant
        stays = any(other.participant == member for other in session.attachments)
        if not (stays or attachment.monitor or session.closing):
            self._keep(member, broke=not attachment.parting)

    def expect(self) -> None:
        """Whoever sat here under another owner is on their way back, as after a break."""
        for seat in self._session.roster.seats.values():
            if seat.present and seat.role != CHARACTER:
                self._keep(seat.member, broke=True)

    def see_out(self) -> None:
        """The session is put away, and nobody is here: whose seat is still kept has left."""
        for member in list(self._away):
            self._away[member].leaves.cancel()
            self._left(member)

    def _keep(self, member: str, *, broke: bool) -> None:
        if member not in self._away:
            timer = asyncio.get_running_loop().call_later(SEAT_KEPT_S if broke else _GOODBYE_S, self._left, member)
            self._away[member] = _Away(timer, broke)

    def _left(self, member: str) -> None:
        self._away.pop(member, None)
        seat = self._session.roster.seats.get(member)
        if seat is None or not seat.present:
            return
        draft = Draft(
            key=f"left:{ULID()}",
            kind=Kind.LEFT,
            at_ms=self._clock.wall_ms(),
            by=Author(seat.role, seat.member, seat.name),
            place=seat.place,
            body=fields_of(Left(member=member)),
        )
        # However busy the store is: a seat that is not given back is counted at the table for ever.
        self._session.writer.write(draft)

    def close(self) -> None:
        """Forget who is away: the next owner waits for them."""
        for away in self._away.values():
            away.leaves.cancel()
        self._away.clear()
