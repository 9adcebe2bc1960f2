"""Lines that take long: because there is much to say, or because somebody does not answer."""

from __future__ import annotations

import asyncio

import pytest

from services.core.model.fact import Kind
from services.core.settings import LlmSettings, Settings
from tests.unit.services.stage.direction import type_in
from tests.unit.services.stage.table import Mind, table

_WORDS = [f"Number {number}." for number in range(8)]


def _soon(monkeypatch: pytest.MonkeyPatch) -> Settings:
    monkeypatch.setattr("services.stage.backstage.LINE_SLACK_S", 0.5)
    return Settings(llm=LlmSettings(reply_timeout_s=0.3))


async def test_much_to_say_is_said(monkeypatch: pytest.MonkeyPatch) -> None:
    """Its sound alone lasts for several times as long as a silence might."""
    async with table(mind=Mind(list(_WORDS)), settings=_soon(monkeypatch), ms_per_char=25.0) as at:
        ann = await at.sit("Ann")
        await type_in(at, ann)
        closed = await at.closed()
        assert (closed["state"], closed["last_seq"]) == ("heard", [fact.seq for fact in at.log.facts if fact.kind == Kind.SENTENCE][-1])


async def test_not_for_ever(monkeypatch: pytest.MonkeyPatch) -> None:
    """Sound without an end is ended."""
    settings = _soon(monkeypatch)
    monkeypatch.setattr("services.stage.conductor.LINE_LONGEST_S", 0.9)
    async with table(mind=Mind(list(_WORDS)), settings=settings, ms_per_char=25.0) as at:
        ann = await at.sit("Ann")
        await type_in(at, ann)
        closed = await at.closed()
        assert (closed["state"], closed["reason"]) == ("cut", "deadline_exceeded")


async def test_whoever_does_not_answer_is_waited_for_no_longer_than_before(monkeypatch: pytest.MonkeyPatch) -> None:
    """Nothing of it is heard."""
    async with table(mind=Mind(gate=asyncio.Event()), settings=_soon(monkeypatch)) as at:
        ann = await at.sit("Ann")
        await type_in(at, ann)
        assert (await at.closed())["state"] == "aborted"
