"""The one hand that writes a session: drafts queue up, go to Redis in pipelined batches, and are announced once they are durable."""

from __future__ import annotations

import asyncio
from collections import deque
from collections.abc import Awaitable, Callable, Sequence
from typing import Final, Protocol

import structlog

from services.core.errors import NotOwner, Recovering, SouffleurError, StaleFence, Unavailable
from services.core.model.fact import Draft, Fact
from services.core.telemetry import APPENDS

_QUEUE: Final = 512
"""Drafts waiting for the store, at which the outside is turned away."""
_PATIENCE_S: Final = 10.0
"""How long appends are retried while the store is away; a turn's own deadline is shorter than that (reliability: Redis killed, row 9)."""
_BACKOFF_S: Final = (0.02, 0.05, 0.1, 0.25, 0.5)

_log = structlog.get_logger(__name__)


class Appender(Protocol):
    """The log as the writer needs it."""

    async def append(self, sid: str, drafts: Sequence[Draft]) -> list[Fact]:
        """Write in order, once each, under the fence that the session is claimed with; return them with their seq."""
        ...


class Writer:
    """Owns a session's append order. `write` may be called from anywhere on the loop; order of calling is order of facts."""

    def __init__(
        self,
        log: Appender,
        sid: str,
        *,
        head: int,
        announce: Callable[[Fact], None],
        lost: Callable[[SouffleurError], None],
        regain: Callable[[], Awaitable[None]],
    ) -> None:
        """`announce` gets every new fact, in order; `lost` is told when this process may not write the session any more.

        `regain` brings back what the store has lost.
        """
        self._log = log
        self._sid = sid
        self._announce = announce
        self._lost = lost
        self._regain = regain
        self._behind = False
        """The store has lost facts that it had acknowledged."""
        self.durable = head
        """Seq of the last fact known to be written."""
        self.told = 0
        """How many drafts have been queued."""
        self._queue: deque[tuple[Draft, asyncio.Future[Fact]]] = deque()
        self._keys: dict[str, asyncio.Future[Fact]] = {}
        """Of what is told but not durable yet."""
        self._in_flight: list[Draft] = []
        self._wake = asyncio.Event()
        self._idle = asyncio.Event()
        self._idle.set()
        self._error: SouffleurError | None = None
        self.given_up = False
        """Something that was told is not written, and nothing more will be."""

    @property
    def full(self) -> bool:
        """The store cannot keep up: nothing more is to be taken from outside. The stage's own facts, which close what is open, still are."""
        return len(self._queue) >= _QUEUE

    def knows(self, key: str) -> bool:
        """A draft of this key is on its way."""
        return key in self._keys

    def write(self, draft: Draft) -> asyncio.Future[Fact]:
        """Queue a draft; the future has the fact once it is durable. The same key told twice before that is one draft."""
        written = self._keys.get(draft.key) or self._queued(draft)
        # Each caller has a future of its own: one who gives up waiting must not take the fact from the others.
        future = asyncio.shield(written)
        # Whoever does not wait for a fact still sees a failure: the session is told through `lost` or `announce` never comes.
        future.add_done_callback(_retrieve)
        return future

    def _queued(self, draft: Draft) -> asyncio.Future[Fact]:
        written: asyncio.Future[Fact] = asyncio.get_running_loop().create_future()
        if self._error is not None:
            written.set_exception(self._error)
            return written
        self._queue.append((draft, written))
        self._keys[draft.key] = written
        self.told += 1
        self._idle.clear()
        self._wake.set()
        return written

    def pending(self) -> tuple[str, ...]:
        """Envelopes of what is told but not durable yet, in order."""
        drafts = [*self._in_flight, *(draft for draft, _ in self._queue)]
        return tuple(draft.at(0).to_json() for draft in drafts)

    async def caught_up(self) -> None:
        """Return when everything that was told so far is durable, or never will be."""
        if self._keys:
            await asyncio.wait(list(self._keys.values()))

    def catch_up(self) -> None:
        """The store was found to have lost facts: bring them back now, not only with the next one."""
        self._behind = True
        self._idle.clear()
        self._wake.set()

    async def close(self) -> None:
        """Write what is queued; nothing more is taken after that."""
        while not self._idle.is_set():
            await self._idle.wait()
        self._error = self._error or Unavailable("this stage has let the session go")

    async def run(self) -> None:
        """Write until cancelled."""
        while True:
            await self._wake.wait()
            self._wake.clear()
            while self._queue or self._behind:
                batch = list(self._queue)
                self._queue.clear()
                self._in_flight = [draft for draft, _ in batch]
                try:
                    await self._flush(batch)
                except Exception:
                    # Whatever it was: a session that nobody writes for must not look alive.
                    _log.exception("writer.failed", session=self._sid)
                    self._give_up(Unavailable("the transcript could not be written"), batch)
                self._in_flight = []
                for draft, _ in batch:
                    del self._keys[draft.key]
            self._idle.set()

    async def _flush(self, batch: list[tuple[Draft, asyncio.Future[Fact]]]) -> None:
        if self._error is not None:
            self._behind = False
            _fail(batch, self._error)
            return
        try:
            with APPENDS.time():
                facts = await self._append([draft for draft, _ in batch])
        except SouffleurError as error:
            await self._failed(batch, error)
            return
        self._in_flight = []
        for (_, future), fact in zip(batch, facts, strict=True):
            if fact.seq > self.durable:
                self.durable = fact.seq
                self._announce(fact)
            future.set_result(fact)

    async def _failed(self, batch: list[tuple[Draft, asyncio.Future[Fact]]], error: SouffleurError) -> None:
        if isinstance(error, StaleFence | NotOwner | Unavailable | Recovering):
            self._give_up(error, batch)
        elif len(batch) > 1:
            # One draft is not acceptable, and nothing was written: the others must not suffer for it.
            for item in batch:
                await self._flush([item])
        else:
            _fail(batch, error)

    def _give_up(self, error: SouffleurError, batch: list[tuple[Draft, asyncio.Future[Fact]]]) -> None:
        self._error = error
        self.given_up = True
        _fail(batch, error)
        self._lost(error)

    async def _append(self, drafts: list[Draft]) -> list[Fact]:
        now = asyncio.get_running_loop().time
        deadline = now() + _PATIENCE_S
        attempt = 0
        while True:
            try:
                if self._behind:
                    began = now()
                    await self._regain()
                    self._behind = False
                    # The store is there: how long it takes to give back what it lost is no reason to give the session up.
                    deadline += now() - began
                async with asyncio.timeout_at(deadline):
                    return await self._log.append(self._sid, drafts)
            except TimeoutError:
                # A store that has vanished without a word: the client below would ask it for much longer.
                raise Unavailable("the transcript store does not answer") from None
            except (Unavailable, Recovering, NotOwner) as error:
                # The keys make this harmless when the append had happened and only its answer was lost.
                self._behind = self._behind or isinstance(error, Recovering)
                if now() >= deadline:
                    raise
                if attempt == 0:
                    _log.warning("append.retried", code=error.code)
                await asyncio.sleep(_BACKOFF_S[min(attempt, len(_BACKOFF_S) - 1)])
                attempt += 1


def _fail(batch: list[tuple[Draft, asyncio.Future[Fact]]], error: SouffleurError) -> None:
    for _, future in batch:
        if not future.done():
            future.set_exception(error)


def _retrieve(future: asyncio.Future[Fact]) -> None:
    if not future.cancelled():
        future.exception()
