"""Tokens, macros, cards, cooldowns, the relay and the folds."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncGenerator
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from services.core.clock import ManualClock
from services.core.errors import NotFound, Unavailable
from services.core.model.fact import Author, Fact
from services.core.model.facts import Joined, Said, fields_of, kind_of
from services.core.model.reply import Delta, ReplyEvent, ReplyFinished, ReplyStarted
from services.llm.card import card_of
from services.llm.cooldown import Cooldowns
from services.llm.engine import EngineTrouble, Reason
from services.llm.folds import Folds
from services.llm.macros import Macros
from services.llm.reading import DeltaReader
from services.llm.relay import coalesced
from services.llm.tokens import estimate, truncated
from services.transcript.view import SaidEntry


@pytest.mark.parametrize(
    ("text", "least"), [("", 0), ("Hello there, traveller.", 5), ("Здравствуй, путник, садись.", 9), ("你好，旅人，请坐。", 9), ("😀😀😀", 3)]
)
def test_estimates_are_on_the_safe_side(text: str, least: int) -> None:
    """Never fewer tokens than common vocabularies need, nor absurdly many."""
    assert least <= estimate(text) <= max(1, 2 * len(text))


@given(st.text(), st.integers(0, 60))
def test_truncated_text_fits(text: str, tokens: int) -> None:
    """A shortened text costs no more than it may, and is a beginning."""
    short = truncated(text, tokens)
    assert estimate(short) <= tokens
    assert text.startswith(short.removesuffix("…").rstrip())


def test_macros() -> None:
    """Case does not matter, unknown macros stay, comments go, chance is by the seed."""
    macros = Macros(char="Mira", user="Anna", original="OURS", seed=3)
    assert macros.expand("{{CHAR}} <bot> {{User}} <USER> {{original}} {{unknown}}") == "Mira Mira Anna Anna OURS {{unknown}}"
    assert macros.expand("a{{// secret}}b{{comment: x}}c{{hidden_key:y}}d{{reverse:ab}}") == "abcdba"
    assert macros.expand("{{reverse:{{user}}}}") == "annA"
    assert macros.expand(r"{{random:x\,y}}") == "x,y"
    assert macros.expand("{{random::p::p}}") == "p"
    assert 1 <= int(macros.expand("{{roll:d6}}")) <= 6
    assert macros.expand("{{roll:many}}") == ""
    assert Macros(char="", user="", seed=3).expand("{{pick:a,b,c}}") == Macros(char="", user="", seed=3).expand("{{pick:a,b,c}}")


def test_a_card_of_wrong_types_is_an_empty_one() -> None:
    """Nothing a stranger writes into a card raises."""
    card = card_of({"name": 5, "description": ["x"], "alternate_greetings": "x", "extensions": [], "character_book": 3, "first_mes": None}, "fallback")
    assert (card.called, card.description, card.greetings, card.book) == ("fallback", "", (), {})


def test_cooldowns_grow_and_end() -> None:
    """Trouble doubles the rest, Retry-After sets it, an answer ends it; auth trouble is the account's."""
    clock = ManualClock()
    rests = Cooldowns(clock)
    for wait in (5, 10, 20):
        rests.note("a", "acc", EngineTrouble(Reason.SERVER))
        clock.advance(wait - 0.1)
        assert rests.resting("a", "acc") is Reason.SERVER
        clock.advance(0.2)
        assert rests.resting("a", "acc") is None
    rests.note("a", "acc", EngineTrouble(Reason.RATE_LIMITED, retry_after_s=99_999))
    clock.advance(3599)
    assert rests.resting("a", "acc") is Reason.RATE_LIMITED
    clock.advance(2)
    assert rests.resting("a", "acc") is None
    rests.note("a", "acc", EngineTrouble(Reason.AUTH))
    assert rests.resting("b", "acc") is Reason.AUTH
    assert rests.resting("b", "other") is None
    rests.clear("b", "acc")
    assert rests.resting("a", "acc") is None
    for reason in (Reason.EMPTY, Reason.REQUEST, Reason.FILTERED, Reason.MISSING):
        rests.note("a", "acc", EngineTrouble(reason))
        assert rests.resting("a", "acc") is None


async def test_the_first_delta_goes_at_once_and_later_ones_together() -> None:
    """Token by token in, a delta every few milliseconds out, nothing lost, other events in their place."""
    first = asyncio.Event()

    async def source() -> AsyncGenerator[ReplyEvent, None]:
        yield ReplyStarted("e", "m")
        for number in range(200):
            yield Delta(f"{number} ")
            if number == 0:
                await first.wait()
            elif number % 10 == 0:
                await asyncio.sleep(0)
        yield ReplyFinished("stop")

    events: list[ReplyEvent] = []
    async with asyncio.timeout(5):
        async for event in coalesced(source()):
            events.append(event)
            if isinstance(event, Delta):
                first.set()
    assert isinstance(events[0], ReplyStarted)
    assert events[1] == Delta("0 ")
    assert isinstance(events[-1], ReplyFinished)
    deltas = [event for event in events if isinstance(event, Delta)]
    assert "".join(delta.text for delta in deltas) == "".join(f"{number} " for number in range(200))
    assert len(deltas) < 20


