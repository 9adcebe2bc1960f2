"""What is told of engines that fail, of those that take over, and of the end of it."""

from __future__ import annotations

from collections.abc import AsyncIterator
from typing import Any

import pytest

from services.core.errors import EngineFailed
from services.core.model.attachment import TextSaid
from services.core.model.fact import Author, Draft, Kind
from services.core.model.facts import RECOVERED, Degraded, fields_of
from services.core.model.reply import FellBack, ReplyEvent, ReplyRequest, ReplyStarted, Sentence
from services.core.model.voicing import SentenceDone, SpeakEvent, SpeakOpened, VoiceFellBack
from services.stage import patience
from services.stage.roster import Roster
from tests.unit.services.stage.table import Mind, Mouth, Table, table


@pytest.fixture(autouse=True)
def short_pauses(monkeypatch: pytest.MonkeyPatch) -> None:
    """One, and that is short."""
    monkeypatch.setattr(patience, "PAUSES_S", (0.01,))


def told(at: Table) -> list[tuple[str, str, str, str]]:
    """All of it, in order."""
    return [(body["part"], body["from_engine"], body["to_engine"], body["reason"]) for body in at.bodies(Kind.DEGRADED)]


async def test_each_outage_of_the_voice_is_told_and_so_is_its_end() -> None:
    """Two of them, two lines each: four facts."""
    async with table() as at:
        ann = await at.sit()
        for number, error in enumerate((EngineFailed(), EngineFailed(), None, None, EngineFailed(), EngineFailed(), None)):
            at.voices.error = error
            at.session.say(ann, TextSaid(f"m{number}", "Tell me"))
            assert (await at.closed(number + 1))["state"] == "heard"
        assert told(at) == [("tts", "voice", "text", "engine_failed"), ("tts", "text", "tone", RECOVERED)] * 2


class _Chain(Mind):
    """Answers by the last of these engines, since those before it fail."""

    def __init__(self) -> None:
        super().__init__(["Good evening."])
        self.engines = ["a"]

    async def reply(self, request: ReplyRequest, timeout_s: float) -> Any:
        events: list[ReplyEvent] = [FellBack(old, new, "timeout") for old, new in zip(self.engines, self.engines[1:], strict=False)]
        for event in (*events, ReplyStarted(self.engines[-1], "m"), Sentence(0, "Good evening.", "Good evening.")):
            yield event


async def test_recovery_of_a_language_engine_is_told_step_by_step() -> None:
    """Each step down and up once, however many replies are made on it; a director's own words are no sign of it."""
    mind = _Chain()
    async with table(mind=mind) as at:
        ann = await at.sit(hears=False)
        for number, engines in enumerate(("a", "ab", "abc", "abc", "ab", "x", "a", "a", "ab", "a")):
            mind.engines = list(engines)
            at.session.say(ann, TextSaid(f"m{number}", "Tell me"))
            await at.closed(number + 1)
        down, further, up, again = ("llm", "a", "b", "timeout"), ("llm", "b", "c", "timeout"), ("llm", "c", "b", RECOVERED), ("llm", "b", "a", RECOVERED)
        assert told(at) == [down, further, up, again, down, again]


class _Choosy(Mouth):
    """Mirelle's engine fails; everybody else has the same one, and that works."""

    broken = True
    line_of = ""

    async def __aiter__(self) -> AsyncIterator[SpeakEvent]:
        failing = self.broken and self.line_of == "mirelle"
        yield SpeakOpened("fine")
        if failing:
            yield VoiceFellBack("fine", "plain", "no such voice")
        while (seq := await self._asked.get()) is not None:
            yield SentenceDone(seq, 0)


async def test_voice_of_one_character_says_nothing_of_another_s(monkeypatch: pytest.MonkeyPatch) -> None:
    """While only one character's voice fails, the lines of others do not make it come and go."""
    async with table("Mirelle", "Bram") as at:
        ann = await at.sit()

        def speak(timeout_s: float) -> Any:
            mouth = _Choosy(at.log, 0, None)
            line = at.session.place("").line
            mouth.line_of = "" if line is None else line.order.seat.member
            return mouth

        at.voices.speak = speak  # type: ignore[method-assign]
        for number, name in enumerate(("Mirelle", "Bram", "Mirelle", "Bram")):
            at.session.say(ann, TextSaid(f"m{number}", f"{name}, good evening"))
            await at.closed(number + 1)
        assert told(at) == [("tts", "fine", "plain", "no such voice")]
        monkeypatch.setattr(_Choosy, "broken", False)
        at.session.say(ann, TextSaid("last", "Mirelle, good evening"))
        await at.closed(5)
        assert told(at)[1:] == [("tts", "plain", "fine", RECOVERED)]


async def test_what_had_failed_before_somebody_else_had_the_session_ends_as_well() -> None:
    """The facts say what does its work for what: whoever takes the session over tells the end of it."""
    before = [draft.at(seq) for seq, draft in enumerate((_degraded("espeak", "text", "engine_failed"), _degraded("other", "b", "timeout", part="llm")), 1)]
    roster = Roster()
    for fact in before:
        roster.advance(fact)
    assert roster.fallbacks[""].went_on("tts", "espeak") == "text"
    assert roster.fallbacks[""].went_on("tts", "espeak") == ""
    assert roster.fallbacks[""].went_on("llm", "c") == ""
    assert roster.fallbacks[""].went_on("llm", "other") == "b"
    roster.advance(_degraded("espeak", "text", "engine_failed").at(3))
    roster.advance(_degraded("text", "espeak", RECOVERED).at(4))
    assert roster.fallbacks[""].steps == {}


async def test_a_floor_that_comes_to_be_knows_what_the_facts_tell() -> None:
    """As behind a take-over: one outage, told once, and its end."""
    async with table() as at:
        await at.session.write(_degraded("tone", "text", "engine_failed"))
        ann = await at.sit(place="cellar")
        at.session.say(ann, TextSaid("m", "Tell me"))
        assert told(at) == [("tts", "tone", "text", "engine_failed")]
        bob = await at.sit("Bob")
        at.session.say(bob, TextSaid("m", "Mirelle, tell me"))
        await at.closed()
        assert told(at) == [("tts", "tone", "text", "engine_failed"), ("tts", "text", "tone", RECOVERED)]


def _degraded(from_engine: str, to_engine: str, reason: str, part: str = "tts") -> Draft:
    body = fields_of(Degraded(part=part, from_engine=from_engine, to_engine=to_engine, reason=reason))
    return Draft(key=f"degraded:{from_engine}:{to_engine}", kind=Kind.DEGRADED, at_ms=0, by=Author("system"), body=body)
