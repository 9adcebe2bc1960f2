"""Who is in conversation with which character: for a short while after it has answered them, they need not call it by name again."""

from __future__ import annotations

from collections.abc import Callable

from services.core.clock import Clock


class Engagement:
    """Of one place."""

    def __init__(self, clock: Clock, window_s: Callable[[], float]) -> None:
        """`window_s` is how long; 0 = a name is needed every time."""
        self._clock = clock
        self._window_s = window_s
        self._until: dict[str, tuple[str, float]] = {}

    def answered(self, participant: str, character: str) -> None:
        """A character has just answered somebody."""
        if participant:
            self._until[participant] = (character, self._clock.now() + self._window_s())

    def of(self, participant: str) -> str:
        """The character that this one is in conversation with, or empty."""
        character, until = self._until.get(participant, ("", 0.0))
        return character if self._clock.now() < until else ""

    def table_talk(self) -> None:
        """People talk to each other: whoever goes on may mean anybody."""
        self._until.clear()
