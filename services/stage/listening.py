"""Everybody's speech in one session: from onset to final text, with the one timer that tells them the time."""

from __future__ import annotations

import asyncio
from collections.abc import Callable
from dataclasses import dataclass
from itertools import takewhile
from typing import Final, Protocol

from services.core.clock import Clock
from services.core.errors import Conflict, InvalidRequest, NotFound, Overloaded, SouffleurError
from services.core.model.attachment import FinalHeard, Onset, PartialHeard, PartialShown, Paused, Refused, Resumed, SpeechSeen, UtteranceEnded, UtteranceLost
from services.core.settings import StageSettings
from services.stage.attachments import Attachment
from services.stage.endpointing import Utterance
from services.stage.roster import ID_LIMIT, is_id

TEXT_LIMIT: Final = 4000
"""Code points of one typed message or one recognised utterance."""
_FINAL_GRACE_S: Final = 2.0
_UNFINISHED: Final = 8
"""Utterances of one attachment whose text has not come yet."""


@dataclass(slots=True)
class Speech:
    """One utterance and whose it is."""

    utterance: Utterance
    attachment: Attachment
    final_by: float | None = None
    """When its text must have come, once it has ended."""
    holds: bool = True
    """Others wait with their lines until it is over."""
    whispers: tuple[str, ...] = ()
    """To whom alone it was begun: what is settled before its text is there makes nothing public that was begun as a whisper."""
    voices: str = ""
    """As which character it was begun; the same holds."""

    @property
    def voiced_as(self) -> str:
        """The character that is to say it; empty = nobody but the speaker."""
        return self.voices or self.attachment.voices

    @property
    def whispered_to(self) -> tuple[str, ...]:
        """Who alone is to hear it; empty = everybody in the place."""
        return self.whispers or self.attachment.whispers


class Ears(Protocol):
    """The session, as listening needs it."""

    def speech_began(self, speech: Speech) -> None:
        """Somebody began to speak."""
        ...

    def speech_confirmed(self, speech: Speech) -> None:
        """They have spoken long enough to mean it."""
        ...

    def speech_wavered(self, speech: Speech) -> None:
        """They paused: a reply may be prepared."""
        ...

    def speech_resumed(self, speech: Speech) -> None:
        """They go on: a prepared reply is void."""
        ...

    def speech_over(self, speech: Speech, final: FinalHeard | None) -> None:
        """The utterance is done; None or an empty text = nothing came of it."""
        ...

    def speech_waived(self, speech: Speech) -> None:
        """They have kept everybody waiting for too long: the floor is free, though the utterance goes on."""
        ...

    def speech_certain(self, speech: Speech, text: str) -> None:
        """So much of what is being said will not change any more."""
        ...

    def words_certain(self, attachment: Attachment, utterance: str, text: str) -> None:
        """The final text of an utterance, also of one that is not open any more."""
        ...

    def show(self, value: PartialShown | SpeechSeen, speech: Speech) -> None:
        """Show something of it to everybody whom it concerns."""
        ...


