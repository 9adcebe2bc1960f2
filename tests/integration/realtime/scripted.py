"""A stage and a hearing service that do what the test says, behind real gRPC servers on unix sockets."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Callable, Sequence
from dataclasses import dataclass, field
from typing import Any, TypeVar

from protos import stage_pb2, stage_pb2_grpc, stt_pb2, stt_pb2_grpc
from services.core.errors import EngineFailed, NotFound, SouffleurError
from services.core.model import attachment as messages
from services.core.model.attachment import AttachDown, Attached, AttachOpen, AttachUp, OpenRequest, Refused, TellRequest
from services.core.model.fact import Author, Draft, Fact, Kind
from services.core.model.facts import Body, Joined, LineClosed, LineOpened, Said, SceneSet, Spoken, fields_of, kind_of
from services.core.model.speech import Final, Partial, SkippedPhrase, SpeechEvent, SttOpened, TranscribeOpen, Word
from services.core.rpc.codec import from_proto, to_proto
from services.core.rpc.wire import ATTACH_DOWN, ATTACH_UP, SPEECH_EVENT

WAIT_S = 8.0
T = TypeVar("T")


class Facts:
    """A transcript in memory, readable as a log that was trimmed up to `trimmed`, and as an archive."""

    def __init__(self, sessions: dict[str, list[Fact]] | None = None) -> None:
        self.sessions = {} if sessions is None else sessions
        self.trimmed = 0

    async def read(self, sid: str, after: int = 0, upto: int | None = None, limit: int | None = None) -> list[Fact]:
        if after < self.trimmed:
            raise NotFound
        found = [fact for fact in self.sessions.get(sid, []) if fact.seq > after and (upto is None or fact.seq <= upto)]
        return found[:limit]


class Seat:
    """One attachment, from the stage's side: `expect` what came up, `send` what goes down."""

    def __init__(self, stage: ScriptedStage, opening: AttachOpen, participant: str) -> None:
        self.stage = stage
        self.opening = opening
        self.participant = participant
        self.up: asyncio.Queue[AttachUp | None] = asyncio.Queue()
        self.down: asyncio.Queue[AttachDown | SouffleurError | None] = asyncio.Queue()
        self.seen: list[AttachUp] = []

    async def expect(self, kind: type[T]) -> T:
        """The next thing of this kind that came up; what came before it is kept in `seen`."""
        async with asyncio.timeout(WAIT_S):
            while True:
                value = await self.up.get()
                assert value is not None, f"the attachment ended; {kind.__name__} was expected"
                self.seen.append(value)
                if isinstance(value, kind):
                    return value

    async def gone(self) -> None:
        """Wait until the gateway has left."""
        async with asyncio.timeout(WAIT_S):
            while (value := await self.up.get()) is not None:
                self.seen.append(value)

    def send(self, value: AttachDown) -> None:
        self.down.put_nowait(value)

    def die(self, error: SouffleurError | None = None) -> None:
        """End the stream as a dying stage does."""
        self.down.put_nowait(error)


