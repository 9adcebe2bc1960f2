"""A child that is kept running: started again whenever it has ended, with growing pauses."""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable
from typing import Any, Final

import structlog

from manager.tied import Tied
from services.core.errors import Unavailable

_BACKOFF_S: Final = (0.1, 0.2, 0.5, 1.0, 2.0, 5.0)
_STEADY_S: Final = 30.0
"""A child that lived this long starts with the shortest pause again."""

_log = structlog.get_logger(__name__)


async def kept_running(kind: str, child: Callable[[], Tied | None], again: Callable[[], Awaitable[None]], about: Callable[[], dict[str, Any]]) -> None:
    """Whenever `child` has ended, have the next one started by `again`; runs until cancelled. `about` is what the log tells of it.

    A start that fails, since the machine has no process or memory to spare now, or since the child does not get ready, is tried again after the next pause.
    """
    loop = asyncio.get_running_loop()
    since, failures = loop.time(), 0
    buried: Tied | None = None
    while (current := child()) is not None:
        code = await asyncio.shield(current.ended)
        failures = 0 if loop.time() - since > _STEADY_S else failures
        pause = _BACKOFF_S[min(failures, len(_BACKOFF_S) - 1)]
        if current is not buried:
            _log.error(f"{kind}.died", exit_code=code, restart_in_s=pause, **about())
        buried = current
        await asyncio.sleep(pause)
        failures += 1
        since = loop.time()
        try:
            await again()
        except (Unavailable, OSError) as error:
            _log.error(f"{kind}.not_restarted", reason=str(error), **about())
        else:
            _log.warning(f"{kind}.restarted", **about())
