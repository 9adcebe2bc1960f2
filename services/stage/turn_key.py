"""Your turn: the director's key, by which a character speaks next, and for whom it waits."""

from __future__ import annotations

from collections.abc import Callable

from services.stage.place import Place


class TurnKey:
    """Of one session."""

    def __init__(self, place: Callable[[str], Place], finish: Callable[[str], bool]) -> None:
        """`place` gives one by name; `finish` ends what a room's microphone hears there: whether it heard anything."""
        self._place = place
        self._finish = finish
        self._next: dict[str, str] = {}
        self._pressed: set[str] = set()
        """Places where somebody's turn waits for the end of what the room's microphone hears."""

    def shown(self) -> dict[str, str]:
        """Place -> whose turn it is there."""
        return dict(self._next)

    def press(self, place: str, character: str) -> None:
        """It speaks now if it can, else as soon as it can. What the room's microphone hears is finished with it, and is what it answers."""
        if self._finish(place):
            self._next[place] = character
            self._pressed.add(place)
        else:
            self._let_speak(place, character)

    def due(self, place: str) -> str:
        """The character that is to speak next; empty = whoever casting chooses."""
        return self._next.get(place, "")

    def spent(self, place: str) -> bool:
        """A turn was given; whether that was the one."""
        return self._next.pop(place, None) is not None

    def came_to_rest(self, place: str, is_silent: Callable[[str], bool]) -> bool:
        """Nobody is speaking there any more: whose turn it is speaks, if no words were heard that it answers. Whether it does."""
        character = self._next.get(place, "") if place in self._pressed else ""
        self._pressed.discard(place)
        waiting = self._place(place).waiting.turn
        if not character or is_silent(character) or (waiting is not None and waiting.named):
            return False
        self._let_speak(place, character)
        return True

    def _let_speak(self, place: str, character: str) -> None:
        if self._place(place).go_next(character):
            self._next[place] = character
        else:
            self._next.pop(place, None)
