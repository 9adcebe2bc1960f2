"""One place of the scene: its floor, and the lines that have it in turn. Everything here happens on the loop, synchronously."""

from __future__ import annotations

from collections.abc import Callable

from services.core import tracing
from services.core.errors import Conflict, NotFound, Unavailable
from services.core.telemetry import INTERRUPTIONS
from services.stage import casting
from services.stage.addressing import Addressing
from services.stage.approval import Approval
from services.stage.asking import Asking
from services.stage.attachments import Attachment
from services.stage.backstage import Backstage
from services.stage.conductor import Line
from services.stage.degradation import Degradation
from services.stage.drafting import Drafting
from services.stage.figures import settle, show_times
from services.stage.floor import Action, Event, Floor
from services.stage.holding import Held
from services.stage.idling import PROMPT, Idling
from services.stage.keeping import Keeper
from services.stage.order import Order
from services.stage.ordering import ordered
from services.stage.resaying import Changes, Remainders
from services.stage.rules import Rules
from services.stage.sides import NoSides, Sides
from services.stage.tasks import Tasks
from services.stage.thinking import Thinking
from services.stage.turns import Audience, Turn, Words
from services.stage.waiting import Waiting


class Place:
    """Turns wait, lines run, one at a time."""

    def __init__(self, name: str, backstage: Backstage, rules: Rules, occupied: Callable[[bool], bool], beside: Place | None = None) -> None:
        """`rules` are the director's; `beside` is the floor that this one stands beside.

        `occupied` tells whether a participant's speech holds the floor, or, if that is asked, the murmur that a room's microphone hears.
        """
        self.name = name
        self._beside = beside
        self.sides: Sides = NoSides()
        self.floor = Floor(backstage.settings().stage.resume_s)
        self._keeper = Keeper(self.floor, backstage.clock, self._do)
        self.feed = self._keeper.feed
        self.line: Line | None = None
        self._tasks = Tasks(backstage.session)
        self.spawn, self.finished = self._tasks.spawn, self._tasks.finished
        self.waiting = Waiting(name, backstage, self.spawn)
        self.pass_over = self.waiting.pass_over
        self.degradation: Degradation = Degradation(name, backstage) if beside is None else beside.degradation
        self.remainders = Remainders(backstage, self.degradation, self.spawn)
        self.thinking = Thinking(name, backstage)
        self.approval = Approval(self, backstage, self.thinking, rules)
        self.addressing: Addressing = Addressing(name, backstage, rules) if beside is None else beside.addressing
        self._idling = Idling(backstage.clock, self._idle_s, lambda: backstage.settings().stage.idle_prompts, self._speak_up)
        self._asking = Asking(name, self.waiting, self.addressing, rules)
        self._rules = rules
        self._answered = ""
        """The participant whom the line answers."""
        self._asked: Turn | None = None
        """What the line was opened for, if somebody asked for it without words."""
        self._backstage = backstage
        self._occupied = occupied

    # Turns.

    def named_in(self, attachment: Attachment, text: str, *, whispering: bool) -> None:
        """So much of what is being said in a room is certain by now: whoever calls a character stops the voice, as others do by speaking."""
        if self.line is not None and self._backstage.is_room(attachment) and self.addressing.choose(text, attachment).character:
            self._room_stops(attachment, whispering=whispering)

    def _room_stops(self, attachment: Attachment, *, whispering: bool) -> None:
        """Somebody in a room has called a character."""
        if self.addressing.may_stop(attachment, self.line, whispering=whispering):
            self.feed(Event.SPEECH_CONFIRMED, attachment)

    def answer(self, attachment: Attachment, words: Words) -> None:
        """New words stand: whoever is addressed is to answer them, once nobody is speaking."""
        self._idling.said()
        if self.addressing.stops(attachment, self.line, whispering=words.audience is not None):
            self.feed(Event.SPEECH_CONFIRMED, attachment)
        if not words.answers or self.approval.claimed:
            # While somebody works on a reply nobody prepares another one.
            self.approval.spoken_meanwhile()
            self.waiting.nobody_asked(attachment.participant, words)
            self.offer()
            return
        choice = self.addressing.choose(words.text, attachment, words.audience, addressed=words.addresses, due=self.addressing.meant(words.audience))
        if choice.character and self._backstage.is_room(attachment):
            self._room_stops(attachment, whispering=words.audience is not None)
        elif choice.reason == casting.NOT_ADDRESSED and words.audience is None:
            self.addressing.engaged.table_talk()
        if choice.character or not self._backstage.is_room(attachment):
            self.approval.spoken_meanwhile()
        if choice.character:
            self._rules.next_spoke(self.name, choice.character)
        self.waiting.decided(attachment, words, choice)
        self.offer()

    def take(self, attachment: Attachment, character: str, notes: tuple[str, ...], *, if_addressed: bool = False) -> None:
        """Somebody asks a character to speak; `if_addressed`: only whoever their words are for. Raises `Conflict` or `NotFound`."""
        answered = self.line is not None and self._answered == attachment.participant
        if self.waiting.turn is not None or answered or self.approval.answers(attachment.participant):
            raise Conflict("a line is open already")
        if if_addressed:
            self._asking.if_addressed(attachment)
        else:
            self._asking.freely(attachment, character, notes)
        self.offer()

    def offer(self) -> None:
        """Nobody waits: the turn that is due gets the floor, once all have finished speaking."""
        self._idling.stirred()
        # A room is never still: its murmur keeps nobody waiting and no voice paused.
        if self._occupied(self.line is None and not self._pending):
            return
        self._draft_for_approval()
        if self.line is None:
            self.approval.dismiss()
        self.waiting.hand_over(self.sides.take)
        # A turn that waits for a line to end is no reason to leave that line paused.
        ready = self.line is None and self._pending
        self.feed(Event.TURN_READY if ready else Event.SPEECH_OVER)

    @property
    def _pending(self) -> bool:
        """Somebody is to speak as soon as the floor is free."""
        return bool(self.remainders) or self.waiting.due(self.voiced_elsewhere) is not None or self.approval.next_released() is not None

    def voiced_elsewhere(self, character: str) -> bool:
        """A character has one voice, however many floors there are: it speaks on another one."""
        return self.sides.voicing(character) or (self._beside is not None and self._beside.is_voiced_by(character))

    # The floor.

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
            asked, self._asked = self._asked, None
            line.cut(reason, by)
            self._settle(line)
            if asked is not None and not line.opened:
                self._asked_again(asked, reason)

    def _asked_again(self, turn: Turn, reason: str) -> None:
        """Somebody had a character speak, and its line ended before anything of it stood: without this whoever asked would wait for ever."""
        if reason == "barge_in" and self.waiting.turn is None:
            # The words that came between are part of what it answers.
            self.waiting.turn = turn
        else:
            turn.refuse(Unavailable("the line ended before it began; ask again"))

    def interrupt_for(self, changes: Changes) -> None:
        """A correction changes these facts: what is being said of them is not said to its end, but as it stands then."""
        line = self.line
        # What waits is said as it stands when its time comes; a line that is struck as a whole waits for nothing any more.
        self.approval.strike(changes)
        self.remainders.give_up("corrected", lambda drafting: drafting.opened_by(changes))
        if line is None:
            return
        if line.drafting.opened_by(changes):
            self._cut("corrected")
            self._free()
        elif any(line.is_saying(seq) for seq in changes):
            self._say_again(line, changes)

    def _say_again(self, line: Line, changes: Changes) -> None:
        """Cut it at the word that was heard; what was not heard goes on in a line of its own, as corrected."""
        self.line = None
        line.cut("corrected", keeps_words=True)
        self._settle(line)
        self.remainders.add(line, changes)
        self._free()

    def undo(self, to: int) -> None:
        """Nothing after the fact `to` has happened: what was to answer it does not."""
        if self.line is not None and self.line.drafting.after(to):
            self._cut("corrected")
        self.remainders.give_up("corrected", lambda drafting: drafting.after(to))
        self.approval.undo(to)
        self.waiting.undo(to)
        self.thinking.drop()
        self._free()

    # Lines.

    def _open_line(self) -> None:
        if self.remainders:
            drafting = self.remainders.take()
            self._perform(drafting, drafting.order.answers)
            return
        if (released := self.approval.next_released()) is not None:
            self.approval.take(released)
            self._perform(released.drafting, released.turn.participant)
            return
        turn = self.waiting.next(self.voiced_elsewhere)
        order = None if turn is None else self.order(turn)
        if turn is None or order is None:
            self.floor.feed(Event.LINE_ENDED, self._backstage.clock.now())
            if self.waiting:
                self.offer()
            return
        self._perform(self.drafting(order, turn), turn.participant)
        self._asked = turn if turn.asker is not None and turn.first is None else None

    def _perform(self, drafting: Drafting, answered: str) -> None:
        self._answered = answered
        self._asked = None
        self.line = Line(drafting, self._backstage, self)
        with tracing.turn(self._backstage.session, drafting.order.trace):
            self.line.task = self.spawn(self.line.run(), "line")

    def order(self, turn: Turn, mode: str = "auto") -> Order | None:
        """What the line of a turn is to be; None = the character may not or cannot speak, and the turn is passed."""
        self.waiting.join(turn)
        try:
            return ordered(turn, self.name, self._backstage, self._rules, mode)
        except (NotFound, Conflict) as refusal:
            # Gone, elsewhere or silenced since it was addressed.
            turn.refuse(refusal)
            self.pass_over(turn.first, turn.said, "no_character" if isinstance(refusal, NotFound) else casting.SILENCED)
            return None

    def drafting(self, order: Order, turn: Turn) -> Drafting:
        """The words of a line, asked for; or those that were prepared."""
        return Drafting(order, self.thinking.words(order, turn), self._backstage, self.degradation)

    # What the director makes of the floor.

    def _draft_for_approval(self) -> None:
        """Turns of characters whose lines are by approval do not wait for the floor."""
        for turn in self.waiting.take(lambda turn: not turn.script and self._rules.mode(turn.character, turn.platform) == "approve"):
            self.approval.draft(turn)

    def hold_line(self) -> Held:
        """Take the line that has the floor from its character: what was not heard of it waits for approval. Raises `NotFound`."""
        line = self.line
        if line is None or line.order.mode in ("puppet", "filler"):
            raise NotFound("no line is being spoken")
        self.line = None
        line.cut("held", keeps_words=True)
        self._settle(line, goes_on=True)
        held = self.approval.take_back(line)
        self._free()
        return held

    def is_voiced_by(self, character: str) -> bool:
        """This character is speaking, or about to."""
        return self.line is not None and self.line.order.seat.member == character

    def idle(self) -> bool:
        """Nobody has the floor or waits for it."""
        return self.line is None and not self.waiting and not self.remainders and not self._occupied(True)

    def stop(self, by: Attachment | None = None) -> None:
        """A participant or the director stops the voice: whoever waits is next."""
        self.feed(Event.STOP, by)
        self._free()

    def again(self, turn: Turn) -> None:
        """A turn is to be answered once more, when its time comes."""
        self.waiting.again(turn)
        self.offer()

    def speak(self, turn: Turn) -> None:
        """The director's words, by a character: before whatever else waits. Raises `Overloaded`."""
        self.waiting.speak(turn)
        self.offer()

    def inclined(self) -> str:
        """Who speaks if nobody is named. Raises `NotFound`."""
        able = [seat.candidate() for seat in self._backstage.roster.cast(self.name) if not self._rules.is_silent(seat.member)]
        if not able:
            raise NotFound("nobody is here who could speak")
        return casting.most_inclined(able, self._backstage.roster.last_character).character

    def go_next(self, character: str) -> bool:
        """This character speaks next: now, if it can; else True, and it is to be remembered."""
        turn = self.waiting.turn
        if turn is not None:
            if turn.audience is not None and character not in turn.audience:
                # It did not hear what was whispered there.
                return True
            turn.character = character
            return False
        if self.line is not None or self._occupied(False):
            return True
        self._take_floor(character)
        return False

    def _take_floor(self, character: str, prompt: str = "") -> None:
        """Nobody has it: this character speaks, about whatever waits for an answer."""
        about = self.waiting.unasked
        self.waiting.ask(character, about if about is not None and about.audience is None else None, prompt=prompt)
        self.offer()

    def _idle_s(self) -> float:
        """After how much silence a character speaks up here: as the house has it, or sooner, where somebody who is here wants that."""
        wanted = [attachment.settings.idle_s or 0.0 for attachment in self._backstage.listeners(self.name)]
        return min((seconds for seconds in (self._backstage.settings().stage.idle_prompt_s, *wanted) if seconds > 0), default=0.0)

    def _speak_up(self) -> bool:
        """Nobody has said anything for a while: a character does, if somebody is there to hear it."""
        roster = self._backstage.roster
        people = {seat.member for seat in roster.people(self.name)}
        listened = any(attachment.participant in people for attachment in self._backstage.listeners(self.name))
        if self._beside is not None or self.sides.speaking() or not listened or self.approval or not self.idle():
            return False
        try:
            character = self.inclined()
        except NotFound:
            return False
        self._take_floor(character, PROMPT)
        return True

    def silence(self, reason: str, character: str = "") -> None:
        """Whoever speaks or is about to (this character; empty = anybody) does not; what is held stays held."""
        if self.line is not None and character in ("", self.line.order.seat.member):
            self._cut(reason)
        self.waiting.drop(reason, lambda turn: character in ("", turn.character))
        self.approval.time_anew()
        self.remainders.give_up(reason, lambda drafting: character in ("", drafting.order.seat.member))
        guess = self.thinking.speculation
        if guess is not None and character in ("", guess.character):
            self.thinking.drop()
        self._free()

    # Speculation.

    def speculate(self, attachment: Attachment, utterance: str, text: str, audience: Audience) -> None:
        """Prepare the reply to what was heard so far, unless there is something else to do."""
        busy = self.line is not None or self.waiting.turn is not None or self.thinking.speculation is not None or self.approval.claimed
        if busy or not self._backstage.settings().stage.speculation:
            return
        choice = self.addressing.choose(text, attachment, audience, addressed=attachment.addresses, due=self.addressing.meant(audience))
        if choice.character:
            self.thinking.speculate(attachment, utterance, text, self._backstage.roster.seats[choice.character], audience)

    # What a line tells.

    def line_started(self, line: Line) -> None:
        """The first sound went out."""
        self.feed(Event.LINE_STARTED)
        show_times(line, self._backstage)

    def line_ended(self, line: Line) -> None:
        """A line closed by itself; whoever waited is next."""
        if self.line is line:
            self.line = None
            self._settle(line)
            self._free()

    def _free(self) -> None:
        """Nobody speaks here, unless somebody who may goes on: whoever waited is next."""
        if self.line is None:
            self.feed(Event.LINE_ENDED)
        self.offer()
        # Whoever waits for this character elsewhere need not wait any longer.
        self.sides.offer()
        if self._beside is not None:
            self._beside.offer()

    def _settle(self, line: Line, *, goes_on: bool = False) -> None:
        """A line is over; its turn is passed if it never came to be one, no line before it was, and it does not go on in another."""
        if not (line.opened or line.order.retakes):
            if not goes_on:
                self.pass_over(line.order.first, line.order.said, "stopped")
        elif line.started:
            self.addressing.engaged.answered(line.order.answers, line.order.seat.member)
        settle(line, self._backstage)

    def close(self, reason: str) -> None:
        """Cut and pass whatever is open; `finished` waits until that is written."""
        self._keeper.close()
        self._idling.close()
        self.thinking.drop()
        self.approval.close(reason)
        self._cut(reason)
        self.remainders.give_up(reason)
        self.waiting.close(reason)
