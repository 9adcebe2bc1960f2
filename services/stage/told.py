"""Facts told by others: who may tell what, and in which form. What passes here is written as it stands."""

from __future__ import annotations

from functools import cache
from typing import Final, Protocol

from pydantic import TypeAdapter, ValidationError

from services.core.errors import Forbidden, InvalidRequest, NotFound, TooLarge
from services.core.model.attachment import Principal, TellRequest
from services.core.model.fact import Author, Draft, Fact, Kind
from services.core.model.facts import BODIES, Body, Corrected, Joined, Left, SceneSet, Struck, fields_of
from services.core.settings import explain
from services.stage.door import PLACE_LIMIT
from services.stage.opening import object_of
from services.stage.roster import CHARACTER, Roster
from services.stage.session import Session

_DIRECTORS: Final = frozenset({Kind.SCENE_SET, Kind.JOINED, Kind.LEFT, Kind.CORRECTED, Kind.STRUCK, Kind.NOTED, Kind.WHISPERED, Kind.ROLLED})
_PLAYERS: Final = frozenset({Kind.STRUCK, Kind.ROLLED})
_HIDDEN: Final = frozenset({Kind.NOTED, Kind.WHISPERED})
"""Never part of what members perceive; a whisper reaches its character by name."""
_BODY_LIMIT: Final = 64 * 1024
"""Characters; a card may be as large as a fact."""
_KEY_BYTES: Final = 200
_TARGETS: Final = 500


class Lookup(Protocol):
    """The log as this needs it."""

    async def one(self, sid: str, seq: int) -> Fact | None:
        """One fact."""
        ...


async def draft_of(request: TellRequest, session: Session, log: Lookup, at_ms: int) -> Draft:
    """The draft of a told fact. Raises `Forbidden`, `InvalidRequest`, `TooLarge` or `NotFound`."""
    allowed = _DIRECTORS if request.principal.role == "director" else _PLAYERS
    if request.kind not in allowed:
        raise Forbidden(f"you may not tell {request.kind}" if request.kind in BODIES else f"unknown kind of fact: {request.kind}")
    if not 0 < len(request.key.encode()) <= _KEY_BYTES or "\0" in request.key:
        raise InvalidRequest(f"a key has 1 to {_KEY_BYTES} bytes")
    if len(request.place) > PLACE_LIMIT:
        raise InvalidRequest(f"a place's name has at most {PLACE_LIMIT} characters")
    body = _body(request)
    _check_member(body, session.roster)
    targets = body.targets if isinstance(body, Struck) else [body.target] if isinstance(body, Corrected) else []
    for target in targets:
        await _check_target(request.principal, session, log, target)
    return Draft(
        # Behind a prefix: no key of the stage's own can be taken.
        key=f"told:{request.key}",
        kind=request.kind,
        at_ms=at_ms,
        by=Author(request.principal.role, request.principal.id, request.principal.name),
        place=request.place,
        audience=() if request.kind in _HIDDEN else None,
        cause=targets[0] if targets else None,
        body=fields_of(body),
    )


def _body(request: TellRequest) -> Body:
    """The body, every field of its own type: what is once written is folded by everybody, for ever."""
    if request.kind != Kind.JOINED and len(request.body) > _BODY_LIMIT:
        raise TooLarge("the body is too large")
    object_of(request.body)
    try:
        return _checker(request.kind).validate_json(request.body, strict=True)
    except ValidationError as error:
        raise InvalidRequest(f"not a {request.kind}: {explain(error)}") from None


@cache
def _checker(kind: str) -> TypeAdapter[Body]:
    return TypeAdapter(BODIES[kind])


def _check_member(body: Body, roster: Roster) -> None:
    match body:
        case Joined():
            known = roster.seats.get(body.member)
            if body.role != CHARACTER or not body.member or (known is not None and known.role != CHARACTER):
                raise InvalidRequest("participants join by attaching")
        case Left() if body.member not in roster.seats:
            raise NotFound("there is no such member")
        case SceneSet() if body.mode not in ("", "auto"):
            raise InvalidRequest("this version knows the mode auto only")
        case Struck() if not 0 < len(body.targets) <= _TARGETS:
            raise InvalidRequest(f"1 to {_TARGETS} targets")
        case _:
            pass


async def _check_target(principal: Principal, session: Session, log: Lookup, target: int) -> None:
    fact = await log.one(session.sid, target)
    if fact is None:
        raise NotFound(f"there is no fact {target}")
    if principal.role == "director":
        return
    seat = session.roster.seats.get(fact.by.id)
    if fact.kind != Kind.SAID or seat is None or not seat.may_be(principal):
        raise Forbidden("you may strike only what you said yourself")
