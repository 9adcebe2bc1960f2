"""What the bus has put aside: read, tried once more, thrown away."""

from __future__ import annotations

from typing import Any

from services.core.bus.corrections import LARGEST_PAGE, Letter
from services.core.errors import NotFound
from services.gateway.corrections.desk import Corrections
from services.gateway.corrections.shown import dead_shown
from services.transcript.outbox import Row


class DeadLetters:
    """One per gateway."""

    def __init__(self, corrections: Corrections) -> None:
        """Of the bus that carries them."""
        self._bus = corrections.bus
        self._outbox = corrections.outbox
        self._moving = corrections.relay.moving

    async def listed(self, limit: int) -> list[dict[str, Any]]:
        """With the corrections that they speak of, the oldest first."""
        async with self._moving:
            found = await self._bus.dead(limit)
        return [dead_shown(dead, await self._row(dead.letter)) for dead in found]

    async def retry(self, id: str) -> dict[str, Any]:  # noqa: A002 - its name
        """Try one of them once more; others that speak of the same correction go with it. Raises `NotFound`."""
        async with self._moving:
            found = await self._bus.dead(LARGEST_PAGE)
            chosen = next((dead for dead in found if dead.letter.id == id), None)
            if chosen is None:
                raise NotFound("There is no dead letter of that id.")
            row = await self._row(chosen.letter)
            if row is not None:
                # Open before the letter travels: whoever takes it must not find a dead one.
                row = await self._outbox.reopened(row.session, row.id)
            for twin in found:
                if twin is not chosen and (twin.letter.session, twin.letter.correction) == (chosen.letter.session, chosen.letter.correction):
                    await self._bus.drop(twin.letter.id)
            await self._bus.retry(id)
        return dead_shown(chosen, row)

    async def drop(self, id: str) -> None:  # noqa: A002 - its name
        """Throw one of them away; the correction stays on the list as dead. Raises `NotFound`."""
        async with self._moving:
            await self._bus.drop(id)

    async def _row(self, letter: Letter) -> Row | None:
        try:
            return await self._outbox.get(letter.session, letter.correction)
        except NotFound:
            return None
