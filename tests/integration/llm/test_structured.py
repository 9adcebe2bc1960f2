"""Answers that must fit a schema, through the real service: the provider's own way, the ways around, the second chance, the price."""

from __future__ import annotations

import json
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from pathlib import Path
from typing import Any, Final

import pytest

from services.core.clock import SystemClock
from services.core.errors import EngineFailed, EngineMissing, InvalidRequest
from services.core.model.reply import ChatMessage, Delta, FellBack, ReplyEvent, ReplyFinished, ReplyOptions, ReplyRequest, ReplyStarted
from services.core.settings import Settings
from services.core.telemetry import COST, PURPOSE_TOKENS, TOKENS
from services.llm.folds import Folds
from services.llm.preparing import Preparing
from services.llm.replying import Replies
from services.llm.roster import Roster
from tests.integration.llm.conftest import engine
from tests.making.openai_answer import OpenAiServer
from tests.making.tiny_gguf import make_tiny_gguf

SCHEMA: Final = {"type": "object", "properties": {"mood": {"enum": ["glad", "sad"]}}, "required": ["mood"], "additionalProperties": False}
PATIENT_S: Final = 30.0


@asynccontextmanager
async def replies(engines: dict[str, dict[str, Any]], **llm: Any) -> AsyncIterator[Replies]:
    """The service's inside; no transcript is needed for stateless requests."""
    settings = Settings.model_validate({"llm": {"engines": engines, "chain": list(engines), "attempt_timeout_s": PATIENT_S, **llm}})
    roster = Roster(settings, SystemClock())
    await roster.refresh()

    async def past() -> Any:
        raise AssertionError("no transcript is read")

    log: Any = None
    try:
        yield Replies(Preparing(Folds(log, past)), roster, lambda: settings, SystemClock())
    finally:
        await roster.close()


def question(schema: object = SCHEMA, **options: Any) -> ReplyRequest:
    return ReplyRequest(
        messages=(ChatMessage("system", "You judge moods."), ChatMessage("user", "How is she?")),
        options=ReplyOptions(speakable=False, json_schema=json.dumps(schema), purpose="advice", **options),
    )


async def asked(play: Replies, request: ReplyRequest) -> list[ReplyEvent]:
    return [event async for event in play.reply(request)]


def answer(events: list[ReplyEvent]) -> Any:
    return json.loads("".join(event.text for event in events if isinstance(event, Delta)))


async def test_the_provider_is_bound_to_the_schema(server: OpenAiServer) -> None:
    """In its own way, without a word about it in the prompt and without a character; the price and the tokens stand in the end and in the metrics."""
    server.reply = '{"mood": "glad"}'
    before = PURPOSE_TOKENS.labels("out", "advice")._value.get(), TOKENS.labels("in", "one", "good")._value.get(), COST.labels("one", "good")._value.get()
    async with replies({"one": engine(server, "good")}, prices={"good": (2.0, 10.0)}) as play:
        events = await asked(play, question())
    assert answer(events) == {"mood": "glad"}
    body = server.calls[0].body
    assert body["response_format"] == {"type": "json_schema", "json_schema": {"name": "answer", "schema": SCHEMA, "strict": True}}
    assert body["messages"] == [{"role": "system", "content": "You judge moods."}, {"role": "user", "content": "How is she?"}]
    end = events[-1]
    assert isinstance(end, ReplyFinished)
    assert (end.prompt_tokens, end.completion_tokens, end.estimated) == (11, 22, False)
    assert end.cost == pytest.approx((11 * 2 + 22 * 10) / 1e6)
    after = PURPOSE_TOKENS.labels("out", "advice")._value.get(), TOKENS.labels("in", "one", "good")._value.get(), COST.labels("one", "good")._value.get()
    assert [new - old for new, old in zip(after, before, strict=True)] == [22, 11, pytest.approx(end.cost)]


@pytest.mark.parametrize(("model", "formats"), [("no-schema", ["json_schema", "json_object"]), ("no-schema:any", ["json_schema", "json_object", None])])
async def test_a_provider_that_cannot_is_asked_in_words(server: OpenAiServer, model: str, formats: list[str | None]) -> None:
    """Step by step down to plain text, the schema in the prompt; what it refused by name is not tried again."""
    server.reply = 'Of course:\n```json\n{"mood": "sad"}\n```'
    async with replies({"one": engine(server, model)}) as play:
        assert answer(await asked(play, question())) == {"mood": "sad"}
        first = [(call.body.get("response_format") or {}).get("type") for call in server.calls]
        assert first == formats
        assert '"enum"' in server.calls[-1].body["messages"][0]["content"]
        await asked(play, question())
    again = [(call.body.get("response_format") or {}).get("type") for call in server.calls[len(first) :]]
    assert again == (formats if model.endswith("any") else formats[1:])


