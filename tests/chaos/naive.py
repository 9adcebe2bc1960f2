"""A log as one would write it without thinking of faults; the checker must find it out."""

from __future__ import annotations

import asyncio
import json
from collections import deque
from typing import cast

from redis.asyncio import Redis
from redis.exceptions import RedisError

from services.transcript.store import Entry
from tests.chaos.evidence import Correction, Evidence, Told

_STREAM = "naive"


class NaiveLog:
    """Acknowledges before it writes, lets the store choose the numbers, writes again after every error, and tells and archives what it happens to read."""

    def __init__(self, store: Redis) -> None:
        self._store = store
        self._queue: deque[tuple[str, str]] = deque()
        self._archive: list[Entry] = []
        self._shown: list[Told] = []
        self._corrections: dict[str, Correction] = {}
        self._numbers = 0
        self.written = 0
        self.failures = 0
        self.asked: dict[str, str] = {}
        self.acknowledged: list[tuple[str, Told]] = []

    async def say(self, key: str, text: str) -> None:
        self._numbers += 1
        self.asked[key] = text
        self._queue.append((key, text))
        self.acknowledged.append((key, Told(seq=self._numbers, kind="said", body={"utterance": key, "text": text})))

    async def write(self) -> None:
        """Until cancelled."""
        while True:
            if not self._queue:
                await asyncio.sleep(0.001)
                continue
            key, text = self._queue[0]
            try:
                # The answer may be lost although it was written.
                async with asyncio.timeout(0.05):
                    await self._store.xadd(_STREAM, {key: text})
            except (RedisError, OSError, TimeoutError):
                self.failures += 1
                continue
            self._queue.popleft()
            self.written += 1

    @property
    def waiting(self) -> int:
        """Acknowledged, and in memory only."""
        return len(self._queue)

    async def correct(self, key: str) -> None:
        """What it is told it says is applied, where it thinks the end is."""
        await self.say(key, "Corrected.")
        self._corrections[key] = Correction(text="Corrected.", state="applied", seq=self._numbers)

    async def read(self) -> None:
        """A reader who comes back asks for what is new, and new is what came last."""
        entries = await self._entries()
        self._shown.append(Told.of(json.loads(entries[-1].envelope)))

    async def archive(self) -> None:
        """Numbers are given in the order in which it reads."""
        self._archive = await self._entries()

    async def evidence(self) -> Evidence:
        """At the end."""
        return Evidence(
            stream=await self._entries(),
            archive=self._archive,
            asked=self.asked,
            acknowledged=self.acknowledged,
            shown={"reader": self._shown},
            corrections=self._corrections,
        )

    async def _entries(self) -> list[Entry]:
        found = cast(list[tuple[bytes, dict[bytes, bytes]]], await self._store.xrange(_STREAM))
        entries = []
        for seq, (_, fields) in enumerate(found, 1):
            ((key, text),) = fields.items()
            fact = {"seq": seq, "kind": "said", "body": {"utterance": key.decode(), "text": text.decode()}}
            entries.append(Entry(seq, key.decode(), json.dumps(fact)))
        return entries
