"""`souffleur.configure`: what a connection settles for itself beyond the protocol, read and bounded."""

from __future__ import annotations

import re
from typing import Any, Final

from services.core.model.attachment import Configure
from services.gateway.realtime.config import MOST_HEADS, PLACE_LENGTH
from services.gateway.realtime.errors import ClientError

_MOST_SLUG: Final = 128
_MOST_WHISPERED: Final = 64
_MEMBER: Final = re.compile(r"[A-Za-z0-9_-]{1,128}")


def configuration(event: dict[str, Any]) -> Configure:
    """The event as the stage knows it. Raises `ClientError`."""
    change = Configure(
        hang_over_s=given(event, "hang_over_s", (int, float)),
        endpointing=given(event, "endpointing", str),
        hears=given(event, "hears", bool),
        reports_playback=given(event, "reports_playback", bool),
        speaks=given(event, "speaks", str),
        addresses=given(event, "addresses", str),
        whispers=_members(given(event, "whispers", list)),
        place=given(event, "place", str),
        head_count=given(event, "head_count", int),
    )
    if change.hang_over_s is not None and not 0.1 <= change.hang_over_s <= 5:
        raise ClientError("invalid_value", "between 0.1 and 5", "hang_over_s")
    if change.endpointing not in {None, "fixed", "text-aware"}:
        raise ClientError("invalid_value", "fixed or text-aware", "endpointing")
    for name, most in (("speaks", _MOST_SLUG), ("addresses", _MOST_SLUG), ("place", PLACE_LENGTH)):
        if len(getattr(change, name) or "") > most:
            raise ClientError("invalid_value", f"at most {most} characters", name)
    if change.head_count is not None and not 1 <= change.head_count <= MOST_HEADS:
        raise ClientError("invalid_value", f"between 1 and {MOST_HEADS}", "head_count")
    return change


def given(event: dict[str, Any], name: str, kind: type[Any] | tuple[type[Any], ...]) -> Any:
    """A field of this type, or None. Raises `ClientError`."""
    value = event.get(name)
    if value is not None and (not isinstance(value, kind) or (isinstance(value, bool) and kind is not bool)):
        raise ClientError("invalid_value", "wrong type", name)
    return value


def _members(ids: list[Any] | None) -> str | None:
    """Whom it is whispered to, as the stage is told; an empty list = everybody again."""
    if ids is None:
        return None
    if len(ids) > _MOST_WHISPERED or not all(isinstance(member, str) and _MEMBER.fullmatch(member) for member in ids):
        raise ClientError("invalid_value", f"ids of at most {_MOST_WHISPERED} members", "whispers")
    return " ".join(ids)
