"""The places of a session; and where many voices are wanted at once, a floor of its own for each further character that speaks there."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import Final

from services.stage.backstage import Backstage
from services.stage.place import Place
from services.stage.rules import Rules
from services.stage.turns import Turn

MANY: Final = "many"
"""What is laid down for a place where characters may speak at once."""
_MOST: Final = 64
"""Places that are kept though nobody is there."""


class Chorus:
    """Floors come to be when somebody is there."""

    def __init__(self, backstage: Backstage, rules: Rules, occupied: Callable[[str, bool], bool]) -> None:
        """`rules` are the director's; `occupied` tells whether somebody's speech holds the floor of a place, or, if that is asked, a room's murmur."""
        self._backstage = backstage
        self._rules = rules
        self._occupied = occupied
        self._places: dict[str, Place] = {}
        self._sides: dict[tuple[str, str], Place] = {}

    def place(self, name: str) -> Place:
        """A place of the scene."""
        if name not in self._places:
            if len(self._places) >= _MOST:
                self._tidy()
            place = Place(name, self._backstage, self._rules, lambda murmur: self._occupied(name, murmur))
            place.sides = _Sides(self, place)
            self._places[name] = place
        return self._places[name]

    def _tidy(self) -> None:
        """Forget places that everybody has left: names cost whoever gives them nothing."""
        for name in [name for name in self._places if not self._backstage.roster.audience(name)]:
            floors = self.floors(name)
            if all(floor.idle() and not floor.approval for floor in floors):
                for floor in floors:
                    floor.close("left")
                del self._places[name]
                self._sides = {key: side for key, side in self._sides.items() if key[0] != name}

    def floors(self, name: str) -> list[Place]:
        """The floor of a place, and those beside it."""
        return [self.place(name), *(side for (where, _), side in self._sides.items() if where == name)]

    def all(self) -> list[Place]:
        """Every floor."""
        return [*self._places.values(), *self._sides.values()]

    def running(self) -> int:
        """How many floors somebody has or waits for."""
        return sum(not floor.idle() for floor in self.all())

    def saying(self, name: str, line: str) -> Place | None:
        """The floor in a place that this line has; with an empty id the first one that a line has."""
        return next((floor for floor in self.floors(name) if floor.line is not None and line in ("", floor.line.order.line)), None)

    def aside(self, place: Place, turn: Turn) -> bool:
        """Where many voices are wanted, a turn of another character than the one who speaks need not wait for that one.

        A character has one voice itself: while it speaks beside, nothing of it is begun on the floor of the place.
        """
        name = place.name
        side = self._sides.get((name, turn.character))
        if place.line is None:
            return side is not None and side.line is not None and side.waiting.wait(turn)
        if self._backstage.roster.voices.get(name) != MANY:
            return False
        if place.line.order.seat.member == turn.character:
            return False
        if side is None:
            side = self._sides[name, turn.character] = Place(name, self._backstage, self._rules, lambda murmur: self._occupied(name, murmur), beside=place)
        if side.line is not None or side.waiting.turn is not None:
            return False
        side.waiting.turn = turn
        side.offer()
        return True


@dataclass(frozen=True, slots=True)
class _Sides:
    """The floors beside one."""

    chorus: Chorus
    place: Place

    def take(self, turn: Turn) -> bool:
        """As `Sides.take`."""
        return self.chorus.aside(self.place, turn)

    def speaking(self) -> bool:
        """As `Sides.speaking`."""
        return any(side.line is not None for side in self._all())

    def voicing(self, character: str) -> bool:
        """As `Sides.voicing`."""
        return any(side.is_voiced_by(character) for side in self._all())

    def offer(self) -> None:
        """As `Sides.offer`."""
        for side in self._all():
            if side.waiting:
                side.offer()

    def _all(self) -> list[Place]:
        return self.chorus.floors(self.place.name)[1:]
