"""Gateway, stage and corrections service in one process, over real stores and a real bus; no engines: nothing here is answered."""

from __future__ import annotations

import asyncio
import json
from collections.abc import AsyncIterator, Mapping
from contextlib import AsyncExitStack, asynccontextmanager
from dataclasses import dataclass
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any

import httpx2
from ulid import ULID

from services.compose import compose
from services.core.model.attachment import AttachOpen, FinalHeard, Onset, Paused, TellRequest
from services.core.model.principal import Principal
from services.core.runtime import Runtime
from services.core.settings import Settings
from services.corrections.app import working
from services.corrections.worker import Hook
from services.gateway.app import serving
from services.gateway.realtime import routes as realtime
from services.stage.app import build as stage
from tests.waiting import until

WAIT_S = 20.0
CLOSED = ("applied", "conflicted", "dead")


@dataclass
class House:
    """What a test may touch."""

    http: httpx2.AsyncClient
    runtime: Runtime
    settings: Settings

    async def session(self, **fields: Any) -> str:
        """A new session with Mirelle."""
        answer = await self.http.post("/api/sessions", json={"title": "Night", "cast": ["mirelle"], "scene": "The inn", **fields})
        assert answer.status_code == 201, answer.text
        return str(answer.json()["id"])

    async def heard(self, sid: str, text: str) -> int:
        """Somebody says it by voice; its seq."""
        player = Principal(id="anna", role="player", name="Anna")
        utterance = str(ULID())
        _, stream, events = await self.runtime.stage().attach(AttachOpen(session=sid, principal=player, hears=False))
        try:
            for step in (Onset(utterance, manual=True), Paused(utterance), FinalHeard(utterance, text)):
                await stream.send(step)
            async with asyncio.timeout(WAIT_S):
                async for event in events:
                    if getattr(event, "kind", "") == "said" and event.body["utterance"] == utterance:  # type: ignore[union-attr]
                        return int(event.seq)  # type: ignore[union-attr]
        finally:
            stream.cancel()
        raise AssertionError("it was never said")

    async def correct(self, sid: str, **fields: Any) -> dict[str, Any]:
        """Accepted, whatever becomes of it."""
        answer = await self.http.post(f"/api/sessions/{sid}/corrections", json=fields)
        assert answer.status_code == 202, answer.text
        found: dict[str, Any] = answer.json()
        return found

    async def row(self, sid: str, cid: str) -> dict[str, Any]:
        """As the desk sees it."""
        answer = await self.http.get(f"/api/sessions/{sid}/corrections/{cid}")
        assert answer.status_code == 200, answer.text
        found: dict[str, Any] = answer.json()
        return found

    async def ended(self, sid: str, cid: str) -> dict[str, Any]:
        """When it is known what became of it."""

        async def closed() -> dict[str, Any] | None:
            row = await self.row(sid, cid)
            return row if row["state"] in CLOSED else None

        found: dict[str, Any] = await until(closed)
        return found

    async def done(self, sid: str, **fields: Any) -> dict[str, Any]:
        """Corrected, and applied."""
        row = await self.ended(sid, (await self.correct(sid, **fields))["id"])
        assert row["state"] == "applied", row
        return row

    async def enter(self, sid: str, slug: str) -> None:
        """Another character comes in."""
        await self.told(sid, "joined", json.dumps({"member": slug, "role": "character", "name": slug.title()}))

    async def told(self, sid: str, kind: str, body: str) -> None:
        """By another director, past the desk."""
        other = Principal(id="other", role="director", name="Other")
        await self.runtime.stage().tell(TellRequest(session=sid, principal=other, key=str(ULID()), kind=kind, body=body))

    async def facts(self, sid: str, kind: str = "") -> list[dict[str, Any]]:
        """Of the session, all of them, in order."""
        found: list[dict[str, Any]] = []
        while True:
            answer = await self.http.get(f"/api/sessions/{sid}/facts", params={"after": found[-1]["seq"] if found else 0})
            if not (items := answer.json()["items"]):
                return [fact for fact in found if not kind or fact["kind"] == kind]
            found += items


@asynccontextmanager
async def house(
    folder: Path,
    redis_url: str,
    bus: Mapping[str, Any],
    *,
    hook: Hook | None = None,
    services: tuple[str, ...] = ("stage", "corrections"),
    stage_settings: Mapping[str, Any] | None = None,
) -> AsyncIterator[House]:
    """A gateway that is up, with some of the services behind it."""
    async with AsyncExitStack() as stack:
        sockets = stack.enter_context(TemporaryDirectory(prefix="co-", dir="/tmp"))
        settings = Settings.model_validate(
            {
                "data_dir": str(folder),
                "runtime_dir": sockets,
                "redis": {"url": redis_url},
                "gateway": {"port": 0},
                "bus": dict(bus),
                "stage": dict(stage_settings or {}),
                "hearing": {"vad": "energy"},
                "offline": True,
            }
        )
        runtime = await stack.enter_async_context(compose(settings))
        if "stage" in services:
            await stack.enter_async_context(stage(runtime))
        if "corrections" in services:
            await stack.enter_async_context(working(runtime, hook))
        url = await stack.enter_async_context(serving(runtime, lambda edge: [realtime.router(edge)]))
        http = await stack.enter_async_context(httpx2.AsyncClient(base_url=url, timeout=20, trust_env=False))
        yield House(http, runtime, settings)
