"""One live session: floors, turns and lines. Everything here happens on the loop, synchronously; only lines and the writer wait."""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Coroutine, Sequence
from typing import Any, Final

import structlog
from ulid import ULID

from services.core.clock import Clock
from services.core.errors import Conflict, InvalidRequest, NotFound, Overloaded, SouffleurError
from services.core.model.attachment import AttachDown, CancelLine, FinalHeard, Played, Refused, TakeFloor, TextSaid, TurnTimed
from services.core.model.fact import Author, Draft, Fact
from services.core.model.facts import Body, Degraded, Noted, Passed, Said, fields_of, kind_of
from services.core.model.reply import ReplyOptions, ReplyRequest
from services.core.settings import Settings
from services.core.telemetry import FALLBACKS, INTERRUPTIONS, TURN_PARTS
from services.stage import casting
from services.stage.attachments import Attachment
from services.stage.conductor import Line
from services.stage.feed import ReplyFeed, Roleplay
from services.stage.floor import Action, Event, Floor
from services.stage.listening import ID_LIMIT, Listening, Speech
from services.stage.order import Backstage, Order, Timing
from services.stage.roster import Roster, Seat, said_key
from services.stage.turns import Place, Speculation, Turn, Unasked, same_words
from services.stage.writer import Writer

_TEXT_LIMIT: Final = 4000
"""Code points of one typed message or one recognised utterance."""
_WORDS: Final = 1000
_WORD_LIMIT: Final = 100
_FULL: Final = "the transcript store cannot keep up with this session"
_REASONS: Final = {Event.SPEECH_CONFIRMED: "barge_in", Event.STOP: "stopped"}
"""Why a line was cut, by the event that cut it."""

_log = structlog.get_logger(__name__)