async def test_a_wrong_answer_is_asked_for_once_more(server: OpenAiServer) -> None:
    """The model sees what was wrong; both answers are counted."""
    server.reply = '{"mood": "glad"}'
    async with replies({"one": engine(server, "second-thoughts:1")}) as play:
        events = await asked(play, question())
    assert answer(events) == {"mood": "glad"}
    assert len(server.calls) == 2
    last = server.calls[1].body["messages"]
    assert [message["role"] for message in last] == ["system", "user", "assistant", "user"]
    assert "mood must be one of" in last[-1]["content"]
    end = events[-1]
    assert isinstance(end, ReplyFinished)
    assert (end.prompt_tokens, end.completion_tokens) == (22, 44)


async def test_after_two_wrong_answers_the_next_engine_is_asked(server: OpenAiServer) -> None:
    """And if there is none, the request fails; the understudy never answers in JSON."""
    server.reply = '{"mood": "glad"}'
    async with replies({"one": engine(server, "second-thoughts:99"), "two": engine(server, "good")}) as play:
        events = await asked(play, question())
        assert [event for event in events if isinstance(event, FellBack)] == [FellBack("one", "two", "does_not_fit")]
        assert answer(events) == {"mood": "glad"}
        assert [event.engine for event in events if isinstance(event, ReplyStarted)] == ["two"]
        with pytest.raises(EngineFailed):
            await asked(play, question(engines=("one",)))
    async with replies({"understudy": {}}) as play:
        with pytest.raises(EngineMissing):
            await asked(play, question())
        with pytest.raises(EngineMissing):
            await asked(play, ReplyRequest(messages=(ChatMessage("user", "x"),), options=ReplyOptions(speakable=False, purpose="summary")))


@pytest.mark.parametrize(("engines", "times"), [(("one",), 2), (("one", "two"), 4), (("one", "gone"), 2)])
async def test_what_failed_was_paid_for_too(server: OpenAiServer, engines: tuple[str, ...], times: int) -> None:
    """Every engine is asked twice before the error comes; in front of it stands what that took, and the metrics count it."""
    server.reply = '{"mood": "glad"}'
    before = TOKENS.labels("in", "one", "second-thoughts:99")._value.get(), PURPOSE_TOKENS.labels("in", "advice")._value.get()
    known = {"one": engine(server, "second-thoughts:99"), "two": engine(server, "second-thoughts:98"), "gone": engine(server, "status:500")}
    events: list[ReplyEvent] = []

    async def kept(play: Replies) -> None:
        async for event in play.reply(question(engines=engines)):
            events.append(event)  # noqa: PERF401 - those before the error are wanted

    async with replies(known) as play:
        with pytest.raises(EngineFailed):
            await kept(play)
    end = events[-1]
    assert isinstance(end, ReplyFinished)
    assert (end.prompt_tokens, end.completion_tokens) == (11 * times, 22 * times)
    assert not [event for event in events if isinstance(event, ReplyStarted | Delta)]
    assert PURPOSE_TOKENS.labels("in", "advice")._value.get() == before[1] + 11 * times
    if "two" not in engines:
        assert TOKENS.labels("in", "one", "second-thoughts:99")._value.get() == before[0] + 11 * times


async def test_a_schema_is_for_stateless_chat(server: OpenAiServer) -> None:
    """In a session, or where the answer is spoken, it is refused; so is one that is none."""
    async with replies({"one": engine(server, "good")}) as play:
        for request in (
            ReplyRequest(session="s", character="m", options=ReplyOptions(json_schema="{}", speakable=False)),
            ReplyRequest(card='{"name": "M"}', options=ReplyOptions(json_schema="{}")),
            question([]),
        ):
            with pytest.raises(InvalidRequest):
                await asked(play, request)
    assert server.calls == []


async def test_tokens_that_nobody_counted_are_estimated(server: OpenAiServer) -> None:
    """And marked so; the price follows the estimate."""
    server.reply = "A long and plain answer of some words."
    async with replies({"one": engine(server, "whole")}, prices={"whole": (1.0, 1.0)}) as play:
        events = await asked(play, ReplyRequest(messages=(ChatMessage("user", "Hello there"),), options=ReplyOptions(speakable=False, purpose="summary")))
    end = events[-1]
    assert isinstance(end, ReplyFinished)
    assert end.estimated
    assert end.completion_tokens >= 8
    assert end.prompt_tokens >= 3
    assert end.cost == pytest.approx((end.prompt_tokens + end.completion_tokens) / 1e6)


async def test_llama_is_bound_by_its_grammar(tmp_path: Path) -> None:
    """A model of random weights cannot answer with anything but what the schema allows."""
    pytest.importorskip("xllamacpp", reason="the package xllamacpp is not installed")
    make_tiny_gguf(tmp_path / "tiny.gguf")
    async with replies({"llama": {"path": str(tmp_path / "tiny.gguf"), "context": 1024, "threads": 1}}) as play:
        events = await asked(play, question(max_tokens=60))
    assert answer(events)["mood"] in {"glad", "sad"}
    assert len([event for event in events if isinstance(event, FellBack)]) == 0
