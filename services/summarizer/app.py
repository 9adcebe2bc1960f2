"""The summarizer and adviser: always behind the play. It reads the transcript and tells the owner; nobody waits for it."""

from __future__ import annotations

import asyncio
import contextlib
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager

from services.core.rpc.server import serving
from services.core.runtime import Runtime
from services.summarizer.asking import Models
from services.summarizer.digesting import Digesting
from services.summarizer.following import Following
from services.summarizer.ground import Ground
from services.summarizer.lease import Budget, Leases, Marks
from services.summarizer.proposing import Proposing
from services.summarizer.remembering import Remembering
from services.summarizer.servicer import register
from services.summarizer.teller import Teller
from services.summarizer.work import Work
from services.transcript.archive import Archive
from services.transcript.log import TranscriptLog
from services.transcript.memory import MemoryStore


@asynccontextmanager
async def build(runtime: Runtime) -> AsyncIterator[Following]:
    """Serve at `runtime.address("summarizer")` and follow the sessions for the time of the block."""
    async with contextlib.AsyncExitStack() as stack:
        archive = await Archive.open(runtime.archive_url)
        stack.push_async_callback(archive.close)
        memories = await MemoryStore.open(runtime.archive_url, clock=runtime.clock)
        stack.push_async_callback(memories.close)
        log = TranscriptLog(runtime.redis, archive)
        ground = Ground(
            teller=Teller(runtime.stage()),
            models=Models(runtime.llm(), Budget(runtime.redis, runtime.clock), runtime.calm),
            settings=lambda: runtime.settings.summarizer,
            clock=runtime.clock,
            calm=runtime.calm,
        )
        work = Work(
            facts=log,
            ground=ground,
            digesting=Digesting(ground),
            proposing=Proposing(ground),
            remembering=Remembering(ground, memories, Marks(runtime.redis)),
            remembers=lambda: runtime.settings.memory.enabled,
        )
        following = Following(archive, log, Leases(runtime.redis), work)
        stack.push_async_callback(following.close)
        runner = asyncio.create_task(following.run(), name="summarizer")
        stack.push_async_callback(_ended, runner)
        await stack.enter_async_context(serving(runtime.address("summarizer"), "summarizer", register(following)))
        yield following


async def _ended(task: asyncio.Task[None]) -> None:
    task.cancel()
    with contextlib.suppress(asyncio.CancelledError):
        await task
