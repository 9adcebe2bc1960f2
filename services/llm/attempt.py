"""One attempt of one engine: its pieces under deadlines and caps, read into events."""

from __future__ import annotations

import asyncio
import contextlib
from collections.abc import AsyncGenerator, Awaitable
from dataclasses import dataclass
from typing import Final, TypeVar

import structlog

from services.core.clock import Clock
from services.core.errors import SouffleurError
from services.core.model.reply import Delta, ReplyEvent, ReplyFinished, ReplyStarted, Sentence
from services.llm.engine import LONGEST_REPLY, EngineTrouble, Finished, Piece, Prompt, Reason, Thought, Token, Usage
from services.llm.reading import Reader
from services.llm.roster import Slot
from services.llm.tokens import estimate

_USAGE_S: Final = 0.3
"""How long the provider's count of tokens is waited for behind the last word."""

T = TypeVar("T")
_log = structlog.get_logger(__name__)


@dataclass(frozen=True, slots=True, kw_only=True)
class Deadlines:
    """Moments on the clock, in seconds, and the longest silence inside an answer."""

    began: float
    first_by: float
    end_by: float
    idle_s: float


class Attempt:
    """Runs once. `given` = something of it may have been heard already."""

    def __init__(self, slot: Slot, prompt: Prompt, reader: Reader, deadlines: Deadlines, clock: Clock) -> None:
        """`reader` is fresh."""
        self._slot = slot
        self._prompt = prompt
        self._reader = reader
        self._deadlines = deadlines
        self._clock = clock
        self._reason = ""
        self._started = False
        self._size = 0
        self._ttft_ms = 0.0
        self._usage: Usage | None = None
        self._texts: list[str] = []
        self.given = False
        self.trouble: EngineTrouble | None = None
        """What ended an answer that had begun."""

    async def events(self) -> AsyncGenerator[ReplyEvent, None]:
        """From `ReplyStarted` to `ReplyFinished`. Raises `EngineTrouble` only as long as nothing was given."""
        try:
            async with contextlib.aclosing(self._pieces()) as pieces:
                async for piece in pieces:
                    for event in self._take(piece):
                        yield event
            self._check()
        except EngineTrouble as trouble:
            if not self.given:
                raise
            # Somebody may have heard the beginning already: it stays, and nobody else goes on in another voice.
            _log.warning("llm.truncated", engine=self._slot.name, reason=str(trouble.reason))
            self.trouble = trouble
            self._reason = "truncated"
            for event in self._reader.finish(complete=False):
                yield event
        yield self._finish()

    async def _pieces(self) -> AsyncGenerator[Piece, None]:
        """The engine's pieces, until the answer is complete, long enough or late."""
        engine = await self._within(self._slot.opened(self._clock), self._deadlines.first_by)
        async with contextlib.aclosing(engine.stream(self._prompt)) as stream:
            while not self._over():
                try:
                    piece = await self._within(anext(stream, None), self._until())
                except EngineTrouble:
                    if self._reason:
                        return  # only the count of tokens is missing
                    raise
                if piece is None:
                    return
                yield piece

    def _until(self) -> float:
        now = self._clock.now()
        if self._reason:
            return now + _USAGE_S
        return min(self._deadlines.end_by, now + self._deadlines.idle_s) if self._started else self._deadlines.first_by

    def _over(self) -> bool:
        return self._reader.done or self._size > LONGEST_REPLY or (bool(self._reason) and self._usage is not None)

    def _take(self, piece: Piece) -> list[ReplyEvent]:
        events: list[ReplyEvent] = []
        if isinstance(piece, Token | Thought) and not self._started:
            self._started = True
            self._ttft_ms = (self._clock.now() - self._deadlines.began) * 1000
            events.append(ReplyStarted(self._slot.name, self._slot.model))
        if isinstance(piece, Token):
            self._size += len(piece.text.encode("utf-8", "ignore"))
            self._texts.append(piece.text)
            events += self._reader.feed(piece.text)
            if self._over():
                events += self._end("stop" if self._reader.done else "length")
        elif isinstance(piece, Finished):
            events += self._end(piece.reason)
        elif isinstance(piece, Usage):
            self._usage = piece if piece.completion_tokens else None
        self.given = self.given or any(isinstance(event, Sentence | Delta) for event in events)
        return events

    def _end(self, reason: str) -> list[ReplyEvent]:
        self._reason = reason
        return self._reader.finish(complete=reason == "stop")

    def _check(self) -> None:
        """An answer without an end was cut off; one without words is none."""
        if not self._reason:
            raise EngineTrouble(Reason.TRUNCATED)
        if not self.given:
            raise EngineTrouble(Reason.FILTERED if self._reason == "content_filter" else Reason.EMPTY)

    def _finish(self) -> ReplyFinished:
        counted = self._usage or Usage(self._prompt.tokens, estimate("".join(self._texts)))
        return ReplyFinished(
            self._reason,
            prompt_tokens=counted.prompt_tokens,
            completion_tokens=counted.completion_tokens,
            estimated=self._usage is None,
            ttft_ms=self._ttft_ms,
            engine=self._slot.name,
            model=self._slot.model,
        )

    async def _within(self, wanted: Awaitable[T], until: float) -> T:
        try:
            async with asyncio.timeout(max(0.0, until - self._clock.now())):
                return await wanted
        except TimeoutError:
            raise EngineTrouble(Reason.TIMEOUT) from None
        except SouffleurError:
            raise
        except Exception as error:
            # Somebody's own engine may break in any way; the next one answers.
            _log.exception("llm.engine_broke", engine=self._slot.name)
            raise EngineTrouble(Reason.SERVER) from error
