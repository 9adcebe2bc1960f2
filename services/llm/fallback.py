"""The chain: one engine after another until the first sentence was given, and never another one after that."""

from __future__ import annotations

import asyncio
import contextlib
from collections.abc import AsyncGenerator, Callable, Sequence
from dataclasses import dataclass
from typing import Final

import structlog

from services.core import tracing
from services.core.clock import Clock
from services.core.errors import EngineFailed
from services.core.model.reply import FellBack, ReplyEvent, ReplyFinished
from services.core.telemetry import FALLBACKS, STREAMS
from services.llm.attempt import Attempt, Deadlines
from services.llm.cooldown import Cooldowns
from services.llm.engine import EngineTrouble, Prompt, Reason
from services.llm.reading import Reader
from services.llm.roster import Slot

_ATTEMPTS: Final = 2
"""All engines together may take this many times the limit of one; then the last one answers."""
_WORTH_WAITING_S: Final = 1.5
"""A provider that asks for so short a wait is asked again, if only the understudy is left behind it."""
_LEAST_S: Final = 0.5
"""What even an attempt that comes late may take."""

_log = structlog.get_logger(__name__)


@dataclass(frozen=True, slots=True, kw_only=True)
class Limits:
    """Seconds."""

    attempt_s: float
    """To the first token of one engine."""
    reply_s: float
    """For everything."""
    idle_s: float = 15.0
    """Longest silence inside an answer."""


class Chain:
    """Runs replies; keeps the cooldowns of the process."""

    def __init__(self, clock: Clock) -> None:
        """Every engine is fresh."""
        self._clock = clock
        self._cooldowns = Cooldowns(clock)

    async def run(self, slots: Sequence[Slot], prompt: Prompt, reader: Callable[[Slot], Reader], limits: Limits) -> AsyncGenerator[ReplyEvent, None]:
        """Events of one reply. `reader` makes a fresh one for each attempt. Raises `EngineFailed` if not even the last engine answers."""
        began = self._clock.now()
        patience = began + limits.attempt_s * _ATTEMPTS
        asked_again = False
        queue = list(slots)
        while queue:
            slot, last = queue[0], len(queue) == 1
            try:
                if not last:
                    self._may_ask(slot, patience)
                attempt = Attempt(slot, prompt, reader(slot), self._deadlines(limits, began, patience), self._clock)
                async with contextlib.aclosing(self._watched(attempt, slot)) as events:
                    async for event in events:
                        yield event
            except EngineTrouble as trouble:
                if last:
                    raise EngineFailed("no language engine could answer") from trouble
                if not asked_again and self._worth_waiting(trouble, queue, patience):
                    asked_again = True
                    await asyncio.sleep(trouble.retry_after_s or 0.0)
                    self._cooldowns.clear(slot.name, slot.engine.account)
                    continue
                queue.pop(0)
                _log.info("llm.fell_back", engine=slot.name, next=queue[0].name, reason=str(trouble.reason))
                FALLBACKS.labels("llm", slot.name, queue[0].name, str(trouble.reason)).inc()
                yield FellBack(slot.name, queue[0].name, str(trouble.reason))
            else:
                return

    async def _watched(self, attempt: Attempt, slot: Slot) -> AsyncGenerator[ReplyEvent, None]:
        """The attempt's events; its outcome is remembered for the next reply."""
        account = slot.engine.account
        try:
            with STREAMS.labels("llm").track_inprogress(), tracing.span("llm", f"chat {slot.model or slot.name}", _called(slot)) as span:
                async with contextlib.aclosing(attempt.events()) as events:
                    async for event in events:
                        if span is not None and isinstance(event, ReplyFinished):
                            span.set(_answered(event))
                        yield event
        except EngineTrouble as trouble:
            self._cooldowns.note(slot.name, account, trouble)
            raise
        if attempt.trouble is not None:
            self._cooldowns.note(slot.name, account, attempt.trouble)
        else:
            self._cooldowns.clear(slot.name, account)

    def _deadlines(self, limits: Limits, began: float, patience: float) -> Deadlines:
        now = self._clock.now()
        first_by = min(now + limits.attempt_s, max(patience, now + _LEAST_S))
        return Deadlines(began=began, first_by=first_by, end_by=max(began + limits.reply_s, first_by), idle_s=limits.idle_s)

    def _may_ask(self, slot: Slot, patience: float) -> None:
        resting = self._cooldowns.resting(slot.name, slot.engine.account)
        if resting is not None:
            raise EngineTrouble(resting, "the engine is left alone for a while")
        if self._clock.now() >= patience:
            raise EngineTrouble(Reason.TIMEOUT, "the engines before it took too long")

    def _worth_waiting(self, trouble: EngineTrouble, queue: Sequence[Slot], patience: float) -> bool:
        wait = trouble.retry_after_s
        short = trouble.reason is Reason.RATE_LIMITED and wait is not None and wait <= min(_WORTH_WAITING_S, patience - self._clock.now())
        return short and not any(slot.engine.generative for slot in queue[1:])


def _called(slot: Slot) -> tracing.Attributes:
    return {"gen_ai.operation.name": "chat", "gen_ai.provider.name": slot.name, "gen_ai.request.model": slot.model}


def _answered(event: ReplyFinished) -> tracing.Attributes:
    return {
        "gen_ai.response.model": event.model,
        "gen_ai.response.finish_reasons": (event.reason,),
        "gen_ai.usage.input_tokens": event.prompt_tokens,
        "gen_ai.usage.output_tokens": event.completion_tokens,
        "gen_ai.response.time_to_first_chunk": event.ttft_ms / 1000,
    }
