"""What has taken over from what, in one place: the steps that `degraded` facts tell of."""

from __future__ import annotations

from copy import deepcopy
from dataclasses import dataclass, field
from typing import Final

TEXT: Final = "text"
"""What takes over when there is no voice at all."""


@dataclass(slots=True)
class Fallbacks:
    """Moved forward as it happens, or by the facts that tell of it."""

    steps: dict[str, list[str]] = field(default_factory=dict)
    """Part -> the engine that it should have, and what has taken over from it, one after the other."""

    def fell_back(self, part: str, from_engine: str, to_engine: str) -> bool:
        """An engine failed and another one went on, or text did; False = that is known."""
        steps = self.steps.setdefault(part, [from_engine])
        if to_engine in steps:
            return False
        steps.append(to_engine)
        return True

    def went_on(self, part: str, engine: str) -> str:
        """This engine has done its work: what it takes over from again, if it is one that had failed, or there was none; empty = nothing is over."""
        steps = self.steps.get(part)
        if steps is None or engine == steps[-1]:
            return ""
        last = steps[-1]
        if engine in steps:
            del steps[steps.index(engine) + 1 :]
        elif last == TEXT:
            steps.clear()
        else:
            return ""
        if len(steps) < 2:
            del self.steps[part]
        return last

    def copy(self) -> Fallbacks:
        """One that goes its own way from here."""
        return Fallbacks(deepcopy(self.steps))
