"""The director's desk of one session: live acts, and what they have laid down. An act takes effect before it is durable."""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Iterable
from dataclasses import replace
from typing import Final

from ulid import ULID

from services.core.errors import Conflict, Forbidden, InvalidRequest, NotFound, Overloaded
from services.core.model.desk import ActRequest, ActResponse, DeskShown
from services.core.model.fact import Author
from services.core.model.facts import SceneSet, Silenced, Struck
from services.stage.backstage import Backstage
from services.stage.holding import Held
from services.stage.opening import checked_safety_words
from services.stage.order import Timing, Written
from services.stage.place import Place
from services.stage.roster import CHARACTER, ID_LIMIT, PLACE_LIMIT, is_id
from services.stage.turn_key import TurnKey
from services.stage.turns import Turn

TEXT_LIMIT: Final = 4000
"""Code points of words that a director gives, and of a direction."""
_REMEMBERED: Final = 512
"""Acts whose answer is kept, for a director who asks again."""
_ROUTES: Final = {"page": "realtime"}
"""A guest's client cannot be told from the page: what is laid down for realtime holds for both, where the page has no mode of its own."""
_PLATFORMS: Final = 32
"""Platforms of a session that are remembered."""
_OPERATORS: Final = frozenset({"release", "reject", "retake", "claim", "unclaim"})
"""What an operator may do; everything else is the director's."""
_MODES: Final = {"auto": "auto", "approve": "approve", "inherit": ""}
DELIVERIES: Final = frozenset({"voice", "teleprompter"})
NOBODY: Final = "nobody whom you whisper to is here"
VOICES: Final = frozenset({"one", "many"})
"""One voice at a time in a place, or as many as are addressed."""


