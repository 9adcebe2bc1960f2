"""What nobody looks at any more goes: rows and letters that came to nothing are kept for a time, and not without number."""

from __future__ import annotations

import time
from pathlib import Path

import pytest
from redis.asyncio import Redis

from services.core.bus import stream_reader
from services.core.bus.corrections import Letter, Verdict
from services.core.bus.streams import StreamsBus
from services.core.clock import ManualClock
from services.core.live import LiveSettings
from services.core.model.principal import Principal
from services.core.rpc.client import StageClient
from services.core.settings import Settings
from services.gateway.corrections import relay as relaying
from services.gateway.corrections.relay import Relay
from services.transcript.outbox import Outbox, Row
from services.transcript.outbox.row import TEXT
from tests.waiting import until

DAY_S = 86_400


class _NoStage(StageClient):
    """Nothing is told here."""

    def __init__(self) -> None:
        pass


async def _refused(_letter: Letter, _attempt: int) -> Verdict:
    return Verdict.DEAD


async def _bury(bus: StreamsBus, *names: str) -> None:
    """One after the other, in this order."""
    await bus.link.next_up(0)
    async with bus.consuming(_refused):
        for name in names:
            await bus.publish(Letter(id=f"letter-{name}", session="s", correction=name))

            async def buried(name: str = name) -> bool:
                return (await bus.counts()).depth == 0 and any(found.letter.correction == name for found in await bus.dead())

            await until(buried)


async def test_dead_letters_are_kept_to_a_number(redis: Redis, monkeypatch: pytest.MonkeyPatch) -> None:
    """The oldest go first."""
    monkeypatch.setattr(stream_reader, "_MOST_DEAD", 3)
    async with StreamsBus(redis, delivery_limit=3, name="kept").open() as bus:
        await _bury(bus, *(f"c{number}" for number in range(5)))
        assert [found.letter.correction for found in await bus.dead()] == ["c2", "c3", "c4"]


async def test_what_came_to_nothing_goes_in_time(redis: Redis, tmp_path: Path) -> None:
    """Later than what was applied; the letters that the bus has put aside go with their rows."""
    clock = ManualClock(wall_ms=time.time_ns() // 1_000_000)
    outbox = await Outbox.open(f"sqlite+aiosqlite:///{tmp_path / 'application.sqlite3'}", clock)

    async def left() -> set[str]:
        return {row.id for row in (await outbox.page("s")).items}

    try:
        rows = [Row(id=name, session="s", principal=Principal("local", "director"), sort=TEXT, kind="note") for name in ("a", "b", "c", "d")]
        applied, conflicted, _, _ = [(await outbox.add(row))[0] for row in rows]
        await outbox.applied(applied, 4)
        await outbox.conflicted(conflicted, "", 3, "It has changed.")
        async with StreamsBus(redis, delivery_limit=3, name="old").open() as bus:
            await _bury(bus, "c")
            relay = Relay(outbox, bus, _NoStage(), clock, LiveSettings(Settings(data_dir=tmp_path)))
            await relay._sweep()
            assert await left() == {"a", "b", "c", "d"}
            clock.advance(relaying._KEPT_MS / 1000 + DAY_S)
            await relay._sweep()
            assert (await left(), (await bus.counts()).dead) == ({"b", "c", "d"}, 1)
            clock.advance((relaying._FAILED_KEPT_MS - relaying._KEPT_MS) / 1000)
            await relay._sweep()
            assert (await bus.counts()).dead == 0
            # When the letter was put aside the row was still open: it is dead since the first sweep, and as old.
            clock.advance(DAY_S)
            await relay._sweep()
            assert await left() == {"d"}
    finally:
        await outbox.close()
