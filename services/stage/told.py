"""Facts told by others: who may tell what, and in which form. What passes here is written as it stands."""

from __future__ import annotations

import json
from typing import Any, Final, Protocol

from services.core.errors import Forbidden, InvalidRequest, NotFound
from services.core.model.attachment import Principal, TellRequest
from services.core.model.fact import Author, Draft, Fact, Kind
from services.core.model.facts import BODIES, Joined, body_of, fields_of
from services.stage.door import may_be
from services.stage.session import Session

_DIRECTORS: Final = frozenset({Kind.SCENE_SET, Kind.JOINED, Kind.LEFT, Kind.CORRECTED, Kind.STRUCK, Kind.NOTED, Kind.WHISPERED, Kind.ROLLED})
_PLAYERS: Final = frozenset({Kind.STRUCK, Kind.ROLLED})
_HIDDEN: Final = frozenset({Kind.NOTED, Kind.WHISPERED})
"""Never part of what members perceive; a whisper reaches its character by name."""
_BODY_LIMIT: Final = 2 * 1024 * 1024


class Lookup(Protocol):
    """The log as this needs it."""

    async def one(self, sid: str, seq: int) -> Fact | None:
        """One fact."""
        ...


async def draft_of(request: TellRequest, session: Session, log: Lookup, at_ms: int) -> Draft:
    """The draft of a told fact. Raises `Forbidden`, `InvalidRequest` or `NotFound`."""
    allowed = _DIRECTORS if request.principal.role == "director" else _PLAYERS
    if request.kind not in allowed:
        raise Forbidden(f"you may not tell {request.kind}" if request.kind in BODIES else f"unknown kind of fact: {request.kind}")
    if not request.key or len(request.key) > 200:
        raise InvalidRequest("a key has 1 to 200 characters")
    body = _body(request)
    targets = body.get("targets", [body["target"]] if "target" in body else [])
    for target in targets:
        await _check_target(request.principal, session, log, target)
    place = request.place
    return Draft(
        key=request.key,
        kind=request.kind,
        at_ms=at_ms,
        by=Author(request.principal.role, request.principal.id, request.principal.name),
        place=place,
        audience=() if request.kind in _HIDDEN else None,
        cause=targets[0] if targets else None,
        body=body,
    )


def _body(request: TellRequest) -> dict[str, Any]:
    if len(request.body) > _BODY_LIMIT:
        raise InvalidRequest("the body is too large")
    try:
        data = json.loads(request.body)
        if not isinstance(data, dict):
            raise InvalidRequest("the body is not an object")
        body = body_of(BODIES[request.kind], data)
    except (ValueError, RecursionError) as error:
        raise InvalidRequest(f"not a {request.kind}: {error}") from error
    if isinstance(body, Joined) and body.role != "character":
        raise InvalidRequest("participants join by attaching")
    return fields_of(body)


async def _check_target(principal: Principal, session: Session, log: Lookup, target: Any) -> None:
    fact = await log.one(session.sid, target) if isinstance(target, int) else None
    if fact is None:
        raise NotFound(f"there is no fact {target}")
    if principal.role == "director":
        return
    seat = session.roster.seats.get(fact.by.id)
    if fact.kind != Kind.SAID or seat is None or not may_be(principal, seat):
        raise Forbidden("you may strike only what you said yourself")