class Listening:
    """The open utterances of a session."""

    def __init__(self, ears: Ears, clock: Clock, settings: Callable[[], StageSettings], final_timeout_s: float) -> None:
        """`settings` gives the snapshot for a new utterance."""
        self._ears = ears
        self._clock = clock
        self._settings = settings
        self._final_timeout_s = final_timeout_s + _FINAL_GRACE_S
        self._open: dict[str, Speech] = {}
        self._timer: asyncio.TimerHandle | None = None

    def anybody(self, place: str, counts: Callable[[Speech], bool] = lambda _: True) -> bool:
        """Does an utterance, of those that count, hold the floor in `place`?"""
        return any(speech.holds and speech.attachment.place == place and counts(speech) for speech in self._open.values())

    def close(self) -> None:
        """No more timers."""
        if self._timer is not None:
            self._timer.cancel()

    def heard(self, attachment: Attachment, event: Onset | Paused | Resumed | PartialHeard | FinalHeard | UtteranceLost) -> None:
        """One event of an attachment's microphone."""
        now = self._clock.now()
        if isinstance(event, FinalHeard):
            self._ears.words_certain(attachment, event.utterance, event.text)
        try:
            if isinstance(event, Onset):
                self._onset(attachment, event, now)
            else:
                self._going_on(self._mine(attachment, event.utterance), event, now)
        except SouffleurError as refusal:
            attachment.deliver(Refused(refusal.code, refusal.detail, event.utterance[:ID_LIMIT]))
        self.arm()

    def _onset(self, attachment: Attachment, event: Onset, now: float) -> None:
        if event.utterance in self._open:
            raise Conflict("this utterance is open already")
        if not is_id(event.utterance):
            raise InvalidRequest(f"an utterance's id has 1 to {ID_LIMIT} bytes")
        for other in self._open.values():
            # Whoever begins anew has finished what came before; its text is still owed.
            if other.attachment is attachment:
                self._finish(other, now)
        if sum(speech.attachment is attachment for speech in self._open.values()) >= _UNFINISHED:
            raise Overloaded("the text of earlier utterances has not come yet")
        settings = self._settings()
        utterance = Utterance.begun(
            event.utterance,
            now,
            settings,
            manual=event.manual,
            hang_over_s=attachment.settings.hang_over_s,
            endpointing=attachment.settings.endpointing,
        )
        speech = Speech(utterance, attachment, whispers=attachment.whispers, voices=attachment.voices)
        self._open[event.utterance] = speech
        self._ears.show(SpeechSeen(attachment.participant, speaking=True), speech)
        self._ears.speech_began(speech)

    def _mine(self, attachment: Attachment, utterance: str) -> Speech:
        speech = self._open.get(utterance)
        if speech is None or speech.attachment is not attachment:
            raise NotFound("no such utterance is open")
        return speech

    def _going_on(self, speech: Speech, event: Paused | Resumed | PartialHeard | FinalHeard | UtteranceLost, now: float) -> None:
        utterance = speech.utterance
        match event:
            case Paused():
                utterance.paused(now, event.silence_ms / 1000)
                self._ears.speech_certain(speech, utterance.text)
                if utterance.manual:
                    # Nobody listens for pauses there: it is the client who says that this is all.
                    self._finish(speech, now)
            case Resumed():
                utterance.resumed(now)
                self._ears.speech_resumed(speech)
            case PartialHeard():
                before, utterance.text = utterance.text, event.text[:TEXT_LIMIT]
                self._ears.show(PartialShown(utterance.id, speech.attachment.participant, utterance.text), speech)
                self._ears.speech_certain(speech, shared_words(before, utterance.text))
            case FinalHeard():
                self._end(speech, event)
            case UtteranceLost():
                self._end(speech, None)

    def _finish(self, speech: Speech, now: float) -> None:
        """It is over, whatever it was waiting for; now its text is."""
        if speech.utterance.ended_at is None:
            speech.utterance.ended_at = now
            self._decide(speech, "end", now)

    def _end(self, speech: Speech, final: FinalHeard | None) -> None:
        del self._open[speech.utterance.id]
        if not self.is_open(speech.attachment):
            self._ears.show(SpeechSeen(speech.attachment.participant, speaking=False), speech)
        self._ears.speech_over(speech, final)

    def is_open(self, attachment: Attachment) -> bool:
        """It is saying something."""
        return any(speech.attachment is attachment for speech in self._open.values())

    def finish(self, place: str, whose: Callable[[Attachment], bool]) -> bool:
        """What these are saying in `place` is to be taken as finished; whether anybody was saying anything."""
        now, found = self._clock.now(), False
        for speech in [speech for speech in self._open.values() if speech.attachment.place == place and whose(speech.attachment)]:
            found = True
            self._finish(speech, now)
        self.arm()
        return found

    def gone(self, attachment: Attachment) -> None:
        """An attachment has left: what it was saying comes to nothing."""
        for speech in [speech for speech in self._open.values() if speech.attachment is attachment]:
            self._end(speech, None)
        self.arm()

    def arm(self) -> None:
        """Wake up when the next decision is due."""
        if self._timer is not None:
            self._timer.cancel()
            self._timer = None
        times = [time for speech in self._open.values() if (time := _next(speech)) is not None]
        if times:
            self._timer = asyncio.get_running_loop().call_later(max(0.0, min(times) - self._clock.now()), self._tick)

    def _tick(self) -> None:
        now = self._clock.now()
        try:
            for speech in list(self._open.values()):
                for due in speech.utterance.due(now):
                    self._decide(speech, due, now)
                if speech.final_by is not None and now >= speech.final_by and speech.utterance.id in self._open:
                    self._end(speech, None)
        finally:
            # Whatever becomes of one decision, the next one comes in time.
            self.arm()

    def _decide(self, speech: Speech, due: str, now: float) -> None:
        if due == "confirm":
            self._ears.speech_confirmed(speech)
        elif due == "speculate":
            self._ears.speech_wavered(speech)
        elif due == "waive":
            speech.holds = False
            self._ears.speech_waived(speech)
        else:
            speech.final_by = now + self._final_timeout_s
            speech.attachment.deliver(UtteranceEnded(speech.utterance.id))


def shared_words(before: str, now: str) -> str:
    """The words with which both begin: what a recogniser has said twice it seldom takes back."""
    pairs = zip(before.split(), now.split(), strict=False)
    return " ".join(word for word, _ in takewhile(lambda pair: pair[0].casefold() == pair[1].casefold(), pairs))


def _next(speech: Speech) -> float | None:
    return speech.final_by if speech.final_by is not None else speech.utterance.next_at()
