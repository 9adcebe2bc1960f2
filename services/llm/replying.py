"""One reply, from the request to its events: the view, the prompt, the chain of engines, the sentences."""

from __future__ import annotations

import contextlib
import json
from collections import OrderedDict
from collections.abc import AsyncGenerator, Callable, Mapping
from typing import Any, Final

from services.core.clock import Clock
from services.core.errors import InvalidRequest, NotFound, Overloaded
from services.core.model.fact import Fact
from services.core.model.reply import LlmEngineInfo, ReplyEvent, ReplyFinished, ReplyRequest
from services.core.settings import Settings
from services.core.telemetry import TOKENS
from services.llm.card import card_of
from services.llm.engine import Prompt
from services.llm.fallback import Chain, Limits
from services.llm.folds import Folds
from services.llm.greeting import greeting
from services.llm.lorebook import book_of
from services.llm.prompt import Part, chat_prompt, session_prompt
from services.llm.reading import DeltaReader, Reader, SentenceReader
from services.llm.relay import coalesced
from services.llm.roster import Roster, Slot
from services.llm.script import scripted
from services.llm.sentences.reader import SpeakableReader
from services.transcript.view import View

_MOST_REPLIES: Final = 256
_MOST_PENDING: Final = 256
_MOST_MESSAGES: Final = 2_000
_MOST_PARTS: Final = 256


class Replies:
    """Answers requests; stateless but for what it remembers to be quick."""

    def __init__(self, folds: Folds, roster: Roster, settings: Callable[[], Settings], clock: Clock) -> None:
        """`settings` gives the snapshot in force; a reply keeps the one it began with."""
        self._folds = folds
        self._roster = roster
        self._settings = settings
        self._chain = Chain(clock)
        self._parts: OrderedDict[str, tuple[Mapping[str, Any] | str, Part]] = OrderedDict()
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
            prompt, reader = await self._prepared(request, settings)
            slots = self._roster.chain(request.options.engines, settings)
            if request.session and request.options.speakable and not request.options.notes and (opening := greeting(prompt)) is not None:
                slots = [opening, *slots]
            limits = Limits(attempt_s=settings.llm.attempt_timeout_s, reply_s=settings.llm.reply_timeout_s)
            events = self._chain.run(slots, prompt, reader, limits)
            if not request.options.speakable:
                events = coalesced(_metered(events))
            async with contextlib.aclosing(events):
                async for event in events:
                    yield event
        finally:
            self._running -= 1

    async def describe(self) -> tuple[tuple[str, ...], tuple[LlmEngineInfo, ...]]:
        """The chain as it stands now, and every engine."""
        await self._roster.refresh()
        return tuple(slot.name for slot in self._roster.chain((), self._settings())), self._roster.describe()

    async def _prepared(self, request: ReplyRequest, settings: Settings) -> tuple[Prompt, Callable[[Slot], Reader]]:
        """The prompt, and how its answer is read."""
        if len(request.messages) > _MOST_MESSAGES or len(request.pending) > _MOST_PENDING:
            raise InvalidRequest("the request holds too many messages")
        if not request.session:
            if not request.card:
                raise InvalidRequest("a reply needs a session or a card")
            part = self._part(f"card {request.character}", request.card, request.character)
            prompt = chat_prompt(part, request.messages, request.options)
            if request.options.speakable:
                return prompt, _speaking(part, [], prompt.cue.language)
            return prompt, lambda slot: DeltaReader(thinking=_thinks(slot))
        view = await self._view(request)
        member = view.members.get(request.character)
        if member is None or member.role != "character":
            raise NotFound("the character is not in this session")
        card: Mapping[str, Any] | str = request.card or member.card
        part = self._part(f"{request.session} {request.character}", card, member.name or request.character)
        prompt = session_prompt(view, part, request.character, request.options, settings.llm.style)
        if not request.options.speakable:
            return prompt, lambda slot: DeltaReader(thinking=_thinks(slot))
        others = [item.name for item in view.members.values() if item.member != request.character]
        return prompt, _speaking(part, others, prompt.cue.language)

    async def _view(self, request: ReplyRequest) -> View:
        view = await self._folds.at(request.session, request.character, request.base_seq)
        try:
            pending = [Fact.from_json(text) for text in request.pending]
        except ValueError as error:
            raise InvalidRequest("a pending fact cannot be read") from error
        return view.advance(pending)

    def _part(self, key: str, source: Mapping[str, Any] | str, name: str) -> Part:
        """The card, read once as long as it stays the same."""
        known = self._parts.get(key)
        if known is None or (known[0] is not source and known[0] != source):
            known = self._parts[key] = (source, _part_of(source, name))
        self._parts.move_to_end(key)
        while len(self._parts) > _MOST_PARTS:
            self._parts.popitem(last=False)
        return known[1]


def _part_of(source: Mapping[str, Any] | str, name: str) -> Part:
    if isinstance(source, str):
        try:
            data = json.loads(source)
        except (ValueError, RecursionError) as error:
            raise InvalidRequest("the card is not JSON") from error
        if not isinstance(data, dict):
            raise InvalidRequest("the card is not an object")
        inner = data.get("data")
        source = inner if isinstance(inner, dict) and "spec" in data else data
    card = card_of(source, name)
    return Part(card, book_of(card.book))


def _speaking(part: Part, others: list[str], language: str) -> Callable[[Slot], Reader]:
    own = [name for name in (part.card.name, part.card.nickname) if name]
    return lambda slot: SentenceReader(SpeakableReader(own, others, language=language, thinking=_thinks(slot)))


def _thinks(slot: Slot) -> bool:
    return bool(getattr(slot.engine, "thinking", False))


async def _metered(events: AsyncGenerator[ReplyEvent, None]) -> AsyncGenerator[ReplyEvent, None]:
    """The stage counts the tokens of its turns; those of a stateless chat are counted here."""
    async with contextlib.aclosing(events):
        async for event in events:
            if isinstance(event, ReplyFinished):
                TOKENS.labels("in", event.engine).inc(event.prompt_tokens)
                TOKENS.labels("out", event.engine).inc(event.completion_tokens)
            yield event
