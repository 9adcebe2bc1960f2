"""What everything in a session works with: who is there, the one hand that writes, the services, the clock."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass, field
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
from services.stage.roster import Roster
from services.stage.sight import Sight
from services.stage.writer import Writer

STAGE: Final = Author("stage")
_SLACK_S: Final = 60.0
"""A line may last its reply's deadline and this for the rest of its sound."""


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
    epochs: Iterator[int] = field(default_factory=lambda: count(1))
    """Numbers of replies."""

    @property
    def line_timeout_s(self) -> float:
        """How long a line may last."""
        return self.settings().llm.reply_timeout_s + _SLACK_S

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

    def is_new(self, key: str) -> bool:
        """Nothing of this key was said or is on its way."""
        return not (key in self.roster.said or self.writer.knows(key))

    def listeners(self, place: str) -> Sequence[Attachment]:
        """Everybody attached in a place."""
        return [attachment for attachment in self.attachments if attachment.place == place]

    def broadcast(self, value: AttachDown, place: str, besides: Attachment | None = None) -> None:
        """Show something to everybody in a place."""
        for attachment in self.attachments:
            if (attachment.place == place or attachment.monitor) and attachment is not besides:
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
