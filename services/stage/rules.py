"""What the director has laid down, as a place needs to know it."""

from __future__ import annotations

from typing import Protocol


class Rules(Protocol):
    """What the director has laid down for the session."""

    def is_silent(self, character: str) -> bool:
        """It is muted, or everybody is."""
        ...

    def mode(self, character: str, platform: str) -> str:
        """Auto or approve, for words from `platform`."""
        ...

    def delivery(self, character: str) -> str:
        """Voice or teleprompter."""
        ...

    def next_in(self, place: str) -> str:
        """The character that is to speak next; empty = whoever casting chooses."""
        ...

    def next_spoke(self, place: str, character: str) -> None:
        """A turn was given: the choice is spent, if it was this one's."""
        ...

    def changed(self) -> None:
        """What stands on the desk has changed."""
        ...
