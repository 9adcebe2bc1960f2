"""The voice service: engines opened when first needed, sentences read from the transcript, TtsService served."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager

import structlog
from redis.exceptions import RedisError

from services.core.errors import SouffleurError, Unavailable
from services.core.model.facts import Spoken
from services.core.rpc.server import serving
from services.core.runtime import Runtime
from services.transcript import wording
from services.transcript.late import LateArchive
from services.transcript.log import TranscriptLog
from services.tts.ensemble import AUTO, Ensemble
from services.tts.servicer import TtsServicer

_log = structlog.get_logger(__name__)


@asynccontextmanager
async def build(runtime: Runtime) -> AsyncIterator[None]:
    """Serve for the time of the block. Raises `SettingsRejected` for an engine table that does not fit."""
    ensemble = Ensemble(runtime.settings, runtime.clock)
    past = LateArchive(runtime.archive_url)
    log = TranscriptLog(runtime.redis, past)

    async def read(session: str, seq: int) -> Spoken:
        try:
            return await wording.spoken(log, session, seq)
        except RedisError as error:
            raise Unavailable("the transcript store does not answer") from error

    servicer = TtsServicer(ensemble, read, runtime.live)
    warming = asyncio.create_task(_warm(ensemble, runtime.settings.tts.engine), name="tts-warm")
    try:
        async with serving(runtime.address("tts"), "souffleur.tts.v1.TtsService", servicer.register):
            yield
    finally:
        warming.cancel()
        await asyncio.gather(warming, return_exceptions=True)
        await ensemble.close()
        await past.close()


async def _warm(ensemble: Ensemble, name: str) -> None:
    """The engine that the settings name is opened at once, so that no line waits for its model."""
    if name in {AUTO, ""}:
        return
    try:
        await ensemble.engine(name)
    except SouffleurError as error:
        _log.warning("tts.not_ready", engine=name, code=error.code, detail=error.detail)
