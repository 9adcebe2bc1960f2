"""What a client asks for: each event of the protocol, read and turned into acts on the stage."""

from __future__ import annotations

import binascii
import json
import re
from collections.abc import Awaitable, Callable, Coroutine, Mapping
from dataclasses import dataclass
from typing import Any, Final, TypeVar

from openai._models import BaseModel
from openai.types.realtime import (
    ConversationItemCreateEvent,
    ConversationItemDeleteEvent,
    ConversationItemRetrieveEvent,
    ConversationItemTruncatedEvent,
    ConversationItemTruncateEvent,
    InputAudioBufferClearedEvent,
    RealtimeConversationItemSystemMessage,
    RealtimeConversationItemUserMessage,
    ResponseCancelEvent,
    ResponseCreateEvent,
    SessionUpdatedEvent,
)
from openai.types.realtime.realtime_server_event import ConversationItemRetrieved, OutputAudioBufferCleared
from pydantic import ValidationError
from ulid import ULID

from services.core.errors import InvalidRequest, SouffleurError
from services.core.model.attachment import AttachUp, CancelLine, Configure, Played, TakeFloor, TellRequest, TellResponse, TextSaid
from services.core.model.fact import Kind
from services.core.model.facts import Noted, Struck, fields_of
from services.core.model.principal import Principal
from services.gateway.hearing.ear import Ear
from services.gateway.hearing.resample import AudioFormat
from services.gateway.realtime.config import MOST_INSTRUCTIONS, SessionConfig, invalid, refuse_tools, updated
from services.gateway.realtime.configuring import configuration, given
from services.gateway.realtime.conversation import Ask, Conversation, Typed
from services.gateway.realtime.emitter import Emitter
from services.gateway.realtime.errors import ClientError
from services.gateway.realtime.items import Item
from services.gateway.realtime.speech import NARRATOR
from services.gateway.strict_json import check

_MOST_TEXT: Final = 4000
_MOST_TYPED: Final = 64
_MOST_TELLS: Final = 8
_MOST_METADATA: Final = 16
_ITEM_ID: Final = re.compile(r"[A-Za-z0-9_.:-]{1,64}")
_PCM_UP: Final = AudioFormat()

E = TypeVar("E", bound=BaseModel)


@dataclass(slots=True, kw_only=True)
class Rights:
    """Who asks, and through what."""

    principal: Principal
    character: str
    """The one that the connection's model names, if it is in the cast; empty = casting chooses."""
    send: Callable[[AttachUp], None]
    tell: Callable[[TellRequest], Awaitable[TellResponse]]
    spawn: Callable[[Coroutine[Any, Any, None]], object]
    configured: Callable[[SessionConfig], None]
    """Called with what is in force from now on."""
    by_track: bool = False
    """Audio travels beside the events, both ways: none is taken from them, and positions are known without the client."""


