"""A scripted OpenAI-compatible server, and the chain of engines in front of it."""

from __future__ import annotations

import contextlib
from collections.abc import AsyncIterator, Sequence
from dataclasses import dataclass
from typing import Any

import pytest_asyncio

from services.core.clock import SystemClock
from services.core.model.reply import ChatMessage, Delta, ReplyEvent, ReplyOptions, Sentence
from services.core.settings import Settings
from services.llm.card import card_of
from services.llm.engine import Prompt
from services.llm.fallback import Chain, Limits
from services.llm.lorebook import Book
from services.llm.prompt import Part, chat_prompt
from services.llm.reading import DeltaReader, SentenceReader
from services.llm.roster import Roster, Slot
from services.llm.sentences.reader import SpeakableReader
from tests.making.openai_answer import OpenAiServer
from tests.making.openai_server import openai_server

CARD = card_of({"name": "Mirelle", "description": "Mirelle keeps the inn.", "first_mes": "[joy] Come in and shut the door. Sit by the fire."})


@pytest_asyncio.fixture
async def server() -> AsyncIterator[OpenAiServer]:
    """The scripted server."""
    async with openai_server() as running:
        yield running


@dataclass(slots=True)
class House:
    """A chain of engines with short patience."""

    roster: Roster
    chain: Chain
    settings: Settings

    async def play(
        self, wanted: Sequence[str] = (), *, raw: bool = False, attempt_s: float = 1.5, idle_s: float = 1.5, reply_s: float = 5.0
    ) -> list[ReplyEvent]:
        """Every event of one reply."""
        async with contextlib.aclosing(self.events(wanted, raw=raw, attempt_s=attempt_s, idle_s=idle_s, reply_s=reply_s)) as events:
            return [event async for event in events]

    def events(self, wanted: Sequence[str] = (), *, raw: bool = False, attempt_s: float = 1.5, idle_s: float = 1.5, reply_s: float = 5.0) -> Any:
        """The events as they come."""
        limits = Limits(attempt_s=attempt_s, reply_s=reply_s, idle_s=idle_s)

        def reader(slot: Slot) -> Any:
            return DeltaReader() if raw else SentenceReader(SpeakableReader(["Mirelle"], ["Player"]))

        return self.chain.run(self.roster.chain(wanted, self.settings), prompt(), reader, limits)


def prompt() -> Prompt:
    """A small one."""
    return chat_prompt(Part(CARD, Book()), [ChatMessage("user", "Good evening!")], ReplyOptions(temperature=0.8, max_tokens=60))


@contextlib.asynccontextmanager
async def house(engines: dict[str, dict[str, Any]], chain: tuple[str, ...] = ("auto",)) -> AsyncIterator[House]:
    """A chain over these engines; the understudy is always behind them."""
    settings = Settings.model_validate({"llm": {"engines": engines, "chain": chain}})
    clock = SystemClock()
    roster = Roster(settings, clock)
    await roster.refresh()
    try:
        yield House(roster, Chain(clock), settings)
    finally:
        await roster.close()


def engine(server: OpenAiServer, model: str, **more: Any) -> dict[str, Any]:
    """An entry of the engine table that leads to this behaviour."""
    return {"kind": "openai", "base_url": server.base_url, "model": model, **more}


def spoken(events: Sequence[ReplyEvent]) -> str:
    """All sentences as one text."""
    return " ".join(event.text for event in events if isinstance(event, Sentence))


def raw_text(events: Sequence[ReplyEvent]) -> str:
    """All deltas as one text."""
    return "".join(event.text for event in events if isinstance(event, Delta))
