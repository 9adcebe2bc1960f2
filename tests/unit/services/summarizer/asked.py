"""A roleplay service that keeps what it is asked and answers as it is told, and an hour's budget that keeps its accounts."""

from __future__ import annotations

from collections.abc import AsyncGenerator, Sequence
from typing import Any

from services.core.calm import Calm
from services.core.model.reply import Delta, ReplyEvent, ReplyFinished, ReplyRequest, ReplyStarted
from services.core.settings import SummarizerSettings
from services.summarizer.asking import Counsel, Models


class Roleplay:
    """The last answer given is given again; a list is sent as it stands, with an error where one stands in it."""

    def __init__(self, *answers: str | Sequence[ReplyEvent | Exception]) -> None:
        self.asked: list[str] = []
        self._answers = list(answers)

    async def reply(self, request: ReplyRequest, timeout_s: float) -> AsyncGenerator[ReplyEvent]:
        assert timeout_s > 0
        self.asked.append(request.messages[-1].content)
        answer = self._answers.pop(0) if len(self._answers) > 1 else self._answers[0]
        spoken: list[ReplyEvent | Exception] = [ReplyStarted("light", "m"), Delta(answer), ReplyFinished("stop")] if isinstance(answer, str) else list(answer)
        for event in spoken:
            if isinstance(event, Exception):
                raise event
            yield event


class Budget:
    """No bounds."""

    def __init__(self) -> None:
        self.reserved: list[int] = []
        self.used: list[int] = []

    async def reserve(self, sid: str, tokens: int, most: int) -> int:
        del sid, most
        self.reserved.append(tokens)
        return 0

    async def settle(self, sid: str, slot: int, reserved: int, used: int) -> None:
        del sid, slot
        assert reserved == self.reserved[-1]
        self.used.append(used)


def counsel(roleplay: Roleplay, budget: Budget | None = None, calm: Calm | None = None) -> Counsel:
    """Of a session with engines."""
    accounts: Any = budget or Budget()
    return Counsel(Models(roleplay, accounts, calm), "inn", SummarizerSettings(light=("light",), strong=("strong",)))
