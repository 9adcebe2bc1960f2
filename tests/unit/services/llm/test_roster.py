"""Which engines there are and in which order they are asked."""

from __future__ import annotations

from collections.abc import AsyncGenerator
from typing import Any

import pytest

from services.core.clock import SystemClock
from services.core.model.reply import ChatMessage, FellBack, ReplyOptions, Sentence
from services.core.settings import Settings
from services.llm.card import card_of
from services.llm.engine import EngineOptions, Ground, Piece, Prompt, Readiness, Token
from services.llm.fallback import Chain, Limits
from services.llm.lorebook import Book
from services.llm.prompt import Part, chat_prompt
from services.llm.reading import SentenceReader
from services.llm.roster import Roster
from services.llm.sentences.reader import SpeakableReader

NO_OLLAMA = {"ollama": {"base_url": "http://127.0.0.1:9"}}


async def chain(wanted: tuple[str, ...] = (), **tree: Any) -> list[str]:
    settings = Settings.model_validate(tree)
    roster = Roster(settings, SystemClock())
    await roster.refresh()
    return [slot.name for slot in roster.chain(wanted, settings)]


@pytest.mark.parametrize(
    ("tree", "expected"),
    [
        ({}, ["understudy"]),
        ({"openai_base_url": "http://127.0.0.1:9/v1"}, ["openai", "understudy"]),
        ({"openai_api_key": "k", "openai_model": "m"}, ["openai", "understudy"]),
        ({"llm": {"engines": {"groq": {"kind": "openai", "model": "m"}}}}, ["groq", "understudy"]),
        ({"llm": {"engines": {"groq": {"kind": "openai", "model": "m"}}, "chain": ["scripted", "auto"]}}, ["scripted", "groq", "understudy"]),
        ({"llm": {"chain": ["understudy", "scripted", "scripted", "no-such"]}}, ["scripted", "understudy"]),
    ],
)
async def test_the_understudy_closes_every_chain(tree: dict[str, Any], expected: list[str]) -> None:
    """Configured providers first, unknown names passed over, each once, the understudy last."""
    engines = {**NO_OLLAMA, **tree.get("llm", {}).get("engines", {})}
    assert await chain(**{**tree, "llm": {**tree.get("llm", {}), "engines": engines}}) == expected


async def test_a_turn_may_ask_for_its_own_engines() -> None:
    """The request's engines replace the configured chain, but for the understudy."""
    assert await chain(("scripted",), openai_api_key="k", openai_model="m") == ["scripted", "understudy"]


async def test_wrong_entries_are_shown_and_do_no_harm() -> None:
    """Wrong options, an unknown kind and a missing package leave an engine that is not ready, with its reason and without the value."""
    engines = {"a": {"kind": "openai", "base_url": "ftp://secret-host", "model": "m"}, "b": {"kind": "nonsense"}, "c": {"kind": "openai", "typo": 1}}
    settings = Settings.model_validate({"llm": {"engines": engines}})
    roster = Roster(settings, SystemClock())
    infos = {info.name: info for info in roster.describe()}
    assert not any(infos[name].ready for name in "abc")
    assert "base_url" in infos["a"].remark
    assert "secret-host" not in infos["a"].remark
    assert [slot.name for slot in roster.chain(("a", "b", "c"), settings)] == ["understudy"]


def test_one_vendor_with_two_keys_is_two_accounts() -> None:
    """Trouble with one key does not rest the other, and neither key is told."""
    engines = {name: {"kind": "openai", "model": "m", "api_key": key} for name, key in (("a", "k1"), ("b", "k1"), ("c", "k2"))}
    roster = Roster(Settings.model_validate({"llm": {"engines": engines}}), SystemClock())
    accounts = {name: roster.slots[name].engine.account for name in "abc"}
    assert accounts["a"] == accounts["b"] != accounts["c"]
    assert not any("k1" in account or "k2" in account for account in accounts.values())


class BrokenEngine:
    """Somebody's own engine, found by its import string, that breaks in ways nobody foresaw."""

    class Options(EngineOptions):
        at: str = "stream"

    generative = True
    account = ""

    def __init__(self, options: Options, ground: Ground) -> None:
        self._at = options.at

    async def open(self) -> None:
        if self._at == "open":
            raise KeyError("x")

    async def close(self) -> None:
        pass

    async def readiness(self) -> Readiness:
        if self._at == "readiness":
            raise OSError
        return Readiness(ready=True, model="broken")

    async def stream(self, prompt: Prompt) -> AsyncGenerator[Piece, None]:
        yield Token("Half a")
        raise ZeroDivisionError


@pytest.mark.parametrize(("at", "reason"), [("open", "not_available"), ("stream", "server_error"), ("readiness", "server_error")])
async def test_an_engine_that_breaks_is_replaced(at: str, reason: str) -> None:
    """An unforeseen error of one engine costs a fallback, not the reply, and does not hinder the closing of the others."""
    engines = {"own": {"kind": "tests.unit.services.llm.test_roster:BrokenEngine", "at": at}, **NO_OLLAMA}
    settings = Settings.model_validate({"llm": {"engines": engines, "chain": ["own"]}})
    clock = SystemClock()
    roster = Roster(settings, clock)
    await roster.refresh()
    await roster.warm(settings)
    prompt = chat_prompt(Part(card_of({"name": "M", "first_mes": "Come in."}), Book()), [ChatMessage("user", "Hi")], ReplyOptions())
    chain = Chain(clock)
    limits = Limits(attempt_s=2, reply_s=5)
    events = [event async for event in chain.run(roster.chain((), settings), prompt, lambda _: SentenceReader(SpeakableReader()), limits)]
    assert FellBack("own", "understudy", reason) in events
    assert [event.text for event in events if isinstance(event, Sentence)] == ["Come in."]
    await roster.close()
