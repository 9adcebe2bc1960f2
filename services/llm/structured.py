"""Answers that must fit a JSON Schema: asked for in the provider's own way, checked here, and asked for once more where they do not fit."""

from __future__ import annotations

import contextlib
import json
import math
from collections.abc import AsyncGenerator, Callable, Mapping, Sequence
from dataclasses import dataclass, field, replace
from typing import Any, Final

from services.core.errors import EngineFailed, EngineMissing, SouffleurError
from services.core.model.reply import ChatMessage, Delta, FellBack, ReplyEvent, ReplyFinished, ReplyStarted
from services.llm.engine import Prompt
from services.llm.reading import DeltaReader, Reader
from services.llm.roster import Slot
from services.llm.schema import instruction, misfit
from services.llm.tokens import MESSAGE_TOKENS, estimate

_ATTEMPTS: Final = 2
_SHOWN: Final = 4_000
"""Characters of a wrong answer that the model is shown again."""
_FAULT: Final = 600
"""Of what is wrong with it, which may name what the model has made up."""
MISFIT: Final = "does_not_fit"
"""`FellBack.reason` of an engine that answered twice with something else than was asked for."""


Run = Callable[[Sequence[Slot], Prompt, Callable[[Slot], Reader]], AsyncGenerator[ReplyEvent, None]]
"""Asks a chain of engines."""


@dataclass(slots=True)
class _Answer:
    """One engine's answer, whole."""

    started: ReplyStarted | None = None
    finished: ReplyFinished | None = None
    texts: list[str] = field(default_factory=list)

    @property
    def text(self) -> str:
        return "".join(self.texts)


async def structured(run: Run, slots: Sequence[Slot], prompt: Prompt) -> AsyncGenerator[ReplyEvent, None]:
    """One reply whose only delta is a JSON text that fits `prompt.schema`. Engines that fail, or answer twice with something else, are passed over.

    An error comes behind a `ReplyFinished` with what was spent until then, if anything was.

    Raises:
        EngineMissing: no model can be asked.
        EngineFailed: none gave what was asked for.
    """
    queue = [slot for slot in slots if slot.engine.generative]
    if not queue:
        raise EngineMissing("no language model is configured that could answer in JSON")
    spent: list[ReplyFinished] = []
    try:
        async with contextlib.aclosing(_asked(run, queue, prompt, spent)) as events:
            async for event in events:
                yield event
    except SouffleurError:
        if spent:
            yield _total(spent)
        raise


async def _asked(run: Run, queue: list[Slot], prompt: Prompt, spent: list[ReplyFinished]) -> AsyncGenerator[ReplyEvent, None]:
    while queue:
        asked, ready = list(queue), prompt
        for attempt in range(_ATTEMPTS):
            answer = _Answer()
            async with contextlib.aclosing(run(asked, ready, lambda slot: DeltaReader(thinking=slot.thinks))) as events:
                async for event in events:
                    if isinstance(event, FellBack):
                        yield event
                    _note(answer, event)
            if answer.started is None or answer.finished is None:
                raise EngineFailed("the language engine ended without an answer")
            spent.append(answer.finished)
            value, fault = _judged(answer, prompt.schema or {})
            if not fault:
                yield answer.started
                yield Delta(_written(value))
                yield _total(spent)
                return
            used = next(at for at, slot in enumerate(queue) if slot.name == answer.started.engine)
            asked, ready = queue[used:], _corrected(prompt, answer.text, fault)
            if attempt == _ATTEMPTS - 1:
                queue = queue[used + 1 :]
                if queue:
                    yield FellBack(answer.started.engine, queue[0].name, MISFIT)
    raise EngineFailed("no language model gave an answer that fits the schema")


def _note(answer: _Answer, event: ReplyEvent) -> None:
    if isinstance(event, ReplyStarted):
        answer.started = event
    elif isinstance(event, Delta):
        answer.texts.append(event.text)
    elif isinstance(event, ReplyFinished):
        answer.finished = event


def _judged(answer: _Answer, schema: Mapping[str, Any]) -> tuple[Any, str]:
    """The value in the answer, and what is wrong with it."""
    value = json_in(answer.text)
    if value is None:
        cut = answer.finished is not None and answer.finished.reason in {"length", "truncated"}
        return None, "the answer broke off before its end" if cut else "there is no JSON object in it"
    return value, misfit(value, schema)


def json_in(text: str) -> dict[str, Any] | None:
    """The JSON object in an answer, whatever a model has put around it; None if there is none."""
    start = text.find("{")
    decoder = json.JSONDecoder(parse_constant=_refused, parse_float=_finite)
    for _ in range(16):
        if start < 0:
            return None
        try:
            value, _end = decoder.raw_decode(text, start)
        except (ValueError, RecursionError):
            start = text.find("{", start + 1)
            continue
        return value if isinstance(value, dict) else None
    return None


def _finite(digits: str) -> float:
    if not math.isfinite(value := float(digits)):
        _refused(digits)
    return value


def _refused(name: str) -> None:
    raise ValueError(f"{name} is not JSON")


def _written(value: Any) -> str:
    """As it can be sent: half of a surrogate pair, which a model may well write as an escape, is no character."""
    return json.dumps(value, ensure_ascii=False).encode("utf-8", "replace").decode()


def _corrected(prompt: Prompt, text: str, fault: str) -> Prompt:
    """The same question, with the answer that did not fit and what is wrong with it."""
    more = (
        ChatMessage("assistant", text[:_SHOWN] or "{}"),
        ChatMessage("user", f"That does not fit: {fault[:_FAULT]}. {instruction(prompt.schema or {})}"),
    )
    messages = (*prompt.messages, *more)
    return replace(prompt, messages=messages, tokens=prompt.tokens + sum(estimate(item.content) + MESSAGE_TOKENS for item in more))


def _total(spent: Sequence[ReplyFinished]) -> ReplyFinished:
    """The last end, with what all of them took."""
    return replace(
        spent[-1],
        prompt_tokens=sum(item.prompt_tokens for item in spent),
        completion_tokens=sum(item.completion_tokens for item in spent),
        estimated=any(item.estimated for item in spent),
        cost=sum(item.cost for item in spent),
    )
