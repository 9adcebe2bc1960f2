"""The program under test, with everything around it that may fail."""

from __future__ import annotations

import asyncio
import json
import os
from collections.abc import AsyncIterator, Sequence
from contextlib import ExitStack, asynccontextmanager, suppress
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Final

import httpx2
import psutil

from services.compose import redis_client
from services.stage.backstage import LINE_SLACK_S
from services.transcript.archive import Archive
from services.transcript.store import Entry, entry_of, keys_of
from tests.acceptance.program import Program, running
from tests.acceptance.table import api, opened
from tests.chaos.closure import is_heard
from tests.chaos.evidence import Told
from tests.chaos.hooked.sitecustomize import FOLDER
from tests.chaos.proxy import Proxy, proxied
from tests.chaos.seat import UNDERSTOOD
from tests.making.openai_answer import OpenAiServer
from tests.making.openai_server import openai_server
from tests.rabbitmq_server import RabbitServer, running_rabbit
from tests.redis_server import RedisServer, running_redis

MISBEHAVIOURS: Final = (
    *("status:500", "status:429", "black-hole", "stall", "html", "rst:2", "cut:2", "bad-json", "empty", "drip", "long-line", "error-object"),
    *("repeated", "shuffled"),
)
"""Of a model's server, from list 3b."""
_REPLIES: Final = ["[joy] Come in. [neutral] The fire is warm.", "[fear] Did you hear that?", "The bridge is gone. You will have to wait."]
_LEASE_S: Final = 3.0
_HOOKED: Final = Path(__file__).parent / "hooked"
_REPLY_S: Final = 10.0
DEADLINE_S: Final = _REPLY_S + LINE_SLACK_S
"""Of a line."""


@dataclass(slots=True)
class Table:
    """One session, and the parts that can be hurt."""

    program: Program
    redis: RedisServer
    proxy: Proxy
    models: OpenAiServer
    broker: RabbitServer | None
    """What carries corrections; None = streams in the store."""
    session: str
    points: Path
    """Where a file makes a process die at the point that it is named after."""
    client: httpx2.AsyncClient
    """Of whoever asks whether the table is there."""

    @property
    def url(self) -> str:
        """Where everybody connects; the same whatever dies."""
        return self.program.url

    def child(self, service: str) -> psutil.Process | None:
        """The process of a service; None while there is none."""
        for child in psutil.Process(self.program.process.pid).children():
            with suppress(psutil.NoSuchProcess):
                command = child.cmdline()
                if "services" in command and command[-1] == service:
                    return child
        return None

    async def set_chain(self, engines: Sequence[str]) -> None:
        """Who answers from the next turn on."""
        async with api(self.url) as client:
            (await client.patch("/api/settings", json={"patch": {"llm": {"chain": list(engines)}}})).raise_for_status()

    async def answers(self, key: str, timeout_s: float) -> int:
        """Something is said now, and something of the line that answers it is heard: the seq of its end. 0 = not so."""
        message = {"text": "Are you there?", "message_id": key}
        with suppress(httpx2.HTTPError):
            path = f"/api/sessions/{self.session}/messages"
            answer = await self.client.post(path, json=message, headers={"Accept": "text/event-stream"}, timeout=timeout_s)
            events = [json.loads(line.removeprefix("data: ")) for line in answer.text.splitlines() if line.startswith("data: ")]
            return heard_in([Told.of(event) for event in events if "kind" in event], key) if answer.is_success else 0
        return 0


def heard_in(facts: Sequence[Told], utterance: str) -> int:
    """Among these facts are those words, a line that was opened for them, and its end, and something of it was heard: the seq of the end, else 0."""
    said = next((fact.seq for fact in facts if fact.kind == "said" and fact.body["utterance"] == utterance), 0)
    lines = {fact.body["line"] for fact in facts if fact.kind == "line_opened" and 0 < fact.body["turn"] <= said <= (fact.body.get("upto") or fact.seq)}
    return next((fact.seq for fact in facts if fact.kind == "line_closed" and fact.body["line"] in lines and is_heard(fact)), 0)


def engine_of(behaviour: str) -> str:
    """The name of the engine that behaves like that."""
    return behaviour.replace(":", "-")


@asynccontextmanager
async def table(folder: Path, *, brokered: bool) -> AsyncIterator[Table]:
    """Every service in a process of its own, a store behind a proxy, models on a server that can misbehave, and one session.

    `brokered`: corrections go through RabbitMQ; the test is skipped where that is not installed.
    """
    with ExitStack() as servers:
        redis = servers.enter_context(running_redis(fsync="always"))
        # It takes seconds to start.
        broker = await asyncio.to_thread(servers.enter_context, running_rabbit()) if brokered else None
        async with proxied(redis.socket) as (proxy, url), openai_server() as models:
            bad: dict[str, Any] = {engine_of(name): {"kind": "openai", "base_url": models.base_url, "api_key": name, "model": name} for name in MISBEHAVIOURS}
            settings = {
                "redis": {"url": url},
                "bus": {"url": broker.url if broker else ""},
                "stt": {"engine": "scripted", "engines": {"scripted": {"texts": [UNDERSTOOD]}}},
                "hearing": {"vad": "energy"},
                "tts": {"engine": "scripted"},
                "llm": {
                    "chain": ["scripted"],
                    "attempt_timeout_s": 1.0,
                    "reply_timeout_s": _REPLY_S,
                    "engines": {"scripted": {"replies": _REPLIES, "first_ms": 20, "token_ms": 5}, **bad},
                },
                "stage": {"lease_s": _LEASE_S},
            }
            points = folder / "points"
            points.mkdir(parents=True)
            environment = {FOLDER: str(points), "PYTHONPATH": os.pathsep.join(filter(None, (str(_HOOKED), os.environ.get("PYTHONPATH"))))}
            async with running(folder, settings, environment=environment, options=["--processes"]) as program, api(program.url) as client:
                yield Table(program, redis, proxy, models, broker, await opened(program.url, ["mirelle"]), points, client)


async def left(redis: RedisServer, data: Path, session: str) -> tuple[list[Entry], list[Entry]]:
    """What stands in the stream and in the archive, read past the program."""
    client = redis_client(redis.url)
    archive = await Archive.open(f"sqlite+aiosqlite:///{data / 'archive.sqlite3'}")
    try:
        # The archive first: what comes meanwhile stands in the stream alone.
        kept = await archive.entries(session)
        return [entry_of(item) for item in await client.xrange(keys_of(session).stream) or ()], kept
    finally:
        await archive.close()
        await client.aclose()
