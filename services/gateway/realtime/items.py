"""The conversation's items on one connection: their order, who they belong to, and the facts they stand for."""

from __future__ import annotations

from collections import OrderedDict
from dataclasses import dataclass
from typing import Any, Final

from openai.types.realtime import (
    ConversationItemAdded,
    ConversationItemDeletedEvent,
    ConversationItemDone,
    RealtimeConversationItemAssistantMessage,
    RealtimeConversationItemSystemMessage,
    RealtimeConversationItemUserMessage,
)
from openai.types.realtime.realtime_conversation_item_user_message import Content as UserContent

from services.gateway.realtime.emitter import Emitter

_KEPT: Final = 4096
"""Items remembered for retrieve and delete; older ones are forgotten here, not in the transcript."""

Message = RealtimeConversationItemUserMessage | RealtimeConversationItemAssistantMessage | RealtimeConversationItemSystemMessage


@dataclass(slots=True)
class Item:
    """One item that this connection has been told of."""

    message: Message
    author: str
    """Member id."""
    line: str = ""
    seq: int = 0
    """Of its fact; 0 = not written yet."""


class Items:
    """A bounded, ordered memory."""

    def __init__(self, emitter: Emitter) -> None:
        """Empty."""
        self._emitter = emitter
        self._items: OrderedDict[str, Item] = OrderedDict()
        self._by_seq: dict[int, str] = {}
        self._struck: OrderedDict[int, tuple[str, Item]] = OrderedDict()
        """What was taken from the client, by its fact: it may be given back."""
        self.last: str | None = None

    def get(self, item_id: str) -> Item | None:
        """The item, if it is remembered."""
        return self._items.get(item_id)

    def keep(self, item_id: str, item: Item) -> None:
        """Remember an item, or what it has become."""
        self._items[item_id] = item
        self.wrote(item_id, item.seq)
        while len(self._items) > _KEPT:
            self._forget(next(iter(self._items)))

    def wrote(self, item_id: str, seq: int) -> None:
        """The item stands in the transcript at `seq`."""
        if seq and item_id in self._items:
            self._items[item_id].seq = seq
            self._by_seq[seq] = item_id

    def add(self, item_id: str, item: Item, *, done: bool) -> str | None:
        """Remember an item and tell the client of it; `done` where nothing will be added to it. Returns the id of the one before."""
        previous, self.last = self.last, item_id
        self.keep(item_id, item)
        self._emitter.emit(ConversationItemAdded, item=item.message, previous_item_id=previous)
        if done:
            self._emitter.emit(ConversationItemDone, item=item.message, previous_item_id=previous)
        return previous

    def struck(self, seq: int) -> None:
        """The fact was struck: its item is gone."""
        item_id = self._by_seq.get(seq)
        if item_id is not None:
            self._struck[seq] = (item_id, self._forget(item_id))
            if len(self._struck) > _KEPT:
                self._struck.popitem(last=False)
            self._emitter.emit(ConversationItemDeletedEvent, item_id=item_id)

    def restored(self, seq: int) -> None:
        """The fact is struck no longer: its item stands again behind the one that it stood behind, as far as that is remembered."""
        if seq not in self._struck:
            return
        item_id, item = self._struck.pop(seq)
        before = max((known for known in self._by_seq if known < seq), default=0)
        previous = self._by_seq.get(before)
        self.keep(item_id, item)
        self._emitter.emit(ConversationItemAdded, item=item.message, previous_item_id=previous)
        self._emitter.emit(ConversationItemDone, item=item.message, previous_item_id=previous)

    def _forget(self, item_id: str) -> Item:
        item = self._items.pop(item_id)
        self._by_seq.pop(item.seq, None)
        return item


def user_message(item_id: str, text: str | None, *, spoken: bool) -> RealtimeConversationItemUserMessage:
    """A participant's words; None = spoken, but not recognised yet."""
    content = UserContent(type="input_audio", transcript=text) if spoken else UserContent(type="input_text", text=text)
    return RealtimeConversationItemUserMessage(
        id=item_id,
        object="realtime.item",
        type="message",
        role="user",
        status="completed",
        content=[content],
    )


def assistant_message(item_id: str, status: str, content: list[Any]) -> RealtimeConversationItemAssistantMessage:
    """A character's words, as far as they are known."""
    fields: dict[str, Any] = {"status": status, "content": content}
    return RealtimeConversationItemAssistantMessage(id=item_id, object="realtime.item", type="message", role="assistant", **fields)
