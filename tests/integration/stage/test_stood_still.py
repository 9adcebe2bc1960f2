"""A stage that stood still past its lease wakes up with callers in flight: they find the session where it is now."""

from __future__ import annotations

from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import asynccontextmanager
from functools import partial
from pathlib import Path

import pytest
from redis.asyncio import Redis

from services.core.bus.corrections import Letter, Verdict
from services.core.clock import ManualClock
from services.core.errors import SouffleurError
from services.core.model.attachment import AttachOpen, TellRequest
from services.core.model.desk import ActRequest
from services.core.model.fact import Kind
from services.core.rpc.client import StageClient
from services.core.rpc.server import serving
from services.corrections.worker import Worker
from services.stage import servicer
from services.stage.house import House
from services.transcript.outbox import Outbox, Row
from services.transcript.outbox.row import TEXT
from tests.integration.stage.houses import DIRECTOR, INN, opened_house
from tests.waiting import until


async def _silent(address: str) -> bool:
    del address
    return False


@asynccontextmanager
async def _taken_over(redis: Redis, folder: Path, monkeypatch: pytest.MonkeyPatch) -> AsyncIterator[tuple[StageClient, House]]:
    """Callers of the stage that does not know yet that it has lost its session, and the one that has it."""
    (folder / "a").mkdir()
    (folder / "b").mkdir()
    here, there, lease_s = f"unix:{folder / 'a.sock'}", f"unix:{folder / 'b.sock'}", 60.0
    async with (
        opened_house(redis, folder / "a", here, lease_s) as (first, runtime),
        opened_house(redis, folder / "b", there, lease_s) as (second, _),
        serving(here, "stage", partial(servicer.register, first), drain_s=0.1),
        serving(there, "stage", partial(servicer.register, second), drain_s=0.1),
    ):
        await first.open(INN)
        with monkeypatch.context() as patched:
            patched.setattr("services.stage.house.answers", _silent)
            await second.get("inn")
        assert "inn" in first._owned
        yield runtime.stage(), second


async def _asked_again(ask: Callable[[], Awaitable[None]]) -> bool:
    """Did it work by now? An error that asking again does not help against is raised."""
    try:
        await ask()
    except SouffleurError as error:
        if not error.retryable:
            raise
        return False
    return True


async def test_a_correction_is_applied_by_whoever_has_the_session_now(redis: Redis, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """It is not given up for having come to the wrong one."""
    async with _taken_over(redis, tmp_path, monkeypatch) as (stage, owner):
        clock = ManualClock()
        outbox = await Outbox.open(f"sqlite+aiosqlite:///{tmp_path / 'application.sqlite3'}", clock)
        try:
            row = Row(id="c", session="inn", principal=DIRECTOR, sort=TEXT, kind="note", body={"text": "Afraid."}, due_at_ms=clock.wall_ms() + 60_000)
            await outbox.add(row)
            assert await Worker(outbox, stage, clock, attempts=5).handle(Letter(id="l", session="inn", correction="c"), 1) is Verdict.DONE
            row = await outbox.get("inn", "c")
        finally:
            await outbox.close()
        (note,) = [fact for fact in await owner.log.read("inn") if fact.kind == Kind.NOTED]
        assert (row.state, row.seq) == ("applied", note.seq)


async def test_a_connection_that_comes_in_is_told_to_come_again(redis: Redis, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """And is then seated at the other one."""
    async with _taken_over(redis, tmp_path, monkeypatch) as (stage, owner):
        opening = AttachOpen(session="inn", principal=DIRECTOR)
        with pytest.raises(SouffleurError) as raised:
            await stage.attach(opening)
        assert raised.value.retryable, raised.value

        async def seated() -> None:
            _, stream, _ = await stage.attach(opening)
            stream.cancel()

        await until(partial(_asked_again, seated), 10, "a seat")
        assert DIRECTOR.name in [seat.name for seat in (await owner.get("inn")).session.roster.seats.values()]


async def test_a_live_act_and_a_told_fact_may_be_asked_again(redis: Redis, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Neither is refused for good."""
    async with _taken_over(redis, tmp_path, monkeypatch) as (stage, _):
        act = ActRequest(session="inn", principal=DIRECTOR, act="a", kind="halt")
        note = TellRequest(session="inn", principal=DIRECTOR, key="k", kind=Kind.NOTED, body='{"text": "It rains."}')

        async def both() -> None:
            assert (await stage.act(act)).seq
            assert (await stage.tell(note)).seq

        await until(partial(_asked_again, both), 10, "both")