class Desk:
    """One per session."""

    def __init__(self, backstage: Backstage, places: Callable[[], Iterable[Place]], place: Callable[[str], Place], finish: Callable[[str], bool]) -> None:
        """`places` are those where somebody is or was; `place` gives one by name; `finish` ends what a room's microphone hears there, if it hears."""
        self._backstage = backstage
        self._places = places
        self._place = place
        self._key = TurnKey(place, finish)
        self._halted: bool | None = None
        """As last asked for here, from before it is durable; None = nobody has, and it is as the transcript says."""
        self._muted: dict[str, bool] = {}
        """The same of each character."""
        self._platforms: dict[str, None] = {}
        """Where somebody has sat down from, in that order."""
        self._answers: dict[str, asyncio.Future[ActResponse]] = {}
        self._acts: Final = {
            "halt": self._halt,
            "resume": self._resume,
            "mute": self._mute,
            "unmute": self._unmute,
            "hold": self._hold,
            "release": self._release,
            "reject": self._reject,
            "retake": self._retake,
            "puppet": self._puppet,
            "next": self._next_speaker,
            "claim": self._claim,
            "unclaim": self._unclaim,
            "mode": self._mode,
            "deliver": self._deliver,
            "stop": self._stop,
            "move": self._move,
            "safety": self._set_safety,
            "voices": self._set_voices,
        }

    # What has been laid down.

    @property
    def halted(self) -> bool:
        """Everybody is silenced."""
        return self._backstage.roster.halted if self._halted is None else self._halted

    def is_silent(self, character: str) -> bool:
        """It is muted, or everybody is."""
        return self.halted or self._muted.get(character, character in self._backstage.roster.muted)

    def mode(self, character: str, platform: str) -> str:
        """A character's own mode goes before its platform's, that before the one of the platform's route, and that before the session's."""
        modes = self._backstage.roster.modes
        whose = (f"character:{character}", f"platform:{platform}", f"platform:{_ROUTES.get(platform, platform)}")
        return next((mode for name in whose if (mode := modes.get(name))), self._backstage.roster.mode)

    def delivery(self, character: str) -> str:
        """Voice or teleprompter."""
        return self._backstage.roster.deliveries.get(character) or "voice"

    def came_from(self, platform: str) -> None:
        """Somebody has sat down who talks through `platform`."""
        if platform and platform not in self._platforms and len(self._platforms) < _PLATFORMS:
            self._platforms[platform] = None
            self.changed()

    def next_in(self, place: str) -> str:
        """The character that is to speak next; empty = whoever casting chooses."""
        return self._key.due(place)

    def next_spoke(self, place: str, character: str) -> None:
        """A turn was given: the choice is spent, if it was this one's."""
        if character == self._key.due(place) and self._key.spent(place):
            self.changed()

    def shown(self) -> DeskShown:
        """The desk as it stands."""
        roster = self._backstage.roster
        silent = {slug for slug in {*roster.muted, *self._muted} if self._muted.get(slug, slug in roster.muted)}
        return DeskShown(
            held=tuple(held for place in self._places() for held in place.approval.shown()),
            muted=tuple(sorted(silent)),
            halted=self.halted,
            mode=roster.mode,
            modes=dict(roster.modes),
            teleprompted=tuple(sorted(slug for slug, way in roster.deliveries.items() if way == "teleprompter")),
            next=self._key.shown(),
            platforms=tuple(self._platforms),
        )

    def changed(self) -> None:
        """Show it to everybody who oversees."""
        self._backstage.tell_directors(self.shown())

    # Acts.

    async def act(self, asked: ActRequest) -> ActResponse:
        """Do it, once. Raises `Forbidden`, `InvalidRequest`, `NotFound` or `Conflict`; then nothing has changed."""
        do = self._acts.get(asked.kind)
        if do is None:
            raise InvalidRequest(f"unknown act: {asked.kind}")
        role = asked.principal.role
        if role != "director" and not (role == "operator" and asked.kind in _OPERATORS):
            raise Forbidden("that is the director's")
        if not is_id(asked.act):
            raise InvalidRequest(f"an act's id has 1 to {ID_LIMIT} bytes")
        if max(len(asked.text), len(asked.direction)) > TEXT_LIMIT:
            raise InvalidRequest(f"at most {TEXT_LIMIT} characters")
        known = self._answers.get(asked.act)
        if known is not None:
            return await asyncio.shield(known)
        answer: asyncio.Future[ActResponse] = asyncio.get_running_loop().create_future()
        answer.add_done_callback(lambda done: done.cancelled() or done.exception())
        self._answers[asked.act] = answer
        while len(self._answers) > _REMEMBERED:
            self._answers.pop(next(iter(self._answers)))
        try:
            answer.set_result(await do(asked))
        except BaseException as error:
            # What was refused may be asked again.
            self._answers.pop(asked.act, None)
            answer.set_exception(error) if isinstance(error, Exception) else answer.cancel()
            raise
        return answer.result()

    async def _halt(self, asked: ActRequest) -> ActResponse:
        self._halted = True
        for place in list(self._places()):
            place.silence("halted")
        return await self._lay_down(Silenced(on=True), asked)

    async def _resume(self, asked: ActRequest) -> ActResponse:
        self._halted = False
        self._speak_again()
        return await self._lay_down(Silenced(on=False), asked)

    async def _mute(self, asked: ActRequest) -> ActResponse:
        self._muted[self._character(asked)] = True
        for place in list(self._places()):
            place.silence("muted", asked.character)
        return await self._lay_down(Silenced(on=True, character=asked.character), asked)

    async def _unmute(self, asked: ActRequest) -> ActResponse:
        self._muted[self._character(asked)] = False
        self._speak_again()
        return await self._lay_down(Silenced(on=False, character=asked.character), asked)

    def _speak_again(self) -> None:
        """Somebody is silenced no more: what was released for them takes the floor."""
        for place in list(self._places()):
            place.approval.time_anew()
            place.offer()

    async def _lay_down(self, body: Silenced | SceneSet, asked: ActRequest) -> ActResponse:
        self.changed()
        fact = await self._write(body, asked)
        self.changed()
        return ActResponse(fact.seq)

    async def _mode(self, asked: ActRequest) -> ActResponse:
        if asked.text not in _MODES or (asked.text == "inherit" and not (asked.character or asked.platform)):
            raise InvalidRequest("a mode is auto or approve, or inherit for one character or platform")
        if asked.character or asked.platform:
            whose = f"character:{self._character(asked)}" if asked.character else f"platform:{asked.platform[:ID_LIMIT]}"
            return await self._lay_down(SceneSet(modes={whose: _MODES[asked.text]}), asked)
        return await self._lay_down(SceneSet(mode=asked.text), asked)

    async def _deliver(self, asked: ActRequest) -> ActResponse:
        if asked.text not in DELIVERIES:
            raise InvalidRequest("a line is delivered by voice or teleprompter")
        return await self._lay_down(SceneSet(deliveries={self._character(asked): asked.text}), asked)

    async def _hold(self, asked: ActRequest) -> ActResponse:
        place = self._speaking(asked)
        return ActResponse(line=place.hold_line().line)

    async def _release(self, asked: ActRequest) -> ActResponse:
        place, held = self._held(asked)
        self._able(held.drafting.order.seat.member, place.name)
        by = self._author(asked)
        if asked.text.strip() and asked.text.strip() != held.text():
            # Nobody else decides on it while the new words are cut into sentences.
            place.approval.claim(held.line, asked.principal, on=True)
            await place.approval.reword(held, asked.text.strip(), by)
            held = place.approval.mine(held.line, asked.principal)
        fact = await place.approval.release(held, by)
        return ActResponse(fact.seq, held.line)

    async def _reject(self, asked: ActRequest) -> ActResponse:
        place, held = self._held(asked)
        fact = await place.approval.reject(held, self._author(asked), asked.direction, _refusal(held.text(), asked.direction))
        return ActResponse(fact.seq, held.line)

    async def _retake(self, asked: ActRequest) -> ActResponse:
        """Once more, otherwise: a draft, the line that is being spoken, or one of the past."""
        line, speaking = asked.line, None
        for place in self._places():
            if place.approval.has(line) or (not line and place.name == asked.place and place.approval):
                self._able(place.approval.mine(line, asked.principal).drafting.order.seat.member, place.name)
                return await self._reject(asked)
            if place.line is not None and (line == place.line.order.line or (not line and place.name == asked.place)):
                line, speaking = place.line.order.line, place
                break
        past = self._backstage.roster.lines.get(line)
        if past is None:
            raise NotFound("there is no such line")
        # Nothing is struck that cannot be said once more.
        self._able(past.character, past.place)
        if self._place(past.place).waiting.crowded:
            raise Overloaded("too many lines wait to be spoken")
        if speaking is not None:
            speaking.stop()
        fact = await self._write(Struck(targets=[past.seq]), asked)
        notes = (f"Say your last line once more, but: {asked.direction}",) if asked.direction else ("Say your last line once more, in other words.",)
        turn = Turn(past.character, notes=notes, timing=Timing(said=self._backstage.clock.now()), retakes=line, audience=past.whispered_to)
        self._place(past.place).again(turn)
        return ActResponse(fact.seq, line)

    async def _puppet(self, asked: ActRequest) -> ActResponse:
        character, text = self._character(asked), asked.text.strip()
        if not text:
            raise InvalidRequest("there is nothing to say")
        self.voice(character, text, self._author(asked))
        return ActResponse()

    def voice(self, character: str, text: str, by: Author, whispers: tuple[str, ...] = ()) -> None:
        """A character says these words, which are the director's, to all who are where it is or to `whispers` alone.

        Raises `NotFound`, `Conflict` or `Overloaded`.
        """
        seat = self._backstage.roster.seats.get(character)
        if seat is None or not seat.present:
            raise NotFound("no such character is here")
        if self.is_silent(character):
            raise Conflict("the character is silenced")
        here = self._backstage.roster.audience(seat.place)
        hearers = [member for member in whispers if member in here and member not in (character, by.id)]
        if whispers and not hearers:
            raise NotFound(NOBODY)
        audience = (*((by.id,) if by.id in here else ()), *dict.fromkeys(hearers)) if whispers else None
        turn = Turn(character, timing=Timing(said=self._backstage.clock.now()), script=text, by=by, audience=audience)
        # Where many voices are wanted it may speak on a floor of its own, and says this when it has ended there.
        own = (floor for floor in self._places() if floor.name == seat.place and floor.is_voiced_by(character))
        next(own, self._place(seat.place)).speak(turn)

    async def _next_speaker(self, asked: ActRequest) -> ActResponse:
        """Your turn: this character's, or whoever is most inclined to speak there. What the room's microphone hears is finished with it."""
        character = self._character(asked) if asked.character else self._place(asked.place).inclined()
        place = self._backstage.roster.seats[character].place
        self._able(character, place)
        self._key.press(place, character)
        self.changed()
        return ActResponse()

    def came_to_rest(self, place: str) -> None:
        """Nobody is speaking there any more: whoever was to wait for that speaks."""
        if self._key.came_to_rest(place, self.is_silent):
            self.changed()

    def panic(self, by: Author) -> None:
        """Somebody has said a safety word: as `halt`, at once and by whoever it was."""
        self._halted = True
        for place in list(self._places()):
            place.silence("halted")
        self.changed()
        draft = self._backstage.draft(Silenced(on=True, reason="safety"), f"safety:{ULID()}", by, "")
        self._backstage.writer.write(replace(draft, audience=None)).add_done_callback(lambda _: self.changed())

    async def _move(self, asked: ActRequest) -> ActResponse:
        """A member goes to another place: text names it."""
        seat = self._backstage.roster.seats.get(asked.character)
        if seat is None or not seat.present:
            raise NotFound("no such member is here")
        if len(asked.text) > PLACE_LIMIT:
            raise InvalidRequest(f"a place's name has at most {PLACE_LIMIT} characters")
        if asked.text == seat.place:
            return ActResponse()
        if seat.role == CHARACTER:
            # It does not finish elsewhere what it was about to say here.
            for place in self._places():
                if place.name == seat.place:
                    place.silence("moved", seat.member)
        fact = await self._backstage.seat(seat, asked.text, seat.head_count)
        self._place(asked.text)
        for place in self._places():
            if place.name in (seat.place, asked.text):
                # Nobody waits any more for what this one may be saying; and where it has come to, silence begins to count.
                place.offer()
        self.changed()
        return ActResponse(fact.seq)

    async def _set_safety(self, asked: ActRequest) -> ActResponse:
        """The session's safety words, one a line; none = none."""
        words = checked_safety_words([line.strip() for line in asked.text.splitlines() if line.strip()])
        return await self._lay_down(SceneSet(safety_words=words or [""]), asked)

    async def _set_voices(self, asked: ActRequest) -> ActResponse:
        if asked.text not in VOICES:
            raise InvalidRequest(f"the voices in a place are {' or '.join(sorted(VOICES))}")
        return await self._lay_down(SceneSet(voices={asked.place: asked.text}), asked)

    async def _claim(self, asked: ActRequest) -> ActResponse:
        place, held = self._held(asked)
        return ActResponse(line=place.approval.claim(held.line, asked.principal, on=True).line)

    async def _unclaim(self, asked: ActRequest) -> ActResponse:
        place, held = self._held(asked)
        return ActResponse(line=place.approval.claim(held.line, asked.principal, on=False).line)

    async def _stop(self, asked: ActRequest) -> ActResponse:
        place = self._speaking(asked)
        line = place.line.order.line if place.line is not None else ""
        place.stop()
        return ActResponse(line=line)

    # What an act means.

    def _character(self, asked: ActRequest) -> str:
        seat = self._backstage.roster.seats.get(asked.character)
        if seat is None or seat.role != "character":
            raise NotFound("there is no such character")
        return asked.character

    def _able(self, character: str, place: str) -> None:
        """Raises `Conflict` if it may not or cannot speak there."""
        if self.is_silent(character):
            raise Conflict("the character is silenced")
        if all(seat.member != character for seat in self._backstage.roster.cast(place)):
            raise Conflict("the character is not here any more")

    def _held(self, asked: ActRequest) -> tuple[Place, Held]:
        for place in self._places():
            if place.approval.has(asked.line) or (not asked.line and place.name == asked.place and place.approval):
                return place, place.approval.mine(asked.line, asked.principal)
        if asked.line in self._backstage.roster.lines:
            raise Conflict("this line does not wait any more")
        raise NotFound("no such line is held")

    def _speaking(self, asked: ActRequest) -> Place:
        for place in self._places():
            if place.line is not None and (asked.line == place.line.order.line or (not asked.line and place.name == asked.place)):
                return place
        raise NotFound("no such line is being spoken")

    def _author(self, asked: ActRequest) -> Author:
        principal = asked.principal
        return Author(principal.role, principal.id, principal.name)

    def _write(self, body: Silenced | SceneSet | Struck, asked: ActRequest) -> Written:
        """Everybody is told, wherever they are: it holds for the whole table, and a line of the past may be from anywhere."""
        draft = self._backstage.draft(body, f"told:{asked.act}", self._author(asked), asked.place)
        return self._backstage.writer.write(replace(draft, audience=None))


def _refusal(draft: str, reason: str) -> tuple[str, ...]:
    """What the next draft has to know of the one that was refused."""
    why = f" because: {reason}" if reason else ""
    return (f'This draft of your line was refused{why}. Say something else: "{draft}"',) if draft else ((reason,) if reason else ())
