"""One connection of somebody to a session, as the stage sees it: who they are, what they want, and a bounded queue down to them."""

from __future__ import annotations

import asyncio
from collections import deque
from collections.abc import Callable
from dataclasses import dataclass, field, fields, replace
from typing import Final, TypeAlias

from services.core.errors import InvalidRequest
from services.core.model.attachment import AttachDown, Configure
from services.core.model.fact import Author, Fact
from services.core.model.principal import Principal
from services.stage.endpointing import POLICIES
from services.transcript.view.reader import OVERSEERS, Reader

_QUEUE: Final = 1024
"""About 40 s of voice; a listener that is further behind is gone."""
Show: TypeAlias = Callable[[Fact, Reader], Fact | None]
"""A fact as a reader may see it; None = not at all."""
NARRATOR: Final = "narrator"
_HANG_OVER_S: Final = (0.1, 5.0)
_IDLE_S: Final = (1.0, 3600.0)


@dataclass(slots=True, kw_only=True)
class Attachment:
    """Lives as long as its stream."""

    principal: Principal
    participant: str
    name: str
    place: str
    hears: bool
    reports_playback: bool
    settings: Configure
    seen: int = 0
    """Seq of the last fact sent."""
    played_ms: dict[str, int] = field(default_factory=dict)
    """Line -> audio that has left the loudspeaker, as reported."""
    monitor: bool = False
    """A director who watches: nothing it hears counts as heard."""
    platform: str = ""
    seen_speaking: bool = False
    """Others were shown that it is speaking, and not yet that it no longer is."""
    parting: bool = False
    """It has said goodbye: its end is no break."""
    overran: Callable[[Attachment], None]
    """Called, soon, when it does not read what it is sent: nobody is to wait until a send to it ends."""
    overrun: bool = False
    _backlog: deque[AttachDown] = field(default_factory=deque)
    """What was missed, as long as the session is; sent before the queue."""
    _queue: asyncio.Queue[AttachDown | None] = field(default_factory=lambda: asyncio.Queue(_QUEUE))
    _held: list[Fact] | None = field(default_factory=list)
    """Live facts, while the backlog is being read; None afterwards."""

    @property
    def answers(self) -> bool:
        """A finished utterance is answered without being asked."""
        return self.settings.answers is not False

    @property
    def interrupts(self) -> bool:
        """Speech stops a speaking character; a director who speaks as a character does not stop another one."""
        return self.settings.interrupts is not False and not self.voices

    @property
    def narrates(self) -> bool:
        """Its words are the director's narration."""
        return self.settings.speaks == NARRATOR and self.reader.oversees

    @property
    def voices(self) -> str:
        """The character that says what is said here; empty = nobody but the speaker."""
        speaks = self.settings.speaks or ""
        return speaks if speaks != NARRATOR and self.principal.role == "director" else ""

    @property
    def addresses(self) -> str:
        """The character that the words are meant for; empty = casting decides."""
        return self.settings.addresses or ""

    @property
    def whispers(self) -> tuple[str, ...]:
        """Who alone is to hear what is said here; empty = everybody in the place."""
        return tuple((self.settings.whispers or "").split())

    @property
    def principal_author(self) -> Author:
        """Whoever is connected, as an author."""
        return Author(self.principal.role, self.principal.id, self.principal.name)

    @property
    def reader(self) -> Reader:
        """What this principal may see."""
        return Reader(self.principal.role) if self.principal.role in OVERSEERS else Reader("player", self.participant)

    def configure(self, change: Configure) -> None:
        """Take over the fields that are set. Raises `InvalidRequest`, and then nothing has changed."""
        check(change)
        given = {item.name: value for item in fields(change) if (value := getattr(change, item.name)) is not None}
        self.settings = replace(self.settings, **given)
        self.hears = self.hears if change.hears is None else change.hears
        self.reports_playback = self.reports_playback if change.reports_playback is None else change.reports_playback

    def deliver(self, value: AttachDown) -> None:
        """Queue something; an attachment that does not read is closed rather than waited for."""
        try:
            self._queue.put_nowait(value)
        except asyncio.QueueFull:
            self.close()
            if not self.overrun:
                self.overrun = True
                asyncio.get_running_loop().call_soon(self.overran, self)

    def fact(self, fact: Fact, show: Show) -> None:
        """Queue a live fact, if this principal may see it."""
        if self._held is not None:
            self._held.append(fact)
        elif (shown := self._shown(fact, show)) is not None:
            self.deliver(shown)

    def disclosed(self, facts: list[Fact], show: Show) -> None:
        """Queue facts that had been withheld until now."""
        if self._held is None and not self.reader.oversees:
            for fact in facts:
                if (shown := show(fact, self.reader)) is not None:
                    self.deliver(shown)

    def caught_up(self, backlog: list[Fact], show: Show) -> None:
        """The backlog has been read: send it, then whatever came meanwhile, each once."""
        held, self._held = self._held or [], None
        # A session may have more facts than the queue has room, and a newcomer that reads them is not slow.
        self._backlog.extend(shown for fact in (*backlog, *held) if (shown := self._shown(fact, show)) is not None)

    def _shown(self, fact: Fact, show: Show) -> Fact | None:
        """The fact as this principal may see it; None if not at all, or if it was seen before."""
        if fact.seq <= self.seen:
            return None
        self.seen = fact.seq
        return show(fact, self.reader)

    def close(self) -> None:
        """End the stream after what is queued; at once if the queue is full."""
        if self._queue.full():
            self._backlog.clear()
            while not self._queue.empty():
                self._queue.get_nowait()
        self._queue.put_nowait(None)

    async def next(self) -> AttachDown | None:
        """The next thing to send; None = the end."""
        return self._backlog.popleft() if self._backlog else await self._queue.get()


def check(settings: Configure) -> None:
    """Raises `InvalidRequest` for settings that no session may have."""
    shortest, longest = _HANG_OVER_S
    if settings.hang_over_s is not None and not shortest <= settings.hang_over_s <= longest:
        raise InvalidRequest(f"hang_over_s is {shortest} to {longest}")
    if settings.idle_s and not _IDLE_S[0] <= settings.idle_s <= _IDLE_S[1]:
        raise InvalidRequest(f"idle_s is {_IDLE_S[0]} to {_IDLE_S[1]}, or 0")
    if settings.endpointing is not None and settings.endpointing not in POLICIES:
        raise InvalidRequest(f"endpointing is one of {', '.join(POLICIES)}")
