"""A table that plays by text, with the summarizer behind it and a model whose behaviour is chosen by its name."""

from __future__ import annotations

import asyncio
import json
from collections.abc import AsyncIterator, Callable, Mapping
from contextlib import AsyncExitStack, asynccontextmanager
from dataclasses import dataclass, field
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any

import pytest
import pytest_asyncio

from services.__main__ import running
from services.core.clock import ManualClock, SystemClock
from services.core.model.attachment import AttachDown, AttachOpen, AttachUp, CastMember, OpenRequest, TellRequest, TextSaid
from services.core.model.desk import ActRequest
from services.core.model.fact import Fact, Kind
from services.core.model.principal import Principal
from services.core.rpc.client import StageClient, Stream, SummarizerClient
from services.core.runtime import Runtime
from services.core.settings import Settings
from services.transcript.log import TranscriptLog
from services.transcript.view import DIRECTOR, View, fold
from tests.making.openai_answer import OpenAiServer
from tests.making.openai_server import openai_server
from tests.waiting import until

ANN = Principal("local", "director", "Ann")
REPLIES = ["Come in. I owe you forty crowns, and I promise to pay before midnight.", "The silver key is under the third stone, but tell nobody."]


@dataclass(slots=True)
class Party:
    """A session and somebody who types in it."""

    sid: str
    stage: StageClient
    summarizer: SummarizerClient
    log: TranscriptLog
    server: OpenAiServer
    runtime: Runtime
    url: str = ""
    """Of the gateway, if it runs."""
    facts: list[Fact] = field(default_factory=list)
    _stream: Stream[AttachUp, AttachDown] | None = None
    _reader: asyncio.Task[None] | None = None
    _said: int = 0

    async def attach(self) -> None:
        """Sit down at the table, as its director who reads."""
        _, self._stream, events = await self.stage.attach(AttachOpen(session=self.sid, principal=ANN, hears=False))
        self._reader = asyncio.create_task(self._read(events))

    async def _read(self, events: AsyncIterator[AttachDown]) -> None:
        async for event in events:
            if isinstance(event, Fact):
                self.facts.append(event)

    async def say(self, text: str) -> float:
        """Type something and wait until it was answered; seconds from the words to the end of the line."""
        assert self._stream is not None
        self._said += 1
        seen = len(self.facts)
        loop = asyncio.get_running_loop()
        began = loop.time()
        await self._stream.send(TextSaid(f"m{self._said}", text))
        await self.until(lambda: any(fact.kind == Kind.LINE_CLOSED for fact in self.facts[seen:]), "an answer", every_s=0.001)
        return loop.time() - began

    async def until(self, condition: Callable[[], Any], what: str, *, timeout_s: float = 20.0, every_s: float = 0.02) -> Any:
        """Wait for a state."""
        return await until(condition, timeout_s, what, every_s)

    async def view(self) -> View:
        """As the director sees it now."""
        return fold(await self.log.read(self.sid), DIRECTOR)

    def of(self, kind: str) -> list[Fact]:
        """Facts of a kind."""
        return [fact for fact in self.facts if fact.kind == kind]

    async def tell(self, kind: str, body: str, key: str) -> int:
        """A director's act on the text."""
        return (await self.stage.tell(TellRequest(session=self.sid, principal=ANN, key=key, kind=kind, body=body))).seq

    async def act(self, kind: str, **fields: str) -> None:
        """A live act of the director's."""
        self._said += 1
        await self.stage.act(ActRequest(session=self.sid, principal=ANN, act=f"act{self._said}", kind=kind, **fields))

    async def leave(self) -> None:
        """Get up."""
        if self._stream is not None and self._reader is not None:
            self._stream.cancel()
            await asyncio.gather(self._reader, return_exceptions=True)


Tables = Callable[..., Any]
Later = Callable[[float], None]
_SERVICES = ("llm", "stage", "summarizer")


@pytest.fixture
def later(monkeypatch: pytest.MonkeyPatch) -> Later:
    """Moves the clock of every service forward, by so many seconds."""
    ahead, now, wall_ms = ManualClock(wall_ms=0), SystemClock.now, SystemClock.wall_ms
    monkeypatch.setattr(SystemClock, "now", lambda clock: now(clock) + ahead.now())
    monkeypatch.setattr(SystemClock, "wall_ms", lambda clock: wall_ms(clock) + ahead.wall_ms())
    return ahead.advance


@pytest_asyncio.fixture
async def tables(redis_server: str, redis: Any, tmp_path: Path) -> AsyncIterator[Tables]:
    """What opens a table, with settings of the summarizer and the behaviour of its models."""

    @asynccontextmanager
    async def opened(
        summarizer: Mapping[str, Any] | None = None,
        *,
        light: str = "",
        strong: str = "",
        play: str = "",
        names: tuple[str, ...] = _SERVICES,
        **opening: Any,
    ) -> AsyncIterator[Party]:
        async with AsyncExitStack() as stack:
            server = await stack.enter_async_context(openai_server())
            run_dir = Path(stack.enter_context(TemporaryDirectory(prefix="sm-", dir="/tmp")))
            engines: dict[str, Any] = {"scripted": {"replies": REPLIES}}
            for name, model in (("light", light), ("strong", strong), ("play", play)):
                if model:
                    engines[name] = {"kind": "openai", "base_url": server.base_url, "api_key": "k", "model": model}
            chosen = {name: [name] for name, model in (("light", light), ("strong", strong)) if model}
            settings = Settings.model_validate(
                {
                    "data_dir": tmp_path / "data",
                    "runtime_dir": run_dir,
                    "redis": {"url": redis_server},
                    "gateway": {"port": 0},
                    "llm": {"chain": ["play" if play else "scripted"], "engines": engines, "attempt_timeout_s": 2.0},
                    "summarizer": {"every_turns": 2, "timeout_s": 3.0, **chosen, **(summarizer or {})},
                }
            )
            runtime = await stack.enter_async_context(running(settings, names))
            stage = runtime.stage()
            note = run_dir / "gateway.json"
            url = json.loads(note.read_text())["url"] if note.exists() else ""
            cast = opening.pop("cast", (CastMember("mirelle", "Mirelle", '{"name": "Mirelle", "first_mes": "Yes?"}'),))
            sid = (await stage.open(OpenRequest(session="inn", cast=cast, scene_heading="INT. INN - NIGHT", **opening))).session
            party = Party(sid, stage, runtime.summarizer(), TranscriptLog(runtime.redis), server, runtime, url)
            await party.attach()
            stack.push_async_callback(party.leave)
            yield party

    yield opened
