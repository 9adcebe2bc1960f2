"""Telling the session's owner: with keys that make telling twice harmless. The owner alone writes."""

from __future__ import annotations

import json
from collections.abc import Coroutine, Sequence
from typing import Any, Final, Protocol

from services.core.model.attachment import TellRequest, TellResponse
from services.core.model.fact import Kind
from services.core.model.facts import Body, RecommendationDecided, Recommended, Summarized, fields_of, kind_of
from services.core.model.principal import Principal
from services.core.telemetry import RECOMMENDATIONS

ADVISER: Final = Principal(id="adviser", role="adviser", name="Adviser")


class Owner(Protocol):
    """The stages: `StageClient`."""

    def tell(self, request: TellRequest) -> Coroutine[Any, Any, TellResponse]:
        """Have a fact written."""
        ...


class Teller:
    """What the summarizer may tell: digests, proposals, and what becomes of proposals."""

    def __init__(self, owner: Owner) -> None:
        """`owner` finds the stage that owns a session."""
        self._owner = owner

    async def digest(self, sid: str, key: str, text: str, covers: Sequence[int]) -> int:
        """Seq of the digest."""
        return (await self._tell(sid, key, Summarized(text=text, covers=list(covers)))).seq

    async def recommend(self, sid: str, proposal: Recommended) -> bool:
        """True if it is new."""
        answer = await self._tell(sid, f"recommended:{proposal.recommendation}", proposal)
        if not answer.repeated_key:
            RECOMMENDATIONS.labels("proposed").inc()
        return not answer.repeated_key

    async def decide(self, sid: str, recommendation: str, state: str) -> None:
        """Accept it by itself, or let it expire."""
        await self._tell(sid, f"decided:{recommendation}:{state}", RecommendationDecided(recommendation=recommendation, state=state))

    async def _tell(self, sid: str, key: str, body: Body) -> TellResponse:
        text = json.dumps(fields_of(body), ensure_ascii=False)
        return await self._owner.tell(TellRequest(session=sid, principal=ADVISER, key=key, kind=Kind(kind_of(body)), body=text))
