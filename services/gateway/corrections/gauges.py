"""How much the corrections' bus carries, as metrics."""

from __future__ import annotations

from services.core.bus.corrections import CorrectionBus
from services.core.errors import SouffleurError
from services.core.telemetry import BUS_DEAD, BUS_DEPTH, BUS_UP


async def gauged(bus: CorrectionBus) -> None:
    """Look at it; without a connection the last counts stand, and the gauge of the connection says so."""
    if not bus.link.connected:
        BUS_UP.set(0)
        return
    try:
        counts = await bus.counts()
    except SouffleurError:
        BUS_UP.set(0)
        return
    BUS_UP.set(1)
    BUS_DEPTH.set(counts.depth)
    BUS_DEAD.set(counts.dead)
