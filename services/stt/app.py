"""Hearing as a service."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from functools import partial

import structlog

from services.core.errors import SouffleurError
from services.core.rpc.server import serving
from services.core.runtime import Runtime
from services.stt.choice import Engines
from services.stt.servicer import register

_log = structlog.get_logger(__name__)


@asynccontextmanager
async def build(runtime: Runtime) -> AsyncIterator[None]:
    """Serve the engines; the default one is loaded in the background, so that the first utterance does not wait for it."""
    engines = Engines(lambda: runtime.settings, runtime.clock)
    warming = asyncio.create_task(_warm(engines), name="stt-warm")
    try:
        async with serving(runtime.address("stt"), "stt", partial(register, engines, runtime.settings.stt.max_streams)):
            yield
    finally:
        warming.cancel()
        await asyncio.gather(warming, return_exceptions=True)
        await engines.close()


async def _warm(engines: Engines) -> None:
    try:
        await engines.take("")
    except SouffleurError as error:
        _log.warning("stt.not_ready", code=error.code, detail=error.detail)
