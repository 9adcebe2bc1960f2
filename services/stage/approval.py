"""Approving lines in one place: drafting them at once, and what is decided about them."""

from __future__ import annotations

import asyncio
from collections.abc import Coroutine
from dataclasses import replace
from typing import Any, Protocol

from ulid import ULID

from services.core.errors import Conflict, InvalidRequest
from services.core.model.fact import Author
from services.core.model.facts import Rejected, Released
from services.core.model.reply import Sentence
from services.stage.backstage import STAGE, Backstage
from services.stage.conductor import Line
from services.stage.degradation import Degradation
from services.stage.drafting import Drafting
from services.stage.fillers import AFTER_S, filler
from services.stage.holding import Held, Holding
from services.stage.order import Order, Timing, Written
from services.stage.ordering import hearers
from services.stage.resaying import standing, unheard
from services.stage.rules import Rules
from services.stage.thinking import Thinking
from services.stage.turns import Turn


class Floor(Protocol):
    """The place, as this needs it."""

    name: str
    degradation: Degradation

    def order(self, turn: Turn, mode: str = "auto") -> Order | None:
        """What the line of a turn is to be; None = nobody may speak, and the turn is passed."""
        ...

    def drafting(self, order: Order, turn: Turn) -> Drafting:
        """Its words, asked for."""
        ...

    def offer(self) -> None:
        """Whoever waits gets the floor, if it is free."""
        ...

    def idle(self) -> bool:
        """Nobody has the floor or waits for it."""
        ...

    def voiced_elsewhere(self, character: str) -> bool:
        """It speaks on another floor."""
        ...

    def speak(self, turn: Turn) -> None:
        """Given words, by a character."""
        ...

    def again(self, turn: Turn) -> None:
        """A turn is to be answered once more."""
        ...

    def pass_over(self, first: Written | None, said: Written | None, reason: str) -> None:
        """Nobody answers these words."""
        ...

    def spawn(self, work: Coroutine[Any, Any, None], name: str) -> asyncio.Task[None]:
        """Run it as long as the place is there."""
        ...


class Approval(Holding):
    """Lines that are for a director or an operator to release."""

    def __init__(self, floor: Floor, backstage: Backstage, thinking: Thinking, rules: Rules) -> None:
        """`rules` are the director's."""
        super().__init__(floor.name, backstage.clock, lambda: backstage.settings().stage)
        self._floor = floor
        self._backstage = backstage
        self._thinking = thinking
        self._rules = rules
        self._fillers = 0

    def draft(self, turn: Turn) -> None:
        """Draft the reply to a turn at once, whoever has the floor."""
        order = self._floor.order(turn, "approve")
        if order is not None:
            drafting = self._floor.drafting(order, turn)
            drafting.task = self._floor.spawn(drafting.run(), "draft")
            held = self.add(drafting, turn)
            if self._backstage.settings().stage.filler:
                asyncio.get_running_loop().call_later(AFTER_S, self._fill, held)

    def _fill(self, held: Held) -> None:
        """The reply has waited for a while: its character makes a sound of thinking, once."""
        if self.has(held.line) and not held.queued and self._floor.idle():
            seat = held.drafting.order.seat
            self._fillers += 1
            turn = Turn(seat.member, timing=Timing(said=self._clock.now()), script=filler(seat, self._fillers), mode="filler", audience=held.turn.audience)
            self._floor.speak(turn)

    def take_back(self, line: Line) -> Held:
        """A line that was just cut while it was being spoken: what was not heard of it waits for approval."""
        old = line.order
        timing = Timing(asked=self._backstage.clock.now())
        turn = Turn(old.seat.member, old.first, old.said, participant=old.answers, timing=timing, audience=old.audience if old.whispered else None)
        retakes = old.line if line.opened else old.retakes
        order = replace(old, line=str(ULID()), audience=hearers(old, self._backstage), mode="approve", timing=turn.timing, retakes=retakes)
        drafting = Drafting(order, line.drafting.feed, self._backstage, self._floor.degradation)
        rest = line.drafting.rest()
        drafting.task = self._floor.spawn(drafting.continued(unheard(line, self._backstage.sight.stands), rest), "draft")
        return self.add(drafting, turn)

    async def reword(self, held: Held, text: str, by: Author) -> None:
        """Give a line other words, the director's; they are on their way to the transcript when this returns.

        Raises what the reply failed with, `InvalidRequest` if there is nothing to say, or `Conflict` if somebody else was quicker; the
        line keeps the words that it had then.
        """
        drafting, order = held.drafting, held.drafting.order
        attempt = drafting.attempt
        feed = self._thinking.reply(order.seat, order.line, script=text)
        try:
            events = [event async for event in feed]
        finally:
            feed.stop()
        if not any(isinstance(event, Sentence) for event in events):
            raise InvalidRequest("there is nothing to say")
        self._still(held, attempt)
        order.audience = hearers(order, self._backstage)
        drafting.again(feed, by)
        drafting.task = self._floor.spawn(drafting.continued(events), "draft")
        await asyncio.wait([drafting.task])
        self._still(held, attempt + 1)

    def _still(self, held: Held, attempt: int) -> None:
        """Nobody has decided on it or given it other words. Raises `Conflict`."""
        if not self.has(held.line) or held.queued or held.drafting.attempt != attempt:
            raise Conflict("somebody else was quicker with this line")

    def release(self, held: Held, by: Author) -> Written:
        """It may be spoken as soon as the floor is free, to those who are there now: whoever has left since it was drafted does not hear it."""
        order = held.drafting.order
        audience = hearers(order, self._backstage)
        if set(audience) != set(order.audience):
            held.drafting.readdress(audience, standing(held.drafting, self._backstage.sight))
        written = self._backstage.write(Released(line=held.line), f"{held.line}:release", by, order.place, audience=order.audience)
        held.drafting.released = written
        self.queue(held)
        self._floor.offer()
        return written

    def reject(self, held: Held, by: Author, reason: str, notes: tuple[str, ...]) -> Written:
        """It is not spoken; the turn is drafted anew, and the character told why by `notes`."""
        written = self._backstage.write(Rejected(line=held.line, reason=reason), f"{held.line}:reject", by, self._floor.name, audience=())
        # Before it was a line there is nothing to replace, and its words are not passed: they are answered by what is drafted now.
        retakes = held.line if held.drafting.opened else held.drafting.order.retakes
        self.withdraw(held, reason)
        self._floor.again(replace(held.turn, notes=notes, timing=Timing(said=self._backstage.clock.now()), asker=None, retakes=retakes))
        return written

    def release_due(self, held: Held) -> None:
        """Nobody has decided on it in time."""
        self.release(held, STAGE)

    def is_silent(self, held: Held) -> bool:
        """The director has silenced its character."""
        return self._rules.is_silent(held.drafting.order.seat.member)

    def is_speaking(self, held: Held) -> bool:
        """A character has one voice."""
        return self._floor.voiced_elsewhere(held.drafting.order.seat.member)

    def is_here(self, held: Held) -> bool:
        """Its character is where the line is to be spoken."""
        return any(seat.member == held.drafting.order.seat.member for seat in self._backstage.roster.cast(self._floor.name))

    def never_opened(self, held: Held) -> None:
        """A draft was refused before it was a line: its words are passed."""
        if not held.drafting.order.retakes:
            self._floor.pass_over(held.turn.first, held.turn.said, "superseded")

    def changed(self) -> None:
        """What stands on the desk has changed."""
        self._rules.changed()
