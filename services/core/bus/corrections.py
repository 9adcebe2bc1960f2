"""The bus that carries corrections: a letter says which row of the outbox is to be looked at, never what stands in it.

Delivery is at least once, in both adapters. A letter that is lost harms nobody: the outbox sends open rows again.
"""

from __future__ import annotations

import asyncio
import json
from collections.abc import Awaitable, Callable
from contextlib import AbstractAsyncContextManager
from dataclasses import asdict, dataclass
from enum import StrEnum
from typing import Any, Final, Protocol

import structlog

from services.core.errors import InvalidRequest

DRAIN_S: Final = 5.0
"""How long letters in hand may take when a consumer stops."""
PREFETCH: Final = 32
"""Letters in hand at a time."""
LARGEST_PAGE: Final = 500
"""Dead letters shown at a time."""
_VERSION: Final = 1

_log = structlog.get_logger(__name__)


@dataclass(frozen=True, slots=True, kw_only=True)
class Letter:
    """One message: look at this row."""

    id: str
    """Of the message; a row that is sent again gets a new one."""
    session: str
    correction: str
    again: bool = False
    """Sent again: an earlier one may have come to grief."""

    def to_bytes(self) -> bytes:
        """As it travels."""
        return json.dumps({"v": _VERSION, **asdict(self)}, separators=(",", ":")).encode()

    @classmethod
    def from_bytes(cls, raw: bytes) -> Letter:
        """Raises `InvalidRequest` for what is no letter of ours."""
        try:
            data: dict[str, Any] = json.loads(raw)
            return cls(id=str(data["id"]), session=str(data["session"]), correction=str(data["correction"]), again=bool(data.get("again")))
        except (ValueError, KeyError, TypeError) as error:
            raise InvalidRequest("this is no letter of the corrections' bus") from error


@dataclass(frozen=True, slots=True)
class DeadLetter:
    """A letter that was put aside."""

    letter: Letter
    attempts: int
    at_ms: int
    """When it was put aside; 0 = the bus does not say."""
    reason: str = ""


@dataclass(frozen=True, slots=True)
class Counts:
    """How many letters there are."""

    depth: int
    """Waiting or in hand."""
    dead: int


class Verdict(StrEnum):
    """What is to become of a letter."""

    DONE = "done"
    """Acknowledge it: everything that follows from it is durable."""
    RETRY = "retry"
    """Deliver it once more; after the limit it is dead."""
    DEAD = "dead"
    """Put it aside: trying again cannot help by itself."""


Handler = Callable[[Letter, int], Awaitable[Verdict]]
"""Takes a letter and how many times it was delivered, this one included. An exception counts as RETRY."""


async def verdict_of(handler: Handler, letter: Letter, attempt: int) -> Verdict:
    """What the handler says; its exceptions are logged."""
    try:
        return await handler(letter, attempt)
    except Exception:
        _log.exception("bus.handler_failed", session=letter.session, correction=letter.correction, attempt=attempt)
        return Verdict.RETRY


class Link:
    """Whether the bus can be reached, for whoever waits for it to come back."""

    def __init__(self) -> None:
        """Down."""
        self.connected = False
        self._ups = 0
        self._changed = asyncio.Event()

    def up(self) -> None:
        """It answers."""
        if not self.connected:
            self.connected = True
            self._ups += 1
            self._tell()

    def down(self) -> None:
        """It does not."""
        self.connected = False

    async def next_up(self, seen: int) -> int:
        """Wait until it has come up more often than `seen` times; how often it has."""
        while self._ups <= seen:
            await self._changed.wait()
        return self._ups

    def _tell(self) -> None:
        self._changed.set()
        self._changed = asyncio.Event()


class CorrectionBus(Protocol):
    """Every method raises `Unavailable` when the broker cannot be reached in time."""

    kind: str
    """amqp or redis."""
    link: Link

    async def publish(self, letter: Letter) -> None:
        """Returns when the broker has it safe."""
        ...

    def consuming(self, handler: Handler, drain_s: float = DRAIN_S) -> AbstractAsyncContextManager[None]:
        """Deliver letters for the time of the block, over reconnections too. Leaving: no new ones; those in hand get `drain_s`, then they are cut."""
        ...

    async def counts(self) -> Counts:
        """How many letters wait, and how many are dead."""
        ...

    async def dead(self, limit: int = 100) -> list[DeadLetter]:
        """The oldest dead letters, at most `limit`; they stay where they are."""
        ...

    async def retry(self, id: str) -> DeadLetter:  # noqa: A002 - its name
        """Send a dead letter once more. Raises `NotFound`."""
        ...

    async def drop(self, id: str) -> DeadLetter:  # noqa: A002 - its name
        """Throw a dead letter away. Raises `NotFound`."""
        ...


BusOpener = Callable[[], AbstractAsyncContextManager[CorrectionBus]]
