"""One connection of somebody to a session, as the stage sees it: who they are, what they want, and a bounded queue down to them."""

from __future__ import annotations

import asyncio
from dataclasses import dataclass, field, fields, replace
from typing import Final

from services.core.model.attachment import AttachDown, Configure, Principal
from services.core.model.fact import Fact
from services.transcript.view import DIRECTOR, Reader, redacted

_QUEUE: Final = 1024
"""About 40 s of voice; a listener that is further behind is gone."""


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
    overrun: bool = False
    _queue: asyncio.Queue[AttachDown | None] = field(default_factory=lambda: asyncio.Queue(_QUEUE))
    _held: list[Fact] | None = field(default_factory=list)
    """Live facts, while the backlog is being read; None afterwards."""

    @property
    def answers(self) -> bool:
        """A finished utterance is answered without being asked."""
        return self.settings.answers is not False

    @property
    def interrupts(self) -> bool:
        """Speech stops a speaking character."""
        return self.settings.interrupts is not False

    @property
    def reader(self) -> Reader:
        """What this principal may see."""
        return DIRECTOR if self.principal.role == "director" else Reader("player", self.participant)

    def configure(self, change: Configure) -> None:
        """Take over the fields that are set."""
        given = {item.name: value for item in fields(change) if (value := getattr(change, item.name)) is not None}
        self.settings = replace(self.settings, **given)
        self.hears = self.hears if change.hears is None else change.hears
        self.reports_playback = self.reports_playback if change.reports_playback is None else change.reports_playback

    def deliver(self, value: AttachDown) -> None:
        """Queue something; an attachment that does not read is closed rather than waited for."""
        try:
            self._queue.put_nowait(value)
        except asyncio.QueueFull:
            self.overrun = True
            self.close()

    def fact(self, fact: Fact) -> None:
        """Queue a live fact, if this principal may see it."""
        if self._held is not None:
            self._held.append(fact)
        else:
            self._send(fact)

    def caught_up(self, backlog: list[Fact]) -> None:
        """The backlog has been read: send it, then whatever came meanwhile, each once."""
        held, self._held = self._held or [], None
        for fact in (*backlog, *held):
            self._send(fact)

    def _send(self, fact: Fact) -> None:
        if fact.seq <= self.seen:
            return
        self.seen = fact.seq
        shown = redacted(fact, self.reader)
        if shown is not None:
            self.deliver(shown)

    def close(self) -> None:
        """End the stream after what is queued, or at once if the queue is full."""
        while True:
            try:
                self._queue.put_nowait(None)
            except asyncio.QueueFull:
                self._queue.get_nowait()
            else:
                return

    async def next(self) -> AttachDown | None:
        """The next thing to send; None = the end."""
        return await self._queue.get()
