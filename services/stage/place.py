"""One place of the scene: its floor, and the turns and lines that have it in turn. Everything here happens on the loop, synchronously."""

from __future__ import annotations

import asyncio
from collections import deque
from collections.abc import AsyncIterator, Callable, Coroutine, Sequence
from dataclasses import replace
from typing import Any, Final, Protocol

import structlog
from ulid import ULID

from services.core.errors import Conflict, NotFound, Overloaded, SouffleurError
from services.core.model.attachment import TurnTimed
from services.core.model.fact import Author
from services.core.model.facts import Degraded, Noted, Passed, Rejected, Released
from services.core.model.reply import ReplyEvent, Sentence
from services.core.telemetry import FALLBACKS, INTERRUPTIONS, TURN_PARTS
from services.stage import casting
from services.stage.attachments import Attachment
from services.stage.backstage import STAGE, Backstage
from services.stage.conductor import Line
from services.stage.drafting import Drafting
from services.stage.floor import Action, Event, Floor
from services.stage.holding import Held, Holding
from services.stage.order import Order, Timing, Written
from services.stage.thinking import Thinking
from services.stage.turns import Turn, Unasked, written_seq

_REASONS: Final = {Event.SPEECH_CONFIRMED: "barge_in", Event.STOP: "stopped"}
"""Why a line was cut, by the event that cut it."""

_SCRIPTS: Final = 16

_log = structlog.get_logger(__name__)


class Rules(Protocol):
    """What the director has laid down for the session."""

    def is_silent(self, character: str) -> bool:
        """It is muted, or everybody is."""
        ...

    def mode(self, character: str, platform: str) -> str:
        """Auto or approve, for words from `platform`."""
        ...

    def delivery(self, character: str) -> str:
        """Voice or teleprompter."""
        ...

    def next_in(self, place: str) -> str:
        """The character that is to speak next; empty = whoever casting chooses."""
        ...

    def next_spoke(self, place: str) -> None:
        """A turn was given: the choice is spent."""
        ...

    def changed(self) -> None:
        """What stands on the desk has changed."""
        ...


