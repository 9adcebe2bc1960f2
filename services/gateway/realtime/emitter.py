"""Server events as JSON: the package's own models for everything but voice, which is made of prepared strings."""

from __future__ import annotations

import json
import secrets
from functools import cache
from typing import Any, get_args

from openai._models import BaseModel
from openai.types.realtime import RealtimeError, RealtimeErrorEvent

from services.gateway.realtime.errors import ClientError
from services.gateway.realtime.outbox import Outbox


class Emitter:
    """Numbers the events of one connection and puts them into its outbox."""

    def __init__(self, outbox: Outbox) -> None:
        """Event ids are unique over connections."""
        self._outbox = outbox
        self._tag = secrets.token_hex(6)
        self._count = 0

    def event_id(self) -> str:
        """A new one."""
        self._count += 1
        return f"event_{self._tag}{self._count:06x}"

    def emit(self, event: type[BaseModel], **fields: Any) -> None:
        """Send an event of the protocol; `type` and `event_id` are filled in."""
        self._outbox.put(encode(event(type=_type_of(event), event_id=self.event_id(), **fields)))

    def session(self, event: type[BaseModel], shown: dict[str, Any]) -> None:
        """Send a session object as it is: more sample rates are offered than the package's types can say."""
        self._outbox.put(dump({"type": _type_of(event), "event_id": self.event_id(), "session": shown}))

    def own(self, name: str, /, **fields: Any) -> None:
        """Send a `souffleur.<name>` event."""
        self._outbox.put(dump({"type": f"souffleur.{name}", "event_id": self.event_id(), **fields}))

    def error(self, error: ClientError, cause: str | None = None) -> None:
        """Tell what could not be done; `cause` is the client's own event id."""
        detail = RealtimeError(type=error.kind, code=error.code, message=error.message, param=error.param, event_id=cause)
        self.emit(RealtimeErrorEvent, error=detail)


def encode(event: BaseModel) -> str:
    """As JSON: only what was set, null where null was set."""
    return event.model_dump_json(by_alias=True, exclude_unset=True, warnings=False)


def dump(value: dict[str, Any]) -> str:
    """Compact JSON."""
    return json.dumps(value, ensure_ascii=False, separators=(",", ":"))


@cache
def _type_of(event: type[BaseModel]) -> str:
    name: str = get_args(event.model_fields["type"].annotation)[0]
    return name