class Acts:
    """One connection's client events. `take` raises nothing: what cannot be done becomes an error event."""

    def __init__(self, config: SessionConfig, emitter: Emitter, conversation: Conversation, ear: Ear, rights: Rights) -> None:
        """`config` is what the connection starts with."""
        self.config = config
        self._emitter = emitter
        self._conversation = conversation
        self._ear = ear
        self._rights = rights
        self._telling = 0
        self._handlers: Final[dict[str, Callable[[dict[str, Any]], None]]] = {
            "session.update": self._session_update,
            "input_audio_buffer.append": self._append,
            "input_audio_buffer.commit": self._commit,
            "input_audio_buffer.clear": self._clear,
            "output_audio_buffer.clear": self._clear_output,
            "conversation.item.create": self._create_item,
            "conversation.item.retrieve": self._retrieve_item,
            "conversation.item.delete": self._delete_item,
            "conversation.item.truncate": self._truncate_item,
            "response.create": self._create_response,
            "response.cancel": self._cancel_response,
            "souffleur.configure": self._configure,
            "souffleur.played": self._played,
        }

    def take(self, text: str) -> None:
        """One JSON message of the client."""
        try:
            event = json.loads(text)
        except (ValueError, RecursionError):
            self._emitter.error(ClientError("invalid_json", "the message is not JSON"))
            return
        cause = event.get("event_id") if isinstance(event, dict) else None
        # What cannot be said back, half a surrogate for one, is no name for the event.
        cause = cause if isinstance(cause, str) and cause.isprintable() else None
        try:
            check(event)
            self._handler(event)(event)
        except ClientError as error:
            self._emitter.error(error, cause)
        except SouffleurError as error:
            self._emitter.error(ClientError.of(error), cause)

    def take_binary(self, pcm: bytes) -> None:
        """One binary message: audio."""
        try:
            self._ear.feed(pcm)
        except InvalidRequest as error:
            self._emitter.error(ClientError("invalid_audio", error.detail))

    def _handler(self, event: object) -> Callable[[dict[str, Any]], None]:
        if not isinstance(event, dict) or not isinstance(event.get("type"), str):
            raise ClientError("invalid_event", "an event is an object with a type", "type")
        handler = self._handlers.get(event["type"])
        if handler is None:
            raise ClientError("unknown_event", "there is no such event here", "type")
        return handler

    # -- session ----------------------------------------------------------------------------------------------------------

    def _session_update(self, event: dict[str, Any]) -> None:
        given = event.get("session")
        if not isinstance(given, Mapping):
            raise ClientError("missing_required_parameter", "session is an object", "session")
        config, ignored = updated(self.config, given)
        if config.instructions != self.config.instructions and self._rights.principal.role != "director":
            config, _ = updated(config, {"instructions": self.config.instructions})
            self._emitter.own("notice", code="instructions_ignored", severity="info", detail="Only a director may instruct a character.")
        elif config.instructions and config.instructions != self.config.instructions:
            self._note(config.instructions, event)
        self.config = config
        self._rights.configured(config)
        self._emitter.session(SessionUpdatedEvent, config.shown())
        for item in ignored:
            self._emitter.own("notice", code="setting_ignored", severity="info", detail=f"{item.param}: {item.reason}.")

    def _configure(self, event: dict[str, Any]) -> None:
        change = configuration(event)
        if change.speaks and self._rights.principal.role != "director":
            raise ClientError("forbidden", "narrating and speaking as a character need the director's right", "speaks")
        table_talk = given(event, "table_talk", bool)
        if change != Configure():
            self._rights.send(change)
        self._conversation.speech.configured(change)
        if table_talk is not None:
            self._ear.set_deaf(table_talk)

    # -- audio ------------------------------------------------------------------------------------------------------------

    def _append(self, event: dict[str, Any]) -> None:
        if self._rights.by_track:
            raise ClientError("audio_travels_by_track", "in a call audio comes by its track", "audio")
        audio = event.get("audio")
        if not isinstance(audio, str):
            raise ClientError("missing_required_parameter", "audio is base64", "audio")
        try:
            pcm = binascii.a2b_base64(audio, strict_mode=True)
        except (ValueError, binascii.Error):
            raise ClientError("invalid_audio", "audio is not base64", "audio") from None
        try:
            self._ear.feed(pcm)
        except InvalidRequest as error:
            raise ClientError("invalid_audio", error.detail, "audio") from None

    def _commit(self, _: dict[str, Any]) -> None:
        self._conversation.speech.commit()

    def _clear(self, _: dict[str, Any]) -> None:
        self._ear.clear()
        self._emitter.emit(InputAudioBufferClearedEvent)

    def _clear_output(self, _: dict[str, Any]) -> None:
        for line in self._conversation.responses.active:
            told = self._conversation.responses.flushed(line.line)
            line.cancelled = True
            self._rights.send(CancelLine(line.line))
            if not told:
                self._emitter.emit(OutputAudioBufferCleared, response_id=f"resp_{line.line}")

    # -- items ------------------------------------------------------------------------------------------------------------

    def _create_item(self, event: dict[str, Any]) -> None:
        message = _parsed(ConversationItemCreateEvent, event)
        item = message.item
        if message.previous_item_id not in (None, self._conversation.items.last):
            raise ClientError("previous_item_id_not_supported", "items are added at the end only", "previous_item_id")
        if isinstance(item, RealtimeConversationItemUserMessage):
            self._say(item, message.event_id)
        elif isinstance(item, RealtimeConversationItemSystemMessage):
            self._need_director("system items")
            text = _text((part.text for part in item.content), MOST_INSTRUCTIONS)
            self._note(text, event, item=item)
        elif item.type == "message":
            raise ClientError("assistant_item_not_supported", "what a character has said stands in the transcript", "item.role")
        else:
            raise ClientError("tools_not_supported", "characters have no tools", "item.type")

    def _say(self, item: RealtimeConversationItemUserMessage, event_id: str | None) -> None:
        if any(part.type != "input_text" for part in item.content):
            raise ClientError("content_not_supported", "user items are text; speech goes through input_audio_buffer", "item.content")
        text = _text((part.text for part in item.content), _MOST_TEXT)
        if len(self._conversation.typed) >= _MOST_TYPED:
            raise ClientError("overloaded", "too many items are waiting to be written", kind="server_error")
        if item.id is not None and (not _ITEM_ID.fullmatch(item.id) or self._conversation.items.get(item.id) is not None):
            raise ClientError("invalid_value", "an item id is new, of letters, digits, _ . : - and at most 64 characters", "item.id")
        # The client's own id is the key, so that an item sent twice stands there once; it is this participant's alone.
        name = f"{self._conversation.participant}.{item.id}" if item.id else str(ULID())
        meant = self._conversation.speech.meant
        # As it is meant now, for whoever is told it again: a whisper must not become public by what is settled afterwards.
        said = TextSaid(name, text, answers=False, addresses=meant.addresses or "", narrates=meant.speaks == NARRATOR, whispers=meant.whispers or "")
        self._conversation.typed[name] = Typed(item.id or f"item_{name}", event_id, lambda: self._rights.send(said))
        self._rights.send(said)

    def _retrieve_item(self, event: dict[str, Any]) -> None:
        wanted = _parsed(ConversationItemRetrieveEvent, event)
        self._emitter.emit(ConversationItemRetrieved, item=self._known(wanted.item_id).message)

    def _delete_item(self, event: dict[str, Any]) -> None:
        wanted = _parsed(ConversationItemDeleteEvent, event)
        item = self._known(wanted.item_id)
        if item.author != self._conversation.participant:
            self._need_director("what others said")
        if not item.seq:
            raise ClientError("conflict", "the item is not in the transcript yet", "item_id")
        body = fields_of(Struck(targets=[item.seq]))
        self._tell(Kind.STRUCK, f"strike:{item.seq}", body, wanted.event_id)

    def _truncate_item(self, event: dict[str, Any]) -> None:
        wanted = _parsed(ConversationItemTruncateEvent, event)
        item = self._known(wanted.item_id)
        if not item.line or wanted.audio_end_ms < 0:
            raise ClientError("invalid_value", "only what a character says can be truncated", "item_id")
        self._rights.send(Played(item.line, wanted.audio_end_ms))
        self._emitter.emit(ConversationItemTruncatedEvent, item_id=wanted.item_id, content_index=wanted.content_index, audio_end_ms=wanted.audio_end_ms)

    def _known(self, item_id: str) -> Item:
        item = self._conversation.items.get(item_id)
        if item is None:
            raise ClientError("item_not_found", "there is no such item", "item_id")
        return item

    # -- responses --------------------------------------------------------------------------------------------------------

    def _create_response(self, event: dict[str, Any]) -> None:
        wanted = _parsed(ResponseCreateEvent, event)
        options = wanted.response
        if self._conversation.ask is not None or self._conversation.answering:
            raise ClientError("conversation_already_has_active_response", "a response to this connection is in progress")
        instructions, metadata = "", None
        if options is not None:
            refuse_tools(options.tools, options.prompt, "response")
            if options.conversation == "none" or options.input is not None:
                raise ClientError("out_of_band_not_supported", "a character answers what stands in the transcript", "response.conversation")
            if options.output_modalities not in (None, [self.config.modality]):
                raise ClientError("modality_not_supported", "set output_modalities with session.update", "response.output_modalities")
            metadata = dict(list((options.metadata or {}).items())[:_MOST_METADATA]) or None
            if options.instructions:
                self._need_director("instructions")
                instructions = _text([options.instructions], MOST_INSTRUCTIONS)
        self._conversation.ask = Ask(wanted.event_id, metadata)
        floor = TakeFloor(self._rights.character, instructions, given(event, "if_addressed", bool) or False)
        self._conversation.speech.when_settled(lambda: self._rights.send(floor))

    def _cancel_response(self, event: dict[str, Any]) -> None:
        wanted = _parsed(ResponseCancelEvent, event)
        responses = self._conversation.responses
        if wanted.response_id is not None:
            line = responses.get(wanted.response_id.removeprefix("resp_"))
        else:
            line = next(iter([*self._conversation.answering, *responses.active]), None)
        if line is None:
            raise ClientError("response_cancel_not_active", "there is no response to cancel")
        line.cancelled = True
        self._rights.send(CancelLine(line.line))

    def _played(self, event: dict[str, Any]) -> None:
        line, played = event.get("line_id"), event.get("played_ms")
        if not isinstance(line, str) or not isinstance(played, int | float) or not 0 <= played < 2**31:
            raise ClientError("invalid_value", "line_id and played_ms", "played_ms")
        if self._rights.by_track:
            return
        self._rights.send(Played(line, int(played)))

    # -- what becomes a fact ----------------------------------------------------------------------------------------------

    def _need_director(self, what: str) -> None:
        if self._rights.principal.role != "director":
            raise ClientError("forbidden", f"{what}: only a director may do that")

    def _note(self, text: str, event: dict[str, Any], item: RealtimeConversationItemSystemMessage | None = None) -> None:
        body = fields_of(Noted(text=text, scope="once", turns=1))
        cause = event.get("event_id")
        item_id = "" if item is None else (item.id or f"item_{ULID()}")

        def written(seq: int) -> None:
            if item is not None:
                fields = {**item.model_dump(exclude_none=True), "id": item_id, "object": "realtime.item", "status": "completed"}
                message = RealtimeConversationItemSystemMessage.model_validate(fields)
                self._conversation.items.add(item_id, Item(message, self._conversation.participant, seq=seq), done=True)

        self._tell(Kind.NOTED, f"note:{ULID()}", body, cause if isinstance(cause, str) else None, written)

    def _tell(self, kind: str, key: str, body: dict[str, Any], cause: str | None, written: Callable[[int], None] = lambda _: None) -> None:
        if self._telling >= _MOST_TELLS:
            raise ClientError("overloaded", "too many changes are waiting to be written", kind="server_error")
        self._telling += 1
        request = TellRequest(session=self.config.session, principal=self._rights.principal, key=key, kind=str(kind), body=json.dumps(body))
        self._rights.spawn(self._told(request, cause, written))

    async def _told(self, request: TellRequest, cause: str | None, written: Callable[[int], None]) -> None:
        try:
            answer = await self._rights.tell(request)
            written(answer.seq)
        except SouffleurError as error:
            self._emitter.error(ClientError.of(error), cause)
        finally:
            self._telling -= 1


def _parsed(model: type[E], event: dict[str, Any]) -> E:
    try:
        return model.model_validate(event)
    except ValidationError as error:
        raise invalid(error, "event") from None


def _text(parts: Any, most: int) -> str:
    text = "\n".join(part for part in parts if part).strip()
    if not text or len(text) > most:
        raise ClientError("invalid_value", f"text of 1 to {most} characters", "item.content")
    return text
