"""What every LLM engine of the table keeps to, found through the table itself."""

from __future__ import annotations

import asyncio
import contextlib
from collections.abc import AsyncIterator
from pathlib import Path
from typing import Any, cast

import pytest
import pytest_asyncio
from pydantic import ValidationError

from services.core.errors import EngineMissing
from services.core.model.reply import ChatMessage, ReplyOptions
from services.core.registry import load
from services.llm.card import card_of
from services.llm.engine import Engine, EngineOptions, Finished, Ground, Piece, Prompt, Thought, Token, Usage
from services.llm.lorebook import Book
from services.llm.prompt import Part, chat_prompt
from services.llm.providers import ENGINES
from tests.making.openai_answer import OpenAiServer
from tests.making.openai_server import openai_server
from tests.making.tiny_gguf import make_tiny_gguf

PART = Part(card_of({"name": "Mirelle", "first_mes": "Come in and sit down."}), Book())
DEADLINE_S = 60.0


@pytest_asyncio.fixture
async def server() -> AsyncIterator[OpenAiServer]:
    """For the engines that call one."""
    async with openai_server() as running:
        running.reply = "A sentence of some words. " * 200
        yield running


@pytest_asyncio.fixture(params=sorted(ENGINES))
async def engine(request: pytest.FixtureRequest, server: OpenAiServer, tmp_path: Path) -> AsyncIterator[Engine]:
    """Each engine, open and able to answer."""
    options: dict[str, dict[str, Any]] = {
        "openai": {"base_url": server.base_url, "model": "slow:1", "api_key": "k"},
        "ollama": {"base_url": server.base_url.removesuffix("/v1"), "model": "slow:1"},
        "llama": {"path": tmp_path / "tiny.gguf", "context": 1024, "threads": 1},
        "scripted": {"replies": ["A sentence of some words. " * 200], "token_ms": 1},
        "understudy": {},
    }
    name = request.param
    assert name in options, f"say here how the contract tests open {name}"
    server.models = ["slow:1"]
    if name == "llama":
        pytest.importorskip("xllamacpp", reason="the package xllamacpp is not installed")
        make_tiny_gguf(tmp_path / "tiny.gguf")
    built = made(name, options[name], tmp_path)
    try:
        await built.open()
    except EngineMissing as missing:
        pytest.skip(missing.detail)
    try:
        yield built
    finally:
        await built.close()


def made(name: str, options: dict[str, Any], models: Path) -> Engine:
    cls = cast(type[Engine], load(name, ENGINES))
    return cls(cls.Options.model_validate(options), Ground(models=models))


def prompt(**options: Any) -> Prompt:
    return chat_prompt(PART, [ChatMessage("user", "Good evening!")], ReplyOptions(max_tokens=80, **options))


async def test_an_answer_is_pieces_and_an_end(engine: Engine) -> None:
    """Text comes in pieces, then exactly one end with a known reason; only the count of tokens may follow."""
    async with asyncio.timeout(DEADLINE_S), contextlib.aclosing(engine.stream(prompt())) as stream:
        pieces: list[Piece] = [piece async for piece in stream]
    assert all(isinstance(piece, Token | Thought | Usage | Finished) for piece in pieces)
    ends = [at for at, piece in enumerate(pieces) if isinstance(piece, Finished)]
    assert len(ends) == 1
    end = pieces[ends[0]]
    assert isinstance(end, Finished)
    assert end.reason in {"stop", "length", "content_filter"}
    assert all(isinstance(piece, Usage) for piece in pieces[ends[0] + 1 :])
    assert "".join(piece.text for piece in pieces if isinstance(piece, Token)).strip()


async def test_it_can_be_closed_in_the_middle_and_asked_again(engine: Engine) -> None:
    """Closing the stream ends it at once; the engine then answers the next one, and two at a time."""
    stream = engine.stream(prompt())
    await asyncio.wait_for(anext(stream), DEADLINE_S)
    await asyncio.wait_for(stream.aclose(), 5)

    async def first() -> Piece:
        async with contextlib.aclosing(engine.stream(prompt())) as again:
            return await anext(again)

    assert len(await asyncio.wait_for(asyncio.gather(first(), first()), DEADLINE_S)) == 2


async def test_it_says_what_it_is(engine: Engine) -> None:
    """Readiness, model and account are data; the account never shows a key."""
    readiness = await asyncio.wait_for(engine.readiness(), 2)
    assert readiness.ready
    assert readiness.model
    assert isinstance(engine.generative, bool)
    assert ":k" not in engine.account


@pytest.mark.parametrize("name", sorted(ENGINES))
def test_options_are_checked_and_shown(name: str, tmp_path: Path) -> None:
    """Every engine has a schema for the settings form, builds from defaults, and refuses what it does not know."""
    cls = cast(type[Engine], load(name, ENGINES))
    assert issubclass(cls.Options, EngineOptions)
    assert cls.Options.model_json_schema()["type"] == "object"
    made(name, {}, tmp_path)
    with pytest.raises(ValidationError):
        cls.Options.model_validate({"no_such_option": 1})


@pytest.mark.parametrize("name", ["openai", "ollama", "llama"])
async def test_what_is_absent_is_not_ready_and_says_why(name: str, tmp_path: Path) -> None:
    """Without a model, a server or a file the engine says what to do."""
    options = {"openai": {}, "ollama": {"base_url": "http://127.0.0.1:9"}, "llama": {}}[name]
    engine = made(name, options, tmp_path)
    readiness = await engine.readiness()
    assert not readiness.ready
    assert len(readiness.remark) > 10