class Session:
    """Owned by this process as long as its writer may write."""

    def __init__(
        self, sid: str, roster: Roster, writer: Writer, *, roleplay: Roleplay, backstage: Backstage, settings: Callable[[], Settings], clock: Clock
    ) -> None:
        """`settings` gives the snapshot in force; a turn keeps the one it started with."""
        self.sid = sid
        self.roster = roster
        self.writer = writer
        self.attachments: list[Attachment] = []
        self._roleplay = roleplay
        self._backstage = backstage
        self._settings = settings
        self._clock = clock
        self._places: dict[str, Place] = {}
        self._tasks: set[asyncio.Task[Any]] = set()
        self._degraded: dict[str, str] = {}
        self._epoch = 0
        self.listening = Listening(self, clock, lambda: settings().stage, settings().stt.final_timeout_s)
        self.touched = clock.now()
        self.closing = False
        """What comes from outside now is for the next owner."""

    # What the outside asks for.

    def say(self, attachment: Attachment, event: TextSaid) -> asyncio.Future[Fact]:
        """Typed words: they take the floor as spoken ones do."""
        text = event.text.strip()
        if not text or len(text) > _TEXT_LIMIT:
            raise InvalidRequest(f"a message has 1 to {_TEXT_LIMIT} characters")
        if not event.message or len(event.message) > ID_LIMIT:
            raise InvalidRequest(f"a message's id has 1 to {ID_LIMIT} characters")
        speaker = self._speaker(attachment, event.speaker)
        key = said_key(speaker.id, event.message)
        new = self._is_new(key)
        if new and self.writer.full:
            raise Overloaded(_FULL)
        future = self._write(Said(utterance=event.message, text=text, source="typed"), key, speaker, attachment.place)
        if new:
            self._answer(attachment, future, text, Timing(said=self._clock.now()), answers=event.answers)
        return future

    def take_floor(self, attachment: Attachment, event: TakeFloor) -> None:
        """A character is asked to speak; while it answers somebody else that has to wait."""
        place = self._place(attachment.place)
        if place.turn is not None or (place.line is not None and place.answered == attachment.participant):
            raise Conflict("a line is open already")
        if event.instructions and attachment.principal.role != "director":
            raise InvalidRequest("instructions need the director's right")
        if len(event.instructions) > _TEXT_LIMIT:
            raise InvalidRequest(f"instructions have at most {_TEXT_LIMIT} characters")
        candidates = [seat.candidate() for seat in self.roster.cast(attachment.place)]
        waiting, place.unasked = place.unasked, None
        text = waiting.text if waiting is not None else ""
        choice = casting.choose(text, candidates, 1, asked=event.character, last=self.roster.last_character)
        if not choice.character:
            place.unasked = waiting
            raise NotFound("no such character is here")
        notes = (event.instructions,) if event.instructions else ()
        first, last = (waiting.first, waiting.last) if waiting is not None else (None, None)
        place.turn = Turn(choice.character, first, last, notes, Timing(said=self._clock.now()), text, attachment.participant, attachment)
        self._offer(attachment.place)

    def cancel_line(self, attachment: Attachment, event: CancelLine) -> None:
        """Stop the open line, if it is the one that is meant."""
        place = self._place(attachment.place)
        if place.line is not None and event.line in ("", place.line.order.line):
            self._feed(attachment.place, Event.STOP, attachment)
            self._offer(attachment.place)

    def played(self, attachment: Attachment, event: Played) -> None:
        """A listener's position."""
        line = self._place(attachment.place).line
        if line is not None and line.order.line == event.line:
            before = attachment.played_ms.get(event.line, 0)
            attachment.played_ms[event.line] = max(before, event.played_ms)
            line.played()

    def interrupt_for(self, targets: Sequence[int]) -> None:
        """A correction touches these facts: if one belongs to a line that is being spoken, it is cut first."""
        for name, place in list(self._places.items()):
            if place.line is not None and any(place.line.speaks(seq) for seq in targets):
                self._cut(place, "corrected")
                self._feed(name, Event.LINE_ENDED)
                self._offer(name)

    # What listening hears.

    def speech_began(self, speech: Speech) -> None:
        """Onset: a speaking character falls silent until it is clear whether somebody means it."""
        self.touched = self._clock.now()
        attachment = speech.attachment
        if attachment.interrupts or self._place(attachment.place).line is None:
            self._feed(attachment.place, Event.SPEECH_BEGAN)

    def speech_confirmed(self, speech: Speech) -> None:
        """Half a second of speech."""
        if speech.attachment.interrupts:
            self._feed(speech.attachment.place, Event.SPEECH_CONFIRMED, speech.attachment)

    def speech_wavered(self, speech: Speech) -> None:
        """A short pause: prepare the reply to what was heard so far. It is never spoken before the final says the same."""
        attachment, place = speech.attachment, self._place(speech.attachment.place)
        settings = self._settings()
        if not settings.stage.speculation or not attachment.answers or place.line is not None or place.turn is not None or place.speculation is not None:
            return
        text = speech.utterance.text.strip()
        choice = self._cast(attachment, text)
        if not choice.character:
            return
        draft = self._draft(Said(utterance=speech.utterance.id, text=text), "", self._author(attachment.participant), attachment.place)
        feed = self._think(self.roster.seats[choice.character], settings, (draft.at(0).to_json(),), ())
        place.speculation = Speculation(speech.utterance.id, text, choice.character, self.writer.told, feed)

    def speech_resumed(self, speech: Speech) -> None:
        """They go on: what was prepared is void."""
        self._drop_speculation(self._place(speech.attachment.place), speech.utterance.id)

    def speech_over(self, speech: Speech, final: FinalHeard | None) -> None:
        """An utterance is done."""
        attachment, place = speech.attachment, self._place(speech.attachment.place)
        text = "" if final is None else final.text.strip()[:_TEXT_LIMIT]
        if text and self.writer.full:
            attachment.deliver(Refused(Overloaded.code, _FULL, speech.utterance.id))
            text = ""
        waits = False
        if final is not None and text:
            self._take_words(speech, final, text)
            waits = place.turn is not None
        else:
            self._offer(attachment.place)
        if not waits:
            self._drop_speculation(place, speech.utterance.id)

    def _take_words(self, speech: Speech, final: FinalHeard, text: str) -> None:
        attachment, utterance = speech.attachment, speech.utterance
        author = self._author(attachment.participant)
        key = said_key(author.id, utterance.id)
        new = self._is_new(key)
        body = Said(
            utterance=utterance.id,
            text=text,
            words=[[word.text[:_WORD_LIMIT], round(word.start_s, 3), round(word.end_s, 3), _share(word.confidence)] for word in final.words[:_WORDS]],
            confidence=_share(final.confidence),
            engine=final.engine[:ID_LIMIT],
        )
        future = self._write(body, key, author, attachment.place)
        timing = Timing(
            speech_ended=utterance.speech_end,
            decided=utterance.ended_at,
            said=self._clock.now(),
            stt_ms=float(final.stt_ms),
            stt_engine=final.engine[:ID_LIMIT],
        )
        if new:
            self._answer(attachment, future, text, timing, answers=attachment.answers and not utterance.manual)
        else:
            self._offer(attachment.place)

    def speech_waived(self, speech: Speech) -> None:
        """They hold the floor no longer, whatever comes of it."""
        self._offer(speech.attachment.place)

    # Turns.

    def _answer(self, attachment: Attachment, said: asyncio.Future[Fact], text: str, timing: Timing, *, answers: bool) -> None:
        """New words stand: whoever is addressed is to answer them, once nobody is speaking."""
        self.touched = self._clock.now()
        place = self._place(attachment.place)
        if attachment.interrupts:
            self._feed(attachment.place, Event.SPEECH_CONFIRMED, attachment)
        if not answers:
            place.unasked = Unasked(place.unasked.first if place.unasked is not None else said, said, text)
            self._offer(attachment.place)
            return
        choice = self._cast(attachment, text)
        first = place.unasked.first if place.unasked is not None else said
        if place.turn is not None and place.turn.first is not None:
            first = place.turn.first
        place.unasked = None
        if choice.character:
            notes = place.turn.notes if place.turn is not None else ()
            if place.turn is not None and place.turn.asker is not attachment:
                place.turn.refuse(Conflict("somebody else was quicker"))
            place.turn = Turn(choice.character, first, said, notes, timing, text, attachment.participant)
        elif place.turn is not None:
            place.turn.first, place.turn.said = first, said
        else:
            self._pass_over(first, said, choice.reason, attachment.place)
        self._offer(attachment.place)

    def _is_new(self, key: str) -> bool:
        return not (key in self.roster.said or self.writer.knows(key))

    def _cast(self, attachment: Attachment, text: str) -> casting.Choice:
        candidates = [seat.candidate() for seat in self.roster.cast(attachment.place)]
        return casting.choose(text, candidates, self.roster.humans(attachment.place), last=self.roster.last_character)

    def _offer(self, place_name: str) -> None:
        """Nobody waits: the turn that is due gets the floor, once all have finished speaking."""
        if self.listening.anybody(place_name):
            return
        place = self._place(place_name)
        # A turn that waits for a line to end is no reason to leave that line paused.
        ready = place.turn is not None and place.line is None
        self._feed(place_name, Event.TURN_READY if ready else Event.SPEECH_OVER)

    def _pass_over(self, first: asyncio.Future[Fact] | None, said: asyncio.Future[Fact] | None, reason: str, place: str) -> None:
        """Nobody answers these words, if there are any."""
        if first is not None and said is not None:
            self._spawn(self._pass(first, said, reason, place), "pass")

    async def _pass(self, first: asyncio.Future[Fact], said: asyncio.Future[Fact], reason: str, place: str) -> None:
        turn, latest = await first, await said
        self._write(Passed(turn=turn.seq, reason=reason), f"pass:{turn.seq}", Author("stage"), place, cause=latest.seq)

    # The floor.

    def _place(self, name: str) -> Place:
        if name not in self._places:
            self._places[name] = Place(Floor(self._settings().stage.resume_s))
        return self._places[name]

    def _feed(self, name: str, event: Event, by: Attachment | None = None) -> None:
        """Tell the floor; `by` is whose act it is."""
        place = self._place(name)
        for action in place.floor.feed(event, self._clock.now()):
            self._do(place, name, action, _REASONS.get(event, str(event)), by)
        self._arm(place, name)

    def _arm(self, place: Place, name: str) -> None:
        if place.timer is not None:
            place.timer.cancel()
            place.timer = None
        if place.floor.resume_at is not None:
            delay = max(0.0, place.floor.resume_at - self._clock.now())
            place.timer = asyncio.get_running_loop().call_later(delay, self._tick, place, name)

    def _tick(self, place: Place, name: str) -> None:
        for action in place.floor.tick(self._clock.now()):
            self._do(place, name, action, "resumed", None)
        self._arm(place, name)

    def _do(self, place: Place, name: str, action: Action, reason: str, by: Attachment | None) -> None:
        line = place.line
        if action is Action.OPEN_LINE:
            self._open_line(place, name)
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
            self._cut(place, reason, by)

    def _cut(self, place: Place, reason: str, by: Attachment | None = None) -> None:
        if place.line is not None:
            line, place.line = place.line, None
            line.cut(reason, by)
            self._report(line)

    # Lines.

    def _open_line(self, place: Place, name: str) -> None:
        turn, place.turn = place.turn, None
        if turn is None:
            place.floor.feed(Event.LINE_ENDED, self._clock.now())
            return
        # Whatever stands until now is part of what this line answers.
        waiting, place.unasked = place.unasked, None
        if waiting is not None:
            turn.first, turn.said = turn.first or waiting.first, waiting.last
        seat = next((seat for seat in self.roster.cast(name) if seat.member == turn.character), None)
        if seat is None:
            # Gone, or elsewhere, since it was addressed.
            place.floor.feed(Event.LINE_ENDED, self._clock.now())
            turn.refuse(NotFound("the character is not here any more"))
            self._pass_over(turn.first, turn.said, "no_character", name)
            return
        place.answered = turn.participant
        settings = self._settings()
        turn.timing.asked = self._clock.now()
        audience = self.roster.audience(name)
        order = Order(
            line=str(ULID()), seat=seat, place=name, answers=turn.participant, first=turn.first, said=turn.said, audience=audience, timing=turn.timing
        )
        feed = self._prepared(place, turn) or self._think(seat, settings, (), turn.notes, order.line)
        if turn.notes:
            note = Noted(text=turn.notes[0], character=turn.character, scope="once")
            self._write(note, f"{order.line}:note", Author("director"), name, audience=())
        place.line = Line(order, feed, self.writer, self._backstage, self)
        place.line.task = self._spawn(place.line.run(), "line")

    def _think(self, seat: Seat, settings: Settings, pending: tuple[str, ...], notes: tuple[str, ...], line: str = "") -> ReplyFeed:
        self._epoch += 1
        llm = settings.llm
        request = ReplyRequest(
            session=self.sid,
            base_seq=self.writer.durable,
            character=seat.member,
            line=line,
            epoch=self._epoch,
            pending=(*self.writer.pending(), *pending),
            options=ReplyOptions(
                temperature=llm.temperature,
                max_tokens=llm.max_tokens,
                token_budget=llm.token_budget,
                language=seat.language or self.roster.language,
                notes=notes,
            ),
        )
        return ReplyFeed(self._roleplay, request, llm.reply_timeout_s)

    def _prepared(self, place: Place, turn: Turn) -> ReplyFeed | None:
        """The speculative reply, if it answers exactly what was said and nothing else has happened since."""
        guess, place.speculation = place.speculation, None
        if guess is None:
            return None
        unchanged = guess.character == turn.character and not turn.notes and guess.written + 1 == self.writer.told
        if unchanged and same_words(guess.text, turn.text):
            return guess.feed
        guess.feed.stop()
        return None

    def _drop_speculation(self, place: Place, utterance: str) -> None:
        if place.speculation is not None and place.speculation.utterance == utterance:
            place.speculation.feed.stop()
            place.speculation = None

    def listeners(self, place: str) -> Sequence[Attachment]:
        """Everybody attached in a place."""
        return [attachment for attachment in self.attachments if attachment.place == place]

    def line_started(self, line: Line) -> None:
        """The first sound went out."""
        self._feed(line.order.place, Event.LINE_STARTED)
        self._time(line)

    def line_ended(self, line: Line) -> None:
        """A line closed by itself; whoever waited is next."""
        name = line.order.place
        place = self._place(name)
        if place.line is line:
            place.line = None
            self._report(line)
            self._feed(name, Event.LINE_ENDED)
            self._offer(name)

    def fell_back(self, part: str, from_engine: str, to_engine: str, reason: str) -> None:
        """The table goes on with less: a fact, once per change."""
        FALLBACKS.labels(part, from_engine, to_engine).inc()
        if self._degraded.get(part) != to_engine:
            self._degraded[part] = to_engine
            body = Degraded(part=part, from_engine=from_engine, to_engine=to_engine, reason=reason)
            self._write(body, f"degraded:{ULID()}", Author("stage"), "")

    def _report(self, line: Line) -> None:
        """A line is over: its figures to everybody, and its turn closed if it never came to be a line."""
        order = line.order
        if not line.opened:
            self._pass_over(order.first, order.said, "stopped", order.place)
        for name, value in line.timing.parts_ms().items():
            TURN_PARTS[name].observe(value / 1000)
        self._time(line)
        for attachment in self.attachments:
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
        self.broadcast(value, line.order.place)

    # Writing and telling.

    def _speaker(self, attachment: Attachment, speaker: str) -> Author:
        if speaker in ("", attachment.participant):
            return self._author(attachment.participant)
        seat = self.roster.seats.get(speaker)
        if seat is None or not seat.may_be(attachment.principal):
            raise NotFound("you may not speak for that member")
        return self._author(speaker)

    def _author(self, member: str) -> Author:
        seat = self.roster.seats[member]
        return Author(seat.role, seat.member, seat.name)

    def _draft(self, body: Body, key: str, by: Author, place: str, *, audience: tuple[str, ...] | None = None, cause: int | None = None) -> Draft:
        return Draft(
            key=key,
            kind=kind_of(body),
            at_ms=self._clock.wall_ms(),
            by=by,
            place=place,
            audience=self.roster.audience(place) if audience is None else audience,
            cause=cause,
            body=fields_of(body),
        )

    def _write(
        self, body: Body, key: str, by: Author, place: str, *, audience: tuple[str, ...] | None = None, cause: int | None = None
    ) -> asyncio.Future[Fact]:
        return self.writer.write(self._draft(body, key, by, place, audience=audience, cause=cause))

    def write(self, draft: Draft) -> asyncio.Future[Fact]:
        """Write a fact that somebody told. Raises `Overloaded` when the store cannot keep up."""
        if self.writer.full:
            raise Overloaded(_FULL)
        self.touched = self._clock.now()
        return self.writer.write(draft)

    def announce(self, fact: Fact) -> None:
        """A fact is durable: everybody who may see it is told."""
        self.roster.advance(fact)
        for attachment in self.attachments:
            attachment.fact(fact)

    def broadcast(self, value: AttachDown, place: str, besides: Attachment | None = None) -> None:
        """Show something to everybody in a place."""
        for attachment in self.attachments:
            if attachment.place == place and attachment is not besides:
                attachment.deliver(value)

    def _spawn(self, work: Coroutine[Any, Any, None], name: str) -> asyncio.Task[None]:
        task = asyncio.create_task(work, name=f"{name}:{self.sid}")
        self._tasks.add(task)
        task.add_done_callback(self._done)
        return task

    def _done(self, task: asyncio.Task[None]) -> None:
        self._tasks.discard(task)
        if not task.cancelled() and (error := task.exception()) is not None and not isinstance(error, SouffleurError):
            _log.error("session.task_failed", session=self.sid, task=task.get_name(), exc_info=error)

    async def close(self, reason: str) -> None:
        """Close what is open, wait until it is written, and let everybody go."""
        self.closing = True
        self.listening.close()
        for name, place in self._places.items():
            if place.timer is not None:
                place.timer.cancel()
            if place.speculation is not None:
                self._drop_speculation(place, place.speculation.utterance)
            turn, place.turn, waiting, place.unasked = place.turn, None, place.unasked, None
            self._cut(place, reason)
            if turn is not None:
                self._pass_over(turn.first, turn.said, reason, name)
            if waiting is not None:
                self._pass_over(waiting.first, waiting.last, reason, name)
        # Lines that were cut, and turns that are passed as soon as their words are durable.
        await asyncio.gather(*self._tasks, return_exceptions=True)
        await self.writer.close()
        for attachment in self.attachments:
            attachment.close()


def _share(value: float | None) -> float | None:
    """A number from 0 to 1; None for anything else."""
    return value if value is not None and 0 <= value <= 1 else None