class Place:
    """Turns wait, lines run, one at a time."""

    def __init__(self, name: str, backstage: Backstage, rules: Rules, occupied: Callable[[], bool]) -> None:
        """`rules` are the director's; `occupied` tells whether a participant's speech holds the floor."""
        self.name = name
        self.floor = Floor(backstage.settings().stage.resume_s)
        self.line: Line | None = None
        self.turn: Turn | None = None
        self.scripts: deque[Turn] = deque()
        """The director's words that wait for the floor; they go before the turn."""
        self.unasked: Unasked | None = None
        self.thinking = Thinking(name, backstage)
        self.holding = Holding(name, backstage.clock, lambda: backstage.settings().stage.auto_release_s, self)
        self._rules = rules
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

    def _choose(self, text: str, *, asked: str = "", addressed: str = "", humans: int | None = None) -> casting.Choice:
        """Who answers these words; `humans` stands for the heads that are here."""
        roster = self._backstage.roster
        candidates = [seat.candidate() for seat in roster.cast(self.name) if not self._rules.is_silent(seat.member)]
        heads = roster.humans(self.name) if humans is None else humans
        return casting.choose(text, candidates, heads, asked=asked, addressed=addressed, last=roster.last_character)

    # Turns.

    def answer(self, attachment: Attachment, said: Written, text: str, timing: Timing, *, answers: bool, addresses: str = "") -> None:
        """New words stand: whoever is addressed is to answer them, once nobody is speaking."""
        if attachment.interrupts:
            self.feed(Event.SPEECH_CONFIRMED, attachment)
        self.holding.spoken_meanwhile()
        if not answers or self.holding.claimed:
            # While somebody works on a reply nobody prepares another one.
            self.unasked = Unasked(self.unasked.first if self.unasked is not None else said, said, text)
            self.offer()
            return
        choice = self._choose(text, addressed=addresses or self._rules.next_in(self.name))
        first = self.unasked.first if self.unasked is not None else said
        if self.turn is not None and self.turn.first is not None:
            first = self.turn.first
        self.unasked = None
        if choice.character:
            self._rules.next_spoke(self.name)
            notes = self.turn.notes if self.turn is not None else ()
            if self.turn is not None and self.turn.asker is not attachment:
                self.turn.refuse(Conflict("somebody else was quicker"))
            self.turn = Turn(choice.character, first, said, notes, timing, text, attachment.participant, platform=attachment.platform)
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
        self.turn = Turn(
            choice.character, first, last, notes, Timing(said=self._backstage.clock.now()), text, attachment.participant, attachment, attachment.platform
        )
        self.offer()

    def offer(self) -> None:
        """Nobody waits: the turn that is due gets the floor, once all have finished speaking."""
        if self._occupied():
            return
        if self.turn is not None and not self.turn.script and self._rules.mode(self.turn.character, self.turn.platform) == "approve":
            self._hold(self.turn)
        # A turn that waits for a line to end is no reason to leave that line paused.
        ready = self.line is None and (self.turn is not None or bool(self.scripts) or self.holding.next_released() is not None)
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

    def undo(self, to: int) -> None:
        """Nothing after the fact `to` has happened: what was to answer it does not."""
        if self.line is not None and self.line.drafting.after(to):
            self._cut("corrected")
            self.feed(Event.LINE_ENDED)
        self.holding.undo(to)
        if self.turn is not None and self.turn.after(to):
            turn, self.turn = self.turn, None
            self._pass_over(turn.first, turn.said, "corrected")
        self.thinking.drop()
        self.offer()

    # Lines.

    def _open_line(self) -> None:
        released = self.holding.next_released()
        if released is not None:
            self.holding.take(released)
            self._perform(released.drafting, released.turn.participant)
            return
        turn = self.scripts.popleft() if self.scripts else self.turn
        if turn is self.turn:
            self.turn = None
        order = None if turn is None else self._order(turn)
        if turn is None or order is None:
            self.floor.feed(Event.LINE_ENDED, self._backstage.clock.now())
            return
        self._perform(self._drafting(order, turn), turn.participant)

    def _perform(self, drafting: Drafting, answered: str) -> None:
        self._answered = answered
        self.line = Line(drafting, self._backstage, self)
        self.line.task = self._spawn(self.line.run(), "line")

    def _order(self, turn: Turn, mode: str = "auto") -> Order | None:
        """What the line of a turn is to be; None = the character may not or cannot speak, and the turn is passed."""
        # Whatever stands until now is part of what this line answers.
        waiting, self.unasked = self.unasked, None
        if waiting is not None:
            turn.first, turn.said = turn.first or waiting.first, waiting.last
        roster = self._backstage.roster
        seat = next((seat for seat in roster.cast(self.name) if seat.member == turn.character), None)
        if seat is None or self._rules.is_silent(turn.character):
            # Gone, elsewhere or silenced since it was addressed.
            turn.refuse(NotFound("the character is not here any more") if seat is None else Conflict("the character is muted"))
            self._pass_over(turn.first, turn.said, "no_character" if seat is None else "muted")
            return None
        turn.timing.asked = self._backstage.clock.now()
        return Order(
            line=str(ULID()),
            seat=seat,
            place=self.name,
            answers=turn.participant,
            first=turn.first,
            said=turn.said,
            audience=roster.audience(self.name),
            timing=turn.timing,
            mode="puppet" if turn.script else mode,
            delivery=self._rules.delivery(turn.character),
            retakes=turn.retakes,
            by=turn.by,
        )

    def _drafting(self, order: Order, turn: Turn) -> Drafting:
        guess = self.thinking.prepared(turn)
        if guess is not None:
            # It stands on the desk under this name already.
            order.line = guess.line
        feed = guess.feed if guess is not None else self.thinking.reply(order.seat, order.line, notes=turn.notes, script=turn.script)
        for number, text in enumerate(turn.notes):
            note = Noted(text=text, character=turn.character, scope="once")
            self._backstage.write(note, f"{order.line}:note{number or ''}", Author("director"), self.name, audience=())
        return Drafting(order, feed, self._backstage, self.fell_back)

    # Lines that wait for approval.

    def _hold(self, turn: Turn) -> None:
        """Draft the reply at once, whoever has the floor; it is for the director to release."""
        self.turn = None
        order = self._order(turn, "approve")
        if order is not None:
            drafting = self._drafting(order, turn)
            held = self.holding.add(drafting, turn)
            held.task = self._spawn(drafting.run(), "draft")

    def hold_line(self, reason: str) -> Held:
        """Take the line that has the floor from its character: what was not heard of it waits for approval. Raises `NotFound`."""
        line = self.line
        if line is None or line.drafting.order.mode == "puppet":
            raise NotFound("no line is being spoken")
        self.line = None
        line.cut(reason, keeps_words=True)
        rest = _unheard(line)
        self._report(line)
        old = line.order
        turn = Turn(old.seat.member, old.first, old.said, participant=old.answers, timing=Timing(asked=self._backstage.clock.now()))
        order = replace(old, line=str(ULID()), mode="approve", timing=turn.timing)
        drafting = Drafting(order, line.drafting.feed, self._backstage, self.fell_back)
        held = self.holding.add(drafting, turn)
        held.task = self._spawn(drafting.continued(rest, _nothing() if line.drafting.complete else line.drafting.feed), "draft")
        self.feed(Event.LINE_ENDED)
        self.offer()
        return held

    async def reworded(self, held: Held, text: str, by: Author) -> None:
        """Give a held line other words, the director's."""
        if held.task is not None:
            held.task.cancel()
        order = held.drafting.order
        held.drafting.again(self.thinking.reply(order.seat, order.line, script=text), by)
        held.task = self._spawn(held.drafting.run(), "draft")
        await asyncio.wait([held.task])

    def release(self, held: Held, by: Author) -> Written:
        """It may be spoken as soon as the floor is free."""
        written = self._backstage.write(Released(line=held.line), f"{held.line}:release", by, self.name, audience=held.drafting.order.audience)
        self.holding.queue(held)
        self.offer()
        return written

    def release_due(self, held: Held) -> None:
        """Nobody has decided on it in time."""
        self.release(held, STAGE)

    def reject(self, held: Held, by: Author, reason: str, notes: tuple[str, ...]) -> Written:
        """It is not spoken; the turn is drafted anew."""
        written = self._backstage.write(Rejected(line=held.line, reason=reason), f"{held.line}:reject", by, self.name, audience=())
        turn = held.turn
        self.holding.refuse(held, reason)
        self.again(replace(turn, notes=notes, timing=Timing(said=self._backstage.clock.now()), asker=None, retakes=held.line))
        return written

    def again(self, turn: Turn) -> None:
        """A turn is to be answered once more, unless a newer one waits."""
        if self.turn is None:
            self.turn = turn
        self.offer()

    def never_opened(self, held: Held) -> None:
        """A draft was refused before it was a line."""
        self._pass_over(held.turn.first, held.turn.said, "superseded")

    def held_changed(self) -> None:
        """What stands on the desk has changed."""
        self._rules.changed()

    # What the director makes of the floor.

    def speak(self, turn: Turn) -> None:
        """The director's words, by a character: before whatever else waits. Raises `Overloaded`."""
        if len(self.scripts) >= _SCRIPTS:
            raise Overloaded("too many lines wait to be spoken")
        if self.turn is not None and self.turn.character == turn.character:
            # They are its answer.
            turn.first, turn.said, turn.participant = self.turn.first, self.turn.said, self.turn.participant
            self.turn = None
        self.scripts.append(turn)
        self.offer()

    def go_next(self, character: str) -> bool:
        """This character speaks next: now, if it can; else True, and it is to be remembered."""
        if self.turn is not None:
            self.turn.character = character
            return False
        if self.line is not None or self._occupied():
            return True
        waiting, self.unasked = self.unasked, None
        first, last = (waiting.first, waiting.last) if waiting is not None else (None, None)
        self.turn = Turn(character, first, last, timing=Timing(said=self._backstage.clock.now()), text=waiting.text if waiting is not None else "")
        self.offer()
        return False

    def silence(self, reason: str, character: str = "") -> None:
        """Whoever speaks or is about to (this character; empty = anybody) does not; what is held stays held."""
        if self.line is not None and character in ("", self.line.order.seat.member):
            self._cut(reason)
            self.feed(Event.LINE_ENDED)
        if self.turn is not None and character in ("", self.turn.character):
            turn, self.turn = self.turn, None
            self._pass_over(turn.first, turn.said, reason)
        for script in [script for script in self.scripts if character in ("", script.character)]:
            self.scripts.remove(script)
            self._pass_over(script.first, script.said, reason)
        guess = self.thinking.speculation
        if guess is not None and character in ("", guess.character):
            self.thinking.drop()
        self.offer()

    # Speculation.

    def speculate(self, attachment: Attachment, utterance: str, text: str) -> None:
        """Prepare the reply to what was heard so far, unless there is something else to do."""
        busy = self.line is not None or self.turn is not None or self.thinking.speculation is not None or self.holding.claimed
        if busy or not self._backstage.settings().stage.speculation:
            return
        choice = self._choose(text, addressed=attachment.addresses or self._rules.next_in(self.name))
        if choice.character:
            self.thinking.speculate(attachment, utterance, text, self._backstage.roster.seats[choice.character])

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
        value = TurnTimed(
            turn=written_seq(said),
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
        self.thinking.drop()
        self.holding.close(reason)
        turn, self.turn, waiting, self.unasked = self.turn, None, self.unasked, None
        self._cut(reason)
        while self.scripts:
            script = self.scripts.popleft()
            self._pass_over(script.first, script.said, reason)
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


def _unheard(line: Line) -> list[Sentence]:
    """What nobody heard of a line that was cut; of the sentence in which it was cut, its rest."""
    last_seq, offset = line.heard_to
    rest: list[Sentence] = []
    for sentence, written in zip(line.drafting.given, line.drafting.facts[1:], strict=False):
        seq = written_seq(written)
        if seq and seq < last_seq:
            continue
        if seq and seq == last_seq:
            text = sentence.text[offset:].strip()
            if not text:
                continue
            rest.append(replace(sentence, text=text, tagged=text))
        else:
            rest.append(sentence)
    return rest


async def _nothing() -> AsyncIterator[ReplyEvent]:
    """No more events."""
    return
    yield
