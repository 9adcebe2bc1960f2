"""Answers in JSON as they are passed on: something that can be sent and read, and a second question that is bounded."""

from __future__ import annotations

import json
from collections.abc import AsyncGenerator, Callable, Sequence
from types import SimpleNamespace
from typing import Any

import pytest

from services.core.errors import EngineFailed
from services.core.model.reply import ChatMessage, Delta, ReplyEvent, ReplyFinished, ReplyOptions, ReplyStarted
from services.llm.engine import Prompt
from services.llm.prompt import bare_prompt
from services.llm.structured import structured

_SCHEMA = {"type": "object", "properties": {"mood": {"type": "string"}, "degree": {"type": "number"}}, "additionalProperties": False}
_SLOT: Any = SimpleNamespace(name="one", thinks=False, engine=SimpleNamespace(generative=True))


async def _answered(*answers: str) -> tuple[list[ReplyEvent], list[Prompt]]:
    """The events, and what the engine was asked."""
    asked: list[Prompt] = []

    async def run(slots: Sequence[Any], prompt: Prompt, reads: Callable[[Any], Any]) -> AsyncGenerator[ReplyEvent, None]:
        del slots, reads
        answer = answers[len(asked)]
        asked.append(prompt)
        yield ReplyStarted("one", "m")
        yield Delta(answer)
        yield ReplyFinished("stop", 1, 1)

    prompt = bare_prompt([ChatMessage("user", "How is she?")], ReplyOptions(speakable=False), _SCHEMA)
    events: list[ReplyEvent] = []
    try:
        async for event in structured(run, [_SLOT], prompt):
            events.append(event)  # noqa: PERF401 - those before an error are wanted
    except EngineFailed:
        pass
    return events, asked


def _text(events: Sequence[ReplyEvent]) -> str:
    return "".join(event.text for event in events if isinstance(event, Delta))


async def test_half_a_letter_can_be_sent() -> None:
    """A model may break off in the middle of an escaped emoji; the wire takes UTF-8 only."""
    events, _ = await _answered('{"mood": "glad \\ud83d"}')
    assert json.loads(_text(events).encode()) == {"mood": "glad ?"}


@pytest.mark.parametrize("number", ["NaN", "-Infinity", "1e999"])
async def test_a_number_that_is_none_is_asked_for_once_more(number: str) -> None:
    """Nobody behind us could read it."""
    events, asked = await _answered('{"degree": %s}' % number, '{"degree": 1e3}')  # noqa: UP031 - braces
    assert json.loads(_text(events)) == {"degree": 1000.0}
    assert len(asked) == 2


async def test_what_a_model_made_up_does_not_swell_the_second_question() -> None:
    """Neither its answer nor the name in it that does not fit."""
    _, asked = await _answered(json.dumps({"x" * 30_000: 1}), "{}")
    assert len(asked) == 2
    assert sum(len(message.content) for message in asked[1].messages) < 6_000
    assert asked[1].tokens < 3_000
