"""Who counts what a reply took: the stage its turns, the roleplay service everything else; nobody counts twice and nothing goes uncounted."""

from __future__ import annotations

from typing import Any

import pytest

from services.core.clock import SystemClock
from services.core.model.reply import ReplyFinished, ReplyOptions, ReplyRequest
from services.core.settings import Settings
from services.core.telemetry import COST, PURPOSE_TOKENS, TOKENS
from services.llm.folds import Folds
from services.llm.preparing import Preparing
from services.llm.replying import Replies
from services.llm.roster import Roster
from tests.unit.services.llm.test_recalling import Source

_SETTINGS = {"llm": {"chain": ["played"], "engines": {"played": {"kind": "scripted", "replies": ["The bell is gone."]}}, "prices": {"scripted": (2.0, 10.0)}}}


def _of(metric: Any, **labels: str) -> float:
    samples = [sample for found in metric.collect() for sample in found.samples if sample.name.endswith("_total")]
    return float(sum(sample.value for sample in samples if labels.items() <= sample.labels.items()))


async def _end(purpose: str) -> ReplyFinished:
    settings = Settings.model_validate(_SETTINGS)
    roster = Roster(settings, SystemClock())
    await roster.refresh()

    async def past() -> Source:
        return Source()

    replies = Replies(Preparing(Folds(Source(), past)), roster, lambda: settings, SystemClock())
    try:
        events = [event async for event in replies.reply(ReplyRequest(session="s", base_seq=4, character="mirelle", options=ReplyOptions(purpose=purpose)))]
    finally:
        await roster.close()
    assert isinstance(events[-1], ReplyFinished)
    assert events[-1].completion_tokens
    return events[-1]


@pytest.mark.parametrize(("purpose", "counted"), [("roleplay", False), ("rehearsal", True)])
async def test_a_rehearsal_is_counted_here_and_a_turn_by_its_stage(purpose: str, counted: bool) -> None:  # noqa: FBT001 - a case
    """By purpose both are: of no turn does anybody else know what it was for."""
    model = {"provider": "played", "model": "scripted"}

    def counts() -> list[float]:
        return [
            *(_of(TOKENS, direction=direction, **model) for direction in ("in", "out")),
            _of(COST, **model),
            *(_of(PURPOSE_TOKENS, direction=direction, purpose=purpose) for direction in ("in", "out")),
        ]

    before = counts()
    end = await _end(purpose)
    grown = [new - old for new, old in zip(counts(), before, strict=True)]
    took = [end.prompt_tokens, end.completion_tokens]
    assert end.cost > 0
    assert grown == pytest.approx([*(took if counted else [0, 0]), end.cost if counted else 0, *took])
