"""Cancellations that come out of a call."""

from __future__ import annotations

import asyncio

import pytest

from services.core.errors import Unavailable
from services.core.rpc.status import translated


async def test_cancellation_of_the_call_is_not_one_of_the_task() -> None:
    """A call that died under somebody else's hands is unavailable; the task that used it goes on."""
    with pytest.raises(Unavailable):
        async with translated():
            raise asyncio.CancelledError


async def test_cancellation_of_the_task_passes() -> None:
    """Whoever is really cancelled ends as cancelled."""

    async def work() -> None:
        async with translated():
            await asyncio.Event().wait()

    task = asyncio.create_task(work())
    await asyncio.sleep(0)
    task.cancel()
    with pytest.raises(asyncio.CancelledError):
        await task
