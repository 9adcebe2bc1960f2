"""Which words of a session are a completion's."""

from __future__ import annotations

from collections.abc import AsyncGenerator
from typing import Any

from services.core.model.fact import Author, Fact, Kind
from services.core.model.principal import Principal
from services.core.model.reply import Delta
from services.gateway.openai_api.chat_sources import in_session
from services.gateway.turns import Words


class Told:
    """A turn of which these facts are told."""

    def __init__(self, *facts: Fact) -> None:
        self.facts = facts

    async def turn(self, _words: Words) -> AsyncGenerator[Fact, None]:
        for one in self.facts:
            yield one


def fact(seq: int, kind: Kind, place: str = "", **body: Any) -> Fact:
    return Fact(seq=seq, kind=kind, at_ms=0, by=Author("stage"), place=place, body=body)


async def completion(*facts: Fact, role: str = "player") -> list[str]:
    """What is sent of it, behind the `said` 6."""
    turns: Any = Told(fact(6, Kind.SAID, utterance="m"), *facts)
    words = Words(session="inn", principal=Principal("ann", role), text="Mirelle?", message="m")
    return [event.text async for event in in_session(turns, words) if isinstance(event, Delta)]


def line(name: str, seq: int, text: str, mode: str = "auto", **body: Any) -> tuple[Fact, ...]:
    return (
        fact(seq, Kind.LINE_OPENED, line=name, mode=mode, **body),
        fact(seq + 1, Kind.SENTENCE, line=name, text=text, attempt=1),
        fact(seq + 2, Kind.LINE_CLOSED, line=name, state="heard"),
    )


async def test_the_words_are_those_of_the_line_that_answers() -> None:
    """Not of one that was due before, nor of one elsewhere, nor of one that nobody asked for."""
    others = (*line("bram", 7, "For Bob.", turn=5, upto=5), *line("cellar", 10, "Psst.", turn=5, upto=9)[1:], *line("idle", 13, "Well.", turn=0))
    elsewhere = fact(10, Kind.LINE_OPENED, "cellar", line="cellar", turn=5, upto=9)
    assert await completion(*others, elsewhere, *line("mirelle", 16, "For Ann.", turn=6, upto=6)) == ["For Ann."]


async def test_who_is_not_shown_drafts_is_told_a_released_line_at_once() -> None:
    """It reaches them as a whole when it is released, and the release itself does not."""
    assert await completion(*line("l", 7, "Released.", "approve", turn=6, upto=6)) == ["Released."]


async def test_who_sees_drafts_is_told_no_more_than_what_is_released() -> None:
    """In the words that it has by then: of another attempt, or corrected."""
    opened, sentence, closed = line("l", 7, "First draft.", "approve", turn=6, upto=6)
    again = fact(10, Kind.SENTENCE, line="l", text="Second draft.", attempt=2)
    worded = fact(11, Kind.CORRECTED, target=10, text="As corrected.")
    released = fact(12, Kind.RELEASED, line="l")
    assert await completion(opened, sentence, again, worded, released, closed, role="director") == ["As corrected."]
    assert await completion(opened, sentence, again, released, closed, role="operator") == ["Second draft."]
    assert await completion(opened, sentence, fact(10, Kind.REJECTED, line="l"), closed, role="director") == []
