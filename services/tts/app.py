"""The voice service: engines opened when first needed, sentences read from the transcript, TtsService served."""

from __future__ import annotations

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager

from redis.exceptions import RedisError

from services.core.errors import Unavailable
from services.core.model.facts import Spoken
from services.core.rpc.server import serving
from services.core.runtime import Runtime
from services.transcript import wording
from services.transcript.log import TranscriptLog
from services.tts.ensemble import Ensemble
from services.tts.servicer import TtsServicer


@asynccontextmanager
async def build(runtime: Runtime) -> AsyncIterator[None]:
    """Serve for the time of the block. Raises `SettingsRejected` for an engine table that does not fit."""
    ensemble = Ensemble(runtime.settings, runtime.clock)
    log = TranscriptLog(runtime.redis)

    async def read(session: str, seq: int) -> Spoken:
        try:
            return await wording.spoken(log, session, seq)
        except RedisError as error:
            raise Unavailable("the transcript store does not answer") from error

    servicer = TtsServicer(ensemble, read, runtime.live)
    try:
        async with serving(runtime.address("tts"), "souffleur.tts.v1.TtsService", servicer.register):
            yield
    finally:
        await ensemble.close()
