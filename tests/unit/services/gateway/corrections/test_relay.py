"""Acts whose gateway did not live to note what became of them."""

from __future__ import annotations

import asyncio
from pathlib import Path
from types import SimpleNamespace
from typing import cast

import pytest

from services.core.bus.corrections import CorrectionBus, Link
from services.core.clock import ManualClock
from services.core.live import LiveSettings
from services.core.model.desk import ActRequest, ActResponse
from services.core.model.principal import Principal
from services.core.rpc.client import StageClient
from services.core.settings import Settings
from services.gateway.corrections.desk import Corrections
from services.gateway.corrections.relay import Relay
from services.gateway.corrections.requests import Act
from services.gateway.history import History
from services.transcript.outbox import Outbox, Row
from services.transcript.outbox.row import LIVE
from tests.waiting import until


class _Stage(StageClient):
    """Answers, but not while it `hangs`."""

    def __init__(self) -> None:
        self.hangs = True
        self.asked: list[str] = []

    async def act(self, request: ActRequest) -> ActResponse:
        self.asked.append(request.act)
        if self.hangs:
            await asyncio.Event().wait()
        return ActResponse(7)


@pytest.mark.parametrize(("kind", "fields"), [("puppet", {"character": "mirelle", "text": "Out!"}), ("halt", {})])
async def test_an_act_whose_gateway_died_is_tried_again_while_it_means_something(tmp_path: Path, kind: str, fields: dict[str, str]) -> None:
    """By another gateway, as soon as it is due: one of a moment, too, is not given up without having been asked for once more."""
    clock, stage, bus = ManualClock(), _Stage(), cast(CorrectionBus, SimpleNamespace(link=Link()))
    outbox = await Outbox.open(f"sqlite+aiosqlite:///{tmp_path / 'application.sqlite3'}", clock)
    relay = Relay(outbox, bus, stage, clock, LiveSettings(Settings(data_dir=tmp_path)))
    desk = Corrections(outbox, bus, relay, stage, cast(History, None), clock)
    acting = asyncio.create_task(desk.act("s", Principal("local", "director"), Act.model_validate({"kind": kind, "id": "a", **fields})))

    async def noted() -> Row | None:
        return next(iter((await outbox.page("s", sorts=(LIVE,))).items), None)

    try:
        row: Row = await until(noted)
        acting.cancel()
        await asyncio.wait([acting])
        stage.hangs = False
        await relay._send_due()
        assert stage.asked == ["a"]
        clock.advance((row.due_at_ms - clock.wall_ms()) / 1000)
        await relay._send_due()
        row = await outbox.get("s", "a")
        assert (row.state, row.seq, stage.asked) == ("applied", 7, ["a", "a"])
        assert (clock.wall_ms() - row.created_at_ms) * 2 <= 15_000
    finally:
        await outbox.close()
