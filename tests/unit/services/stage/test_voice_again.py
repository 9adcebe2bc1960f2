"""A voice that dies in the middle of a line: what nobody has heard is said over another call, and nothing is heard twice."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Callable
from dataclasses import dataclass, field
from itertools import count
from typing import Any

import pytest

from services.core.errors import EngineFailed, EngineMissing, SouffleurError, Unavailable
from services.core.model.attachment import CancelLine, FinalHeard, LineAudio, LinePaused, LineWords, Onset, Paused, TextSaid, UtteranceEnded
from services.core.model.fact import Kind
from services.core.model.voicing import SentenceDone, SentenceStarted, SpeakEvent, SpeakOpened, SpeechAudio, WordMark, WordMarks
from services.core.settings import Settings, StageSettings
from services.stage import patience
from tests.unit.services.stage.table import Mind, Mouth, Table, received, table

CHUNK = 480
"""20 ms."""
CHUNKS = 10
"""Of every sentence."""
AT_THE_END = -1
QUICK = Settings(stage=StageSettings(hang_over_s=0.1, speculative_s=0.05, confirm_s=3, resume_s=10))


def sound(seq: int, first: int = 0, last: int = CHUNKS) -> bytes:
    """A sentence's own sound; no chunk is like another."""
    return b"".join((seq * 100 + number).to_bytes(2, "little") * CHUNK for number in range(first, last))


@dataclass
class Death:
    """How a call ends: after so many chunks of so many sentences, with this error, once `when` is true."""

    error: SouffleurError
    sentence: int = 0
    chunk: int = 0
    opened: bool = True
    when: Callable[[], bool] = field(default=lambda: True)


class Mortal(Mouth):
    """Says a mark and ten chunks for each sentence, and dies when it is told to."""

    def __init__(self, at: Table, death: Death | None) -> None:
        super().__init__(at.log, 0, None)
        self._at, self._death = at, death

    async def _die(self, sentence: int, chunk: int) -> None:
        death = self._death
        if death is not None and (death.sentence, death.chunk) == (sentence, chunk):
            await self._at.until(death.when, "the moment to die")
            raise death.error

    async def __aiter__(self) -> AsyncIterator[SpeakEvent]:
        if self._death is not None and not self._death.opened:
            raise self._death.error
        yield SpeakOpened("tone")
        for sentence in count():
            if (seq := await self._asked.get()) is None:
                await self._die(sentence, AT_THE_END)
                return
            yield SentenceStarted(seq, str(self._log.facts[seq - 1].body["text"]))
            yield WordMarks(seq, (WordMark(0, 3, 0),))
            for number in range(CHUNKS):
                await self._die(sentence, number)
                yield SpeechAudio(seq, sound(seq, number, number + 1), number * CHUNK)
            yield SentenceDone(seq, CHUNKS * CHUNK)


def dying(at: Table, *deaths: Death) -> list[Mortal]:
    """The calls that are made from now on; each dies its death, those that come after live."""
    calls: list[Mortal] = []

    def speak(timeout_s: float) -> Any:
        calls.append(Mortal(at, deaths[len(calls)] if len(calls) < len(deaths) else None))
        return calls[-1]

    at.voices.speak = speak  # type: ignore[method-assign]
    return calls


def sentences(at: Table) -> list[int]:
    """Their seqs."""
    return [fact.seq for fact in at.log.facts if fact.kind == Kind.SENTENCE]


def heard(values: list[Any]) -> bytes:
    """All that was sent, which has no gap in its count."""
    pieces = [value for value in values if isinstance(value, LineAudio)]
    total = 0
    for piece in pieces:
        assert piece.offset_samples == total
        total += len(piece.pcm) // 2
    return b"".join(piece.pcm for piece in pieces)


@pytest.fixture(autouse=True)
def short_pauses(monkeypatch: pytest.MonkeyPatch) -> None:
    """As many as there are, but shorter."""
    monkeypatch.setattr(patience, "PAUSES_S", (0.01,) * len(patience.PAUSES_S))


@pytest.mark.parametrize("error", [Unavailable(), EngineFailed()])
@pytest.mark.parametrize(("sentence", "chunk"), [(0, 0), (1, 0), (1, 9)])
async def test_sentence_of_which_nothing_was_heard_is_said_again(error: SouffleurError, sentence: int, chunk: int) -> None:
    """Whole, in its place and once; nobody is told that anything failed, and the times of its words are told once."""
    async with table() as at:
        calls = dying(at, Death(error, sentence, chunk))
        ann = await at.sit()
        at.session.say(ann, TextSaid("m1", "Good evening"))
        closed = await at.closed()
        first, second = sentences(at)
        got = received(ann)
        assert (closed["state"], closed["last_seq"], closed["basis"]) == ("heard", second, "estimated")
        assert heard(got) == sound(first) + sound(second)
        assert [(value.seq, value.marks[0].at_samples) for value in got if isinstance(value, LineWords)] == [(first, 0), (second, CHUNKS * CHUNK)]
        assert at.bodies(Kind.DEGRADED) == []
        assert len(calls) == 2


