"""Memories come within their deadline or not at all: no turn waits for a store that hangs, fails or cannot be opened."""

from __future__ import annotations

import asyncio
from collections.abc import Sequence

import pytest

from services.core.clock import SystemClock
from services.core.errors import Unavailable
from services.core.model.fact import Author, Fact
from services.core.model.facts import Body, Joined, Said, SceneSet, fields_of, kind_of
from services.core.model.reply import ReplyRequest
from services.core.settings import MemorySettings, Settings
from services.llm.folds import Folds
from services.llm.preparing import Preparing
from services.llm.recalling import DEADLINE_S, Recalling, about
from services.transcript.memory import Memory
from services.transcript.view import Reader, View, fold

SETTINGS = MemorySettings(recalled=2)
KEPT = [Memory(character="mirelle", session="old", text=f"memory {number}") for number in range(5)]


class Store:
    """Does as it is told."""

    def __init__(self) -> None:
        self.asked: list[tuple[str, Sequence[str], str, int]] = []
        self.hangs: asyncio.Event | None = None
        self.fails = False
        self.closed = False
        self.empty = False
        self.kept: Sequence[Memory] = KEPT

    async def recall(self, character: str, present: Sequence[str], text: str, limit: int) -> list[Memory]:
        self.asked.append((character, present, text, limit))
        if self.hangs is not None:
            await self.hangs.wait()
        if self.fails:
            raise Unavailable
        return [] if self.empty else list(self.kept[:limit])

    async def blank(self, character: str) -> bool:
        return self.empty

    async def close(self) -> None:
        self.closed = True


class Clock(SystemClock):
    """Jumps."""

    ahead = 0.0

    def now(self) -> float:
        return super().now() + self.ahead


def facts() -> list[Fact]:
    bodies: list[tuple[Body, Author]] = [
        (SceneSet(heading="INN", description="Rain."), Author("director")),
        (Joined(member="mirelle", role="character", name="Mirelle"), Author("director")),
        (Joined(member="p-1", role="player", name="Anna"), Author("director")),
        (Said(utterance="u", text="The bell?"), Author("player", "p-1", "Anna")),
    ]
    return [Fact(seq=seq, kind=kind_of(body), at_ms=seq, by=by, body=fields_of(body)) for seq, (body, by) in enumerate(bodies, 1)]


def view() -> View:
    return fold(facts(), Reader("character", "mirelle"))


class Source:
    """The transcript."""

    async def read(self, sid: str, after: int = 0, upto: int | None = None, limit: int | None = None) -> list[Fact]:
        return [fact for fact in facts() if after < fact.seq <= (upto or 99)]


async def opened(store: Store, clock: Clock | None = None) -> Recalling:
    async def open_it() -> Store:
        return store

    made = Recalling(open_it, clock or Clock())
    made.warm()
    await asyncio.sleep(0)
    return made


async def test_it_asks_for_what_is_spoken_of_and_who_is_here() -> None:
    """The last words with their speaker, and the scene; at most as many come as are wanted."""
    store = Store()
    recalling = await opened(store)
    assert await recalling.recalled(view(), "mirelle", "s", SETTINGS) == ["memory 0", "memory 1"]
    assert store.asked == [("mirelle", ["p-1"], "Anna The bell?\nINN. Rain.", 4)]
    assert about(view()) == store.asked[0][2]
    await recalling.close()
    assert store.closed


async def test_nobody_remembers_what_is_still_to_come() -> None:
    """A rehearsal asks at a point in the past of this session; what happened behind it has not happened yet. Other sessions count on their own."""
    store = Store()
    store.kept = [
        Memory(character="mirelle", session="s", text="She lost the bell.", sources=(3, 300)),
        Memory(character="mirelle", session="s", text="Anna asked for the bell.", sources=(4,)),
        Memory(character="mirelle", session="old", text="The bell was stolen.", sources=(300,)),
    ]
    recalling = await opened(store)
    assert await recalling.recalled(view(), "mirelle", "s", SETTINGS) == ["Anna asked for the bell.", "The bell was stolen."]
    await recalling.close()


@pytest.mark.parametrize(("change", "known"), [({"text": "The horn?"}, ["Anna wants the horn."]), ({"text": "The bell?", "emotion": "joy"}, None)])
async def test_nobody_remembers_what_was_reworded_since(change: dict[str, str], known: list[str] | None) -> None:
    """What was kept of the old words is on its way out; what was kept of the new ones, and of another feeling, holds."""
    store = Store()
    store.kept = [
        Memory(character="mirelle", session="s", text="Anna wants the bell.", sources=(4,), created_at_ms=6),
        Memory(character="mirelle", session="s", text="Anna wants the horn.", sources=(4,), created_at_ms=8),
    ]
    recalling = await opened(store)
    edit = Fact(seq=5, kind="corrected", at_ms=7, by=Author("director"), body={"target": 4, **change})
    assert await recalling.recalled(view().advance([edit]), "mirelle", "s", SETTINGS) == (known or [memory.text for memory in store.kept])
    await recalling.close()