class ScriptedStage(stage_pb2_grpc.StageServiceServicer):
    """Seats whoever comes; everything else is up to the test."""

    def __init__(self, facts: Facts) -> None:
        self.facts = facts
        self.seats: asyncio.Queue[Seat] = asyncio.Queue()
        self.present: list[Seat] = []
        self.told: list[TellRequest] = []
        self.tells: asyncio.Queue[TellRequest] = asyncio.Queue()
        self.opened: list[OpenRequest] = []
        self.refuse: SouffleurError | None = None

    async def seat(self) -> Seat:
        """The next one who attaches."""
        async with asyncio.timeout(WAIT_S):
            return await self.seats.get()

    async def tell(self) -> TellRequest:
        """The next fact told."""
        async with asyncio.timeout(WAIT_S):
            return await self.tells.get()

    def write(self, sid: str, body: Body, by: Author, *, hidden_from: tuple[str, ...] = (), place: str = "") -> Fact:
        """Append a fact and tell everybody attached, but those it is hidden from."""
        log = self.facts.sessions.setdefault(sid, [])
        draft = Draft(key=f"k{len(log)}", kind=kind_of(body), at_ms=1_700_000_000_000, by=by, place=place, body=fields_of(body))
        fact = draft.at(len(log) + 1)
        log.append(fact)
        for seat in self.present:
            if seat.opening.session == sid and seat.participant not in hidden_from:
                seat.send(fact)
        return fact

    def line(self, sid: str, line: str, sentences: Sequence[str], *, turn: int = 0, character: str = "mirelle", mode: str = "auto") -> list[Fact]:
        """Open a line and write its sentences."""
        by = Author("character", character, character.title())
        opened = LineOpened(line=line, character=character, turn=turn, base_seq=0, mode=mode)
        facts = [self.write(sid, opened, by)]
        for index, text in enumerate(sentences):
            facts.append(self.write(sid, Spoken(line=line, attempt=1, index=index, text=text, tagged=text), by))
        return facts

    def close(self, sid: str, line: str, state: str, last: Fact | None = None, *, offset: int | None = None, reason: str = "") -> Fact:
        """Close a line at `offset` of its last heard sentence; the whole of it where no offset is given."""
        whole = len(last.body["text"]) if last is not None else 0
        body = LineClosed(line=line, state=state, last_seq=last.seq if last else 0, offset=whole if offset is None else offset, reason=reason)
        return self.write(sid, body, Author("stage"))

    def move(self, seat: Seat, place: str) -> Fact:
        """The participant is elsewhere now."""
        return self.write(
            seat.opening.session, Joined(member=seat.participant, role="player", name="Ann"), Author("player", seat.participant, "Ann"), place=place
        )

    def said(self, seat: Seat, utterance: str, text: str, source: str = "voice") -> Fact:
        """The participant's words stand."""
        return self.write(seat.opening.session, Said(utterance=utterance, text=text, source=source), Author("player", seat.participant, "Ann"))

    async def Open(self, request: stage_pb2.OpenRequest, context: Any) -> stage_pb2.OpenResponse:  # noqa: N802
        wanted = from_proto(request, OpenRequest)
        self.opened.append(wanted)
        sid = wanted.session or f"s{len(self.opened)}"
        if sid not in self.facts.sessions:
            self.write(sid, SceneSet(title="Night", language=wanted.language, phrases=list(wanted.phrases)), Author("stage"))
            for member in wanted.cast:
                card = {"extensions": {"souffleur": {"color": "#b5651d", "language": "en"}}, "character_book": {"entries": [{"keys": ["Old Ferry"]}]}}
                self.write(sid, Joined(member=member.slug, role="character", name=member.name, card=card), Author("stage"))
        return stage_pb2.OpenResponse(session=sid, head=len(self.facts.sessions[sid]), created=True)

    async def Tell(self, request: stage_pb2.TellRequest, context: Any) -> stage_pb2.TellResponse:  # noqa: N802
        told = from_proto(request, TellRequest)
        self.told.append(told)
        self.tells.put_nowait(told)
        if self.refuse is not None:
            raise self.refuse
        return stage_pb2.TellResponse(seq=900 + len(self.told))

    async def Act(self, request: stage_pb2.ActRequest, context: Any) -> stage_pb2.ActResponse:  # noqa: N802
        raise NotFound("nothing here acts")

    async def Attach(self, request_iterator: AsyncIterator[stage_pb2.AttachRequest], context: Any) -> AsyncIterator[stage_pb2.AttachResponse]:  # noqa: N802
        opening = ATTACH_UP.unwrap(await anext(aiter(request_iterator)))
        assert isinstance(opening, AttachOpen)
        if self.refuse is not None:
            raise self.refuse
        if opening.session not in self.facts.sessions:
            raise NotFound("there is no such session")
        participant = opening.participant or f"p-{len(self.present) + 1}"
        seat = Seat(self, opening, participant)
        facts = self.facts.sessions[opening.session]
        self.present.append(seat)
        self.seats.put_nowait(seat)
        reading = asyncio.create_task(self._read(request_iterator, seat))
        try:
            yield ATTACH_DOWN.wrap(Attached(participant, opening.principal.name, len(facts)))
            for fact in facts[opening.after_seq :]:
                yield ATTACH_DOWN.wrap(fact)
            while (value := await seat.down.get()) is not None:
                if isinstance(value, SouffleurError):
                    raise value
                yield ATTACH_DOWN.wrap(value)
        finally:
            self.present.remove(seat)
            reading.cancel()
            await asyncio.gather(reading, return_exceptions=True)
            seat.up.put_nowait(None)

    async def _read(self, requests: AsyncIterator[stage_pb2.AttachRequest], seat: Seat) -> None:
        async for request in requests:
            seat.up.put_nowait(ATTACH_UP.unwrap(request))
        seat.down.put_nowait(None)


@dataclass
class Call:
    """One transcribe call as the service saw it."""

    opening: TranscribeOpen
    audio: bytearray = field(default_factory=bytearray)
    sizes: list[int] = field(default_factory=list)
    ended: bool = False


class ScriptedStt(stt_pb2_grpc.SttServiceServicer):
    """Answers `texts` in turn; `fail` times a call dies after its first audio; `mute` answers nothing until `answer`."""

    def __init__(self) -> None:
        self.texts = ["hello there"]
        self.calls: list[Call] = []
        self.fail = 0
        self.mute = False
        self.skip: tuple[SkippedPhrase, ...] = ()
        self._answered = 0
        self._news = asyncio.Condition()
        self._unmuted = asyncio.Event()

    def answer(self) -> None:
        """No longer mute: whoever waits is answered."""
        self.mute = False
        self._unmuted.set()

    async def until(self, true: Callable[[], bool]) -> None:
        """Wait for a state of the calls."""
        async with asyncio.timeout(WAIT_S), self._news:
            await self._news.wait_for(true)

    async def Transcribe(self, request_iterator: AsyncIterator[stt_pb2.TranscribeRequest], context: Any) -> AsyncIterator[stt_pb2.TranscribeResponse]:  # noqa: N802
        first = await anext(aiter(request_iterator))
        call = Call(from_proto(first.open, TranscribeOpen))
        self.calls.append(call)
        yield _event(SttOpened("scripted", self.skip))
        async for request in request_iterator:
            call.audio += request.audio
            call.sizes.append(len(request.audio))
            async with self._news:
                self._news.notify_all()
            if self.fail:
                self.fail -= 1
                raise EngineFailed("scripted failure")
            if len(call.sizes) == 1:
                yield _event(Partial("hel"))
        call.ended = True
        if self.mute:
            await self._unmuted.wait()
        text = self.texts[self._answered % len(self.texts)]
        self._answered += 1
        yield _event(Final(text, tuple(Word(word, 0.1, 0.2, 0.9) for word in text.split()), 0.9, "en", "scripted"))

    async def Describe(self, request: stt_pb2.DescribeRequest, context: Any) -> stt_pb2.DescribeResponse:  # noqa: N802
        return stt_pb2.DescribeResponse(default_engine="scripted")


def _event(value: SpeechEvent) -> Any:
    return SPEECH_EVENT.wrap(value)


__all__ = ["WAIT_S", "Call", "Facts", "Kind", "Refused", "ScriptedStage", "ScriptedStt", "Seat", "messages", "to_proto"]