async def test_sentence_that_was_heard_in_part_is_not_begun_again() -> None:
    """What came of it is played, and the next one is said by voice."""
    async with table() as at:
        dying(at, Death(Unavailable(), 0, 5, when=at.speaking))
        ann = await at.sit()
        at.session.say(ann, TextSaid("m1", "Good evening"))
        closed = await at.closed()
        first, second = sentences(at)
        assert (closed["state"], closed["last_seq"]) == ("heard", second)
        assert heard(received(ann)) == sound(first, last=5) + sound(second)
        assert at.bodies(Kind.DEGRADED) == []


async def test_last_sentence_that_was_heard_in_part_ends_as_text() -> None:
    """There is nothing left to be said by another voice."""
    async with table(mind=Mind(["Good evening."])) as at:
        calls = dying(at, Death(Unavailable(), 0, 5, when=at.speaking))
        ann = await at.sit()
        at.session.say(ann, TextSaid("m1", "Good evening"))
        closed = await at.closed()
        assert (closed["state"], closed["offset"]) == ("heard", len("Good evening."))
        assert heard(received(ann)) == sound(sentences(at)[0], last=5)
        assert [body["to_engine"] for body in at.bodies(Kind.DEGRADED)] == ["text"]
        assert len(calls) == 1


async def test_call_that_dies_when_all_was_said_costs_nothing() -> None:
    """Nobody is told of it."""
    async with table() as at:
        calls = dying(at, Death(Unavailable(), 2, AT_THE_END))
        ann = await at.sit()
        at.session.say(ann, TextSaid("m1", "Good evening"))
        assert (await at.closed())["state"] == "heard"
        assert heard(received(ann)) == b"".join(map(sound, sentences(at)))
        assert (at.bodies(Kind.DEGRADED), len(calls)) == ([], 1)


@pytest.mark.parametrize(
    ("deaths", "calls"),
    [
        ([Death(EngineFailed(), 1, 3), Death(EngineFailed(), 0, 3)], 2),
        ([Death(Unavailable(), 1, 3), Death(Unavailable(), 0, 3)], 2),
        ([Death(Unavailable(), opened=False)] * 9, 4),
        ([Death(EngineMissing(), opened=False)], 1),
    ],
)
async def test_voice_that_goes_on_failing_leaves_text(deaths: list[Death], calls: int) -> None:
    """A second death is the last, a mistake is not repeated, and a service that does not come back is not waited for long."""
    async with table() as at:
        made = dying(at, *deaths)
        ann = await at.sit()
        at.session.say(ann, TextSaid("m1", "Good evening"))
        closed = await at.closed()
        first, second = sentences(at)
        assert (closed["state"], closed["last_seq"], closed["offset"]) == ("heard", second, len("Sit down."))
        assert heard(received(ann)) == (sound(first) if deaths[0].opened else b"")
        assert [(body["to_engine"], body["reason"]) for body in at.bodies(Kind.DEGRADED)] == [("text", deaths[0].error.code)]
        assert len(made) == calls


async def test_service_that_is_away_when_the_line_begins_says_it_when_it_is_there() -> None:
    """All of it, by voice."""
    async with table() as at:
        dying(at, *[Death(Unavailable(), opened=False)] * 3)
        ann = await at.sit()
        at.session.say(ann, TextSaid("m1", "Good evening"))
        assert (await at.closed())["state"] == "heard"
        assert heard(received(ann)) == b"".join(map(sound, sentences(at)))
        assert at.bodies(Kind.DEGRADED) == []


async def test_line_that_is_stopped_before_it_is_said_again_is_over(monkeypatch: pytest.MonkeyPatch) -> None:
    """At once, and no other voice is asked."""
    monkeypatch.setattr(patience, "PAUSES_S", (40.0,))
    async with table() as at:
        calls = dying(at, Death(Unavailable(), 1, 3))
        ann = await at.sit()
        at.session.say(ann, TextSaid("m1", "Good evening"))
        await at.until(lambda: len(heard(list(ann._queue._queue))) == CHUNKS * CHUNK * 2)  # type: ignore[attr-defined]
        line = at.session.place("").line
        assert line is not None
        assert line.task is not None
        at.session.cancel_line(ann, CancelLine())
        closed = await at.closed()
        assert (closed["state"], closed["reason"]) == ("cut", "stopped")
        await asyncio.wait([line.task, *line._parts])
        assert len(calls) == 1
        assert heard(received(ann)) == sound(sentences(at)[0])


async def test_sound_that_waits_in_a_pause_is_not_played_when_it_is_said_again() -> None:
    """Somebody begins to speak, the voice dies, and the cough was nothing: the sentence is heard once."""
    gate = asyncio.Event()
    async with table(mind=Mind(["Good evening."], gate=gate), settings=QUICK) as at:
        calls = dying(at, Death(Unavailable(), 0, 5))
        ann = await at.sit()
        at.session.say(ann, TextSaid("m1", "Good evening"))
        await at.until(lambda: calls)
        at.session.listening.heard(ann, Onset("u1"))
        gate.set()
        await at.until(lambda: len(calls) == 2)
        so_far = received(ann)
        assert any(isinstance(value, LinePaused) for value in so_far)
        assert heard(so_far) == b""
        at.session.listening.heard(ann, Paused("u1", 50))
        await at.until(lambda: any(isinstance(value, UtteranceEnded) for value in list(ann._queue._queue)))  # type: ignore[attr-defined]
        at.session.listening.heard(ann, FinalHeard("u1", ""))
        assert (await at.closed())["state"] == "heard"
        assert heard(received(ann)) == sound(sentences(at)[0])
