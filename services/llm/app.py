"""The roleplay service: from a character's view to spoken sentences."""

from __future__ import annotations

import asyncio
import contextlib
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from typing import Final

import structlog

from services.core.errors import SouffleurError
from services.core.rpc.server import serving
from services.core.runtime import Runtime
from services.llm.folds import Folds
from services.llm.preparing import Preparing
from services.llm.recalling import Recalling
from services.llm.replying import Replies
from services.llm.roster import Roster
from services.llm.servicer import register
from services.transcript.late import LateArchive
from services.transcript.log import TranscriptLog
from services.transcript.memory import MemoryStore, embedder_of

_LEARN_S: Final = 30.0
_LEARN_AGAIN_S: Final = 0.5

_log = structlog.get_logger(__name__)


@asynccontextmanager
async def build(runtime: Runtime) -> AsyncIterator[Replies]:
    """Serve at `runtime.address("llm")` for the time of the block. Engines load behind the scenes; the understudy answers meanwhile."""
    async with contextlib.AsyncExitStack() as stack:
        past = LateArchive(runtime.archive_url)
        stack.push_async_callback(past.close)
        roster = Roster(runtime.settings, runtime.clock)
        stack.push_async_callback(roster.close)
        await roster.refresh()
        keeper = asyncio.create_task(_keep(roster, runtime), name="llm-roster")
        stack.push_async_callback(_ended, keeper)
        recalling = Recalling(lambda: _memories(runtime, stack), runtime.clock)
        stack.push_async_callback(recalling.close)
        recalling.warm()
        folds = Folds(TranscriptLog(runtime.redis), past.opened, clock=runtime.clock)
        replies = Replies(Preparing(folds, recalling, runtime.clock), roster, lambda: runtime.settings, runtime.clock)
        await stack.enter_async_context(serving(runtime.address("llm"), "llm", register(replies)))
        yield replies


async def _memories(runtime: Runtime, stack: contextlib.AsyncExitStack) -> MemoryStore:
    embedder = embedder_of(runtime.settings)
    store = await MemoryStore.open(runtime.archive_url, embedder, clock=runtime.clock)
    if embedder is not None:
        stack.push_async_callback(_ended, asyncio.create_task(_learn(store), name="meanings"))
    return store


async def _learn(store: MemoryStore) -> None:
    """Whoever writes memories need not have the model: their meanings are looked up here."""
    while True:
        learned = 0
        try:
            learned = await store.learn_meanings()
        except SouffleurError as error:
            _log.warning("memory.no_meanings", reason=error.detail)
        await asyncio.sleep(_LEARN_AGAIN_S if learned else _LEARN_S)


async def _keep(roster: Roster, runtime: Runtime) -> None:
    await roster.warm(runtime.settings)
    await roster.keep_fresh()


async def _ended(task: asyncio.Task[None]) -> None:
    task.cancel()
    with contextlib.suppress(asyncio.CancelledError):
        await task
