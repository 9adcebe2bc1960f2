"""What everything in a session works with: who is there, the one hand that writes, the services, the clock."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass, field, replace
from itertools import count
from typing import Final

from services.core.calm import Calm
from services.core.clock import Clock
from services.core.model.attachment import AttachDown
from services.core.model.desk import DeskShown, DraftShown
from services.core.model.fact import Author, Draft, Fact
from services.core.model.facts import Body, fields_of, kind_of
from services.core.settings import Settings
from services.stage.attachments import Attachment
from services.stage.feed import Roleplay
from services.stage.order import Voices, Written
from services.stage.roster import Roster, Seat
from services.stage.seating import joining
from services.stage.sight import Sight
from services.stage.turns import Audience
from services.stage.writer import Writer

STAGE: Final = Author("stage")
LINE_SLACK_S: Final = 60.0
"""A line may take its reply's deadline and this until it sounds, and as long again from one sentence to the next."""
LINE_LONGEST_S: Final = 900.0
"""However much of it there is: 4000 characters, spoken as slowly as a card may ask for."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Backstage:
    """One per session."""

    session: str
    roster: Roster
    writer: Writer
    roleplay: Roleplay
    voices: Voices
    settings: Callable[[], Settings]
    """The snapshot in force; a turn keeps the one it started with."""
    clock: Clock
    sight: Sight
    calm: Calm = field(default_factory=Calm)
    """Told of the replies that are being made, of all sessions."""
    attachments: list[Attachment] = field(default_factory=list)
    moving: dict[str, tuple[str, int]] = field(default_factory=dict)
    """Member -> the place and number that are being written."""
    epochs: Iterator[int] = field(default_factory=lambda: count(1))
    """Numbers of replies."""

    @property
    def line_timeout_s(self) -> float:
        """How long a line may last without another sentence being heard."""
        return self.settings().llm.reply_timeout_s + LINE_SLACK_S

    def author(self, attachment: Attachment) -> Author:
        """Whoever speaks through an attachment, as the author of a fact."""
        seat = self.roster.seats.get(attachment.participant)
        return attachment.principal_author if seat is None else Author(seat.role, seat.member, seat.name)

    def draft(self, body: Body, key: str, by: Author, place: str, *, audience: tuple[str, ...] | None = None, cause: int | None = None) -> Draft:
        """A fact to be; everyone present in the place perceives it, unless `audience` says who does."""
        return Draft(
            key=key,
            kind=kind_of(body),
            at_ms=self.clock.wall_ms(),
            by=by,
            place=place,
            audience=self.roster.audience(place) if audience is None else audience,
            cause=cause,
            body=fields_of(body),
        )

    def write(self, body: Body, key: str, by: Author, place: str, *, audience: tuple[str, ...] | None = None, cause: int | None = None) -> Written:
        """Write a fact of the session's own."""
        return self.writer.write(self.draft(body, key, by, place, audience=audience, cause=cause))

    def seat(self, seat: Seat, place: str, heads: int) -> Written:
        """A member goes to another place, or is of another number; its connections go along once that stands."""
        written = self.writer.write(joining(replace(seat, place=place, head_count=heads), self.clock.wall_ms()))
        way = self.moving[seat.member] = (place, heads)

        def moved(done: Written) -> None:
            if self.moving.get(seat.member) is way:
                del self.moving[seat.member]
            if done.cancelled() or done.exception() is not None:
                return
            for attachment in self.attachments:
                if attachment.participant == seat.member and not attachment.monitor:
                    attachment.place = place

        written.add_done_callback(moved)
        return written

    def bound_for(self, seat: Seat) -> tuple[str, int]:
        """Place and number of a member; of one who is on the way those that come."""
        return self.moving.get(seat.member, (seat.place, seat.head_count))

    def is_new(self, key: str) -> bool:
        """Nothing of this key was said or is on its way."""
        return not (key in self.roster.said or self.writer.knows(key))

    def is_room(self, attachment: Attachment) -> bool:
        """Several people sit behind its microphone, and nobody can tell which of them speaks."""
        seat = self.roster.seats.get(attachment.participant)
        return seat is not None and seat.head_count > 1 and not attachment.monitor

    def listeners(self, place: str, audience: Audience = None) -> Sequence[Attachment]:
        """Everybody attached in a place, or of them those who may hear a whisper; a director's monitor hears everything."""
        return [
            attachment
            for attachment in self.attachments
            if attachment.place == place and (audience is None or attachment.monitor or attachment.participant in audience)
        ]

    def broadcast(self, value: AttachDown, place: str, audience: Audience = None, *, besides: Attachment | None = None) -> None:
        """Show something to everybody in a place, or of them to `audience`."""
        for attachment in self.attachments:
            here = attachment.monitor or (attachment.place == place and (audience is None or attachment.participant in audience))
            if here and attachment is not besides:
                attachment.deliver(value)

    def tell_directors(self, value: DraftShown | DeskShown) -> None:
        """Show something to those alone who oversee."""
        for attachment in self.attachments:
            if attachment.reader.oversees:
                attachment.deliver(value)

    def announce(self, fact: Fact) -> None:
        """A fact is durable: everybody who may see it is told."""
        self.roster.advance(fact)
        self.sight.advance(fact)
        late = self.sight.disclosed(fact)
        for attachment in self.attachments:
            attachment.fact(fact, self.sight.shown)
            attachment.disclosed(late, self.sight.shown)
