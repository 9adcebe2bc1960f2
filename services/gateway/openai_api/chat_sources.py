"""Where a completion's words come from: the roleplay service for a stateless chat, a turn of a session for one with a transcript."""

from __future__ import annotations

from collections.abc import AsyncGenerator
from contextlib import aclosing
from dataclasses import dataclass, field
from typing import Any

from services.core.errors import EngineFailed
from services.core.model.fact import Fact, Kind, LineState
from services.core.model.reply import Delta, ReplyFinished, ReplyRequest, ReplyStarted
from services.gateway.characters.character import Character
from services.gateway.edge import Edge
from services.gateway.openai_api.chat_request import ChatRequest
from services.gateway.turns import Turns, Words
from services.transcript.view import joined

ChatEvent = ReplyStarted | Delta | ReplyFinished


async def stateless(edge: Edge, request: ChatRequest, character: Character) -> AsyncGenerator[ChatEvent, None]:
    """The character's card before the client's own history; nothing is written."""
    settings = edge.runtime.settings.llm
    wanted = ReplyRequest(character=character.slug, messages=request.history(), card=character.card_json(), options=request.options(settings))
    replies: Any = edge.llm.reply(wanted, settings.reply_timeout_s)
    finished = False
    async with aclosing(replies) as events:
        async for event in events:
            if isinstance(event, ReplyStarted | Delta | ReplyFinished):
                finished = finished or isinstance(event, ReplyFinished)
                yield event
    if not finished:
        raise EngineFailed("The reply broke off.")


async def in_session(turns: Turns, words: Words) -> AsyncGenerator[ChatEvent, None]:
    """Say the words in the session; the sentences of the line that answers are the deltas. A turn that nobody answers is empty."""
    line = _Line()
    async with aclosing(turns.turn(words)) as events:
        async for event in events:
            if isinstance(event, Fact):
                text = line.take(event)
                if text:
                    yield Delta(text)
    yield ReplyFinished("stop", engine=line.engine)


@dataclass(slots=True)
class _Line:
    """The line that answers, as far as it may be told."""

    id: str = ""
    engine: str = ""
    told: str = ""
    held: bool = False
    """Nobody has released it: its sentences wait."""
    waiting: list[str] = field(default_factory=list)
    attempt: int = 0
    """Whose sentences wait: a newer one throws the older one's away."""

    def take(self, fact: Fact) -> str:
        """Take a fact in; the text that may be told because of it."""
        body = fact.body
        if fact.kind == Kind.LINE_OPENED and not self.id:
            self.id, self.held = str(body["line"]), body.get("mode") == "approve"
            return ""
        if not self.id or body.get("line") != self.id:
            return ""
        if fact.kind == Kind.SENTENCE:
            self.engine = str(body.get("engine") or self.engine)
            attempt = int(body.get("attempt") or 1)
            if attempt > self.attempt:
                self.attempt = attempt
                self.waiting.clear()
            self.waiting.append(str(body.get("text") or ""))
        elif fact.kind == Kind.RELEASED:
            self.held = False
        elif fact.kind == Kind.REJECTED or (fact.kind == Kind.LINE_CLOSED and body.get("state") in (LineState.REJECTED, LineState.ABORTED)):
            self.waiting.clear()
        return "" if self.held else self._release()

    def _release(self) -> str:
        whole = joined([self.told, *self.waiting])
        fresh, self.told = whole[len(self.told) :], whole
        self.waiting.clear()
        return fresh
