"""A line's words: the reply becomes sentences of the transcript, under the name of their line. Whether they are spoken is not decided here."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterable, AsyncIterator, Callable, Container, Sequence

from services.core.errors import SouffleurError
from services.core.model.fact import Author, Basis, LineState
from services.core.model.facts import Body, LineClosed, LineOpened, Spoken
from services.core.model.reply import FellBack, ReplyEvent, ReplyFinished, ReplyStarted, Sentence
from services.core.telemetry import CHARACTERS, COST, TOKENS, TURNS
from services.stage import spans
from services.stage.backstage import Backstage
from services.stage.degradation import Degradation
from services.stage.feed import ReplyFeed
from services.stage.order import Order, Written
from services.stage.turns import stands_after, written_seq


class Drafting:
    """Runs as one task per attempt (`run`); the line's facts, from `line_opened` to `line_closed`, are written by this alone."""

    def __init__(self, order: Order, feed: ReplyFeed, backstage: Backstage, degradation: Degradation) -> None:
        """`degradation` is told which engine answers."""
        self.order = order
        self.feed = feed
        self._backstage = backstage
        self._degradation = degradation
        self._by = order.by or order.character
        self.attempt = 1
        self.begun = False
        """Somebody runs it."""
        self.task: asyncio.Task[None] | None = None
        """Where it runs, if nobody waits for it to end."""
        self.sentences: asyncio.Queue[Written | None] = asyncio.Queue()
        """What was written, in order; None = the end. Nobody reads it while the line is held, so it takes as much as the reply may have."""
        self.given: list[Sentence] = []
        """The words of this attempt so far."""
        self.facts: list[Written] = []
        """Its `line_opened` and the sentences of this attempt."""
        self.released: Written | None = None
        """What let it be spoken, if it was held: a held line stands where it was released."""
        self.opened = False
        """Its `line_opened` has been told to the writer; without that there is nothing to close, and the turn is passed."""
        self.complete = False
        """All its words are there."""
        self.closed = False
        self.failure = ""
        """Why the reply ended early; what was given until then is spoken."""
        self.answered = asyncio.Event()
        """Something has come of the reply, or nothing more will."""
        self.changed: Callable[[], None] = lambda: None
        """Called when another sentence stands, and when the last one does."""

    async def run(self) -> None:
        """Reply -> sentences in the transcript."""
        await self._take_all(self.feed)

    async def continued(self, first: Sequence[ReplyEvent], rest: AsyncIterable[ReplyEvent] | None = None) -> None:
        """As `run`, for a reply of which this is there already; without `rest` that is all of it."""
        self.begun = True
        turn = await self._open()
        for event in first:
            self._take(event, turn)
        await self._take_all(_nothing() if rest is None else rest)

    async def _take_all(self, events: AsyncIterable[ReplyEvent]) -> None:
        self.begun = True
        with self._backstage.calm.turn():
            turn = await self._open()
            try:
                async for event in events:
                    self._take(event, turn)
            except SouffleurError as error:
                # What was already given is spoken to its end; the line is then closed as cut, with this reason.
                self.failure = error.code
        self.complete = True
        self.answered.set()
        self.sentences.put_nowait(None)
        self.changed()

    async def _open(self) -> int:
        order = self.order
        # Shielded: cutting the line must not cancel the words, which are still to be passed.
        upto = 0 if order.said is None else (await asyncio.shield(order.said)).seq
        turn = 0 if order.first is None else (await asyncio.shield(order.first)).seq
        if not self.opened:
            self.opened = True
            body = LineOpened(
                line=order.line,
                character=order.seat.member,
                turn=turn,
                base_seq=self.feed.request.base_seq,
                mode=order.mode,
                answers=order.answers,
                delivery=order.delivery,
                retakes=order.retakes,
                whispered=order.whispered,
                upto=upto,
            )
            self.facts.append(self._write(body, "open", turn or None, self._by))
        return turn

    def rest(self) -> AsyncIterable[ReplyEvent]:
        """What is still to come of the reply, for somebody else."""
        return _nothing() if self.complete else self.feed

    def stop(self, *, feed: bool = True) -> None:
        """No more words; without `feed` the reply goes on for somebody else."""
        if self.task is not None:
            self.task.cancel()
        if feed:
            self.feed.stop()

    def opened_by(self, seqs: Container[int]) -> bool:
        """One of these facts is its `line_opened`: the line as a whole is meant."""
        return any(seq in seqs for seq in map(written_seq, self.facts[:1]) if seq)

    def after(self, seq: int) -> bool:
        """It belongs to what came after this fact: it was told to the writer later, or answers what was."""
        return any(stands_after(written, seq) for written in (self.order.first, self.order.said, *self.facts, self.released))

    def again(self, feed: ReplyFeed, by: Author) -> None:
        """Throw this attempt's words away; `run` once more takes these."""
        self.stop()
        self.feed, self._by = feed, by
        self._anew()
        self.complete, self.failure = False, ""

    def _anew(self) -> None:
        self.attempt += 1
        self.sentences = asyncio.Queue()
        self.given, self.facts = [], self.facts[:1]

    def readdress(self, audience: tuple[str, ...], words: Sequence[Sentence]) -> None:
        """It is for these from now on. What there is of it is written once more, in `words`: a fact's audience does not change."""
        self.order.audience = audience
        if not self.opened:
            return
        self._anew()
        for sentence in words:
            self._take(sentence, written_seq(self.order.first))
        if self.complete:
            self.sentences.put_nowait(None)

    def _take(self, event: ReplyEvent, turn: int) -> None:
        timing = self.order.timing
        self.answered.set()
        match event:
            case ReplyStarted():
                timing.llm_engine, timing.llm_model = event.engine, event.model
            case Sentence():
                timing.first_sentence = timing.first_sentence or self._backstage.clock.now()
                body = Spoken(
                    line=self.order.line,
                    attempt=self.attempt,
                    index=len(self.given),
                    text=event.text,
                    tagged=event.tagged,
                    emotion=event.emotion,
                    intensity=round(event.intensity, 2),
                    manner=event.manner,
                    engine=timing.llm_engine,
                )
                self.given.append(event)
                self._degradation.went_on("llm", timing.llm_engine)
                written = self._write(body, f"a{self.attempt}:s{body.index}", turn or None, self._by)
                self.facts.append(written)
                self.sentences.put_nowait(written)
                self.changed()
            case FellBack():
                self._degradation.fell_back("llm", event.from_engine, event.to_engine, event.reason)
            case ReplyFinished():
                self._finished(event)

    def _finished(self, event: ReplyFinished) -> None:
        timing = self.order.timing
        timing.llm_ttft_ms = event.ttft_ms
        before = timing.tokens
        timing.tokens = (before[0] + event.prompt_tokens, before[1] + event.completion_tokens)
        timing.cost += event.cost
        TOKENS.labels("in", event.engine, event.model).inc(event.prompt_tokens)
        TOKENS.labels("out", event.engine, event.model).inc(event.completion_tokens)
        COST.labels(event.engine, event.model).inc(event.cost)
        if event.reason == "truncated":
            self.failure = "truncated"

    def close(self, state: LineState, last: tuple[int, int], basis: Basis, reason: str) -> None:
        """End the line, once: `last` is (seq of the last sentence of which anything was heard, code points of it)."""
        if self.closed:
            return
        self.closed = True
        if not self.opened:
            return
        timing = self.order.timing
        body = LineClosed(
            line=self.order.line,
            state=state,
            last_seq=last[0],
            offset=last[1],
            basis=basis,
            reason=reason,
            ms={name: round(value, 1) for name, value in timing.parts_ms().items()},
            tokens=list(timing.tokens) if any(timing.tokens) else [],
            cost=timing.cost,
            engine=timing.llm_engine,
            model=timing.llm_model,
        )
        self._write(body, "close", None, self.order.character)
        TURNS.labels(state).inc()
        spans.line_closed(self.order, self._backstage, str(state))
        CHARACTERS.labels("written").inc(sum(len(sentence.text) for sentence in self.given))
        whole = sum(len(sentence.text) for sentence, fact in zip(self.given, self.facts[1:], strict=False) if 0 < written_seq(fact) < last[0])
        CHARACTERS.labels("heard").inc(whole + last[1])

    def _write(self, body: Body, key: str, cause: int | None, by: Author) -> Written:
        order = self.order
        return self._backstage.write(body, f"{order.line}:{key}", by, order.place, audience=order.audience, cause=cause)


async def _nothing() -> AsyncIterator[ReplyEvent]:
    """No more events."""
    return
    yield
