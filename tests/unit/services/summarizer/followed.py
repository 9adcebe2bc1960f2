"""A session that the summarizer follows, with its owner, its marks and its memories in memory."""

from __future__ import annotations

import json
from collections.abc import Callable, Sequence
from typing import Any

from services.core.clock import ManualClock
from services.core.model.attachment import TellRequest, TellResponse
from services.core.model.fact import Fact
from services.core.settings import SummarizerSettings
from services.summarizer.asking import Models
from services.summarizer.digesting import Digesting
from services.summarizer.ground import Ground
from services.summarizer.proposing import Proposing
from services.summarizer.record import Record
from services.summarizer.remembering import Remembering
from services.summarizer.teller import Teller
from services.summarizer.work import Work
from services.transcript.memory import Memory
from services.transcript.memory.memory import checked
from tests.unit.services.summarizer.asked import Budget, Roleplay
from tests.unit.services.transcript.story import Story

BEGAN_MS = 1_700_000_000_000


class Followed:
    """`visit` is what the service does with it once a second; `anew` is what another process knows of it."""

    def __init__(self, story: Story, roleplay: Roleplay | None = None, **settings: Any) -> None:
        self.story = story
        self.told: list[TellRequest] = []
        self.marks: dict[tuple[str, str], int] = {}
        self.memories: dict[str, Memory] = {}
        self.clock = ManualClock(wall_ms=BEGAN_MS)
        chosen = SummarizerSettings(**{"every_turns": 500, **settings})
        accounts: Any = Budget()
        ground = Ground(teller=Teller(self), models=Models(roleplay or Roleplay(""), accounts), settings=lambda: chosen, clock=self.clock)
        marks: Any = self
        self.record = Record("inn")
        self.work = Work(
            facts=self,
            ground=ground,
            digesting=Digesting(ground),
            proposing=Proposing(ground),
            remembering=Remembering(ground, self, marks),
            remembers=lambda: True,
        )

    def anew(self) -> None:
        self.record = Record("inn")

    async def visit(self, *, later_s: float = 0.0) -> None:
        self.clock.advance(later_s)
        await self.record.catch_up(self)
        await self.work.visit(self.record, live=True)

    def texts(self) -> list[str]:
        return sorted(memory.text for memory in self.memories.values())

    def decided(self) -> list[dict[str, Any]]:
        return [json.loads(request.body) for request in self.told if request.kind == "recommendation_decided"]

    async def read(self, sid: str, after: int = 0, upto: int | None = None, limit: int | None = None) -> list[Fact]:
        assert (sid, upto) == ("inn", None)
        return [fact for fact in self.story.facts if fact.seq > after][:limit]

    async def tell(self, request: TellRequest) -> TellResponse:
        self.told.append(request)
        return TellResponse(len(self.story.facts) + 1)

    async def remembered(self, sid: str) -> int:
        return self.marks.get((sid, "remembered"), 0)

    async def remember(self, sid: str, seq: int) -> None:
        self.marks[sid, "remembered"] = seq

    async def settled(self, sid: str) -> int:
        return self.marks.get((sid, "settled"), 0)

    async def settle(self, sid: str, seq: int) -> None:
        self.marks[sid, "settled"] = seq

    async def add(self, memories: Sequence[Memory]) -> int:
        before = len(self.memories)
        self.memories |= {memory.id: memory for memory in (checked(item, self.clock.wall_ms()) for item in memories)}
        return len(self.memories) - before

    async def forget_sources(self, session: str, stands: Callable[[int], bool]) -> list[Memory]:
        gone = [memory for memory in self.memories.values() if memory.session == session and not all(map(stands, memory.sources))]
        for memory in gone:
            del self.memories[memory.id]
        return gone
