"""Those who use a table while it fails: they write, read and correct, come back after every break, and remember what they were told."""

from __future__ import annotations

import asyncio
import json
import random
from contextlib import suppress
from dataclasses import dataclass, field, replace
from typing import Any, Final

import httpx2

from tests.chaos.evidence import Correction, Told
from tests.chaos.invariants import ENDED, GONE
from tests.chaos.seat import Gateway, Seat

PLAYER: Final = "player"

_AGAIN_S: Final = 0.1
_PATIENCE_S: Final = 5.0
"""For one attempt; what nobody answered is asked again."""
_READER_S: Final = 20.0
"""A stream of events beats every 15 s."""
_WORDS_S: Final = (0.2, 0.8)
"""Between the words of one writer: some lines are cut before anything of them is heard, most of them behind that."""
_ACTS_S: Final = (0.4, 1.0)
_ERASURES: Final = 6
"""Every so many acts."""
_REFUSED: Final = frozenset({400, 403, 404, 413, 422})
"""What is wrong with a request does not pass."""


@dataclass(slots=True)
class Load:
    """Everybody at one table."""

    url: str
    session: str
    chance: random.Random
    asked: dict[str, str] = field(default_factory=dict)
    """What was to be said, by its keys."""
    acknowledged: list[tuple[str, Told]] = field(default_factory=list)
    shown: dict[str, list[Told]] = field(default_factory=dict)
    accepted: dict[str, Correction] = field(default_factory=dict)
    """Corrections, as they were asked for."""
    settled: dict[str, Correction] = field(default_factory=dict)
    """Those of them that have come to an end, by the keys that the stage gives them."""
    refused: list[str] = field(default_factory=list)
    """Answers that nobody should have got."""
    over: asyncio.Event = field(default_factory=asyncio.Event)
    gateway: Gateway = field(init=False)
    seat: Seat = field(init=False)
    """Of the player."""

    def __post_init__(self) -> None:
        """Nobody is there yet."""
        self.gateway = Gateway(self.url)
        self.seat = Seat(self._seat_address, self.gateway, self.shown.setdefault(PLAYER, []))

    def _seat_address(self) -> str:
        seen = self.shown[PLAYER]
        query = f"model=npc/mirelle&session={self.session}&name={PLAYER}&role=player&after_seq={seen[-1].seq if seen else 0}"
        return f"{self.url.replace('http', 'ws', 1)}/v1/realtime?{query}"

    @property
    def seen(self) -> int:
        """The last fact that somebody was told of."""
        return max((facts[-1].seq for facts in self.shown.values() if facts), default=0)

    async def write(self, name: str) -> None:
        """Type one message after the other; each again and again under its own id until it is acknowledged."""
        number = 0
        async with self._client() as client:
            while not self.over.is_set():
                number += 1
                await self.say(client, f"{name}-{number}", f"This is word {number} of {name}.")
                await self._pause(*_WORDS_S)

    async def say(self, client: httpx2.AsyncClient, key: str, text: str) -> None:
        """Until it is acknowledged."""
        self.asked[key] = text
        answer = await self._asked(client, f"/api/sessions/{self.session}/messages", {"text": text, "message_id": key}, key)
        if answer is not None:
            self.acknowledged.append((key, Told.of(answer["fact"])))

    async def direct(self) -> None:
        """Correct what was said, and leave notes."""
        number = 0
        async with self._client() as client:
            while not self.over.is_set():
                number += 1
                key = f"c-{number}"
                said = [fact.seq for _, fact in self.acknowledged]
                target = self.chance.choice(said) if number % 2 == 0 and said else 0
                erases = bool(target) and number % _ERASURES == 0
                text = "" if erases else f"Word corrected by {key}." if target else f"Remark {number}."
                act: dict[str, Any] = {"kind": "note", "scope": "once", "text": text}
                # Every other edit rests on the words as they were first said: who has changed them since wins.
                base = target if number % 4 == 0 and not erases else 0
                if target:
                    act = {"kind": "erase", "seqs": [target]} if erases else {"kind": "edit", "target": target, "text": text, "base": base}
                if await self._asked(client, f"/api/sessions/{self.session}/corrections", {"id": key, **act}, key) is not None:
                    self.accepted[key] = Correction(text=text, target=target, base=base, erases=erases)
                await self._pause(*_ACTS_S)

    async def read(self, name: str) -> None:
        """Follow the facts by server-sent events; after a break from the last one that was seen."""
        seen = self.shown.setdefault(name, [])
        while True:
            try:
                async with self._client(_READER_S) as client:
                    after = seen[-1].seq if seen else 0
                    request = client.stream("GET", f"/api/sessions/{self.session}/facts", params={"after": after}, headers={"Accept": "text/event-stream"})
                    async with request as answer:
                        async for line in answer.aiter_lines():
                            if line.startswith("data: ") and "kind" in (fact := json.loads(line.removeprefix("data: "))):
                                seen.append(Told.of(fact))
            except httpx2.HTTPError:
                pass
            await asyncio.sleep(_AGAIN_S)

    async def open_another(self) -> None:
        """Another session, of which nothing more is asked; perhaps in vain."""
        with suppress(httpx2.HTTPError):
            async with self._client() as client:
                await client.post("/api/sessions", json={"cast": ["mirelle"]})

    async def corrected(self) -> bool:
        """A note that is left now has come to its end."""
        key = f"probe-{len(self.accepted)}"
        async with self._client() as client:
            text = f"Probe {key}."
            if await self._asked(client, f"/api/sessions/{self.session}/corrections", {"id": key, "kind": "note", "scope": "once", "text": text}, key) is None:
                return False
        self.accepted[key] = Correction(text=text)
        name = f"told:{key}"
        while name not in self.settled:
            with suppress(httpx2.HTTPError):
                await self.corrections()
            await asyncio.sleep(_AGAIN_S)
        return self.settled[name].state == "applied"

    async def corrections(self) -> dict[str, Correction]:
        """What became of the accepted ones, by the keys that the stage gives them."""
        found = {}
        async with self._client() as client:
            for key, asked in list(self.accepted.items()):
                if (name := f"told:{key}") not in self.settled:
                    answer = await client.get(f"/api/sessions/{self.session}/corrections/{key}")
                    if answer.status_code == 404:
                        found[name] = replace(asked, state=GONE)
                        continue
                    row = answer.raise_for_status().json()
                    found[name] = replace(asked, state=row["state"], seq=row["seq"] or 0)
        self.settled |= {name: correction for name, correction in found.items() if correction.state in ENDED}
        return found | self.settled

    async def _asked(self, client: httpx2.AsyncClient, path: str, body: dict[str, Any], key: str) -> dict[str, Any] | None:
        while True:
            try:
                answer = await client.post(path, json=body)
            except httpx2.HTTPError:
                answer = None
            if answer is not None and answer.status_code == 202:
                found: dict[str, Any] = answer.json()
                return found
            if answer is not None and answer.status_code in _REFUSED:
                self.refused.append(f"{key}: {answer.status_code} {answer.text}")
                return None
            await asyncio.sleep(_AGAIN_S)

    def _client(self, timeout_s: float = _PATIENCE_S) -> httpx2.AsyncClient:
        return httpx2.AsyncClient(base_url=self.url, trust_env=False, timeout=timeout_s)

    async def _pause(self, least_s: float, most_s: float) -> None:
        await asyncio.sleep(self.chance.uniform(least_s, most_s))
