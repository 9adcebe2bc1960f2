"""Speaking up after a silence."""

from __future__ import annotations

import asyncio

from services.core.clock import SystemClock
from services.stage.idling import Idling
from tests.waiting import until


class _Counted(Idling):
    looks = 0

    def _look(self) -> None:
        self.looks += 1
        super()._look()


async def test_however_often_somebody_speaks_up_there_is_one_timer() -> None:
    """Whoever speaks up stirs, and is answered; once it is closed nothing is left that would hold on to the place."""
    spoke: list[int] = []

    def speak() -> bool:
        idling.stirred()
        spoke.append(idling.looks)
        return True

    idling = _Counted(SystemClock(), lambda: 0.02, lambda: 2, speak)
    idling.said()
    for number in range(1, 6):
        await until(lambda number=number: len(spoke) >= number, what="a prompt")  # type: ignore[misc]
        idling.said()
    idling.close()
    looks = idling.looks
    # For longer than any timer that were left.
    await asyncio.sleep(0.1)
    assert idling.looks == looks
