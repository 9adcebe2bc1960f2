"""From a request to the prompt and the reader of its answer: the view, the card, what comes to mind."""

from __future__ import annotations

import json
from collections.abc import Callable, Mapping
from dataclasses import replace
from typing import Any, Final

from services.core.clock import Clock, SystemClock
from services.core.errors import InvalidRequest, NotFound
from services.core.lately import Lately
from services.core.model.fact import Fact
from services.core.model.reply import ReplyRequest
from services.core.settings import Settings
from services.llm.card import card_of
from services.llm.engine import Prompt
from services.llm.folds import Folds
from services.llm.lorebook import book_of
from services.llm.prompt import Part, bare_prompt, chat_prompt, session_prompt
from services.llm.reading import DeltaReader, Reader, SentenceReader
from services.llm.recalling import Recalling
from services.llm.roster import Slot
from services.llm.schema import schema_of
from services.llm.sentences.reader import SpeakableReader
from services.transcript.view import View

_MOST_PENDING: Final = 256
_MOST_MESSAGES: Final = 2_000
_MOST_PARTS: Final = 256
IN_CHARACTER: Final = frozenset({"roleplay", "chat"})
"""Purposes for which a card is needed, and for which the understudy may answer."""


class Preparing:
    """Remembers what it has read, to be quick."""

    def __init__(self, folds: Folds, recalling: Recalling | None = None, clock: Clock | None = None) -> None:
        """`folds` hands out views; without `recalling` nobody remembers earlier sessions."""
        self._folds = folds
        self._recalling = recalling
        self._parts: Lately[str, tuple[Mapping[str, Any] | str, Part]] = Lately(_MOST_PARTS, clock or SystemClock())

    async def prepared(self, request: ReplyRequest, settings: Settings) -> tuple[Prompt, Callable[[Slot], Reader]]:
        """The prompt, and how its answer is read. Raises `InvalidRequest`, `NotFound` or `Unavailable`."""
        if len(request.messages) > _MOST_MESSAGES or len(request.pending) > _MOST_PENDING:
            raise InvalidRequest("the request holds too many messages")
        if request.options.json_schema and (request.session or request.options.speakable):
            raise InvalidRequest("json_schema is for stateless chat that is not spoken")
        prompt, reader = await self._in_session(request, settings) if request.session else self._stateless(request)
        return (prompt if request.options.speakable else replace(prompt, unhurried=True)), reader

    def _stateless(self, request: ReplyRequest) -> tuple[Prompt, Callable[[Slot], Reader]]:
        schema = schema_of(request.options.json_schema) if request.options.json_schema else None
        if request.options.purpose not in IN_CHARACTER and request.card in {"", "{}"}:
            if not request.messages:
                raise InvalidRequest("a reply needs messages")
            return bare_prompt(request.messages, request.options, schema), _raw
        if not request.card:
            raise InvalidRequest("a reply needs a session or a card")
        part = self._part(f"card {request.character}", request.card, request.character)
        prompt = chat_prompt(part, request.messages, request.options, schema)
        return prompt, _speaking(part, [], prompt.cue.language) if request.options.speakable else _raw

    async def _in_session(self, request: ReplyRequest, settings: Settings) -> tuple[Prompt, Callable[[Slot], Reader]]:
        view = await self._view(request)
        member = view.members.get(request.character)
        if member is None or member.role != "character":
            raise NotFound("the character is not in this session")
        card: Mapping[str, Any] | str = request.card or member.card
        part = self._part(f"{request.session} {request.character}", card, member.name or request.character)
        memories = await self._recalling.recalled(view, request.character, request.session, settings.memory) if self._recalling else []
        prompt = session_prompt(view, part, request.character, request.options, settings.llm.style, memories=memories)
        if not request.options.speakable:
            return prompt, _raw
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
            self._parts.put(key, known := (source, _part_of(source, name)))
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
    return lambda slot: SentenceReader(SpeakableReader(own, others, language=language, thinking=slot.thinks))


def _raw(slot: Slot) -> Reader:
    return DeltaReader(thinking=slot.thinks)
