"""A session around scripted services and a log in memory, for tests of the stage alone."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncGenerator, AsyncIterator, Callable, Sequence
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from typing import Any

from services.core.clock import SystemClock
from services.core.errors import Recovering, SouffleurError
from services.core.model.attachment import AttachOpen, LineAudio
from services.core.model.audio import VOICE_RATE
from services.core.model.fact import Author, Draft, Fact, Kind
from services.core.model.facts import Joined, fields_of
from services.core.model.principal import Principal
from services.core.model.reply import ReplyEvent, ReplyFinished, ReplyRequest, ReplyStarted, Sentence
from services.core.model.voicing import Say, SentenceDone, SentenceStarted, SpeakEvent, SpeakOpen, SpeakOpened, SpeechAudio
from services.core.settings import Settings, StageSettings
from services.stage.attachments import Attachment
from services.stage.backstage import Backstage
from services.stage.door import Door
from services.stage.roster import Roster
from services.stage.session import Session
from services.stage.sight import Sight
from services.stage.writer import Writer
from tests.waiting import until

PREPARING = Settings(stage=StageSettings(hang_over_s=0.6, speculative_s=0.05))
"""A loop that stands still for a moment does not come to the end of the speech before the reply was asked for."""


class MemoryLog:
    """Appends in memory, once per key; `failing` makes the next appends raise."""

    def __init__(self) -> None:
        self.facts: list[Fact] = []
        self.keys: dict[str, Fact] = {}
        self.failing: list[SouffleurError] = []
        self.regained = 0

    async def append(self, sid: str, drafts: Sequence[Draft]) -> list[Fact]:
        await asyncio.sleep(0)
        if self.failing:
            raise self.failing.pop(0)
        written = []
        for draft in drafts:
            if draft.key not in self.keys:
                fact = draft.at(len(self.facts) + 1)
                self.facts.append(fact)
                self.keys[draft.key] = fact
            written.append(self.keys[draft.key])
        return written

    async def regain(self) -> None:
        if self.failing and not isinstance(self.failing[0], Recovering):
            raise self.failing.pop(0)
        self.regained += 1

    async def one(self, sid: str, seq: int) -> Fact | None:
        return next((fact for fact in self.facts if fact.seq == seq), None)

    async def seq_of(self, sid: str, key: str) -> int:
        return self.keys[key].seq if key in self.keys else 0

    async def head(self, sid: str) -> int:
        return len(self.facts)

    async def read(self, sid: str, after: int = 0, upto: int | None = None, limit: int | None = None) -> list[Fact]:
        return [fact for fact in self.facts if fact.seq > after and (upto is None or fact.seq <= upto)]


@dataclass
class Mind:
    """Answers every request with these sentences; keeps the requests. `gate` holds it back, `error` makes it fail after them."""

    sentences: list[str] = field(default_factory=lambda: ["Good evening.", "Sit down."])
    requests: list[ReplyRequest] = field(default_factory=list)
    stopped: int = 0
    error: SouffleurError | None = None
    gate: asyncio.Event | None = None

    async def reply(self, request: ReplyRequest, timeout_s: float) -> AsyncGenerator[ReplyEvent]:
        self.requests.append(request)
        try:
            if self.gate is not None:
                await self.gate.wait()
            yield ReplyStarted("scripted", "m")
            for index, text in enumerate(self.sentences):
                yield Sentence(index, text, text)
            if self.error is not None:
                raise self.error
            yield ReplyFinished("stop", engine="scripted", model="m")
        finally:
            self.stopped += 1


class Mouth:
    """One voice call: chunks of silence, `ms_per_char` each character; `log` resolves a seq to its text."""

    chunk_ms = 20

    def __init__(self, log: MemoryLog, ms_per_char: float, error: SouffleurError | None) -> None:
        self._log, self._ms, self._error = log, ms_per_char, error
        self._asked: asyncio.Queue[int | None] = asyncio.Queue()

    async def send(self, value: SpeakOpen | Say) -> None:
        if isinstance(value, Say):
            await self._asked.put(value.seq)

    async def finish(self) -> None:
        await self._asked.put(None)

    def cancel(self) -> None:
        self._asked.put_nowait(None)

    async def __aiter__(self) -> AsyncIterator[SpeakEvent]:
        if self._error is not None:
            raise self._error
        yield SpeakOpened("tone")
        while (seq := await self._asked.get()) is not None:
            text = str(self._log.facts[seq - 1].body["text"])
            yield SentenceStarted(seq, text)
            chunks = max(1, int(len(text) * self._ms / self.chunk_ms))
            size = VOICE_RATE * self.chunk_ms // 1000
            for number in range(chunks):
                yield SpeechAudio(seq, bytes(size * 2), number * size)
            yield SentenceDone(seq, chunks * size)


@dataclass
class Voices:
    """Makes `Mouth`s."""

    log: MemoryLog
    ms_per_char: float = 5.0
    error: SouffleurError | None = None

    def speak(self, timeout_s: float) -> Any:
        return Mouth(self.log, self.ms_per_char, self.error)


@dataclass
class Table:
    """The session and everything around it."""

    session: Session
    door: Door
    log: MemoryLog
    mind: Mind
    voices: Voices
    lost: list[SouffleurError]

    async def sit(self, name: str = "Ann", **options: Any) -> Attachment:
        opening = AttachOpen(session="s", principal=Principal(f"id-{name}", options.pop("role", "director"), name), **options)
        return (await self.door.enter(opening))[0]

    def speaking(self) -> bool:
        line = self.session.place("").line
        return line is not None and line.started

    def heard(self) -> tuple[int, int]:
        """(seq of the sentence, characters of it) up to which the open line has been heard; zeros before its first word."""
        line = self.session.place("").line
        return (0, 0) if line is None else line._heard(None)[0]

    def bodies(self, kind: str) -> list[dict[str, Any]]:
        return [fact.body for fact in self.log.facts if fact.kind == kind]

    async def until(self, condition: Callable[[], Any], what: str = "", timeout_s: float = 5.0) -> Any:
        return await until(condition, timeout_s, what or "the state", 0.005)

    async def closed(self, count: int = 1) -> dict[str, Any]:
        await self.until(lambda: len(self.bodies(Kind.LINE_CLOSED)) >= count)
        return self.bodies(Kind.LINE_CLOSED)[count - 1]


def received(attachment: Attachment) -> list[Any]:
    """Everything queued for an attachment so far."""
    found = []
    while not attachment._queue.empty():
        found.append(attachment._queue.get_nowait())
    return found


def sound_ms(values: list[Any]) -> float:
    return sum(len(value.pcm) for value in values if isinstance(value, LineAudio)) / 48


@asynccontextmanager
async def table(*characters: str, mind: Mind | None = None, settings: Settings | None = None, **voices: Any) -> AsyncIterator[Table]:
    """A session with these characters in its cast (Mirelle by default)."""
    log, clock, base = MemoryLog(), SystemClock(), settings or Settings()
    roleplay, mouth = mind or Mind(), Voices(log, **voices)
    lost: list[SouffleurError] = []
    roster = Roster()
    session: Session
    # The session is made after its writer.
    writer = Writer(
        log,
        "s",
        head=0,
        announce=lambda fact: session.announce(fact),  # noqa: PLW0108
        lost=lost.append,
        regain=log.regain,
    )
    backstage = Backstage(
        session="s",
        roster=roster,
        writer=writer,
        roleplay=roleplay,
        voices=mouth,
        settings=lambda: base,
        clock=clock,
        sight=Sight(lambda: log.read("s")),
    )
    session = Session(backstage)
    door = Door(session, log, clock)
    writing = asyncio.create_task(writer.run())
    try:
        for name in characters or ("Mirelle",):
            body = fields_of(Joined(member=name.lower(), role="character", name=name, card={}))
            await session.write(Draft(key=f"cast:{name}", kind=Kind.JOINED, at_ms=0, by=Author("director"), body=body))
        yield Table(session, door, log, roleplay, mouth, lost)
    finally:
        door.close()
        await session.close("shutdown")
        writing.cancel()
        await asyncio.gather(writing, return_exceptions=True)
