"""A reply on its way: the call to the roleplay service, running before anybody knows whether it will be spoken."""

from __future__ import annotations

import asyncio
import contextlib
from collections.abc import AsyncGenerator, AsyncIterator, Callable
from typing import Final, Protocol

import structlog

from services.core.errors import SouffleurError, Unavailable
from services.core.model.reply import ReplyEvent, ReplyRequest, Sentence
from services.stage import patience

_QUEUE: Final = 64
_log = structlog.get_logger(__name__)


class Roleplay(Protocol):
    """The roleplay service as the stage calls it."""

    def reply(self, request: ReplyRequest, timeout_s: float) -> AsyncGenerator[ReplyEvent]:
        """Events of one reply; closing the iterator stops the provider."""
        ...


class ReplyFeed:
    """Starts at once, and once more if the call fails before its first sentence; keeps what comes until somebody takes it. `stop` throws it away."""

    def __init__(self, roleplay: Roleplay, request: ReplyRequest, timeout_s: float, watch: Callable[[ReplyEvent], None] | None = None) -> None:
        """`timeout_s` bounds the whole reply; `watch` sees every event as it comes."""
        self.request = request
        self._watch = watch
        self._queue: asyncio.Queue[ReplyEvent | SouffleurError | None] = asyncio.Queue(_QUEUE)
        self._settled = False
        """Something of it was given, or it failed for no fault of the service's: it is not asked for again."""
        self._task = asyncio.create_task(self._run(roleplay, timeout_s), name="reply")

    async def _run(self, roleplay: Roleplay, timeout_s: float) -> None:
        loop = asyncio.get_running_loop()
        deadline = loop.time() + timeout_s
        end = await self._asked(roleplay, timeout_s)
        for number, pause_s in enumerate(patience.PAUSES_S):
            if end is None or self._settled or not patience.worth_asking_again(end, number) or loop.time() + pause_s >= deadline:
                break
            _log.warning("reply.asked_again", line=self.request.line, code=end.code)
            await asyncio.sleep(pause_s)
            end = await self._asked(roleplay, deadline - loop.time())
        await self._queue.put(end)

    async def _asked(self, roleplay: Roleplay, timeout_s: float) -> SouffleurError | None:
        """One call; what it failed with."""
        try:
            async with contextlib.aclosing(roleplay.reply(self.request, timeout_s)) as events:
                async for event in events:
                    if isinstance(event, Sentence):
                        self._settled = True
                    if self._watch is not None:
                        self._watch(event)
                    await self._queue.put(event)
        except SouffleurError as error:
            return error
        except Exception:
            _log.exception("reply.failed", line=self.request.line)
            self._settled = True
            return Unavailable("the reply failed unexpectedly")
        return None

    async def __aiter__(self) -> AsyncIterator[ReplyEvent]:
        """The events; raises the error that ended the reply."""
        while (item := await self._queue.get()) is not None:
            if isinstance(item, SouffleurError):
                raise item
            yield item

    def stop(self) -> None:
        """Stop the provider; nothing more comes."""
        self._task.cancel()
