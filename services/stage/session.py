"""One live session: what its participants say and ask for, given to the place where they are."""

from __future__ import annotations

import asyncio
from typing import Final

from services.core.errors import Conflict, InvalidRequest, NotFound, Overloaded, SouffleurError, Unavailable
from services.core.model.attachment import CancelLine, Configure, FinalHeard, PartialShown, Played, Refused, SpeechSeen, TakeFloor, TextSaid
from services.core.model.desk import ActRequest, ActResponse
from services.core.model.fact import Author, Draft
from services.core.model.facts import Said
from services.stage.attachments import Attachment
from services.stage.backstage import Backstage
from services.stage.chorus import Chorus
from services.stage.desk import NOBODY, Desk
from services.stage.floor import Event
from services.stage.listening import TEXT_LIMIT, Listening, Speech
from services.stage.order import Timing, Written
from services.stage.place import Place
from services.stage.resaying import Changes
from services.stage.roster import HEADS, ID_LIMIT, PLACE_LIMIT, is_id, said_key
from services.stage.safety import Safety
from services.stage.turns import Audience, Words

_WORDS: Final = 1000
_WORD_LIMIT: Final = 100
_LENGTH: Final = f"a message has 1 to {TEXT_LIMIT} characters"
_FULL: Final = "the transcript store cannot keep up with this session"


