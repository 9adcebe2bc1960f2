"""The table goes on with less: told once per change."""

from __future__ import annotations

from ulid import ULID

from services.core.model.facts import Degraded
from services.core.telemetry import FALLBACKS
from services.stage.backstage import STAGE, Backstage


class Degradation:
    """Of one place."""

    def __init__(self, place: str, backstage: Backstage) -> None:
        """Nothing has failed yet."""
        self._place = place
        self._backstage = backstage
        self._now: dict[str, str] = {}
        """Part -> what took over last."""

    def fell_back(self, part: str, from_engine: str, to_engine: str, reason: str) -> None:
        """An engine failed and another one went on, or text did: a fact, once per change."""
        if to_engine == "text":
            # Whoever goes from one engine to another counts that itself, stateless calls included; here the voice was lost altogether.
            FALLBACKS.labels(part, from_engine, to_engine, reason).inc()
        if self._now.get(part) != to_engine:
            self._now[part] = to_engine
            body = Degraded(part=part, from_engine=from_engine, to_engine=to_engine, reason=reason)
            self._backstage.write(body, f"degraded:{ULID()}", STAGE, self._place)
