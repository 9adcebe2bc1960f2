"""Card macros: {{char}}, {{user}} and the ones of V3 that make sense in a prompt. Case does not matter."""

from __future__ import annotations

import random
import re
from collections.abc import Callable
from dataclasses import dataclass, field
from typing import Final

_MACRO: Final = re.compile(r"\{\{([^{}]{0,2000})\}\}")
_LEGACY: Final = re.compile(r"<(char|bot|user)>", re.IGNORECASE)
_ROLL: Final = re.compile(r"d?(\d{1,6})", re.IGNORECASE)
_COMMA: Final = re.compile(r"(?<!\\),")
_ROUNDS: Final = 4


@dataclass(frozen=True, slots=True)
class Macros:
    """Expands macros for one prompt. What is random is random by `seed`, so that the same prompt comes out the same."""

    char: str
    user: str
    original: str = ""
    """What `{{original}}` stands for."""
    seed: int = 0
    _dice: random.Random = field(init=False, repr=False, compare=False)

    def __post_init__(self) -> None:
        """One stream of chances per prompt."""
        object.__setattr__(self, "_dice", random.Random(self.seed))  # noqa: S311

    def expand(self, text: str, *, original: str | None = None) -> str:
        """`text` with its macros replaced; unknown ones stay as they are."""
        if "{{" not in text and "<" not in text:
            return text
        whole = self.original if original is None else original
        for _ in range(_ROUNDS):
            # From the inside out: {{reverse:{{user}}}}.
            changed = _MACRO.sub(lambda found: self._value(found, whole), text)
            if changed == text:
                break
            text = changed
        return _LEGACY.sub(lambda found: self.user if found.group(1).lower() == "user" else self.char, text)

    def _value(self, found: re.Match[str], original: str) -> str:
        body = found.group(1)
        name, colon, argument = body.partition(":")
        key = name.strip().lower()
        if body.lstrip().startswith("//"):
            return ""
        if not colon:
            plain: dict[str, str] = {"char": self.char, "user": self.user, "original": original}
            return plain.get(key, found.group(0))
        functions: dict[str, Callable[[str], str]] = {
            "random": lambda text: self._dice.choice(_choices(text)),
            "pick": lambda text: random.Random(f"{self.seed}:{text}").choice(_choices(text)),  # noqa: S311
            "roll": self._roll,
            "reverse": lambda text: text[::-1],
            "hidden_key": lambda _: "",
            "comment": lambda _: "",
            "//": lambda _: "",
        }
        return functions[key](argument) if key in functions else found.group(0)

    def _roll(self, text: str) -> str:
        found = _ROLL.fullmatch(text.strip())
        return str(self._dice.randint(1, max(1, int(found.group(1))))) if found else ""


def _choices(text: str) -> list[str]:
    text = text.removeprefix(":")
    parts = text.split("::") if "::" in text else _COMMA.split(text)
    return [part.strip().replace("\\,", ",") for part in parts]