async def test_the_relay_passes_errors_and_closing_on() -> None:
    """An error comes after what came before it; closing the relay closes its source."""
    closed = asyncio.Event()

    async def source(fail: bool) -> AsyncGenerator[ReplyEvent, None]:  # noqa: FBT001
        try:
            yield Delta("a")
            if fail:
                raise EngineTrouble(Reason.SERVER)
            await asyncio.Event().wait()
        finally:
            closed.set()

    failing = coalesced(source(fail=True))
    assert await anext(failing) == Delta("a")
    with pytest.raises(EngineTrouble):
        await anext(failing)
    closed.clear()
    events = coalesced(source(fail=False))
    assert await anext(events) == Delta("a")
    await events.aclose()
    assert closed.is_set()


def test_raw_deltas_lose_the_thinking_alone() -> None:
    """Markdown, marks and blank lines inside are the client's business."""
    reader = DeltaReader()
    events = [event for piece in ("<th", "ink>no</think>", "\n\n**Hi**", " [joy]\n\n- x <", "b>") for event in reader.feed(piece)] + reader.finish()
    assert "".join(event.text for event in events if isinstance(event, Delta)) == "**Hi** [joy]\n\n- x <b>"


class Log:
    """Facts in memory; counts what is read."""

    def __init__(self, facts: list[Fact], trimmed: int = 0) -> None:
        self.facts = facts
        self.trimmed = trimmed
        self.reads: list[tuple[int, int | None]] = []

    async def read(self, sid: str, after: int = 0, upto: int | None = None, limit: int | None = None) -> list[Fact]:
        self.reads.append((after, upto))
        if after < self.trimmed:
            raise NotFound("only in the archive")
        found = [fact for fact in self.facts if fact.seq > after and (upto is None or fact.seq <= upto)]
        return found if limit is None else found[:limit]


def _facts(count: int) -> list[Fact]:
    bodies: list[Any] = [Joined(member="m", role="character", name="M")] + [Said(utterance=f"u{at}", text=f"t{at}") for at in range(1, count)]
    return [Fact(seq=at + 1, kind=kind_of(body), at_ms=0, by=Author("player", "p"), body=fields_of(body)) for at, body in enumerate(bodies)]


async def test_folds_read_only_what_is_new() -> None:
    """The next reply reads the facts since the last one; an older base is folded anew and does not spoil the newer view."""
    log = Log(_facts(20))
    past = Log([])
    folds = Folds(log, lambda: _past(past))
    assert (await folds.at("s", "m", 10)).seq == 10
    assert (await folds.at("s", "m", 15)).seq == 15
    assert (await folds.at("s", "m", 15)).seq == 15
    assert (await folds.at("s", "m", 12)).seq == 12
    assert (await folds.at("s", "m", 16)).seq == 16
    assert log.reads == [(0, 10), (10, 15), (0, 12), (15, 16)]
    with pytest.raises(Unavailable):
        await folds.at("s", "m", 21)


async def test_folds_are_bounded_and_fall_back_to_the_archive() -> None:
    """Forgotten views are folded again; trimmed facts come from the archive, the rest from the log."""
    facts = _facts(30)
    log, past = Log(facts, trimmed=20), Log(facts[:22])
    folds = Folds(log, lambda: _past(past), most=2)
    view = await folds.at("s", "m", 30)
    assert view.seq == 30
    assert next(entry.text for entry in view.entries if isinstance(entry, SaidEntry)) == "t1"
    assert log.reads == [(0, 30), (22, 30)]
    for character in "abc":
        await folds.at("s", character, 30)
    log.reads.clear()
    await folds.at("s", "m", 30)
    assert log.reads[0] == (0, 30)


async def test_folds_that_nobody_asks_for_are_forgotten() -> None:
    """A quarter of an hour after the last reply; those that are asked for stay."""
    log, clock = Log(_facts(20)), ManualClock()
    folds = Folds(log, lambda: _past(Log([])), clock=clock)
    await folds.at("played", "m", 10)
    await folds.at("left", "m", 10)
    clock.advance(800)
    await folds.at("played", "m", 12)
    clock.advance(200)
    log.reads.clear()
    await folds.at("played", "m", 14)
    await folds.at("left", "m", 14)
    assert log.reads == [(12, 14), (0, 14)]


async def _past(log: Log) -> Log:
    return log
