"""What is done to a table. Each fault begins, lasts and is healed before it returns; chance comes from the seed alone."""

from __future__ import annotations

import asyncio
import random
from collections.abc import Awaitable, Callable
from functools import partial
from typing import Final

import httpx2

from tests.chaos import brokers, processes, stores
from tests.chaos.load import Load
from tests.chaos.slow import slow_readers
from tests.chaos.table import MISBEHAVIOURS, Table, engine_of
from tests.waiting import until

Fault = Callable[[Table, Load, random.Random], Awaitable[float | None]]
"""It returns the moment (`time.monotonic`) at which something died, from which recovery counts; None = it counts from the end of the fault."""
_RESENDS: Final = 20
_BEHAVIOURS: Final = 4
"""Of those that a model's server has, in one run."""
_ASKED_S: Final = 20.0


async def _model(table: Table, load: Load, chance: random.Random) -> None:
    """The model answers wrongly, slowly or not at all, in one way after the other; another engine stands behind it."""
    for behaviour in chance.sample(MISBEHAVIOURS, _BEHAVIOURS):
        await _misbehaves(table, behaviour)
        await asyncio.sleep(chance.uniform(0.5, 1.5))
    await table.set_chain(["scripted"])


async def _misbehaves(table: Table, behaviour: str) -> None:
    """Return once somebody has asked it: a model that nobody asks does no harm."""
    counts = table.models.counts
    before = counts.get(behaviour, 0)
    await table.set_chain([engine_of(behaviour), "scripted"])
    await until(lambda: counts.get(behaviour, 0) > before, _ASKED_S, f"somebody who asks the model that is {behaviour}")


async def _resends(table: Table, load: Load, chance: random.Random) -> None:
    """The same message many times at once, and once more later."""
    key = f"resend-{chance.randrange(10**9)}"
    async with httpx2.AsyncClient(base_url=table.url, trust_env=False, timeout=10) as client:
        await asyncio.gather(*(load.say(client, key, "Once is enough.") for _ in range(_RESENDS)))
        await load.say(client, key, "Once is enough.")


FAULTS: Final[dict[str, Fault]] = {
    "stage killed": partial(processes.killed, "stage"),
    "stage killed behind an append": partial(processes.killed_at, "behind an append"),
    "gateway killed": partial(processes.killed, "gateway"),
    "roleplay killed": partial(processes.killed, "llm"),
    "voice killed": partial(processes.killed, "tts"),
    "corrections killed behind a told act": partial(processes.killed_at, "behind a told act"),
    "store killed": stores.killed,
    "store without its tail": stores.tail_cut,
    "store silent": partial(stores.way, "silent"),
    "model misbehaves": _model,
    "messages sent again": _resends,
    "stage stands still": partial(processes.stopped, "stage"),
    # The twelve above are tried every day.
    "stage killed before an append": partial(processes.killed_at, "before an append"),
    "stage killed behind a claim": partial(processes.killed_at, "behind a claim"),
    "stage killed behind the archive": partial(processes.killed_at, "behind the archive"),
    "gateway killed behind the outbox": partial(processes.killed_at, "behind the outbox"),
    "corrections killed": partial(processes.killed, "corrections"),
    "corrections killed before a row is marked": partial(processes.killed_at, "before a row is marked"),
    "summarizer killed": partial(processes.killed, "summarizer"),
    "hearing killed while it hears": processes.killed_while_it_hears,
    "manager killed": partial(processes.killed, "manager"),
    "roleplay stands still": partial(processes.stopped, "llm"),
    "voice stands still": partial(processes.stopped, "tts"),
    "hearing stands still": partial(processes.stopped, "stt"),
    "corrections stands still": partial(processes.stopped, "corrections"),
    "gateway stands still": partial(processes.stopped, "gateway"),
    "store stands still": stores.stopped,
    "store cut off": partial(stores.way, "cut"),
    "store deaf": partial(stores.way, "deaf"),
    "store slow": partial(stores.way, "slow"),
    "store full": stores.full,
    "archive locked": stores.archive_locked,
    "readers do not read": slow_readers,
    "broker killed": brokers.killed,
    "broker stands still": brokers.stopped,
}
DAILY: Final = tuple(FAULTS)[:12]
BROKERED: Final = frozenset({"broker killed", "broker stands still"})
"""A run that has one of these carries its corrections through RabbitMQ, and any other one through streams in the store."""
