"""Asking a model, bounded on every side: engines, prompt, answer, tokens of the hour, and time."""

from __future__ import annotations

import asyncio
import json
from collections.abc import AsyncGenerator
from contextlib import aclosing, suppress
from dataclasses import dataclass, field
from typing import Final, Protocol

from services.core.calm import Calm
from services.core.errors import DeadlineExceeded, EngineFailed, EngineMissing, InvalidRequest, Overloaded, SouffleurError
from services.core.model.reply import ChatMessage, Delta, ReplyEvent, ReplyFinished, ReplyOptions, ReplyRequest, ReplyStarted
from services.core.settings import SummarizerSettings
from services.summarizer.lease import Budget
from services.summarizer.size import tokens_of

_UNDERSTUDY: Final = "understudy"
"""Stands at the end of every chain and speaks in character: nothing that anybody could rest on."""
_LONGEST_ANSWER: Final = 32_000
_NOBODY_ASKED: Final = (EngineMissing, InvalidRequest, Overloaded)
"""The service refused before any engine was called."""
_PATIENCE_S: Final = 1.0
"""How long turns are given way to."""
_ROOM: Final = 4
"""A prompt's last message gets no more than three tenths of its budget."""


class Roleplay(Protocol):
    """The roleplay service: `LlmClient`."""

    def reply(self, request: ReplyRequest, timeout_s: float) -> AsyncGenerator[ReplyEvent]:
        """Events of one answer."""
        ...


@dataclass(frozen=True, slots=True, kw_only=True)
class Question:
    """What is asked, of whom, and what it may cost."""

    session: str
    purpose: str
    """summary, advice or character, for metrics."""
    engines: tuple[str, ...]
    system: str
    """Instructions; nothing that was said at a table ever stands here."""
    text: str
    max_tokens: int
    timeout_s: float
    tokens_per_hour: int
    json_schema: str = ""


@dataclass(slots=True)
class _Answer:
    """As far as it has come."""

    pieces: list[str] = field(default_factory=list)
    length: int = 0
    tokens: int = 0
    """As the service counted them, those of failed attempts too; 0 = it did not say."""

    @property
    def text(self) -> str:
        return "".join(self.pieces).strip()


class Models:
    """Asks through the roleplay service, statelessly."""

    def __init__(self, roleplay: Roleplay, budget: Budget, calm: Calm | None = None) -> None:
        """`budget` is shared by all instances."""
        self._roleplay = roleplay
        self._budget = budget
        self._calm = calm or Calm()

    async def ask(self, question: Question) -> str:
        """The answer, whole. Raises an error of ours: `BudgetSpent`, `DeadlineExceeded`, `EngineFailed` if no wanted engine answers."""
        size = tokens_of(question.system) + tokens_of(question.text)
        reserved = size + question.max_tokens
        await self._calm.wait(_PATIENCE_S)
        slot = await self._budget.reserve(question.session, reserved, question.tokens_per_hour)
        answer, used = _Answer(), reserved
        try:
            async with asyncio.timeout(question.timeout_s):
                await self._hear(question, size, answer)
            used = answer.tokens or size + tokens_of(answer.text)
        except TimeoutError:
            raise DeadlineExceeded("the model took too long") from None
        except _NOBODY_ASKED:
            used = answer.tokens
            raise
        except SouffleurError:
            # What was counted until then; else it may have been all that it was allowed.
            used = answer.tokens or max(reserved, size + tokens_of(answer.text))
            raise
        finally:
            # What cannot be settled stays booked; and whoever was cancelled is not to hear of the store instead.
            with suppress(SouffleurError):
                await asyncio.shield(self._budget.settle(question.session, slot, reserved, used))
        return answer.text

    async def _hear(self, question: Question, size: int, answer: _Answer) -> None:
        async with aclosing(self._roleplay.reply(_request(question, size), question.timeout_s)) as events:
            async for event in events:
                match event:
                    case ReplyStarted(engine=engine) if engine == _UNDERSTUDY:
                        raise EngineFailed("none of the wanted engines answers")
                    case ReplyStarted():
                        answer.pieces, answer.length = [], 0
                    case Delta(text=text):
                        answer.pieces.append(text)
                        answer.length += len(text)
                        if answer.length > _LONGEST_ANSWER:
                            raise EngineFailed("the model does not come to an end")
                    case ReplyFinished():
                        answer.tokens = event.prompt_tokens + event.completion_tokens
        if not answer.text:
            raise EngineFailed("the model said nothing")


@dataclass(frozen=True, slots=True)
class Counsel:
    """The models as one session may ask them, under the settings in force."""

    models: Models
    session: str
    settings: SummarizerSettings

    async def light(self, purpose: str, system: str, text: str, *, max_tokens: int, json_schema: str = "") -> str:
        """Ask the light engines."""
        return await self._ask(self.settings.light, purpose, system, text, max_tokens, json_schema)

    async def strong(self, purpose: str, system: str, text: str, *, max_tokens: int, json_schema: str = "") -> str:
        """Ask the strong engines."""
        return await self._ask(self.settings.strong, purpose, system, text, max_tokens, json_schema)

    async def _ask(self, engines: tuple[str, ...], purpose: str, *asked: *tuple[str, str, int, str]) -> str:
        system, text, max_tokens, json_schema = asked
        return await self.models.ask(
            Question(
                session=self.session,
                purpose=purpose,
                engines=engines,
                system=system,
                text=text,
                max_tokens=max_tokens,
                timeout_s=self.settings.timeout_s,
                tokens_per_hour=self.settings.tokens_per_hour,
                json_schema=json_schema,
            )
        )


def _request(question: Question, size: int) -> ReplyRequest:
    return ReplyRequest(
        messages=(ChatMessage("user", question.text),),
        card=json.dumps({"name": "Recorder", "system_prompt": question.system}),
        options=ReplyOptions(
            engines=question.engines,
            temperature=0.2,
            max_tokens=question.max_tokens,
            speakable=False,
            token_budget=_ROOM * (size + 500),
            json_schema=question.json_schema,
            purpose=question.purpose,
        ),
    )
