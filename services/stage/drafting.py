"""A line's words: the reply becomes sentences of the transcript, under the name of their line. Whether they are spoken is not decided here."""

from __future__ import annotations

import asyncio
from collections.abc import Callable
from typing import Final

from services.core.errors import SouffleurError
from services.core.model.fact import Author, Basis, LineState
from services.core.model.facts import Body, LineClosed, LineOpened, Spoken
from services.core.model.reply import FellBack, ReplyEvent, ReplyFinished, ReplyStarted, Sentence
from services.core.telemetry import TOKENS, TURNS
from services.stage.backstage import Backstage
from services.stage.feed import ReplyFeed
from services.stage.order import Order, Written

_SENTENCES: Final = 64


class Drafting:
    """Runs as one task (`run`); the line's facts, from `line_opened` to `line_closed`, are written by this alone."""

    def __init__(self, order: Order, feed: ReplyFeed, backstage: Backstage, fell_back: Callable[[str, str, str, str], None]) -> None:
        """`fell_back` is told what `Host.fell_back` is."""
        self._order = order
        self._feed = feed
        self._backstage = backstage
        self._fell_back = fell_back
        self.sentences: asyncio.Queue[Written | None] = asyncio.Queue(_SENTENCES)
        """What was written, in order; None = the end."""
        self.opened = False
        """Its `line_opened` has been told to the writer; without that there is nothing to close, and the turn is passed."""
        self.closed = False
        self.failure = ""
        """Why the reply ended early; what was given until then is spoken."""

    async def run(self) -> None:
        """Reply -> sentences in the transcript."""
        order = self._order
        # Shielded: cutting the line must not cancel the words, which are still to be passed.
        if order.said is not None:
            await asyncio.shield(order.said)
        turn = 0 if order.first is None else (await asyncio.shield(order.first)).seq
        base = self._feed.request.base_seq
        self.opened = True
        self._write(LineOpened(line=order.line, character=order.seat.member, turn=turn, base_seq=base, answers=order.answers), "open", turn or None)
        try:
            async for event in self._feed:
                await self._take(event, turn)
        except SouffleurError as error:
            # What was already given is spoken to its end; the line is then closed as cut, with this reason.
            self.failure = error.code
        await self.sentences.put(None)

    async def _take(self, event: ReplyEvent, turn: int) -> None:
        timing = self._order.timing
        match event:
            case ReplyStarted():
                timing.llm_engine, timing.llm_model = event.engine, event.model
            case Sentence():
                timing.first_sentence = timing.first_sentence or self._backstage.clock.now()
                body = Spoken(
                    line=self._order.line,
                    attempt=1,
                    index=event.index,
                    text=event.text,
                    tagged=event.tagged,
                    emotion=event.emotion,
                    intensity=round(event.intensity, 2),
                    manner=event.manner,
                    engine=timing.llm_engine,
                )
                await self.sentences.put(self._write(body, f"a1:s{event.index}", turn or None))
            case FellBack():
                self._fell_back("llm", event.from_engine, event.to_engine, event.reason)
            case ReplyFinished():
                timing.llm_ttft_ms = event.ttft_ms
                TOKENS.labels("in", event.engine).inc(event.prompt_tokens)
                TOKENS.labels("out", event.engine).inc(event.completion_tokens)
                if event.reason == "truncated":
                    self.failure = "truncated"

    def close(self, state: LineState, last: tuple[int, int], basis: Basis, reason: str) -> None:
        """End the line, once: `last` is (seq of the last sentence of which anything was heard, code points of it)."""
        if self.closed:
            return
        self.closed = True
        if not self.opened:
            return
        self._write(LineClosed(line=self._order.line, state=state, last_seq=last[0], offset=last[1], basis=basis, reason=reason), "close", None)
        TURNS.labels(state).inc()

    def _write(self, body: Body, key: str, cause: int | None) -> Written:
        order = self._order
        by = Author("character", order.seat.member, order.seat.name)
        return self._backstage.write(body, f"{order.line}:{key}", by, order.place, audience=order.audience, cause=cause)
