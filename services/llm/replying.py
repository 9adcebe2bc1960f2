"""One reply, from the request to its events: the words that are given, or the prompt and the chain of engines."""

from __future__ import annotations

import contextlib
from collections.abc import AsyncGenerator, Callable, Sequence
from typing import Final

from services.core.clock import Clock
from services.core.errors import EngineMissing, Overloaded
from services.core.model.reply import LlmEngineInfo, ReplyEvent, ReplyRequest
from services.core.settings import Settings
from services.llm.engine import Prompt
from services.llm.fallback import Chain, Limits
from services.llm.greeting import greeting
from services.llm.metering import TURN, metered, priced
from services.llm.preparing import IN_CHARACTER, Preparing
from services.llm.reading import Reader
from services.llm.relay import coalesced
from services.llm.roster import Roster, Slot
from services.llm.script import scripted
from services.llm.structured import structured

_MOST_REPLIES: Final = 256


class Replies:
    """Answers requests."""

    def __init__(self, preparing: Preparing, roster: Roster, settings: Callable[[], Settings], clock: Clock) -> None:
        """`settings` gives the snapshot in force; a reply keeps the one it began with."""
        self._preparing = preparing
        self._roster = roster
        self._settings = settings
        self._chain = Chain(clock)
        self._running = 0

    async def reply(self, request: ReplyRequest) -> AsyncGenerator[ReplyEvent, None]:
        """Events of one reply. Closing the generator stops the provider."""
        if self._running >= _MOST_REPLIES:
            raise Overloaded
        self._running += 1
        try:
            if request.script:
                for given in scripted(request.script, request.options.language):
                    yield given
                return
            settings = self._settings()
            prompt, reader = await self._preparing.prepared(request, settings)
            slots = self._slots(request, prompt, settings)
            a_turn = bool(request.session) and request.options.speakable and request.options.purpose == TURN
            events = metered(self._asked(request, slots, prompt, reader, settings), request.options.purpose, counted=a_turn)
            if not request.options.speakable:
                events = coalesced(events)
            async with contextlib.aclosing(events):
                async for event in events:
                    yield event
        finally:
            self._running -= 1

    async def describe(self) -> tuple[tuple[str, ...], tuple[LlmEngineInfo, ...]]:
        """The chain as it stands now, and every engine."""
        await self._roster.refresh()
        return tuple(slot.name for slot in self._roster.chain((), self._settings())), self._roster.describe()

    def _slots(self, request: ReplyRequest, prompt: Prompt, settings: Settings) -> list[Slot]:
        """The engines to ask, in order. Raises `EngineMissing` where a model is needed and there is none."""
        slots = self._roster.chain(request.options.engines, settings)
        if request.options.purpose not in IN_CHARACTER and not request.session:
            slots = [slot for slot in slots if slot.engine.generative]
            if not slots:
                raise EngineMissing("no language model is configured")
        if request.session and request.options.speakable and not request.options.notes and (opening := greeting(prompt)) is not None:
            return [opening, *slots]
        return slots

    def _asked(
        self, request: ReplyRequest, slots: Sequence[Slot], prompt: Prompt, reader: Callable[[Slot], Reader], settings: Settings
    ) -> AsyncGenerator[ReplyEvent, None]:
        limits = Limits(attempt_s=settings.llm.attempt_timeout_s, reply_s=settings.llm.reply_timeout_s)

        def run(asked: Sequence[Slot], question: Prompt, reads: Callable[[Slot], Reader]) -> AsyncGenerator[ReplyEvent, None]:
            return priced(self._chain.run(asked, question, reads, limits), settings.llm.prices)

        return structured(run, slots, prompt) if request.options.json_schema else run(slots, prompt, reader)
