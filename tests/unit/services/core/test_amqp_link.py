"""The keeper of RabbitMQ's link when it is told to end."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager

import pytest

from services.core.bus import amqp
from services.core.bus.amqp import AmqpBus
from services.core.bus.amqp_link import asked


async def test_the_bus_can_be_left_while_its_link_breaks(monkeypatch: pytest.MonkeyPatch) -> None:
    """The library may raise the connection's error in the place of a cancellation; the keeper ends all the same."""
    making = asyncio.Event()

    @asynccontextmanager
    async def breaking(*_: object) -> AsyncIterator[None]:
        making.set()
        try:
            await asyncio.Event().wait()
        except asyncio.CancelledError:
            raise ConnectionResetError from None
        yield

    monkeypatch.setattr(amqp, "connected", breaking)
    async with asyncio.timeout(10), AmqpBus("amqp://127.0.0.1:1/", delivery_limit=1).open():
        await making.wait()


async def test_a_cancellation_is_one_only_if_somebody_has_cancelled() -> None:
    """What dies with its connection is told by a cancelled future; whoever is cancelled is cancelled."""
    dead = asyncio.get_running_loop().create_future()
    dead.cancel()
    with pytest.raises(ConnectionError):
        async with asked():
            await dead

    async def waiting() -> None:
        async with asked():
            await asyncio.Event().wait()

    task = asyncio.create_task(waiting())
    await asyncio.sleep(0)
    task.cancel()
    with pytest.raises(asyncio.CancelledError):
        await task
    with pytest.raises(TimeoutError):
        async with asked(0.01):
            await asyncio.Event().wait()
