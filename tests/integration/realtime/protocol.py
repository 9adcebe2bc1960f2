"""The protocol's law: the types of the official package, strictly."""

from __future__ import annotations

from functools import cache
from typing import Any, get_args

from openai.types.realtime import realtime_client_event, realtime_server_event
from openai.types.realtime.conversation_item_create_event import ConversationItemCreateEvent
from openai.types.realtime.session_update_event import SessionUpdateEvent
from pydantic import BaseModel

__all__ = ["ConversationItemCreateEvent", "SessionUpdateEvent", "checked", "client_types", "server_types"]


@cache
def server_types() -> dict[str, type[BaseModel]]:
    """Event type -> class, from the package's union of server events."""
    return _members(realtime_server_event.RealtimeServerEvent)


@cache
def client_types() -> dict[str, type[BaseModel]]:
    """Event type -> class, from the package's union of client events."""
    return _members(realtime_client_event.RealtimeClientEvent)


def _members(union: Any) -> dict[str, type[BaseModel]]:
    inner = get_args(union)[0]
    return {get_args(cls.model_fields["type"].annotation)[0]: cls for cls in get_args(inner)}


def checked(event: dict[str, Any]) -> None:
    """The event is one of ours, or validates as one of the protocol; no field stands in it that its class does not know."""
    assert event["event_id"].startswith("event_")
    name = event["type"]
    if name.startswith("souffleur."):
        return
    assert name in server_types(), name
    parsed = server_types()[name].model_validate(_at_24k(event))
    assert not parsed.model_extra, f"{name}: {parsed.model_extra}"


def _at_24k(event: dict[str, Any]) -> dict[str, Any]:
    """The package knows one input rate only; more are offered here."""
    if event["type"] not in {"session.created", "session.updated"}:
        return event
    session = event["session"]
    source = session["audio"]["input"]
    given = {**source["format"]}
    if "rate" in given:
        given["rate"] = 24000
    return {**event, "session": {**session, "audio": {**session["audio"], "input": {**source, "format": given}}}}
