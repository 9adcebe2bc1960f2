"""The table goes on with less, and with all it had again: told once per change."""

from __future__ import annotations

from ulid import ULID

from services.core.model.facts import RECOVERED, Degraded
from services.core.telemetry import FALLBACKS
from services.stage.backstage import STAGE, Backstage
from services.stage.fallbacks import TEXT, Fallbacks


class Degradation:
    """Of one place."""

    def __init__(self, place: str, backstage: Backstage) -> None:
        """What had failed when the session was somebody else's has failed still: the facts say so."""
        self._place = place
        self._backstage = backstage
        told = backstage.roster.fallbacks.get(place)
        self._fallbacks = Fallbacks() if told is None else told.copy()
        self._whose: dict[str, str] = {}
        """Part -> the character whose line told of the last step; none = everybody's lines would."""

    def fell_back(self, part: str, from_engine: str, to_engine: str, reason: str, whose: str = "") -> None:
        """An engine failed and another one went on, or text did: a fact, once until it is over. `whose` = another character may well have that engine."""
        if to_engine == TEXT:
            # Whoever goes from one engine to another counts that itself, stateless calls included; here the voice was lost altogether.
            FALLBACKS.labels(part, from_engine, to_engine, reason).inc()
        if self._fallbacks.fell_back(part, from_engine, to_engine):
            self._whose[part] = whose
            self._tell(part, from_engine, to_engine, reason)

    def went_on(self, part: str, engine: str, whose: str = "") -> None:
        """This engine has done its work: if it is one that had failed, or there was none, that is over."""
        if self._whose.get(part, "") in ("", whose) and (last := self._fallbacks.went_on(part, engine)):
            self._tell(part, last, engine, RECOVERED)

    def _tell(self, part: str, from_engine: str, to_engine: str, reason: str) -> None:
        body = Degraded(part=part, from_engine=from_engine, to_engine=to_engine, reason=reason)
        self._backstage.write(body, f"degraded:{ULID()}", STAGE, self._place)
