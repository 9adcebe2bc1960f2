"""The table goes on with less, and with all it had again: told once per change."""

from __future__ import annotations

from typing import Final

from ulid import ULID

from services.core.model.facts import RECOVERED, Degraded
from services.core.telemetry import FALLBACKS
from services.stage.backstage import STAGE, Backstage

TEXT: Final = "text"
"""What takes over when there is no voice at all."""


class Degradation:
    """Of one place."""

    def __init__(self, place: str, backstage: Backstage) -> None:
        """Nothing has failed yet."""
        self._place = place
        self._backstage = backstage
        self._steps: dict[str, list[str]] = {}
        """Part -> the engine that it should have, and what has taken over from it, one after the other."""
        self._whose: dict[str, str] = {}
        """Part -> the character whose line told of the last step; empty = everybody's lines would."""

    def fell_back(self, part: str, from_engine: str, to_engine: str, reason: str, whose: str = "") -> None:
        """An engine failed and another one went on, or text did: a fact, once until it is over. `whose` = another character may well have that engine."""
        if to_engine == TEXT:
            # Whoever goes from one engine to another counts that itself, stateless calls included; here the voice was lost altogether.
            FALLBACKS.labels(part, from_engine, to_engine, reason).inc()
        steps = self._steps.setdefault(part, [from_engine])
        if to_engine not in steps:
            steps.append(to_engine)
            self._whose[part] = whose
            self._tell(part, from_engine, to_engine, reason)

    def went_on(self, part: str, engine: str, whose: str = "") -> None:
        """This engine has done its work: if it is one that had failed, or there was none, that is over."""
        steps = self._steps.get(part)
        if steps is None or engine == steps[-1] or self._whose[part] not in ("", whose):
            return
        last = steps[-1]
        if engine in steps:
            del steps[steps.index(engine) + 1 :]
        elif last == TEXT:
            steps.clear()
        else:
            return
        if len(steps) < 2:
            del self._steps[part]
        self._tell(part, last, engine, RECOVERED)

    def _tell(self, part: str, from_engine: str, to_engine: str, reason: str) -> None:
        body = Degraded(part=part, from_engine=from_engine, to_engine=to_engine, reason=reason)
        self._backstage.write(body, f"degraded:{ULID()}", STAGE, self._place)
