"""The stage as a service."""

from __future__ import annotations

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from functools import partial

from services.core.draining import LINES
from services.core.rpc.server import serving
from services.core.runtime import Runtime
from services.stage.house import open_house
from services.stage.servicer import register


@asynccontextmanager
async def build(runtime: Runtime) -> AsyncIterator[None]:
    """Own sessions and serve them at the stage's address."""
    async with open_house(runtime) as house, serving(runtime.address("stage"), "stage", partial(register, house), draining=runtime.draining):
        with runtime.draining.counting(LINES, house.running):
            yield
