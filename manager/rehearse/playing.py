"""Asking once more: the roleplay service folds the recorded transcript up to each cue and answers; nothing is written anywhere."""

from __future__ import annotations

from collections.abc import AsyncGenerator, AsyncIterator, Sequence
from dataclasses import dataclass
from typing import Protocol

from ulid import ULID

from manager.rehearse.record import Cue, spoken
from services.core.errors import SouffleurError
from services.core.model.reply import ReplyEvent, ReplyFinished, ReplyOptions, ReplyRequest, Sentence
from services.core.settings import LlmSettings


class Roleplay(Protocol):
    """The roleplay service as it is called here."""

    def reply(self, request: ReplyRequest, timeout_s: float) -> AsyncGenerator[ReplyEvent]:
        """One line."""
        ...


@dataclass(frozen=True, slots=True, kw_only=True)
class Changes:
    """What is to be different this time."""

    model: str = ""
    """An engine's name in the settings; empty = the configured chain."""
    card: str = ""
    """JSON of a card's data; empty = the recorded one."""
    notes: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True, kw_only=True)
class Take:
    """One cue, answered again."""

    cue: Cue
    reply: str
    engine: str = ""
    model: str = ""
    tokens: tuple[int, int] = (0, 0)
    ttft_ms: float = 0.0
    cost: float = 0.0
    failed: str = ""

    @property
    def differs(self) -> bool:
        """It is not what was heard then."""
        return self.reply.split() != self.cue.reply.split()


async def takes(roleplay: Roleplay, session: str, cues: Sequence[Cue], changes: Changes, settings: LlmSettings) -> AsyncIterator[Take]:
    """One after the other, as they were said; one that fails does not end the rehearsal."""
    for cue in cues:
        request = ReplyRequest(
            session=session,
            base_seq=cue.seq,
            character=cue.character,
            line=str(ULID()),
            card=changes.card,
            options=ReplyOptions(
                engines=(changes.model,) if changes.model else (),
                temperature=settings.temperature,
                max_tokens=settings.max_tokens,
                token_budget=settings.token_budget,
                notes=changes.notes,
                purpose="rehearsal",
            ),
        )
        try:
            yield await _take(roleplay, request, cue, settings.reply_timeout_s)
        except SouffleurError as error:
            yield Take(cue=cue, reply="", failed=error.detail)


async def _take(roleplay: Roleplay, request: ReplyRequest, cue: Cue, timeout_s: float) -> Take:
    words: list[str] = []
    end = ReplyFinished("")
    async for event in roleplay.reply(request, timeout_s):
        if isinstance(event, Sentence):
            words.append(spoken(event.emotion, event.text))
        elif isinstance(event, ReplyFinished):
            end = event
    return Take(
        cue=cue,
        reply=" ".join(words),
        engine=end.engine,
        model=end.model,
        tokens=(end.prompt_tokens, end.completion_tokens),
        ttft_ms=end.ttft_ms,
        cost=end.cost,
    )
