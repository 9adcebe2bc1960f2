"""Where somebody sits, as a fact: when they come, when they go elsewhere, when there are more of them."""

from __future__ import annotations

from ulid import ULID

from services.core.model.fact import Author, Draft, Kind
from services.core.model.facts import Joined, fields_of
from services.stage.roster import Seat


def joining(seat: Seat, at_ms: int) -> Draft:
    """They sit there from now on; everybody is told."""
    body = Joined(member=seat.member, role=seat.role, name=seat.name, card=seat.card, head_count=seat.head_count)
    by = Author(seat.role, seat.principal, seat.name)
    return Draft(key=f"join:{ULID()}", kind=Kind.JOINED, at_ms=at_ms, by=by, place=seat.place, body=fields_of(body))
