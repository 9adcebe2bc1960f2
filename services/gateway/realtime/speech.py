"""One's own speech on a connection: what the ear hears becomes events for the stage and for the client."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, replace
from typing import Final

from openai.types.realtime import (
    ConversationItemInputAudioTranscriptionCompletedEvent,
    ConversationItemInputAudioTranscriptionDeltaEvent,
    ConversationItemInputAudioTranscriptionFailedEvent,
    InputAudioBufferCommittedEvent,
    InputAudioBufferSpeechStartedEvent,
    InputAudioBufferSpeechStoppedEvent,
)
from openai.types.realtime.conversation_item_input_audio_transcription_completed_event import UsageTranscriptTextUsageDuration
from openai.types.realtime.conversation_item_input_audio_transcription_failed_event import Error as TranscriptionError

from services.core.model.attachment import AttachUp, Configure, FinalHeard, Onset, PartialHeard, Paused, Resumed, UtteranceLost
from services.core.model.speech import SkippedPhrase, TranscribeOpen
from services.gateway.hearing.ear import CLEARED, OVER_MS, Ear
from services.gateway.realtime.emitter import Emitter
from services.gateway.realtime.errors import ClientError
from services.gateway.realtime.items import Item, Items, user_message

_KEPT: Final = 256
_TOLD_PHRASES: Final = 50
NARRATOR: Final = "narrator"
"""As whom a director speaks whose words stand as narration."""


@dataclass(slots=True)
class _Spoken:
    manual: bool
    meant: Configure
    """As whom, for whom and to whom it is said; the whispers are those of its onset."""
    committed: bool = False
    settled: bool = False
    """The stage has its final, or knows that there is none."""
    speech_ms: int = 0
    final: FinalHeard | None = None
    """What the stage was told; the fact may not stand yet."""


class Speech:
    """The ear's listener. `opening` says what is known before an utterance, `send` goes to the stage."""

    def __init__(self, emitter: Emitter, items: Items, send: Callable[[AttachUp], None], opening: Callable[[str], TranscribeOpen]) -> None:
        """`ear` and `participant` are set before anything is heard."""
        self.ear: Ear | None = None
        self.participant = ""
        self.meant = Configure(speaks="", addresses="", whispers="")
        """As whom, for whom and to whom coming words are said."""
        self._emitter = emitter
        self._items = items
        self._send = send
        self._opening = opening
        self._spoken: dict[str, _Spoken] = {}
        self._waiting: list[Callable[[], None]] = []
        self._skipped: frozenset[str] = frozenset()
        self._overflowing = False

    @property
    def voices(self) -> bool:
        """A character says what is said here: it becomes that one's line, and never stands as one's own words."""
        return self.meant.speaks not in ("", NARRATOR)

    # -- what the ear says ------------------------------------------------------------------------------------------------

    def opening(self, utterance: str) -> TranscribeOpen:
        """What is known before the utterance is heard."""
        return self._opening(utterance)

    def onset(self, utterance: str, start_ms: int, *, manual: bool) -> None:
        """Speech has begun: the stage first, it may have to silence somebody."""
        self._send(Onset(utterance, manual))
        self._spoken[utterance] = _Spoken(manual, self.meant)
        self._overflowing = False
        if len(self._spoken) > _KEPT:
            self._spoken.pop(next(iter(self._spoken)))
        if not manual:
            self._emitter.emit(InputAudioBufferSpeechStartedEvent, audio_start_ms=start_ms, item_id=f"item_{utterance}")

    def paused(self, utterance: str, silence_ms: int) -> None:
        """Silence; the stage decides what it means."""
        self._send(Paused(utterance, silence_ms))

    def resumed(self, utterance: str) -> None:
        """Speech went on."""
        self._send(Resumed(utterance))

    def partial(self, utterance: str, text: str) -> None:
        """Text so far: a caption for everybody. It may change, so it is no transcription delta."""
        self._send(PartialHeard(utterance, text))
        self._emitter.own("partial", utterance_id=utterance, participant=self.participant, text=text)

    def final(self, final: FinalHeard) -> None:
        """The text. Its transcription event follows the fact; nothing recognised makes no fact."""
        self._send(final)
        spoken = self._spoken.get(final.utterance)
        if spoken is None:
            return
        spoken.speech_ms = final.speech_ms
        spoken.meant = replace(self.meant, whispers=spoken.meant.whispers or self.meant.whispers)
        # What no fact will ever name again would be told to every stage to come, and said by the character each time.
        spoken.final = final if final.text and not self.voices else None
        self._commit(final.utterance)
        if not final.text:
            self._completed(final.utterance, "")
        self._settle(spoken)

    def lost(self, utterance: str, reason: str) -> None:
        """Hearing failed, or the client threw the audio away."""
        self._send(UtteranceLost(utterance, reason))
        spoken = self._spoken.get(utterance)
        if spoken is None:
            return
        if reason == CLEARED:
            del self._spoken[utterance]
        else:
            self._commit(utterance)
            self._failed(utterance, reason)
        self._settle(spoken)

    def skipped(self, phrases: tuple[SkippedPhrase, ...]) -> None:
        """Phrases that the engine could not use; told once, not with every utterance."""
        names = frozenset(item.phrase for item in phrases)
        if names == self._skipped:
            return
        self._skipped = names
        listed = [{"phrase": item.phrase, "reason": item.reason} for item in phrases[:_TOLD_PHRASES]]
        detail = f"{len(phrases)} of the phrases cannot be listened for; the others can."
        self._emitter.own("notice", code="phrases_skipped", severity="warning", detail=detail, phrases=listed)

    def overflowed(self) -> None:
        """Audio was thrown away; told once an utterance."""
        if not self._overflowing:
            self._overflowing = True
            self._emitter.error(ClientError("input_audio_buffer_overflow", "more audio than can be heard; some of it was thrown away"))

    # -- what the stage and the client say --------------------------------------------------------------------------------

    def ended(self, utterance: str) -> None:
        """The stage has decided: the utterance is over."""
        if self.ear is not None:
            self.ear.end(utterance)
        if utterance in self._spoken:
            self._commit(utterance)

    def commit(self) -> None:
        """The client has finished. Hands-free that is a hint which the stage may still weigh. Raises `ClientError` if there is nothing."""
        ear = self.ear
        utterance = ear.commit() if ear is not None else ""
        if utterance:
            self._send(Paused(utterance, OVER_MS))
            self._commit(utterance)
            return
        if ear is None or not ear.hush():
            raise ClientError("input_audio_buffer_commit_empty", "there is no audio to commit")

    def when_settled(self, act: Callable[[], None]) -> None:
        """Do it when the stage has heard of everything that the client has committed."""
        if any(spoken.committed and not spoken.settled for spoken in self._spoken.values()):
            self._waiting.append(act)
        else:
            act()

    @property
    def awaited(self) -> bool:
        """Something is to be done that waits for words."""
        return bool(self._waiting)

    def said(self, utterance: str, seq: int, text: str) -> bool:
        """The words stand in the transcript; False if they were not spoken here."""
        spoken = self._spoken.get(utterance)
        if spoken is None:
            return False
        self._commit(utterance)
        self._items.wrote(f"item_{utterance}", seq)
        self._completed(utterance, text)
        del self._spoken[utterance]
        self._settle(spoken)
        return True

    def refused(self, utterance: str, code: str) -> bool:
        """The stage did not take something of the utterance; False if it was not spoken here."""
        spoken = self._spoken.get(utterance)
        if spoken is None:
            return False
        # Before the final this is only a pause or a partial that came too late.
        if spoken.settled:
            self._failed(utterance, code)
            del self._spoken[utterance]
        return True

    @property
    def owed(self) -> bool:
        """Something is being said here, or was, and is not in the transcript yet."""
        return any(not spoken.settled or spoken.final is not None for spoken in self._spoken.values())

    def knows(self, utterance: str) -> bool:
        """It was spoken here, and is not in the transcript yet."""
        return utterance in self._spoken

    def configured(self, change: Configure) -> None:
        """The stage was told this: what of it concerns coming words is in force for them."""
        before = self.meant
        self.meant = Configure(
            speaks=before.speaks if change.speaks is None else change.speaks,
            addresses=before.addresses if change.addresses is None else change.addresses,
            whispers=before.whispers if change.whispers is None else change.whispers,
        )

    def again(self) -> None:
        """Another stage has taken over: tell it what is open, and what the one before may have taken with it. Told twice, it stands once.

        Each as it was meant, whatever has been settled since: a whisper is no secret any more if it is told again aloud.
        """
        in_force = self.meant
        open_now, silence_ms = (self.ear.utterance, self.ear.silence_ms) if self.ear is not None else ("", None)
        for utterance, spoken in self._spoken.items():
            if spoken.settled and spoken.final is None:
                continue
            # What has no text yet is said by whom and for whom its text will find in force; to whom it is whispered stands from its onset.
            meant = spoken.meant if spoken.final is not None else replace(self.meant, whispers=spoken.meant.whispers)
            in_force = self._mean(meant, in_force)
            self._send(Onset(utterance, spoken.manual))
            if spoken.final is not None:
                self._send(spoken.final)
            elif spoken.committed:
                self._send(Paused(utterance, OVER_MS))
            elif utterance == open_now and silence_ms is not None:
                self._send(Paused(utterance, silence_ms))
        self._mean(self.meant, in_force)

    def _mean(self, meant: Configure, in_force: Configure) -> Configure:
        if meant != in_force:
            self._send(meant)
        return meant

    def _settle(self, spoken: _Spoken) -> None:
        spoken.settled = True
        if not any(other.committed and not other.settled for other in self._spoken.values()):
            waiting, self._waiting = self._waiting, []
            for act in waiting:
                act()

    def _commit(self, utterance: str) -> None:
        spoken = self._spoken[utterance]
        if spoken.committed:
            return
        spoken.committed = True
        item_id = f"item_{utterance}"
        if not spoken.manual:
            self._emitter.emit(InputAudioBufferSpeechStoppedEvent, audio_end_ms=self.ear.fed_ms if self.ear else 0, item_id=item_id)
        self._emitter.emit(InputAudioBufferCommittedEvent, item_id=item_id, previous_item_id=self._items.last)
        self._items.add(item_id, Item(user_message(item_id, None, spoken=True), self.participant), done=True)

    def _completed(self, utterance: str, text: str) -> None:
        item_id = f"item_{utterance}"
        item = self._items.get(item_id)
        if item is not None:
            item.message = user_message(item_id, text, spoken=True)
        if text:
            self._emitter.emit(ConversationItemInputAudioTranscriptionDeltaEvent, item_id=item_id, content_index=0, delta=text)
        usage = UsageTranscriptTextUsageDuration(type="duration", seconds=self._spoken[utterance].speech_ms / 1000)
        self._emitter.emit(ConversationItemInputAudioTranscriptionCompletedEvent, item_id=item_id, content_index=0, transcript=text, usage=usage)

    def _failed(self, utterance: str, reason: str) -> None:
        error = TranscriptionError(type="server_error", code=reason, message="the speech could not be recognised")
        self._emitter.emit(ConversationItemInputAudioTranscriptionFailedEvent, item_id=f"item_{utterance}", content_index=0, error=error)
