"""What is under way in one place."""

from __future__ import annotations

import asyncio
from collections.abc import Coroutine
from typing import Any

import structlog

from services.core.errors import SouffleurError

_log = structlog.get_logger(__name__)


class Tasks:
    """Runs coroutines; whoever ends the place waits until all of them are done."""

    def __init__(self, session: str) -> None:
        """`session` names the tasks."""
        self._session = session
        self._running: set[asyncio.Task[None]] = set()

    def __bool__(self) -> bool:
        return bool(self._running)

    def spawn(self, work: Coroutine[Any, Any, None], name: str) -> asyncio.Task[None]:
        """Run it; `finished` waits for it."""
        task = asyncio.create_task(work, name=f"{name}:{self._session}")
        self._running.add(task)
        task.add_done_callback(self._done)
        return task

    async def finished(self) -> None:
        """Until nothing is under way that is so now."""
        await asyncio.gather(*self._running, return_exceptions=True)

    def _done(self, task: asyncio.Task[None]) -> None:
        self._running.discard(task)
        if not task.cancelled() and (error := task.exception()) is not None and not isinstance(error, SouffleurError):
            _log.error("session.task_failed", session=self._session, task=task.get_name(), exc_info=error)
