"""One place of the scene: its floor, and the turns and lines that have it in turn. Everything here happens on the loop, synchronously."""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Coroutine, Sequence
from typing import Any, Final

import structlog
from ulid import ULID

from services.core.errors import Conflict, NotFound, SouffleurError
from services.core.model.attachment import TurnTimed
from services.core.model.fact import Author
from services.core.model.facts import Degraded, Noted, Passed, Said
from services.core.model.reply import ReplyOptions, ReplyRequest
from services.core.settings import Settings
from services.core.telemetry import FALLBACKS, INTERRUPTIONS, TURN_PARTS
from services.stage import casting
from services.stage.attachments import Attachment
from services.stage.backstage import STAGE, Backstage
from services.stage.conductor import Line
from services.stage.feed import ReplyFeed
from services.stage.floor import Action, Event, Floor
from services.stage.order import Order, Timing, Written
from services.stage.roster import Seat
from services.stage.turns import Speculation, Turn, Unasked, same_words

_REASONS: Final = {Event.SPEECH_CONFIRMED: "barge_in", Event.STOP: "stopped"}
"""Why a line was cut, by the event that cut it."""

_log = structlog.get_logger(__name__)


class Place:
    """Turns wait, lines run, one at a time."""

    def __init__(self, name: str, backstage: Backstage, occupied: Callable[[], bool]) -> None:
        """`occupied` tells whether a participant's speech holds the floor."""
        self.name = name
        self.floor = Floor(backstage.settings().stage.resume_s)
        self.line: Line | None = None
        self.turn: Turn | None = None
        self.unasked: Unasked | None = None
        self.speculation: Speculation | None = None
        self._answered = ""
        """The participant whom the line answers."""
        self._backstage = backstage
        self._occupied = occupied
        self._timer: asyncio.TimerHandle | None = None
        self._tasks: set[asyncio.Task[None]] = set()
        self._degraded: dict[str, str] = {}

    @property
    def busy(self) -> bool:
        """Something is still running here."""
        return bool(self._tasks)

    def _choose(self, text: str, *, asked: str = "", humans: int | None = None) -> casting.Choice:
        """Who answers these words; `humans` stands for the heads that are here."""
        roster = self._backstage.roster
        candidates = [seat.candidate() for seat in roster.cast(self.name)]
        return casting.choose(text, candidates, roster.humans(self.name) if humans is None else humans, asked=asked, last=roster.last_character)

    # Turns.

    def answer(self, attachment: Attachment, said: Written, text: str, timing: Timing, *, answers: bool) -> None:
        """New words stand: whoever is addressed is to answer them, once nobody is speaking."""
        if attachment.interrupts:
            self.feed(Event.SPEECH_CONFIRMED, attachment)
        if not answers:
            self.unasked = Unasked(self.unasked.first if self.unasked is not None else said, said, text)
            self.offer()
            return
        choice = self._choose(text)
        first = self.unasked.first if self.unasked is not None else said
        if self.turn is not None and self.turn.first is not None:
            first = self.turn.first
        self.unasked = None
        if choice.character:
            notes = self.turn.notes if self.turn is not None else ()
            if self.turn is not None and self.turn.asker is not attachment:
                self.turn.refuse(Conflict("somebody else was quicker"))
            self.turn = Turn(choice.character, first, said, notes, timing, text, attachment.participant)
        elif self.turn is not None:
            self.turn.first, self.turn.said = first, said
        else:
            self._pass_over(first, said, choice.reason)
        self.offer()

    def take(self, attachment: Attachment, character: str, notes: tuple[str, ...]) -> None:
        """Somebody asks a character to speak. Raises `Conflict` or `NotFound`."""
        if self.turn is not None or (self.line is not None and self._answered == attachment.participant):
            raise Conflict("a line is open already")
        waiting = self.unasked
        text = waiting.text if waiting is not None else ""
        choice = self._choose(text, asked=character, humans=1)
        if not choice.character:
            raise NotFound("no such character is here")
        self.unasked = None
        first, last = (waiting.first, waiting.last) if waiting is not None else (None, None)
        self.turn = Turn(choice.character, first, last, notes, Timing(said=self._backstage.clock.now()), text, attachment.participant, attachment)
        self.offer()

    def offer(self) -> None:
        """Nobody waits: the turn that is due gets the floor, once all have finished speaking."""
        if self._occupied():
            return
        # A turn that waits for a line to end is no reason to leave that line paused.
        ready = self.turn is not None and self.line is None
        self.feed(Event.TURN_READY if ready else Event.SPEECH_OVER)

    def _pass_over(self, first: Written | None, said: Written | None, reason: str) -> None:
        """Nobody answers these words, if there are any."""
        if first is not None and said is not None:
            self._spawn(self._pass(first, said, reason), "pass")

    async def _pass(self, first: Written, said: Written, reason: str) -> None:
        turn, latest = await first, await said
        self._backstage.write(Passed(turn=turn.seq, reason=reason), f"pass:{turn.seq}", STAGE, self.name, cause=latest.seq)

    # The floor.

    def feed(self, event: Event, by: Attachment | None = None) -> None:
        """Tell the floor; `by` is whose act it is."""
        for action in self.floor.feed(event, self._backstage.clock.now()):
            self._do(action, _REASONS.get(event, str(event)), by)
        self._arm()

    def _arm(self) -> None:
        if self._timer is not None:
            self._timer.cancel()
            self._timer = None
        if self.floor.resume_at is not None:
            delay = max(0.0, self.floor.resume_at - self._backstage.clock.now())
            self._timer = asyncio.get_running_loop().call_later(delay, self._tick)

    def _tick(self) -> None:
        for action in self.floor.tick(self._backstage.clock.now()):
            self._do(action, "resumed", None)
        self._arm()

    def _do(self, action: Action, reason: str, by: Attachment | None) -> None:
        line = self.line
        if action is Action.OPEN_LINE:
            self._open_line()
        elif line is None:
            return
        elif action is Action.PAUSE_LINE:
            line.pause()
        elif action is Action.RESUME_LINE:
            INTERRUPTIONS.labels("false").inc()
            line.resume()
        elif action is Action.CUT_LINE:
            if reason == "barge_in":
                INTERRUPTIONS.labels("real").inc()
            self._cut(reason, by)

    def _cut(self, reason: str, by: Attachment | None = None) -> None:
        if self.line is not None:
            line, self.line = self.line, None
            line.cut(reason, by)
            self._report(line)

    def interrupt_for(self, targets: Sequence[int]) -> None:
        """A correction touches these facts: if one belongs to the line that is being spoken, it is cut first."""
        if self.line is not None and any(self.line.speaks(seq) for seq in targets):
            self._cut("corrected")
            self.feed(Event.LINE_ENDED)
            self.offer()

    # Lines.

    def _open_line(self) -> None:
        turn, self.turn = self.turn, None
        if turn is None:
            self.floor.feed(Event.LINE_ENDED, self._backstage.clock.now())
            return
        # Whatever stands until now is part of what this line answers.
        waiting, self.unasked = self.unasked, None
        if waiting is not None:
            turn.first, turn.said = turn.first or waiting.first, waiting.last
        roster = self._backstage.roster
        seat = next((seat for seat in roster.cast(self.name) if seat.member == turn.character), None)
        if seat is None:
            # Gone, or elsewhere, since it was addressed.
            self.floor.feed(Event.LINE_ENDED, self._backstage.clock.now())
            turn.refuse(NotFound("the character is not here any more"))
            self._pass_over(turn.first, turn.said, "no_character")
            return
        self._answered = turn.participant
        settings = self._backstage.settings()
        turn.timing.asked = self._backstage.clock.now()
        audience = roster.audience(self.name)
        order = Order(
            line=str(ULID()), seat=seat, place=self.name, answers=turn.participant, first=turn.first, said=turn.said, audience=audience, timing=turn.timing
        )
        feed = self._prepared(turn) or self._think(seat, settings, (), turn.notes, order.line)
        if turn.notes:
            note = Noted(text=turn.notes[0], character=turn.character, scope="once")
            self._backstage.write(note, f"{order.line}:note", Author("director"), self.name, audience=())
        self.line = Line(order, feed, self._backstage, self)
        self.line.task = self._spawn(self.line.run(), "line")

    def _think(self, seat: Seat, settings: Settings, pending: tuple[str, ...], notes: tuple[str, ...], line: str = "") -> ReplyFeed:
        backstage, llm = self._backstage, settings.llm
        request = ReplyRequest(
            session=backstage.session,
            base_seq=backstage.writer.durable,
            character=seat.member,
            line=line,
            epoch=next(backstage.epochs),
            pending=(*backstage.writer.pending(), *pending),
            options=ReplyOptions(
                temperature=llm.temperature,
                max_tokens=llm.max_tokens,
                token_budget=llm.token_budget,
                language=seat.language or backstage.roster.language,
                notes=notes,
            ),
        )
        return ReplyFeed(backstage.roleplay, request, llm.reply_timeout_s)

    # Speculation.

    def speculate(self, attachment: Attachment, utterance: str, text: str) -> None:
        """Prepare the reply to what was heard so far. It is never spoken before the final says the same."""
        settings, backstage = self._backstage.settings(), self._backstage
        if not settings.stage.speculation or self.line is not None or self.turn is not None or self.speculation is not None:
            return
        choice = self._choose(text)
        if not choice.character:
            return
        draft = backstage.draft(Said(utterance=utterance, text=text), "", backstage.author(attachment.participant), self.name)
        feed = self._think(backstage.roster.seats[choice.character], settings, (draft.at(0).to_json(),), ())
        self.speculation = Speculation(utterance, text, choice.character, backstage.writer.told, feed)

    def _prepared(self, turn: Turn) -> ReplyFeed | None:
        """The speculative reply, if it answers exactly what was said and nothing else has happened since."""
        guess, self.speculation = self.speculation, None
        if guess is None:
            return None
        unchanged = guess.character == turn.character and not turn.notes and guess.written + 1 == self._backstage.writer.told
        if unchanged and same_words(guess.text, turn.text):
            return guess.feed
        guess.feed.stop()
        return None

    def drop_speculation(self, utterance: str) -> None:
        """What was prepared for this utterance is void."""
        if self.speculation is not None and self.speculation.utterance == utterance:
            self.speculation.feed.stop()
            self.speculation = None

    # What a line tells.

    def line_started(self, line: Line) -> None:
        """The first sound went out."""
        self.feed(Event.LINE_STARTED)
        self._time(line)

    def line_ended(self, line: Line) -> None:
        """A line closed by itself; whoever waited is next."""
        if self.line is line:
            self.line = None
            self._report(line)
            self.feed(Event.LINE_ENDED)
            self.offer()

    def fell_back(self, part: str, from_engine: str, to_engine: str, reason: str) -> None:
        """The table goes on with less: a fact, once per change."""
        FALLBACKS.labels(part, from_engine, to_engine).inc()
        if self._degraded.get(part) != to_engine:
            self._degraded[part] = to_engine
            body = Degraded(part=part, from_engine=from_engine, to_engine=to_engine, reason=reason)
            self._backstage.write(body, f"degraded:{ULID()}", STAGE, self.name)

    def _report(self, line: Line) -> None:
        """A line is over: its figures to everybody, and its turn closed if it never came to be a line."""
        order = line.order
        if not line.opened:
            self._pass_over(order.first, order.said, "stopped")
        for name, value in line.timing.parts_ms().items():
            TURN_PARTS[name].observe(value / 1000)
        self._time(line)
        for attachment in self._backstage.attachments:
            attachment.played_ms.pop(line.order.line, None)

    def _time(self, line: Line) -> None:
        timing = line.timing
        said = line.order.first
        turn = said.result().seq if said is not None and said.done() and not said.cancelled() and said.exception() is None else 0
        value = TurnTimed(
            turn=turn,
            line=line.order.line,
            llm_engine=timing.llm_engine,
            llm_model=timing.llm_model,
            tts_engine=timing.tts_engine,
            stt_engine=timing.stt_engine,
            ms=timing.parts_ms(),
        )
        self._backstage.broadcast(value, self.name)

    # The end.

    def close(self, reason: str) -> None:
        """Cut and pass whatever is open; `finished` waits until that is written."""
        if self._timer is not None:
            self._timer.cancel()
        if self.speculation is not None:
            self.drop_speculation(self.speculation.utterance)
        turn, self.turn, waiting, self.unasked = self.turn, None, self.unasked, None
        self._cut(reason)
        if turn is not None:
            self._pass_over(turn.first, turn.said, reason)
        if waiting is not None:
            self._pass_over(waiting.first, waiting.last, reason)

    async def finished(self) -> None:
        """Lines that were cut, and turns that are passed as soon as their words are durable."""
        await asyncio.gather(*self._tasks, return_exceptions=True)

    def _spawn(self, work: Coroutine[Any, Any, None], name: str) -> asyncio.Task[None]:
        task = asyncio.create_task(work, name=f"{name}:{self._backstage.session}")
        self._tasks.add(task)
        task.add_done_callback(self._done)
        return task

    def _done(self, task: asyncio.Task[None]) -> None:
        self._tasks.discard(task)
        if not task.cancelled() and (error := task.exception()) is not None and not isinstance(error, SouffleurError):
            _log.error("session.task_failed", session=self._backstage.session, task=task.get_name(), exc_info=error)
