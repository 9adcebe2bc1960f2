"""Script labels at the start of a line: the character's own name is dropped, another one's ends the reply."""

from __future__ import annotations

from collections.abc import Iterable
from typing import Final

_OWN_ALWAYS: Final = ("assistant", "{{char}}", "<bot>")
_OTHERS_ALWAYS: Final = ("user", "player", "human", "{{user}}", "<user>", "narrator", "system", "director", "game master", "gm")
_WRAPPING: Final = frozenset("*_@#\"'“«[(> \t")
_AFTER_NAME: Final = frozenset("*_])\"'”» \t")
_COLONS: Final = frozenset(":：")
_LONGEST: Final = 120


class LabelFilter:
    """Text in, the character's own words out. `stopped` = the model began to write somebody else's line."""

    def __init__(self, own: Iterable[str], others: Iterable[str]) -> None:
        """Names as they stand in the view; first names alone are recognised too."""
        mine = {name for full in own for name in _spellings(full)}
        self._own = frozenset((*mine, *_OWN_ALWAYS))
        self._others = frozenset(name for full in others for name in _spellings(full)).union(_OTHERS_ALWAYS) - self._own
        self._names = (*self._own, *self._others)
        self._line_start = True
        self._held = ""
        self._skipping = False
        self._spoke = False
        self.stopped = False

    def feed(self, text: str) -> str:
        """What of `text`, and of what was held back, the character says itself."""
        out: list[str] = []
        for char in text:
            if self.stopped:
                break
            self._take(char, out)
        return "".join(out)

    def finish(self) -> str:
        """What was held back and turned out to be no label."""
        rest, self._held = ("" if self.stopped or self._skipping else self._held), ""
        return rest

    def _take(self, char: str, out: list[str]) -> None:
        if char == "\n":
            if not self._skipping:
                self._release(out)
            self._skipping, self._line_start = False, True
            out.append(char)
        elif self._skipping:
            return
        elif not self._line_start:
            out.append(char)
        elif char in _COLONS and self._label() is not None:
            self._decide(self._label() in self._own)
        else:
            self._held += char
            if len(self._held) > _LONGEST or not self._possible():
                self._release(out)

    def _release(self, out: list[str]) -> None:
        self._spoke = self._spoke or any(char.isalnum() for char in self._held)
        out.append(self._held)
        self._held, self._line_start = "", False

    def _decide(self, own: bool) -> None:  # noqa: FBT001
        self._held = ""
        if own:
            return
        # A model that first repeats the player's line has not said anything yet: only that line is skipped.
        if self._spoke:
            self.stopped = True
        else:
            self._skipping = True

    def _bare(self) -> str:
        return self._held.lstrip("".join(_WRAPPING)).casefold()

    def _label(self) -> str | None:
        """The name that is held, if it is a whole one: "Mira", "**Mira**", "Mira (softly)"."""
        bare = self._bare()
        cut = min((at for at in (bare.find("("), bare.find("["), bare.find("（")) if at > 0), default=-1)
        if cut > 0 and bare.rstrip("* ").endswith((")", "]", "）")):
            bare = bare[:cut]
        bare = bare.strip("".join(_AFTER_NAME))
        return bare if bare in self._own or bare in self._others else None

    def _possible(self) -> bool:
        bare = self._bare()
        for name in self._names:
            if name.startswith(bare):
                return True
            if bare.startswith(name):
                rest = bare[len(name) :].lstrip("".join(_AFTER_NAME))
                if not rest or rest[0] in "([（":
                    return True
        return False


def _spellings(name: str) -> list[str]:
    folded = " ".join(name.casefold().split())
    if not folded:
        return []
    first = folded.split(" ", 1)[0]
    return [folded, first] if len(first) > 2 and first not in {"the", "der", "die", "das", "les"} else [folded]
