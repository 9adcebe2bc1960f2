"""What the stage tells one connection, turned into the protocol's events: facts into items and responses, voice into deltas."""

from __future__ import annotations

from collections import deque
from collections.abc import Callable, Mapping
from dataclasses import asdict, dataclass
from typing import Any, Final

from services.core.errors import Conflict
from services.core.model.attachment import (
    AttachDown,
    Attached,
    LineAudio,
    LineFlushed,
    LinePaused,
    LineResumed,
    LineWords,
    PartialShown,
    Refused,
    SpeechSeen,
    TurnTimed,
    UtteranceEnded,
)
from services.core.model.audio import VOICE_RATE
from services.core.model.desk import DeskShown, DraftShown
from services.core.model.fact import Fact, Kind
from services.core.model.facts import LineClosed, Spoken, body_of
from services.gateway.realtime.emitter import Emitter
from services.gateway.realtime.errors import ClientError
from services.gateway.realtime.items import Item, Items, user_message
from services.gateway.realtime.responses import OpenLine, Responses
from services.gateway.realtime.roster import Roster
from services.gateway.realtime.speech import Speech
from services.transcript.view.strikes import struck_by

_REMEMBERED: Final = 256
_FLOOR: Final = "take_floor"
"""What the stage calls a refused `TakeFloor`."""
_TAKEN: Final = "conversation_already_has_active_response"


@dataclass(frozen=True, slots=True)
class Ask:
    """A `response.create` that no line has answered yet."""

    event_id: str | None
    metadata: Mapping[str, str] | None


@dataclass(frozen=True, slots=True)
class Typed:
    """A user item that is not in the transcript yet."""

    item_id: str
    event_id: str | None
    again: Callable[[], None]
    """Say it once more: the stage that was told is gone."""


