"""Facts told by others: who may tell what, and in which form. What passes here is written as it stands."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace
from functools import cache
from typing import Final, Protocol

from pydantic import TypeAdapter, ValidationError

from services.core.errors import Forbidden, InvalidRequest, NotFound, TooLarge
from services.core.model.attachment import TellRequest, TellResponse
from services.core.model.fact import Author, Draft, Fact, Kind
from services.core.model.facts import (
    BODIES,
    Body,
    Corrected,
    Erased,
    Inserted,
    Joined,
    Left,
    Noted,
    RecommendationDecided,
    Recommended,
    Retconned,
    Revealed,
    SceneSet,
    Struck,
    Summarized,
    Whispered,
    fields_of,
)
from services.core.model.principal import Principal
from services.core.settings import explain
from services.stage.desk import DELIVERIES, VOICES
from services.stage.opening import checked_safety_words, object_of
from services.stage.roster import CHARACTER, PLACE_LIMIT, Roster
from services.stage.session import Session
from services.transcript.erasing import is_erasable, with_derived

_ALLOWED: Final[dict[str, frozenset[str]]] = {
    "director": frozenset({
        Kind.SCENE_SET, Kind.JOINED, Kind.LEFT, Kind.CORRECTED, Kind.STRUCK, Kind.NOTED, Kind.WHISPERED, Kind.ROLLED,
        Kind.RETCONNED, Kind.INSERTED, Kind.REVEALED, Kind.RECOMMENDATION_DECIDED, Kind.ERASED,
    }),
    "adviser": frozenset({Kind.SUMMARIZED, Kind.RECOMMENDED, Kind.RECOMMENDATION_DECIDED}),
    "player": frozenset({Kind.STRUCK, Kind.ROLLED}),
}  # fmt: skip
_HIDDEN: Final = frozenset({Kind.NOTED, Kind.WHISPERED, Kind.RECOMMENDED, Kind.RECOMMENDATION_DECIDED, Kind.REVEALED})
"""Never part of what members perceive; a whisper reaches its character by name."""
_BODY_LIMIT: Final = 64 * 1024
"""Characters; a card may be as large as a fact."""
_KEY_BYTES: Final = 200
_TARGETS: Final = 500
_BLOCKS: Final = frozenset({"said", "line", "action"})
_WORDED: Final = frozenset({
    Kind.SAID, Kind.SENTENCE, Kind.INSERTED, Kind.SCENE_SET, Kind.NOTED, Kind.WHISPERED, Kind.SUMMARIZED, Kind.RECOMMENDED,
})  # fmt: skip
"""What a correction can change: the view shows their words."""
_FELT: Final = frozenset({Kind.SENTENCE, Kind.INSERTED})
_MODES: Final = frozenset({"", "auto", "approve"})
_DECISIONS: Final = frozenset({"accepted", "pinned", "rejected", "expired"})
_SCOPES: Final = frozenset({"once", "turns", "until_removed"})


class Lookup(Protocol):
    """The log as this needs it."""

    async def one(self, sid: str, seq: int) -> Fact | None:
        """One fact."""
        ...

    async def seq_of(self, sid: str, key: str) -> int:
        """The fact of this key; 0 if there is none."""
        ...


async def told(request: TellRequest, session: Session, log: Lookup, at_ms: int) -> TellResponse:
    """Have it written. Raises `Forbidden`, `InvalidRequest`, `TooLarge` or `NotFound`; on a conflict nothing is written and both sides are told."""
    body = _checked(request, session.roster)
    by, place, audience = _standing(request, session.roster)
    await session.sight.open()
    targets = _targets(body)
    for target in targets:
        await _check_target(request.principal, session, log, target, body)
    # Behind a prefix: no key of the stage's own can be taken.
    key = f"told:{request.key}"
    touched = session.roster.last_touch(targets) if request.base and targets else 0
    # Asked for its key only after that: told twice at once, the other one may have become durable meanwhile, and what has changed is by its own hand.
    if touched > request.base and not await log.seq_of(session.sid, key):
        return TellResponse(0, conflicted=True, current=session.sight.wording(targets[0]), current_seq=touched)
    if isinstance(body, Corrected) and not body.text:
        # Only the feeling changes.
        body = replace(body, text=session.sight.wording(body.target))
    changes = {body.target: body} if isinstance(body, Corrected) else dict.fromkeys(targets) if isinstance(body, Struck) else {}
    undone_to = None
    if isinstance(body, Retconned) and not await _is_written(session, log, key):
        undone_to = body.to
    if isinstance(body, Erased):
        body = await _all_of(body, session)
        changes = dict.fromkeys(body.seqs)
    # Nothing is waited for from here to the writing.
    _check_sources(body, session)
    session.interrupt_for(changes, retcon_to=undone_to)
    before = session.writer.durable
    fact = await session.write(
        Draft(
            key=key,
            kind=request.kind,
            at_ms=at_ms,
            by=by,
            place=place,
            audience=audience,
            cause=targets[0] if targets else None,
            body=fields_of(body),
        )
    )
    erased = tuple(fact.body["seqs"]) if fact.kind == Kind.ERASED else ()
    return TellResponse(fact.seq, repeated_key=fact.seq <= before, erased=erased)


async def _all_of(body: Erased, session: Session) -> Erased:
    """With what was made of it. From here on nothing is told that rests on these words; what was told before must stand to be found."""
    session.erasing.update(body.seqs)
    await session.writer.caught_up()
    seqs = with_derived(list((await session.sight.open()).state.facts), body.seqs)
    session.erasing.update(seqs)
    return Erased(seqs=seqs)


async def _is_written(session: Session, log: Lookup, key: str) -> bool:
    """Whether a fact of this key stands, or is on its way: what was to be done for it has been done."""
    while not session.writer.knows(key):
        head = session.writer.durable
        if await log.seq_of(session.sid, key):
            return True
        if session.writer.durable == head:
            # Nothing was written while the answer was on its way: it still holds.
            return session.writer.knows(key)
    return True


def _checked(request: TellRequest, roster: Roster) -> Body:
    """The body of what may be told by this principal."""
    if request.kind not in _ALLOWED.get(request.principal.role, _ALLOWED["player"]):
        raise Forbidden(f"you may not tell {request.kind}" if request.kind in BODIES else f"unknown kind of fact: {request.kind}")
    if not 0 < len(request.key.encode()) <= _KEY_BYTES or "\0" in request.key:
        raise InvalidRequest(f"a key has 1 to {_KEY_BYTES} bytes")
    if len(request.place) > PLACE_LIMIT:
        raise InvalidRequest(f"a place's name has at most {PLACE_LIMIT} characters")
    body = _body(request)
    _check_members(body, roster)
    _check_values(body, roster)
    return body


def _standing(request: TellRequest, roster: Roster) -> tuple[Author, str, tuple[str, ...] | None]:
    """Whose fact it is, where it stands, and who perceives it. Raises `Forbidden` where somebody has no part in it.

    A scene with a place is for those who are there, and for whoever comes there later.
    Dice lie on a table: whoever is there sees them, under the name of who threw them. A director may throw them anywhere, or before everybody.
    """
    principal, place = request.principal, request.place
    by = Author(principal.role, principal.id, principal.name)
    if request.kind == Kind.SCENE_SET:
        return by, place, roster.audience(place) if place else None
    if request.kind != Kind.ROLLED:
        return by, place, () if request.kind in _HIDDEN else None
    seat = roster.seat_of(principal)
    if seat is None:
        if principal.role != "director":
            raise Forbidden("you roll dice where you sit, and you have no seat here")
        return by, place, roster.audience(place) if place else None
    if not place or principal.role != "director":
        place = seat.place
    return Author(principal.role, seat.member, seat.name), place, tuple(dict.fromkeys((*roster.audience(place), seat.member)))


def _targets(body: Body) -> Sequence[int]:
    """Facts that it changes."""
    match body:
        case Struck():
            return body.targets
        case Erased():
            return body.seqs
        case Corrected():
            return [body.target]
        case Noted() if body.removes:
            return [body.removes]
        case _:
            return []


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


def _check_members(body: Body, roster: Roster) -> None:
    match body:
        case Joined():
            known = roster.seats.get(body.member)
            if body.role != CHARACTER or not body.member or (known is not None and known.role != CHARACTER):
                raise InvalidRequest("participants join by attaching")
        case Left() if body.member not in roster.seats:
            raise NotFound("there is no such member")
        case Inserted() if body.member and body.member not in roster.seats:
            raise NotFound("there is no such member")
        case Whispered() | Revealed() if body.character not in roster.seats:
            raise NotFound("there is no such character")
        case Noted() if body.character and body.character not in roster.seats:
            raise NotFound("there is no such character")
        case _:
            pass


def _check_values(body: Body, roster: Roster) -> None:
    match body:
        case SceneSet():
            _check_scene(body)
        case Struck() if not 0 < len(body.targets) <= _TARGETS:
            raise InvalidRequest(f"1 to {_TARGETS} targets")
        case Erased() if not 0 < len(body.seqs) <= _TARGETS:
            raise InvalidRequest(f"1 to {_TARGETS} facts are erased at once")
        case Corrected() if not (body.text or body.emotion or body.intensity is not None or body.manner):
            raise InvalidRequest("a correction has a new wording or a new feeling")
        case Noted() if body.scope not in _SCOPES or not (body.text or body.removes):
            raise InvalidRequest("a note has a text, and the scope once, turns or until_removed")
        case Whispered() if not body.text:
            raise InvalidRequest("a whisper has a text")
        case Retconned() if not 0 <= body.to < roster.head:
            raise InvalidRequest("there is nothing after that to be undone")
        case Inserted() if body.block not in _BLOCKS or not body.text or not 0 <= body.after <= roster.head:
            raise InvalidRequest("said, line or action is inserted, behind a fact that is there")
        case RecommendationDecided() if body.state not in _DECISIONS:
            raise InvalidRequest("a recommendation is accepted, pinned, rejected or expired")
        case _:
            pass


def _check_scene(body: SceneSet) -> None:
    """As the desk checks what it lays down, and the opening."""
    if not {body.mode, *body.modes.values()} <= _MODES:
        raise InvalidRequest("the mode is auto or approve")
    if not DELIVERIES.issuperset(body.deliveries.values()):
        raise InvalidRequest("a line is delivered by voice or teleprompter")
    if not VOICES.issuperset(body.voices.values()):
        raise InvalidRequest(f"the voices in a place are {' or '.join(sorted(VOICES))}")
    if body.safety_words != [""]:
        # One that is empty means that there are none any more.
        checked_safety_words(body.safety_words)


def _check_sources(body: Body, session: Session) -> None:
    """Made from words that have been erased meanwhile, it must not bring them back."""
    match body:
        case Summarized():
            sources = body.covers
        case Recommended():
            sources = body.rests_on
        case Corrected():
            sources = [body.target]
        case _:
            return
    if session.erasing.intersection(sources) or session.sight.erased.intersection(sources):
        raise NotFound("the words that it rests on have been erased")


async def _check_target(principal: Principal, session: Session, log: Lookup, target: int, body: Body) -> None:
    fact = await log.one(session.sid, target)
    if fact is None:
        raise NotFound(f"there is no fact {target}")
    if isinstance(body, Corrected):
        _check_wording(fact, body)
    if isinstance(body, Erased) and not is_erasable(fact.kind):
        raise InvalidRequest(f"fact {fact.seq} ({fact.kind}) has no words that could be erased")
    if principal.role == "director":
        return
    seat = session.roster.seats.get(fact.by.id)
    if fact.kind != Kind.SAID or seat is None or not seat.may_be(principal):
        raise Forbidden("you may strike only what you said yourself")


def _check_wording(fact: Fact, body: Corrected) -> None:
    """What has no wording cannot be reworded: it would be said to be done, and nothing would change."""
    no_scene = fact.kind == Kind.SCENE_SET and not (fact.body.get("heading") or fact.body.get("description"))
    if fact.kind not in _WORDED or no_scene:
        raise InvalidRequest(f"fact {fact.seq} ({fact.kind}) has no wording that could be edited")
    if not body.text and fact.kind not in _FELT:
        raise InvalidRequest(f"fact {fact.seq} ({fact.kind}) has no feeling that could be edited")
