"""Who waits for the floor of one place, in which order, and the words there that nobody asked about."""

from __future__ import annotations

import asyncio
from collections import deque
from collections.abc import Callable, Coroutine
from typing import Any, Final

from services.core.errors import Conflict, Overloaded, Unavailable
from services.core.model.facts import Passed
from services.stage import spans
from services.stage.attachments import Attachment
from services.stage.backstage import STAGE, Backstage
from services.stage.casting import NAMED, Choice
from services.stage.order import Timing, Written
from services.stage.turns import Audience, Turn, Unasked, Words, stands_after

_MOST: Final = 16
"""Of each kind."""
_MOST_OWED: Final = 256
"""People whose words may wait to be asked about: more than one place holds."""


class Waiting:
    """The turn that is next; given words, which go before it; others who are to be answered, and lines once more, which come after it."""

    def __init__(self, place: str, backstage: Backstage, spawn: Callable[[Coroutine[Any, Any, None], str], asyncio.Task[None]]) -> None:
        """`spawn` runs what is to be finished before the place is left."""
        self.turn: Turn | None = None
        self.scripts: deque[Turn] = deque()
        self.others: deque[Turn] = deque()
        self.retakes: deque[Turn] = deque()
        self.unasked: Unasked | None = None
        self.owed: dict[str, Words] = {}
        """By participant: the last words for whose answer they have not asked yet, whether or not another turn has taken them along."""
        self._undone: list[Unasked] = []
        """Words that nobody asked about before they were undone: as long as that may be taken back nobody need say that they are passed."""
        self._place = place
        self._backstage = backstage
        self._spawn = spawn

    def __bool__(self) -> bool:
        return bool(self.turn is not None or self.scripts or self.others or self.retakes)

    @property
    def crowded(self) -> bool:
        """As many lines are to be said once more as may be."""
        return len(self.retakes) >= _MOST

    # Who comes to wait.

    def nobody_asked(self, participant: str, words: Words) -> None:
        """New words of theirs, and nobody is to answer them by now."""
        by = self.unasked.by if self.unasked is not None and self.unasked.audience == words.audience else frozenset[str]()
        first = self._unasked_with(words.audience) or words.said
        self.unasked = Unasked(first, words.said, words.text, words.audience, by | {participant})
        self.owed.pop(participant, None)
        self.owed[participant] = words
        if len(self.owed) > _MOST_OWED:
            self.owed.pop(next(iter(self.owed)))

    def nobody_addressed(self, participant: str, reason: str) -> None:
        """Their words are for no character: passed, unless somebody else's stand beside them and may still be answered."""
        self.owed.pop(participant, None)
        waiting = self.unasked
        if waiting is not None and participant in waiting.by:
            waiting.by -= {participant}
            if not waiting.by:
                self.unasked = None
                self.pass_over(waiting.first, waiting.last, reason)

    def decided(self, attachment: Attachment, words: Words, choice: Choice) -> None:
        """New words, and whoever was found to answer them, if anybody was."""
        self.owed.pop(attachment.participant, None)
        first = self._unasked_with(words.audience) or words.said
        before = self.turn
        if not choice.character:
            if before is not None and before.audience == words.audience:
                before.first, before.said = before.first or first, words.said
            else:
                self.pass_over(first, words.said, choice.reason)
            return
        turn = Turn(choice.character, first, words.said, (), words.timing, words.text, attachment.participant, platform=attachment.platform)
        turn.audience, turn.named = words.audience, choice.reason == NAMED
        if self.others or (before is not None and before.is_apart_from(turn)):
            # Somebody else is waiting for somebody else: nobody is answered in another one's place.
            if not self.wait(turn):
                self.pass_over(first, words.said, "crowded")
            return
        if before is not None:
            turn.first, turn.notes = before.first or first, before.notes
            if before.asker is not attachment:
                before.refuse(Conflict("somebody else was quicker"))
        self.turn = turn

    def _unasked_with(self, audience: Audience) -> Written | None:
        """The first of the words that nobody asked about and the same ones heard; what others heard is passed."""
        waiting, self.unasked = self.unasked, None
        if waiting is not None and waiting.audience != audience:
            self.pass_over(waiting.first, waiting.last, "superseded")
            return None
        return None if waiting is None else waiting.first

    def wait(self, turn: Turn) -> bool:
        """Somebody else is to be answered, in their turn; more words of one who waits already are answered with the first. False = too many wait."""
        for known in self.others:
            if (known.participant, known.character, known.audience) == (turn.participant, turn.character, turn.audience):
                known.said, known.text = turn.said, turn.text
                return True
        if len(self.others) >= _MOST:
            return False
        self.others.append(turn)
        return True

    def heard_by(self, participant: str) -> Unasked | None:
        """The words that nobody asked about, if this one may have them answered: whispered ones are for whoever they were whispered to."""
        waiting = self.unasked
        return waiting if waiting is not None and (waiting.audience is None or participant in waiting.audience) else None

    def ask(self, character: str, about: Unasked | None, notes: tuple[str, ...] = (), asker: Attachment | None = None, *, prompt: str = "") -> None:
        """This character speaks next, about `about`, which then somebody has asked about; `asker` is told if nothing comes of it."""
        turn = Turn(character, notes=notes, prompt=prompt, timing=Timing(said=self._backstage.clock.now()))
        if about is not None:
            self.unasked = None
            turn.first, turn.said, turn.text, turn.audience = about.first, about.last, about.text, about.audience
            if asker is None:
                # It is decided who answers them, whoever would have asked.
                self.owed = {whose: words for whose, words in self.owed.items() if whose not in about.by}
        if asker is not None:
            turn.participant, turn.asker, turn.platform = asker.participant, asker, asker.platform
        self.turn = turn

    def again(self, turn: Turn) -> None:
        """A turn is to be answered once more: words that nobody has answered by now at once, anything else after whoever waits already."""
        if self.turn is None and turn.first is not None:
            self.turn = turn
        else:
            self.retakes.append(turn)

    def speak(self, turn: Turn) -> None:
        """Given words, by a character: before whatever else waits. Raises `Overloaded`."""
        if len(self.scripts) >= _MOST:
            raise Overloaded("too many lines wait to be spoken")
        due = self.turn
        if due is not None and due.character == turn.character and (turn.audience is None or due.participant in turn.audience):
            # They are its answer; whispered ones stay whispered, whoever has asked.
            turn.first, turn.said, turn.participant = due.first, due.said, due.participant
            turn.audience = due.audience if turn.audience is None else turn.audience
            self.turn = None
        self.scripts.append(turn)

    # Who waits no more.

    def due(self, is_busy: Callable[[str], bool]) -> Turn | None:
        """Whose turn it is; a character that is busy waits on."""
        asked = () if self.turn is None else (self.turn,)
        return next((turn for turn in (*self.scripts, *asked, *self.others, *self.retakes) if not is_busy(turn.character)), None)

    def next(self, is_busy: Callable[[str], bool]) -> Turn | None:
        """As `due`; it waits no more."""
        turn = self.due(is_busy)
        if turn is not None:
            self.take(lambda one: one is turn)
        return turn

    def join(self, turn: Turn) -> None:
        """Whatever stands until now, and the same ones heard, is part of what this turn answers."""
        waiting = self.unasked
        if waiting is not None and waiting.audience == turn.audience:
            self.unasked = None
            turn.first, turn.said = turn.first or waiting.first, waiting.last

    def hand_over(self, takes: Callable[[Turn], bool]) -> None:
        """Nobody who is to be answered waits if somebody else takes the turn."""
        if self.turn is not None and takes(self.turn):
            self.turn = None
        for other in list(self.others):
            if takes(other):
                self.others.remove(other)

    def take(self, which: Callable[[Turn], bool]) -> list[Turn]:
        """These are waited for no more."""
        taken: list[Turn] = []
        if self.turn is not None and which(self.turn):
            taken.append(self.turn)
            self.turn = None
        for queue in (self.scripts, self.others, self.retakes):
            for turn in [turn for turn in queue if which(turn)]:
                queue.remove(turn)
                taken.append(turn)
        return taken

    def drop(self, reason: str, which: Callable[[Turn], bool] = lambda _: True) -> None:
        """These are passed, and whoever asked for one without words is told."""
        for turn in self.take(which):
            if turn.first is None:
                # Where words are passed that tells it.
                turn.refuse(Unavailable(f"nobody speaks: {reason}"))
            self.pass_over(turn.first, turn.said, reason)

    def undo(self, to: int) -> None:
        """Nothing after the fact `to` has happened."""
        self.drop("corrected", lambda turn: turn.after(to) or self._backstage.roster.opened_after(turn.retakes, to))
        self.owed = {whose: words for whose, words in self.owed.items() if not stands_after(words.said, to)}
        unasked, self.unasked = self.unasked, self.unasked and self.unasked.undone(to)
        if unasked is not None and self.unasked is not unasked:
            # Nobody answers what never happened.
            gone = unasked if self.unasked is None else Unasked(unasked.last, unasked.last, "", unasked.audience)
            self._undone.append(gone)

    def close(self, reason: str) -> None:
        """All of them are passed."""
        self.drop(reason)
        waiting, self.unasked = self.unasked, None
        for words in (*self._undone, *(() if waiting is None else (waiting,))):
            self.pass_over(words.first, words.last, reason)

    def pass_over(self, first: Written | None, said: Written | None, reason: str) -> None:
        """Nobody answers these words, if there are any."""
        if first is not None and said is not None:
            self._spawn(self._pass(first, said, reason), "pass")

    async def _pass(self, first: Written, said: Written, reason: str) -> None:
        turn, latest = await first, await said
        audience = latest.audience if latest.body.get("whispered") else None
        self._backstage.write(Passed(turn=turn.seq, reason=reason), f"pass:{turn.seq}:{latest.seq}", STAGE, self._place, audience=audience, cause=latest.seq)
        spans.passed(latest, self._backstage, reason)