class Conversation:
    """Told everything in order by `take`."""

    def __init__(self, emitter: Emitter, items: Items, responses: Responses, speech: Speech, roster: Roster) -> None:
        """`begin` is called before anything is taken."""
        self.items: Final = items
        self.responses: Final = responses
        self.speech: Final = speech
        self.roster: Final = roster
        self.participant = ""
        self.ask: Ask | None = None
        self.typed: dict[str, Typed] = {}
        self._emitter = emitter
        self._history = 0
        self._place = ""
        self._turns: dict[int, None] = {}
        self._strikes: deque[Fact] = deque(maxlen=_REMEMBERED)
        self._handlers: Final[dict[str, Callable[[Fact], object]]] = {
            Kind.LINE_OPENED: lambda fact: self._opened(fact.body, fact.seq),
            Kind.SENTENCE: self._sentence,
            Kind.RELEASED: lambda fact: responses.released(str(fact.body.get("line"))),
            Kind.CORRECTED: lambda fact: responses.corrected(int(fact.body.get("target") or 0), str(fact.body.get("text") or "")),
            Kind.STRUCK: self._struck,
            Kind.PASSED: self._passed,
            Kind.JOINED: lambda fact: self._moved(fact.place if fact.body.get("member") == self.participant else self._place),
        }

    def begin(self, attached: Attached) -> None:
        """Facts up to `attached.head` are history: they make no events of the protocol, only `souffleur.fact`."""
        self.participant = self.speech.participant = attached.participant
        self._history = attached.head
        self._place = attached.place

    @property
    def answering(self) -> list[OpenLine]:
        """Open lines that answer this connection; one that it has cancelled is as good as closed."""
        return [line for line in self.responses.active if line.own and not line.cancelled]

    def running(self) -> int:
        """How much is on its way to its end: open lines, but not those that wait for approval, and words of this connection that stand nowhere yet."""
        return sum(not line.held for line in self.responses.active) + bool(self.ask is not None or self.typed or self.speech.owed)

    def take(self, event: AttachDown) -> None:
        """One thing from the stage."""
        if isinstance(event, LineAudio):
            self.responses.audio(self._line(event.line), event)
        elif isinstance(event, Fact):
            self._fact(event)
        elif isinstance(event, UtteranceEnded):
            self.speech.ended(event.utterance)
        elif isinstance(event, Refused):
            self._refused(event)
        elif isinstance(event, Attached):
            self._moved(event.place)
            self.speech.again()
            for typed in list(self.typed.values()):
                typed.again()
            self._forgotten()
        else:
            self._extra(event)

    def _extra(self, event: PartialShown | SpeechSeen | LineWords | LinePaused | LineResumed | LineFlushed | TurnTimed | DraftShown | DeskShown) -> None:
        if isinstance(event, PartialShown):
            if not self.speech.knows(event.utterance):
                self._emitter.own("partial", utterance_id=event.utterance, participant=event.participant, text=event.text)
        elif isinstance(event, SpeechSeen):
            self._emitter.own("speech", participant=event.participant, speaking=event.speaking)
        elif isinstance(event, LineWords):
            marks = [{"start": mark.start, "end": mark.end, "at_ms": mark.at_samples * 1000 // VOICE_RATE} for mark in event.marks]
            self._emitter.own("words", line_id=event.line, seq=event.seq, marks=marks)
        elif isinstance(event, LinePaused):
            self.responses.paused(event.line)
            self._emitter.own("pause", line_id=event.line)
        elif isinstance(event, LineResumed):
            self.responses.resumed(event.line)
            self._emitter.own("resume", line_id=event.line)
        elif isinstance(event, LineFlushed):
            self.responses.flushed(event.line)
            self._emitter.own("flush", line_id=event.line)
        elif isinstance(event, DraftShown):
            told = asdict(event)
            self._emitter.own("draft", line_id=told.pop("line"), utterance_id=told.pop("utterance"), **told)
        elif isinstance(event, DeskShown):
            self._emitter.own("desk", **asdict(event))
        else:
            told = asdict(event)
            self._emitter.own("turn", turn=told.pop("turn"), line_id=told.pop("line"), **told)

    def _fact(self, fact: Fact) -> None:
        closing = self.roster.open_lines.get(str(fact.body.get("line"))) if fact.kind == Kind.LINE_CLOSED else None
        self.roster.advance(fact)
        self._emitter.own("fact", fact=fact.to_dict())
        if fact.kind == Kind.SAID:
            self._said(fact)
        elif 0 < fact.seq <= self._history:
            return
        elif fact.kind == Kind.LINE_CLOSED:
            self._closed(fact, closing)
        elif (handler := self._handlers.get(fact.kind)) is not None:
            handler(fact)

    def _sentence(self, fact: Fact) -> None:
        body = body_of(Spoken, fact.body)
        self.responses.sentence(self._line(body.line), fact.seq, body)

    def _closed(self, fact: Fact, opened: Mapping[str, Any] | None) -> None:
        closed = body_of(LineClosed, fact.body)
        line = self.responses.get(closed.line) or (self._opened(opened, 0) if opened else None)
        if line is not None:
            self.responses.closed(line, closed)

    def _moved(self, place: str) -> None:
        """Of a line that goes on where this participant was nothing more is told here, a pause's end neither."""
        if place == self._place:
            return
        self._place = place
        for line in self.responses.left():
            self._emitter.own("flush", line_id=line)

    def _struck(self, fact: Fact) -> None:
        """A strike may take back another one."""
        self._strikes.append(fact)
        *earlier, _ = self._strikes
        before, now = struck_by(earlier), struck_by(self._strikes)
        for seq in sorted(now - before):
            self.items.struck(seq)
        for seq in sorted(before - now):
            self.items.restored(seq)

    def _said(self, fact: Fact) -> None:
        utterance = str(fact.body.get("utterance") or fact.seq)
        text = str(fact.body.get("text") or "")
        spoken = fact.body.get("source") != "typed"
        own = fact.by.id == self.participant
        if own:
            self._turns[fact.seq] = None
            if len(self._turns) > _REMEMBERED:
                self._turns.pop(next(iter(self._turns)))
        # An utterance's id is its speaker's own: whoever else uses it has said nothing of this one's.
        if own and self.speech.said(utterance, fact.seq, text):
            return
        typed = self.typed.pop(utterance, None) if own else None
        item_id = typed.item_id if typed else self._item_id(utterance, fact.seq, own=own)
        item = Item(user_message(item_id, text, spoken=spoken), fact.by.id, seq=fact.seq)
        if 0 < fact.seq <= self._history:
            self.items.keep(item_id, item)
            return
        self.items.add(item_id, item, done=True)
        self.items.wrote(item_id, fact.seq)
        if not own:
            self._emitter.own("said", item_id=item_id, participant=fact.by.id, name=fact.by.name, text=text, seq=fact.seq)

    def _item_id(self, utterance: str, seq: int, *, own: bool) -> str:
        """The words' item; what somebody else says takes no id that stands for other words already, or is going to."""
        item_id = f"item_{utterance}"
        known = self.items.get(item_id) is not None or self.speech.knows(utterance)
        taken = known or any(typed.item_id == item_id for typed in self.typed.values())
        return f"item_{seq}" if taken and not own else item_id

    def _line(self, name: str) -> OpenLine:
        """The line, opened for the client if it was opened before this connection was there."""
        return self.responses.get(name) or self._opened(self.roster.open_lines.get(name) or {"line": name}, 0)

    def _opened(self, body: Mapping[str, Any], seq: int) -> OpenLine:
        turn = int(body.get("turn") or 0)
        answers = body.get("answers")
        own = turn in self._turns or (answers == self.participant if answers else self.ask is not None and turn == 0)
        metadata = None
        if own and self.ask is not None:
            metadata, self.ask = self.ask.metadata, None
        return self.responses.opened(body, own=own, seq=seq, metadata=metadata)

    def _passed(self, fact: Fact) -> None:
        if self.ask is not None and int(fact.body.get("turn") or 0) in {0, *self._turns}:
            cause, self.ask = self.ask.event_id, None
            self._emitter.error(ClientError("nobody_answers", "no character answers this turn"), cause)

    def _forgotten(self) -> None:
        """The stage that was asked for an answer is gone, and the request with it: without this no other one would be taken."""
        if self.ask is not None and not self.speech.awaited:
            cause, self.ask = self.ask.event_id, None
            self._emitter.error(ClientError("unavailable", "the request was lost with the stage; ask again", kind="server_error"), cause)

    def _refused(self, refused: Refused) -> None:
        if refused.ref and self.speech.refused(refused.ref, refused.code):
            return
        cause: str | None = None
        if refused.ref in self.typed:
            cause = self.typed.pop(refused.ref).event_id
        elif refused.ref == _FLOOR and self.ask is not None:
            cause, self.ask = self.ask.event_id, None
        code = _TAKEN if refused.ref == _FLOOR and refused.code == Conflict.code else refused.code
        self._emitter.error(ClientError(code, refused.detail), cause)
