"""A tiny scripted stage and settings desk over a real transcript: every typed utterance gets one line of two sentences."""

from __future__ import annotations

import asyncio
import json
from collections.abc import AsyncIterator
from dataclasses import dataclass, field
from typing import Any

from ulid import ULID

from protos import manager_pb2, manager_pb2_grpc, stage_pb2, stage_pb2_grpc
from services.core.errors import Conflict, Forbidden, NotFound, SettingsRejected
from services.core.model.attachment import Attached, AttachOpen, Goodbye, OpenRequest, OpenResponse, Refused, TextSaid, TurnTimed
from services.core.model.fact import Author, Draft, Fact
from services.core.model.facts import Joined, LineClosed, LineOpened, Passed, Released, Said, SceneSet, Spoken, fields_of, kind_of
from services.core.rpc.codec import from_proto, to_proto
from services.core.rpc.wire import ATTACH_DOWN, ATTACH_UP
from services.transcript.log import TranscriptLog

_STAGE = Author("stage")


@dataclass
class Table(stage_pb2_grpc.StageServiceServicer):
    """The stage."""

    log: TranscriptLog
    sentences: tuple[str, ...] = ("Good evening.", "Sit down, love.")
    mode: str = "auto"
    passes: bool = False
    may_end: asyncio.Event = field(default_factory=asyncio.Event)
    """Set, unless a test wants to hold the line open."""
    fences: dict[str, int] = field(default_factory=dict)
    attached: list[AttachOpen] = field(default_factory=list)
    goodbyes: int = 0

    def __post_init__(self) -> None:
        self.may_end.set()

    def register(self, server: Any) -> None:
        """Add to a server."""
        stage_pb2_grpc.add_StageServiceServicer_to_server(self, server)

    async def write(self, sid: str, body: Any, key: str = "", by: Author = _STAGE, place: str = "") -> Fact:
        """One fact."""
        if sid not in self.fences:
            self.fences[sid] = await self.log.claim(sid, "unix:test", 60)
        draft = Draft(key=key or str(ULID()), kind=kind_of(body), at_ms=1_700_000_000_000, by=by, place=place, body=fields_of(body))
        return (await self.log.append(sid, [draft], self.fences[sid]))[0]

    async def Open(self, request: Any, context: Any) -> Any:  # noqa: N802 - the method's name on the wire
        """A new session."""
        wanted = from_proto(request, OpenRequest)
        sid = wanted.session or str(ULID()).lower()
        await self.write(sid, SceneSet(heading=wanted.scene_heading, description=wanted.scene_description, title=wanted.title, mode=wanted.mode))
        last = None
        for member in wanted.cast:
            last = await self.write(sid, Joined(member=member.slug, role="character", name=member.name, card=json.loads(member.card)))
        return to_proto(OpenResponse(sid, last.seq if last else 1, created=True), stage_pb2.OpenResponse)

    def Tell(self, request: Any, context: Any) -> Any:  # noqa: N802
        """Nothing here tells facts."""
        raise NotImplementedError

    def Act(self, request: Any, context: Any) -> Any:  # noqa: N802
        """Nothing here acts."""
        raise NotImplementedError

    async def Attach(self, requests: Any, context: Any) -> AsyncIterator[Any]:  # noqa: N802
        """One attachment; it hears of what it causes itself."""
        opening = ATTACH_UP.unwrap(await anext(aiter(requests)))
        self.attached.append(opening)
        sid = opening.session
        if not await self.log.head(sid):
            raise NotFound("no such session")
        if opening.participant == "p-stranger":
            raise Forbidden("not you")
        who = opening.participant or f"p-{str(ULID()).lower()}"
        name = opening.principal.name
        yield ATTACH_DOWN.wrap(Attached(who, name, await self.log.head(sid)))
        if not opening.participant:
            await self.write(sid, Joined(member=who, role="player", name=name), by=Author("player", opening.principal.id, name))
        sent = opening.after_seq
        for fact in await self.log.read(sid, sent):
            yield ATTACH_DOWN.wrap(fact)
            sent = fact.seq
        async for request in requests:
            said = ATTACH_UP.unwrap(request)
            if isinstance(said, Goodbye):
                self.goodbyes += 1
                continue
            assert isinstance(said, TextSaid)
            if said.text == "forbidden":
                yield ATTACH_DOWN.wrap(Refused("forbidden", "not those words", said.message))
                continue
            async for event in self._turn(sid, said, Author("player", who, name)):
                yield ATTACH_DOWN.wrap(event)

    async def _turn(self, sid: str, said: TextSaid, by: Author) -> AsyncIterator[Fact | TurnTimed]:
        asked = await self.write(sid, Said(utterance=said.message, text=said.text, source="typed"), key=said.message, by=by)
        yield asked
        if self.passes:
            yield await self.write(sid, Passed(turn=asked.seq, reason="nobody was addressed"))
            return
        line, speaker = str(ULID()), Author("character", "mirelle", "Mirelle")
        yield await self.write(sid, LineOpened(line=line, character="mirelle", turn=asked.seq, base_seq=asked.seq, mode=self.mode), by=speaker)
        last = asked
        for index, text in enumerate(self.sentences):
            last = await self.write(sid, Spoken(line=line, attempt=1, index=index, text=text, tagged=f"[joy] {text}", emotion="joy"), by=speaker)
            yield last
        await self.may_end.wait()
        if self.mode == "approve":
            yield await self.write(sid, Released(line=line), by=Author("director", "local"))
        yield TurnTimed(turn=asked.seq, line=line, llm_engine="scripted", ms={"e2e": 12.0})
        yield await self.write(sid, LineClosed(line=line, state="heard", last_seq=last.seq, offset=len(self.sentences[-1])))


@dataclass
class Desk(manager_pb2_grpc.ManagerServiceServicer):
    """The manager."""

    version: int = 1
    overrides: dict[str, Any] = field(default_factory=dict)

    def register(self, server: Any) -> None:
        """Add to a server."""
        manager_pb2_grpc.add_ManagerServiceServicer_to_server(self, server)

    async def GetSettings(self, request: Any, context: Any) -> Any:  # noqa: N802
        """The tree."""
        return manager_pb2.GetSettingsResponse(settings='{"stt": {}}', schema='{"type": "object"}', version=self.version, overrides=json.dumps(self.overrides))

    async def PatchSettings(self, request: Any, context: Any) -> Any:  # noqa: N802
        """A change."""
        if request.base_version and request.base_version != self.version:
            raise Conflict
        patch = json.loads(request.patch)
        if "data_dir" in patch:
            raise SettingsRejected("data_dir: needs a restart")
        self.overrides |= patch
        self.version += 1
        return manager_pb2.PatchSettingsResponse(version=self.version, settings=json.dumps(self.overrides))

    async def ListServices(self, request: Any, context: Any) -> Any:  # noqa: N802
        """The directory."""
        return manager_pb2.ListServicesResponse(services=[manager_pb2.ServiceInfo(name="stt", pid=7, address="unix:x", health="serving")])