class Session:
    """Owned by this process as long as its writer may write."""

    def __init__(self, backstage: Backstage) -> None:
        """A session without places; they come to be as somebody is there."""
        settings = backstage.settings
        self.sid = backstage.session
        self.roster = backstage.roster
        self.writer = backstage.writer
        self.attachments = backstage.attachments
        self.announce = backstage.announce
        self.sight = backstage.sight
        self._backstage = backstage
        self._clock = backstage.clock
        self.listening = Listening(self, self._clock, lambda: settings().stage, settings().stt.final_timeout_s)
        self.desk = Desk(backstage, self._floors, self.place, lambda place: self.listening.finish(place, backstage.is_room))
        self._chorus = Chorus(
            backstage, self.desk, lambda place, murmur: self.listening.anybody(place, lambda speech: murmur or not backstage.is_room(speech.attachment))
        )
        self._safety = Safety(lambda: (*settings().stage.safety_words, *self.roster.safety_words))
        self.touched = self._clock.now()
        self.erasing: set[int] = set()
        """Facts whose words are being erased, or were since this process has the session."""
        self.closing = False
        """What comes from outside now is for the next owner."""

    def place(self, name: str) -> Place:
        """A place of the scene."""
        return self._chorus.place(name)

    def _floors(self) -> list[Place]:
        return self._chorus.all()

    def _at_rest(self, place: str) -> bool:
        """Nobody is speaking there, nor is any text awaited; a room may murmur on."""
        return not self.listening.anybody(place, lambda speech: speech.utterance.ended_at is not None or not self._backstage.is_room(speech.attachment))

    def running(self) -> int:
        """How many lines are being spoken, or will be for what has been said or is being said; those that wait for approval do not count."""
        return self._chorus.running()

    # What the outside asks for.

    def say(self, attachment: Attachment, event: TextSaid) -> Written:
        """Typed words: they take the floor as spoken ones do."""
        text = event.text.strip()
        if not text:
            raise InvalidRequest(_LENGTH)
        if not is_id(event.message):
            raise InvalidRequest(f"a message's id has 1 to {ID_LIMIT} bytes")
        speaker = self._speaker(attachment, event.speaker)
        key = said_key(speaker.id, event.message)
        new = self._backstage.is_new(key)
        if new:
            # Heeded even where the message cannot be taken.
            self._mind_safety(event.message, text[:TEXT_LIMIT], speaker)
        if len(text) > TEXT_LIMIT:
            raise InvalidRequest(_LENGTH)
        audience = self._audience(attachment, tuple(event.whispers.split()) or attachment.whispers, speaker.id)
        if audience is not None and len(audience) < 2:
            raise NotFound(NOBODY)
        if new and self.writer.full:
            raise Overloaded(_FULL)
        narrated = attachment.reader.oversees and (event.narrates or attachment.narrates)
        said = Said(utterance=event.message, text=text, source="narrated" if narrated else "typed", whispered=audience is not None)
        written = self._backstage.write(said, key, speaker, attachment.place, audience=audience)
        if new and not narrated:
            timing = Timing(said=self._clock.now(), trace=event.message)
            addresses = event.addresses or attachment.addresses
            words = Words(said=written, text=text, timing=timing, answers=event.answers, addresses=addresses, audience=audience)
            self._answer(attachment, words)
        self.touched = self._clock.now()
        return written

    def _audience(self, attachment: Attachment, whispers: tuple[str, ...], speaker: str) -> Audience:
        """Who alone hears what is whispered to these: they, as far as they are here, and the speaker; None = it is said aloud."""
        here = self.roster.audience(attachment.place)
        return tuple(dict.fromkeys((speaker, *(member for member in whispers if member in here)))) if whispers else None

    def _mind_safety(self, utterance: str, text: str, by: Author) -> None:
        """Whatever they said besides: whoever says a safety word has every character silent, as panic does."""
        if self._safety.spoken(by.id, utterance, text):
            self.desk.panic(by)

    def configure(self, attachment: Attachment, change: Configure) -> None:
        """Other settings of an attachment. Raises `InvalidRequest`, `Conflict` or `Overloaded`, and then nothing has changed.

        Whom it whispers to is not looked at before something is said: words that were meant for somebody who is gone must not be said aloud.
        """
        seat = None if attachment.monitor else self.roster.seats.get(attachment.participant)
        here, many = (attachment.place, 1) if seat is None else self._backstage.bound_for(seat)
        place = here if change.place is None else change.place
        heads = many if seat is None or change.head_count is None else change.head_count
        if len(place) > PLACE_LIMIT or not 1 <= heads <= HEADS:
            raise InvalidRequest(f"a place's name has at most {PLACE_LIMIT} characters, and 1 to {HEADS} sit behind a microphone")
        moves = seat is not None and (place, heads) != (here, many)
        if moves:
            self._may_move(attachment, elsewhere=place != here)
        attachment.configure(change)
        if change.idle_s is not None:
            self.place(attachment.place).offer()
        if attachment.monitor:
            before, attachment.place = attachment.place, place
            self._moved(before, place)
        elif moves and seat is not None:
            self._backstage.seat(seat, place, heads).add_done_callback(lambda _: self._moved(seat.place, place))

    def _may_move(self, attachment: Attachment, *, elsewhere: bool) -> None:
        # How many they are may be said at any time, and a table talks when somebody says it.
        if elsewhere and self.listening.is_open(attachment):
            raise Conflict("not while you are speaking")
        if attachment.participant in self._backstage.moving:
            raise Conflict("not while you are on your way")
        if self.writer.full:
            raise Overloaded(_FULL)

    def _moved(self, *places: str) -> None:
        """Nobody waits any more for what somebody who is elsewhere now may be saying; and where they have come to, silence begins to count."""
        for place in () if self.closing else dict.fromkeys(places):
            for floor in self._chorus.floors(place):
                floor.offer()

    def take_floor(self, attachment: Attachment, event: TakeFloor) -> None:
        """A character is asked to speak; while it answers somebody else that has to wait."""
        if event.instructions and attachment.principal.role != "director":
            raise InvalidRequest("instructions need the director's right")
        if len(event.instructions) > TEXT_LIMIT:
            raise InvalidRequest(f"instructions have at most {TEXT_LIMIT} characters")
        notes = (event.instructions,) if event.instructions else ()
        self.place(attachment.place).take(attachment, event.character, notes, if_addressed=event.if_addressed)

    def cancel_line(self, attachment: Attachment, event: CancelLine) -> None:
        """Stop the open line, if it is the one that is meant."""
        place = self._chorus.saying(attachment.place, event.line)
        if place is not None:
            place.stop(attachment)

    def played(self, attachment: Attachment, event: Played) -> None:
        """A listener's position."""
        place = self._chorus.saying(attachment.place, event.line) if event.line else None
        line = None if place is None else place.line
        if line is not None:
            before = attachment.played_ms.get(event.line, 0)
            attachment.played_ms[event.line] = max(before, event.played_ms)
            if line.timing.first_played is None and event.played_ms > 0 and not attachment.monitor:
                line.timing.first_played = self._clock.now() - event.played_ms / 1000
            line.played()

    def interrupt_for(self, changes: Changes, *, retcon_to: int | None = None) -> None:
        """A correction changes these facts, or everything after `retcon_to`: lines that are being spoken are cut first."""
        for place in self._chorus.all():
            place.interrupt_for(changes)
            if retcon_to is not None:
                place.undo(retcon_to)

    async def act(self, asked: ActRequest) -> ActResponse:
        """A live act of the director's. Raises what `Desk.act` raises, or `Unavailable` while the session moves."""
        if self.closing:
            raise Unavailable("the session is moving to another stage")
        self.touched = self._clock.now()
        if asked.kind != "halt":
            # From here on drafts and corrections may come up; panic waits for nothing.
            await self.sight.open()
        return await self.desk.act(asked)

    def write(self, draft: Draft) -> Written:
        """Write a fact that somebody told. Raises `Overloaded` when the store cannot keep up."""
        if self.writer.full:
            raise Overloaded(_FULL)
        self.touched = self._clock.now()
        return self.writer.write(draft)

    def gone(self, attachment: Attachment) -> None:
        """A connection has ended: what was being said there comes to nothing, and no line waits for its reports."""
        self.listening.gone(attachment)
        for place in self._chorus.all():
            if place.line is not None:
                place.line.played()

    # What listening hears.

    def speech_began(self, speech: Speech) -> None:
        """Onset: a speaking character falls silent until it is clear whether somebody means it."""
        self.touched = self._clock.now()
        for place in self._chorus.floors(speech.attachment.place):
            if place.line is None or place.addressing.stops(speech.attachment, place.line, whispering=bool(speech.whispered_to)):
                place.feed(Event.SPEECH_BEGAN)

    def speech_confirmed(self, speech: Speech) -> None:
        """Half a second of speech."""
        self._confirmed(speech.attachment, whispering=bool(speech.whispered_to))

    def _confirmed(self, attachment: Attachment, *, whispering: bool) -> None:
        for place in self._chorus.floors(attachment.place):
            if place.addressing.stops(attachment, place.line, whispering=whispering):
                place.feed(Event.SPEECH_CONFIRMED, attachment)

    def _answer(self, attachment: Attachment, words: Words) -> None:
        """New words stand: they stop the voices, and whoever is addressed answers."""
        self._confirmed(attachment, whispering=words.audience is not None)
        place, *beside = self._chorus.floors(attachment.place)
        place.answer(attachment, words)
        for floor in beside:
            # Whoever waits behind a voice that was just stopped is next.
            floor.offer()

    def words_certain(self, attachment: Attachment, utterance: str, text: str) -> None:
        """The last wording of an utterance, which may be refused still: a safety word in it is heeded all the same."""
        self._mind_safety(utterance[:ID_LIMIT], text[:TEXT_LIMIT], self._backstage.author(attachment))

    def speech_certain(self, speech: Speech, text: str) -> None:
        """Words that will not be taken back: what must not wait for the end of the utterance does not."""
        self._mind_safety(speech.utterance.id, text, self._backstage.author(speech.attachment))
        for place in self._chorus.floors(speech.attachment.place):
            place.named_in(speech.attachment, text, whispering=bool(speech.whispered_to))

    def show(self, value: PartialShown | SpeechSeen, speech: Speech) -> None:
        """What is whispered is shown to those who hear it; that somebody speaks, to everybody who is there.

        Of a director who speaks as a character neither: nobody is to have the words before the character says them, nor to know whose they are.
        """
        speaker = speech.attachment
        nobody = (speaker.participant,)
        if isinstance(value, PartialShown):
            audience = nobody if speech.voiced_as else self._audience(speaker, speech.whispered_to, speaker.participant)
            self._backstage.broadcast(value, speaker.place, audience, besides=speaker)
            return
        # Whoever was shown the beginning is shown the end.
        openly = not speech.voiced_as if value.speaking else speaker.seen_speaking
        speaker.seen_speaking = value.speaking and (openly or speaker.seen_speaking)
        self._backstage.broadcast(value, speaker.place, None if openly else nobody)

    def speech_wavered(self, speech: Speech) -> None:
        """A short pause: the reply may be prepared."""
        attachment = speech.attachment
        if attachment.answers and not (attachment.narrates or speech.voiced_as):
            audience = self._audience(attachment, speech.whispered_to, attachment.participant)
            self.place(attachment.place).speculate(attachment, speech.utterance.id, speech.utterance.text.strip(), audience)

    def speech_resumed(self, speech: Speech) -> None:
        """They go on: what was prepared is void."""
        self.place(speech.attachment.place).thinking.drop(speech.utterance.id)

    def speech_over(self, speech: Speech, final: FinalHeard | None) -> None:
        """An utterance is done."""
        attachment, place = speech.attachment, self.place(speech.attachment.place)
        text = "" if final is None else final.text.strip()[:TEXT_LIMIT]
        if text and (refusal := self._unspeakable(speech)) is not None:
            attachment.deliver(Refused(refusal.code, refusal.detail, speech.utterance.id))
            text = ""
        waits = False
        if final is not None and text:
            self._take_words(speech, final, text)
            waits = place.waiting.turn is not None
        for floor in self._chorus.floors(place.name):
            if not (text and floor is place):
                floor.offer()
        if not waits:
            place.thinking.drop(speech.utterance.id)
        if self._at_rest(place.name):
            self.desk.came_to_rest(place.name)

    def _unspeakable(self, speech: Speech) -> SouffleurError | None:
        """Why its words cannot be written; None = they can."""
        if self.writer.full:
            return Overloaded(_FULL)
        if speech.voiced_as:
            # Who is where the character is, not where its director is.
            return None
        audience = self._audience(speech.attachment, speech.whispered_to, speech.attachment.participant)
        return NotFound(NOBODY) if audience is not None and len(audience) < 2 else None

    def _take_words(self, speech: Speech, final: FinalHeard, text: str) -> None:
        attachment, utterance = speech.attachment, speech.utterance
        place = self.place(attachment.place)
        author = self._backstage.author(attachment)
        if speech.voiced_as:
            self._voice(speech, text, author)
            place.offer()
            return
        narrated = attachment.narrates
        key = said_key(author.id, utterance.id)
        new = self._backstage.is_new(key)
        audience = self._audience(attachment, speech.whispered_to, author.id)
        body = Said(
            utterance=utterance.id,
            text=text,
            source="narrated" if narrated else "voice",
            words=[[word.text[:_WORD_LIMIT], round(word.start_s, 3), round(word.end_s, 3), _share(word.confidence)] for word in final.words[:_WORDS]],
            confidence=_share(final.confidence),
            engine=final.engine[:ID_LIMIT],
            whispered=audience is not None,
        )
        written = self._backstage.write(body, key, author, attachment.place, audience=audience)
        timing = Timing(
            trace=utterance.id,
            speech_ended=utterance.speech_end,
            decided=utterance.ended_at,
            said=self._clock.now(),
            stt_ms=float(final.stt_ms),
            stt_engine=final.engine[:ID_LIMIT],
        )
        self.touched = self._clock.now()
        if new and not narrated:
            answers = attachment.answers and not utterance.manual
            self._answer(attachment, Words(said=written, text=text, timing=timing, answers=answers, addresses=attachment.addresses, audience=audience))
        else:
            place.offer()

    def _voice(self, speech: Speech, text: str, by: Author) -> None:
        """The director's own voice, said again by a character."""
        try:
            self.desk.voice(speech.voiced_as, text, by, speech.whispered_to)
        except SouffleurError as refusal:
            speech.attachment.deliver(Refused(refusal.code, refusal.detail, speech.utterance.id))

    def speech_waived(self, speech: Speech) -> None:
        """They hold the floor no longer, whatever comes of it."""
        for place in self._chorus.floors(speech.attachment.place):
            place.offer()

    def _speaker(self, attachment: Attachment, speaker: str) -> Author:
        if speaker in ("", attachment.participant):
            return self._backstage.author(attachment)
        seat = self.roster.seats.get(speaker)
        if seat is None or not seat.may_be(attachment.principal):
            raise NotFound("you may not speak for that member")
        return Author(seat.role, seat.member, seat.name)

    async def close(self, reason: str) -> None:
        """Close what is open, wait until it is written, and let everybody go."""
        self.closing = True
        self.listening.close()
        for place in self._chorus.all():
            place.close(reason)
        await asyncio.gather(*(place.finished() for place in self._chorus.all()))
        await self.writer.close()
        for attachment in self.attachments:
            attachment.close()


def _share(value: float | None) -> float | None:
    """A number from 0 to 1; None for anything else."""
    return value if value is not None and 0 <= value <= 1 else None
