"""Lines that wait for approval. The floor is free meanwhile; a line that is released queues for it."""

from __future__ import annotations

import asyncio
from abc import ABC, abstractmethod
from collections.abc import Callable, Container
from dataclasses import dataclass
from typing import Final

from services.core.clock import Clock
from services.core.errors import Conflict, NotFound
from services.core.model.desk import HeldLine
from services.core.model.fact import Basis, LineState
from services.core.model.principal import Principal
from services.core.settings import StageSettings
from services.stage.drafting import Drafting
from services.stage.turns import Turn, written_seq

_MOST: Final = 8
"""Held lines of one place; the oldest that nobody works on gives way."""


@dataclass(slots=True, eq=False)
class Held:
    """One line on the desk."""

    drafting: Drafting
    turn: Turn
    since_ms: int
    claimed_by: Principal | None = None
    claim_lapses_at_ms: int = 0
    lapse: asyncio.TimerHandle | None = None
    stale: bool = False
    queued: bool = False
    releases_at_ms: int = 0
    timer: asyncio.TimerHandle | None = None

    @property
    def line(self) -> str:
        """Its id."""
        return self.drafting.order.line

    def text(self) -> str:
        """Its words, with emotion marks."""
        return " ".join(sentence.tagged for sentence in self.drafting.given)

    def stop_timer(self) -> None:
        """It is not released by itself any more."""
        self.releases_at_ms = 0
        if self.timer is not None:
            self.timer.cancel()
            self.timer = None

    def free(self) -> None:
        """Nobody works on it."""
        self.claimed_by, self.claim_lapses_at_ms = None, 0
        if self.lapse is not None:
            self.lapse.cancel()
            self.lapse = None

    def shown(self, place: str) -> HeldLine:
        """As the desk sees it."""
        claimed = self.claimed_by
        return HeldLine(
            line=self.line,
            character=self.drafting.order.seat.member,
            turn=written_seq(self.turn.first),
            since_ms=self.since_ms,
            releases_at_ms=self.releases_at_ms,
            claimed_by=claimed.id if claimed is not None else "",
            claimed_by_name=(claimed.name or claimed.id) if claimed is not None else "",
            stale=self.stale,
            complete=self.drafting.complete,
            place=place,
            queued=self.queued,
            claim_lapses_at_ms=self.claim_lapses_at_ms,
        )


