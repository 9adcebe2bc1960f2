"""From a turn to the order for its line: who says it, to whom, and how."""

from __future__ import annotations

from ulid import ULID

from services.core.errors import Conflict, NotFound
from services.stage.backstage import Backstage
from services.stage.order import Order
from services.stage.rules import Rules
from services.stage.turns import Turn


def hearers(order: Order, backstage: Backstage) -> tuple[str, ...]:
    """Whom its line is for, if that is settled now: whoever is there, or those to whom it is whispered."""
    return order.audience if order.whispered else backstage.roster.audience(order.place)


def ordered(turn: Turn, place: str, backstage: Backstage, rules: Rules, mode: str) -> Order:
    """What the line of a turn is to be. Raises `NotFound` if the character is not in this place, `Conflict` if it is silenced."""
    roster = backstage.roster
    seat = next((seat for seat in roster.cast(place) if seat.member == turn.character), None)
    if seat is None:
        raise NotFound("the character is not here any more")
    if rules.is_silent(turn.character):
        raise Conflict("the character is muted")
    turn.timing.asked = backstage.clock.now()
    return Order(
        line=str(ULID()),
        seat=seat,
        place=place,
        answers=turn.participant,
        first=turn.first,
        said=turn.said,
        audience=roster.audience(place) if turn.audience is None else tuple(dict.fromkeys((*turn.audience, seat.member))),
        timing=turn.timing,
        mode=turn.mode if turn.script else mode,
        delivery=rules.delivery(turn.character),
        retakes=turn.retakes,
        by=turn.by,
        whispered=turn.audience is not None,
    )