async def test_a_character_without_a_past_is_not_asked_in_every_turn() -> None:
    """But again after a while."""
    store, clock = Store(), Clock()
    store.empty = True
    recalling = await opened(store, clock)
    for _ in range(3):
        assert await recalling.recalled(view(), "mirelle", "s", SETTINGS) == []
    assert len(store.asked) == 1
    store.empty = False
    clock.ahead = 61.0
    assert await recalling.recalled(view(), "mirelle", "s", SETTINGS) == ["memory 0", "memory 1"]
    await recalling.close()


@pytest.mark.parametrize("settings", [MemorySettings(enabled=False), MemorySettings(recalled=0)])
async def test_it_can_be_turned_off(settings: MemorySettings) -> None:
    """Then the store is not asked."""
    store = Store()
    recalling = await opened(store)
    assert await recalling.recalled(view(), "mirelle", "s", settings) == []
    assert store.asked == []
    await recalling.close()


async def test_a_store_that_hangs_is_not_waited_for() -> None:
    """Each turn goes on at the deadline; after three in a row nobody waits at all; later it is asked again."""
    store, clock = Store(), Clock()
    store.hangs = asyncio.Event()
    recalling = await opened(store, clock)
    loop = asyncio.get_running_loop()
    for _ in range(3):
        began = loop.time()
        assert await recalling.recalled(view(), "mirelle", "s", SETTINGS) == []
        assert loop.time() - began < DEADLINE_S * 20
    assert len(store.asked) == 3
    assert await recalling.recalled(view(), "mirelle", "s", SETTINGS) == []
    assert len(store.asked) == 3
    store.hangs.set()
    clock.ahead = 60
    assert await recalling.recalled(view(), "mirelle", "s", SETTINGS) == ["memory 0", "memory 1"]
    await recalling.close()


async def test_a_turn_has_its_prompt_though_the_store_hangs() -> None:
    """The whole way from the request: with everything but memories."""
    store = Store()
    store.hangs = asyncio.Event()
    recalling = await opened(store)

    async def past() -> Source:
        return Source()

    preparing = Preparing(Folds(Source(), past), recalling)
    loop = asyncio.get_running_loop()
    began = loop.time()
    prompt, _ = await preparing.prepared(ReplyRequest(session="s", base_seq=4, character="mirelle"), Settings())
    assert loop.time() - began < DEADLINE_S * 20
    assert "The bell?" in prompt.messages[-1].content
    assert len(store.asked) == 1
    store.hangs.set()
    prompt, _ = await preparing.prepared(ReplyRequest(session="s", base_seq=4, character="mirelle"), Settings())
    assert "- memory 0" in prompt.messages[0].content
    await recalling.close()


async def test_calls_that_hang_do_not_pile_up(monkeypatch: pytest.MonkeyPatch) -> None:
    """However many turns ask at once; and closing does not wait for them for ever."""
    monkeypatch.setattr("services.llm.recalling._ENDING_S", 0.05)
    store = Store()
    store.hangs = asyncio.Event()
    recalling = await opened(store)
    found = await asyncio.gather(*(recalling.recalled(view(), "mirelle", "s", SETTINGS) for _ in range(50)))
    assert found == [[]] * 50
    assert len(store.asked) <= 8
    await recalling.close()
    assert store.closed


async def test_a_store_that_fails_gives_nothing() -> None:
    """And the turn goes on."""
    store = Store()
    store.fails = True
    recalling = await opened(store)
    assert await recalling.recalled(view(), "mirelle", "s", SETTINGS) == []
    store.fails = False
    assert len(await recalling.recalled(view(), "mirelle", "s", SETTINGS)) == 2
    await recalling.close()


async def test_a_store_that_cannot_be_opened_is_tried_again_later() -> None:
    """Nothing comes to mind until then, at once."""
    store, clock, tries = Store(), Clock(), 0

    async def open_it() -> Store:
        nonlocal tries
        tries += 1
        if tries == 1:
            raise Unavailable
        return store

    recalling = Recalling(open_it, clock)
    for _ in range(3):
        assert await recalling.recalled(view(), "mirelle", "s", SETTINGS) == []
        await asyncio.sleep(0)
    assert tries == 1
    clock.ahead = 60
    for _ in range(3):
        found = await recalling.recalled(view(), "mirelle", "s", SETTINGS)
        await asyncio.sleep(0)
    assert tries == 2
    assert len(found) == 2
    await recalling.close()
