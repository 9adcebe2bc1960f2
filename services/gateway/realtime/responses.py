"""Lines as responses: one per line, other people's turns included; done when the line is closed."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from typing import Any, Final

from openai.types.realtime import (
    ConversationItemDone,
    RealtimeResponse,
    RealtimeResponseStatus,
    RealtimeResponseUsage,
    ResponseAudioDoneEvent,
    ResponseAudioTranscriptDeltaEvent,
    ResponseAudioTranscriptDoneEvent,
    ResponseContentPartAddedEvent,
    ResponseContentPartDoneEvent,
    ResponseCreatedEvent,
    ResponseDoneEvent,
    ResponseOutputItemAddedEvent,
    ResponseOutputItemDoneEvent,
    ResponseTextDeltaEvent,
    ResponseTextDoneEvent,
)
from openai.types.realtime.realtime_conversation_item_assistant_message import Content as AssistantContent
from openai.types.realtime.realtime_response import Audio, AudioOutput
from openai.types.realtime.realtime_response_status import Error as ResponseError
from openai.types.realtime.response_content_part_added_event import Part as AddedPart
from openai.types.realtime.response_content_part_done_event import Part as DonePart

from services.core.model.attachment import LineAudio
from services.core.model.fact import LineState
from services.core.model.facts import LineClosed, Spoken
from services.gateway.realtime.config import SessionConfig
from services.gateway.realtime.emitter import Emitter
from services.gateway.realtime.items import Item, Items, assistant_message
from services.gateway.realtime.wire import Sound

_CJK: Final = "\u2e80"
_NO_USAGE: Final = RealtimeResponseUsage(total_tokens=0, input_tokens=0, output_tokens=0)
"""Tokens are metered by the house, not by the connection."""


@dataclass(slots=True)
class _Sentence:
    index: int
    attempt: int
    text: str


@dataclass(slots=True, kw_only=True)
class OpenLine:
    """A line that has been opened and not closed."""

    line: str
    character: str
    turn: int
    own: bool
    """Answers this connection."""
    modality: str
    held: bool
    """Waits for approval; its text is not shown as said."""
    metadata: Mapping[str, str] | None
    sentences: dict[int, _Sentence] = field(default_factory=dict)
    shown: list[int] = field(default_factory=list)
    """Seqs of the sentences whose text was sent."""
    last_shown: str = ""
    sounded: bool = False
    """Some of its sound went out here."""
    flushed: bool = False
    cancelled: bool = False
    """By this client."""

    @property
    def place(self) -> dict[str, Any]:
        """Where its events belong."""
        return {"response_id": f"resp_{self.line}", "item_id": f"item_{self.line}", "output_index": 0, "content_index": 0}

    def heard(self, closed: LineClosed) -> str:
        """Its text up to the word that was heard."""
        last = max((sentence.attempt for sentence in self.sentences.values()), default=0)
        text = ""
        for seq, sentence in sorted(self.sentences.items()):
            if sentence.attempt == last and seq <= closed.last_seq:
                text = joined(text, sentence.text[: closed.offset] if seq == closed.last_seq else sentence.text)
        return text


class Responses:
    """All lines of one connection."""

    def __init__(self, emitter: Emitter, items: Items, voice: Sound, config: Callable[[], SessionConfig]) -> None:
        """`config` is what is in force when a line opens."""
        self._emitter = emitter
        self._items = items
        self._voice = voice
        self._config = config
        self._open: dict[str, OpenLine] = {}

    def get(self, line: str) -> OpenLine | None:
        """The line, while it is open."""
        return self._open.get(line)

    @property
    def active(self) -> list[OpenLine]:
        """The open ones, oldest first."""
        return list(self._open.values())

    def opened(self, body: Mapping[str, Any], *, own: bool, seq: int = 0, metadata: Mapping[str, str] | None = None) -> OpenLine:
        """A line has been opened, with this `line_opened` body; opening it again changes nothing."""
        name = str(body.get("line"))
        known = self._open.get(name)
        if known is not None:
            return known
        line = OpenLine(
            line=name,
            character=str(body.get("character") or ""),
            turn=int(body.get("turn") or 0),
            own=own,
            modality=self._config().modality,
            held=body.get("mode") == "approve",
            metadata=metadata,
        )
        self._open[name] = line
        self._announce(line, seq)
        return line

    def sentence(self, line: OpenLine, seq: int, body: Spoken) -> None:
        """A sentence has been written; it is shown when its sound begins, or at once where there is no sound.

        Of a newer attempt: the words of the older one are not said.
        """
        if any(known.attempt < body.attempt for known in line.sentences.values()):
            line.sentences.clear()
        line.sentences[seq] = _Sentence(body.index, body.attempt, body.text)
        if line.modality == "text" and not line.held:
            self._show(line, seq)

    def corrected(self, target: int, text: str) -> None:
        """A sentence has new words; what was shown stays shown."""
        for line in self._open.values():
            if target in line.sentences:
                line.sentences[target].text = text

    def released(self, name: str) -> None:
        """A held line may be heard."""
        line = self._open.get(name)
        if line is not None and line.held:
            line.held = False
            for seq in line.sentences if line.modality == "text" else ():
                self._show(line, seq)

    def audio(self, line: OpenLine, audio: LineAudio) -> None:
        """A piece of its sound."""
        if line.flushed or line.modality == "text":
            return
        line.sounded = True
        self._show(line, audio.seq)
        self._voice.send(audio)

    def paused(self, name: str) -> None:
        """Its sound is held."""
        self._voice.pause(name)

    def resumed(self, name: str) -> None:
        """Its sound goes on."""
        self._voice.resume(name)

    def flushed(self, name: str) -> bool:
        """Nothing of its sound goes out any more; whether the client has been told so."""
        line = self._open.get(name)
        if line is not None:
            line.flushed = True
        return self._voice.flush(name)

    def left(self) -> list[str]:
        """This connection is elsewhere now: what waits of lines that it heard is not for its ears. Which ones; whoever comes back hears them go on."""
        names = [line.line for line in self._open.values() if line.sounded]
        for name in names:
            self._voice.flush(name)
        return names

    def closed(self, line: OpenLine, closed: LineClosed) -> None:
        """The line's one end."""
        del self._open[line.line]
        for seq in line.sentences:
            if seq <= closed.last_seq and closed.state in {LineState.HEARD, LineState.CUT}:
                self._show(line, seq)
        self._voice.forget(line.line)
        text = line.heard(closed)
        if line.modality == "audio":
            self._emitter.emit(ResponseAudioDoneEvent, **line.place)
            self._emitter.emit(ResponseAudioTranscriptDoneEvent, **line.place, transcript=text)
            part, content = DonePart(type="audio", transcript=text), AssistantContent(type="output_audio", transcript=text)
        else:
            self._emitter.emit(ResponseTextDoneEvent, **line.place, text=text)
            part, content = DonePart(type="text", text=text), AssistantContent(type="output_text", text=text)
        self._emitter.emit(ResponseContentPartDoneEvent, **line.place, part=part)
        complete = closed.state == LineState.HEARD
        message = assistant_message(f"item_{line.line}", "completed" if complete else "incomplete", [content])
        item = self._items.get(f"item_{line.line}")
        if item is not None:
            item.message = message
        self._emitter.emit(ConversationItemDone, item=message, previous_item_id=None)
        self._emitter.emit(ResponseOutputItemDoneEvent, item=message, response_id=f"resp_{line.line}", output_index=0)
        details = _details(closed, by_client=line.cancelled)
        self._emitter.emit(ResponseDoneEvent, response=self._response(line, str(details.type), [message], details, _NO_USAGE))

    def _announce(self, line: OpenLine, seq: int) -> None:
        item_id = f"item_{line.line}"
        message = assistant_message(item_id, "in_progress", [])
        self._emitter.emit(ResponseCreatedEvent, response=self._response(line, "in_progress", [], None, None))
        self._emitter.emit(ResponseOutputItemAddedEvent, item=message, response_id=f"resp_{line.line}", output_index=0)
        self._items.add(item_id, Item(message, line.character, line.line, seq), done=False)
        part = AddedPart(type="audio", transcript="") if line.modality == "audio" else AddedPart(type="text", text="")
        self._emitter.emit(ResponseContentPartAddedEvent, **line.place, part=part)

    def _show(self, line: OpenLine, seq: int) -> None:
        sentence = line.sentences.get(seq)
        if sentence is None or seq in line.shown:
            return
        delta = joined(line.last_shown, sentence.text)[len(line.last_shown) :]
        line.shown.append(seq)
        line.last_shown = sentence.text
        event = ResponseAudioTranscriptDeltaEvent if line.modality == "audio" else ResponseTextDeltaEvent
        self._emitter.emit(event, **line.place, delta=delta)

    def _response(
        self,
        line: OpenLine,
        status: str,
        output: list[Any],
        details: RealtimeResponseStatus | None,
        usage: RealtimeResponseUsage | None,
    ) -> RealtimeResponse:
        config = self._config()
        shown = config.shown()["audio"]["output"]["format"]
        fields: dict[str, Any] = {
            "id": f"resp_{line.line}",
            "object": "realtime.response",
            "conversation_id": f"conv_{config.session}",
            "status": status,
            "status_details": details,
            "output": output,
            "output_modalities": [line.modality],
            "audio": Audio(output=AudioOutput(format=shown, voice=config.voice)),
            "max_output_tokens": config.max_output_tokens,
            "metadata": dict(line.metadata) if line.metadata else None,
            "usage": usage,
        }
        return RealtimeResponse(**fields)


def _details(closed: LineClosed, *, by_client: bool) -> RealtimeResponseStatus:
    if closed.state == LineState.HEARD:
        return RealtimeResponseStatus(type="completed")
    if closed.state == LineState.CUT:
        return RealtimeResponseStatus(type="cancelled", reason="client_cancelled" if by_client else "turn_detected")
    if closed.state == LineState.REJECTED:
        return RealtimeResponseStatus(type="incomplete", reason="content_filter")
    return RealtimeResponseStatus(type="failed", error=ResponseError(type="server_error", code=closed.reason or "aborted"))


def joined(before: str, text: str) -> str:
    """Two sentences as one text; scripts that write no spaces get none."""
    if not before or not text:
        return before + text
    return f"{before}{'' if before[-1] >= _CJK else ' '}{text}"
