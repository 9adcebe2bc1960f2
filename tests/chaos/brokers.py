"""What is done to the broker that carries corrections."""

from __future__ import annotations

import asyncio
import random
from typing import Final

from services.core.bus.amqp_link import NAME
from tests.chaos.load import Load
from tests.chaos.table import Table
from tests.rabbitmq_server import RabbitServer
from tests.waiting import until

_KNOWN_S: Final = 30.0


async def killed(table: Table, load: Load, chance: random.Random) -> None:
    """The broker dies and comes back with everything."""
    broker = _of(table)
    # A queue that was declared in the seconds before is never found again.
    await until(lambda: asyncio.to_thread(broker.knows, NAME), _KNOWN_S, "a broker that knows its queue")
    await asyncio.to_thread(broker.kill)
    await asyncio.sleep(chance.uniform(0, 1.0))
    await asyncio.to_thread(broker.start)


async def stopped(table: Table, load: Load, chance: random.Random) -> None:
    """The broker stands still."""
    broker = _of(table)
    try:
        await asyncio.to_thread(broker.freeze, on=True)
        await asyncio.sleep(chance.uniform(1.0, 4.0))
    finally:
        await asyncio.to_thread(broker.freeze, on=False)


def _of(table: Table) -> RabbitServer:
    assert table.broker is not None, "a table without a broker"
    return table.broker
