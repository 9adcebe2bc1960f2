"""The floors beside that of a place, as the place sees them: where many voices are wanted at once there are some."""

from __future__ import annotations

from typing import Protocol

from services.stage.turns import Turn


class Sides(Protocol):
    """All of one place."""

    def take(self, turn: Turn) -> bool:
        """The turn need not wait for the line that is being spoken: whether it is taken over."""
        ...

    def speaking(self) -> bool:
        """A line is being spoken there."""
        ...

    def voicing(self, character: str) -> bool:
        """This character has one there."""
        ...

    def offer(self) -> None:
        """Whoever waits there may be next."""
        ...


class NoSides:
    """One floor alone."""

    def take(self, turn: Turn) -> bool:  # noqa: ARG002
        """Never."""
        return False

    def speaking(self) -> bool:
        """Never."""
        return False

    def voicing(self, character: str) -> bool:  # noqa: ARG002
        """Nobody."""
        return False

    def offer(self) -> None:
        """Nobody waits."""
