"""An utterance whose hearing dies: what is sent again, how often, and how long."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator
from typing import Any

import pytest

from services.core.clock import ManualClock
from services.core.errors import EngineFailed, EngineMissing, Overloaded, SouffleurError, Unavailable
from services.core.model.speech import Final, SttOpened, TranscribeOpen
from services.gateway.hearing.utterance import Limits, Lost, Utterance
from tests.waiting import until

PIECE = bytes(range(240)) * 8
"""60 ms, sent as soon as it is there."""


class _Call:
    """A hearing call in memory: fails after so much audio, or answers when the utterance has ended."""

    def __init__(self, error: SouffleurError | None, after: int) -> None:
        self.opening: TranscribeOpen | None = None
        self.audio = bytearray()
        self._error, self._after = error, after
        self._news = asyncio.Event()
        self._finished = False

    async def send(self, value: TranscribeOpen | bytes) -> None:
        if isinstance(value, TranscribeOpen):
            self.opening = value
        else:
            self.audio += value
        self._news.set()

    async def finish(self) -> None:
        self._finished = True
        self._news.set()

    async def __aiter__(self) -> AsyncIterator[Any]:
        while not (self._finished if self._error is None else len(self.audio) >= self._after):
            self._news.clear()
            await self._news.wait()
        if self._error is not None:
            raise self._error
        yield SttOpened("fake")
        yield Final("well", engine="fake")

    def cancel(self) -> None:
        self._news.set()


class _Recogniser:
    """Fails as often as it is told, then works."""

    def __init__(self, *errors: SouffleurError, after: int = 0) -> None:
        self.calls: list[_Call] = []
        self._errors, self._after = list(errors), after

    def transcribe(self, timeout_s: float) -> Any:
        self.calls.append(_Call(self._errors.pop(0) if self._errors else None, self._after))
        return self.calls[-1]


def _utterance(recogniser: _Recogniser, *, longest_s: float = 30, final_timeout_s: float = 5) -> Utterance:
    return Utterance(TranscribeOpen(utterance="U"), recogniser, Limits(longest_s=longest_s, final_timeout_s=final_timeout_s), ManualClock())


@pytest.mark.parametrize("error", [Unavailable(), Overloaded()])
async def test_service_that_is_away_for_some_time_hears_all_of_it_once(error: SouffleurError) -> None:
    """It dies in the middle and refuses two calls; whoever answers gets the whole utterance, what came meanwhile included, under the same id."""
    recogniser = _Recogniser(error, error, error, after=len(PIECE))
    utterance = _utterance(recogniser)
    running = asyncio.create_task(utterance.run())
    utterance.feed(PIECE)
    await until(lambda: len(recogniser.calls) == 2, every_s=0.001)
    utterance.feed(PIECE[::-1])
    await until(lambda: len(recogniser.calls) == 4)
    utterance.feed(PIECE)
    utterance.end()
    heard = await asyncio.wait_for(running, 5)
    assert isinstance(heard, Final)
    assert bytes(recogniser.calls[-1].audio) == PIECE + PIECE[::-1] + PIECE
    assert {call.opening for call in recogniser.calls} == {TranscribeOpen(utterance="U")}
    assert len(recogniser.calls) == 4


async def test_service_that_stays_away_loses_the_utterance_when_its_final_is_overdue() -> None:
    """While it goes on it is tried; after its end no longer than a final may take. The reason is why there was nobody."""
    recogniser = _Recogniser(*[Unavailable()] * 99)
    utterance = _utterance(recogniser, final_timeout_s=0.2)
    running = asyncio.create_task(utterance.run())
    utterance.feed(PIECE)
    await until(lambda: len(recogniser.calls) == 4)
    assert not running.done()
    utterance.end()
    assert await asyncio.wait_for(running, 5) == Lost("unavailable")
    assert len(recogniser.calls) <= 5


async def test_what_is_sent_again_is_bounded() -> None:
    """What is longer than an utterance may be is neither kept nor sent."""
    recogniser = _Recogniser(Unavailable())
    utterance = _utterance(recogniser, longest_s=0.06)
    running = asyncio.create_task(utterance.run())
    assert utterance.feed(PIECE)
    await until(lambda: len(recogniser.calls) == 2)
    assert not utterance.feed(PIECE)
    utterance.end()
    assert isinstance(await asyncio.wait_for(running, 5), Final)
    assert bytes(recogniser.calls[-1].audio) == PIECE


@pytest.mark.parametrize(("error", "calls"), [(EngineFailed(), 2), (EngineMissing(), 1)])
async def test_service_that_is_there_and_fails_is_not_asked_for_ever(error: SouffleurError, calls: int) -> None:
    """An engine that fails is asked once more, one that is missing is not."""
    recogniser = _Recogniser(*[error] * 9)
    assert await asyncio.wait_for(_utterance(recogniser).run(), 5) == Lost(error.code)
    assert len(recogniser.calls) == calls


async def test_utterance_given_up_while_nobody_is_there_ends_at_once() -> None:
    """It waits for no other attempt."""
    recogniser = _Recogniser(*[Unavailable()] * 99)
    utterance = _utterance(recogniser)
    running = asyncio.create_task(utterance.run())
    await until(lambda: len(recogniser.calls) == 3)
    utterance.drop()
    assert await asyncio.wait_for(running, 5) == Lost("dropped")
    assert len(recogniser.calls) == 3
