"""The corrections service: letters from the bus, rows of the outbox, facts told to the owners of the sessions."""

from __future__ import annotations

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from typing import Any

from services.core.rpc.server import serving
from services.core.runtime import Runtime
from services.corrections.worker import Hook, Worker
from services.transcript.outbox import Outbox

_NAME = "souffleur.corrections.v1.CorrectionsService"


@asynccontextmanager
async def build(runtime: Runtime) -> AsyncIterator[None]:
    """Work for the time of the block."""
    async with working(runtime):
        yield


@asynccontextmanager
async def working(runtime: Runtime, hook: Hook | None = None) -> AsyncIterator[None]:
    """As `build`, with a `hook` at the worker's points."""
    outbox = await Outbox.open(runtime.application_url, runtime.clock)
    try:
        worker = Worker(outbox, runtime.stage(), runtime.clock, attempts=runtime.settings.bus.delivery_limit, hook=hook)
        # Left in this order: no new letters, those in hand get their time, then health says that nobody is here.
        async with serving(runtime.address("corrections"), _NAME, _nothing), runtime.bus() as bus, bus.consuming(worker.handle):
            yield
    finally:
        await outbox.close()


def _nothing(server: Any) -> None:
    """It is asked nothing: it has a door only so that its health can be seen."""
    del server
