"""What a reply took: its price by the settings, and the counters of what nobody else counts."""

from __future__ import annotations

import contextlib
from collections.abc import AsyncGenerator, Mapping
from dataclasses import replace
from typing import Final

from services.core.model.reply import ReplyEvent, ReplyFinished
from services.core.telemetry import COST, PURPOSE_TOKENS, TOKENS

TURN: Final = "roleplay"
"""A turn at a table: the stage counts what its lines took."""
PURPOSES: Final = frozenset({TURN, "rehearsal", "chat", "summary", "advice", "character"})
_OTHER: Final = "other"
_PER: Final = 1_000_000


async def priced(events: AsyncGenerator[ReplyEvent, None], prices: Mapping[str, tuple[float, float]]) -> AsyncGenerator[ReplyEvent, None]:
    """`events` with the cost in their end; a model without a price costs nothing. Closing this closes `events`."""
    async with contextlib.aclosing(events):
        async for event in events:
            if isinstance(event, ReplyFinished) and (price := prices.get(event.model)) is not None:
                cost = (event.prompt_tokens * price[0] + event.completion_tokens * price[1]) / _PER
                yield replace(event, cost=cost)
            else:
                yield event


async def metered(events: AsyncGenerator[ReplyEvent, None], purpose: str, *, counted: bool) -> AsyncGenerator[ReplyEvent, None]:
    """`events`, their end counted by purpose. `counted`: somebody else counts tokens and cost, as the stage does for its turns."""
    label = purpose if purpose in PURPOSES else _OTHER
    async with contextlib.aclosing(events):
        async for event in events:
            if isinstance(event, ReplyFinished):
                PURPOSE_TOKENS.labels("in", label).inc(event.prompt_tokens)
                PURPOSE_TOKENS.labels("out", label).inc(event.completion_tokens)
                if not counted:
                    TOKENS.labels("in", event.engine, event.model).inc(event.prompt_tokens)
                    TOKENS.labels("out", event.engine, event.model).inc(event.completion_tokens)
                    COST.labels(event.engine, event.model).inc(event.cost)
            yield event