class Holding(ABC):
    """What waits in one place."""

    def __init__(self, place: str, clock: Clock, rules: Callable[[], StageSettings]) -> None:
        """`rules` are asked for each line and each claim."""
        self._place_name = place
        self._clock = clock
        self._settings = rules
        self._held: dict[str, Held] = {}

    @abstractmethod
    def is_silent(self, held: Held) -> bool:
        """The director has silenced its character."""

    @abstractmethod
    def is_here(self, held: Held) -> bool:
        """Its character is where the line is to be spoken."""

    @abstractmethod
    def release_due(self, held: Held) -> None:
        """It is to be released by itself."""

    @abstractmethod
    def is_speaking(self, held: Held) -> bool:
        """Its character has a line of its own just now, beside."""

    @abstractmethod
    def never_opened(self, held: Held) -> None:
        """It was refused before it was a line."""

    @abstractmethod
    def changed(self) -> None:
        """The desk is to be shown anew."""

    def __bool__(self) -> bool:
        return bool(self._held)

    def shown(self) -> list[HeldLine]:
        """What is on the desk, oldest first."""
        return [held.shown(self._place_name) for held in self._held.values()]

    def add(self, drafting: Drafting, turn: Turn) -> Held:
        """Put a line on the desk; the oldest one gives way if there are too many."""
        while len(self._held) >= _MOST:
            oldest = next((held for held in self._held.values() if held.claimed_by is None and not held.queued), None)
            if oldest is None:
                break
            self.refuse(oldest, "superseded")
        held = self._held[drafting.order.line] = Held(drafting, turn, self._clock.wall_ms())
        drafting.changed = self._drafted(held)
        self.changed()
        return held

    def _drafted(self, held: Held) -> Callable[[], None]:
        def drafted() -> None:
            if self._is_wordless(held):
                return
            timing = held.drafting.order.timing
            if timing.held is None and held.drafting.given:
                timing.held = self._clock.now()
                self._arm(held)
            self.changed()

        return drafted

    def _is_wordless(self, held: Held) -> bool:
        """Nobody can decide on a draft without words, unless somebody is writing others: then it has ended."""
        if not held.drafting.complete or held.drafting.given or held.claimed_by is not None:
            return False
        self.refuse(held, held.drafting.failure or "no_words", LineState.ABORTED)
        return True

    def _arm(self, held: Held) -> None:
        held.stop_timer()
        wait_s = self._settings().auto_release_s
        if wait_s > 0 and not (held.stale or held.claimed_by is not None or held.queued or self.is_silent(held)):
            held.releases_at_ms = self._clock.wall_ms() + round(wait_s * 1000)
            held.timer = asyncio.get_running_loop().call_later(wait_s, self._due, held)

    def _due(self, held: Held) -> None:
        if self.is_here(held) and not self.is_silent(held):
            self.release_due(held)
        else:
            self._arm(held)

    def time_anew(self) -> None:
        """Somebody was silenced, or is so no more: the timers of whoever may not speak stand still."""
        for held in self._held.values():
            if self.is_silent(held):
                held.stop_timer()
            elif held.timer is None and held.drafting.order.timing.held is not None:
                self._arm(held)

    def get(self, line: str) -> Held:
        """The held line of this id, or the one that is meant: the newest that is not stale. Raises `NotFound`."""
        if line:
            found = self._held.get(line)
        else:
            waiting = [held for held in self._held.values() if not held.queued]
            found = next((held for held in reversed(waiting) if not held.stale), waiting[-1] if waiting else None)
        if found is None:
            raise NotFound("no such line is held")
        return found

    def has(self, line: str) -> bool:
        """Is this line held here?"""
        return line in self._held

    def mine(self, line: str, principal: Principal) -> Held:
        """As `get`, for somebody who is about to decide on it. Raises `Conflict` if somebody else works on it or it is released already."""
        held = self.get(line)
        if held.queued:
            raise Conflict("this line is released already")
        if held.claimed_by is not None and held.claimed_by.id != principal.id:
            raise Conflict(f"{held.claimed_by.name or held.claimed_by.id} is working on this line")
        return held

    def claim(self, line: str, principal: Principal, *, on: bool) -> Held:
        """Work on it, or leave it to others; its timer stands still meanwhile. Whoever goes on working claims it again before it lapses."""
        held = self.mine(line, principal)
        held.free()
        if on:
            wait_s = self._settings().claim_s
            held.claimed_by = principal
            held.claim_lapses_at_ms = self._clock.wall_ms() + round(wait_s * 1000)
            held.lapse = asyncio.get_running_loop().call_later(wait_s, self._lapsed, held)
        if not self._is_wordless(held):
            self._arm(held)
        self.changed()
        return held

    def _lapsed(self, held: Held) -> None:
        """Nothing was heard of whoever worked on it."""
        held.free()
        if not self._is_wordless(held):
            self._arm(held)
        self.changed()

    @property
    def claimed(self) -> bool:
        """Somebody works on a line that is not released."""
        return any(held.claimed_by is not None and not held.queued for held in self._held.values())

    def answers(self, participant: str) -> bool:
        """A line that answers this participant waits to be decided on."""
        return any(held.turn.participant == participant and not held.queued for held in self._held.values())

    def spoken_meanwhile(self) -> None:
        """Somebody spoke: what waits answers less than what stands now."""
        for held in self._held.values():
            if not held.queued:
                held.stale = True
                held.stop_timer()
        if self._held:
            self.changed()

    def queue(self, held: Held) -> None:
        """It is released, and takes the floor when that is free; what it has overtaken is refused."""
        held.queued = True
        held.free()
        held.stop_timer()
        held.drafting.order.timing.released = self._clock.now()
        for other in list(self._held.values()):
            if other.stale and not other.queued and other.claimed_by is None and other.since_ms <= held.since_ms and other is not held:
                self.refuse(other, "superseded")
        self.changed()

    def next_released(self) -> Held | None:
        """The line that has waited longest for the floor, of those whose character may speak."""
        return next((held for held in self._held.values() if held.queued and self.is_here(held) and not (self.is_silent(held) or self.is_speaking(held))), None)

    def dismiss(self) -> None:
        """The floor is free: released lines of characters that have left meanwhile are spoken by nobody."""
        for held in [held for held in self._held.values() if held.queued and not self.is_here(held)]:
            self.refuse(held, "no_character")

    def take(self, held: Held) -> None:
        """It is off the desk."""
        held.free()
        held.stop_timer()
        held.drafting.changed = _nothing
        if self._held.pop(held.line, None) is not None:
            self.changed()

    def refuse(self, held: Held, reason: str, state: LineState = LineState.REJECTED) -> None:
        """It will not be spoken."""
        self.withdraw(held, reason, state)
        if not held.drafting.opened:
            self.never_opened(held)

    def withdraw(self, held: Held, reason: str, state: LineState = LineState.REJECTED) -> None:
        """As `refuse`, but its turn goes on."""
        if held.queued and state is LineState.REJECTED:
            # Players know it since it was released, and are not told how drafts end.
            state = LineState.ABORTED
        held.drafting.stop()
        held.drafting.close(state, (0, 0), Basis.DELIVERED, reason)
        self.take(held)

    def strike(self, changes: Container[int]) -> None:
        """These facts are struck or changed."""
        for held in [held for held in self._held.values() if held.drafting.opened_by(changes)]:
            self.refuse(held, "corrected")

    def undo(self, to: int) -> None:
        """Nothing after the fact `to` has happened."""
        for held in list(self._held.values()):
            if held.drafting.after(to) or held.turn.after(to):
                self.refuse(held, "corrected")

    def close(self, reason: str) -> None:
        """The session ends: nothing of what waits was heard."""
        for held in list(self._held.values()):
            self.refuse(held, reason, LineState.ABORTED)


def _nothing() -> None:
    """Nobody is shown anything any more."""
