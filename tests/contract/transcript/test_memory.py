"""The memory store's contract, on SQLite and on PostgreSQL."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Callable, Sequence
from dataclasses import replace
from pathlib import Path
from uuid import uuid4

import numpy as np
import pytest
import pytest_asyncio
from sqlalchemy.engine import make_url

from services.core.errors import InvalidRequest, NotFound
from services.core.model.facts import Erased
from services.transcript.archive import Archive
from services.transcript.memory import Memory, MemoryStore
from services.transcript.memory.meaning import packed
from services.transcript.store import Entry
from tests.contract.transcript.test_archive import entries
from tests.unit.services.transcript.drafts import AT_MS, corrected, draft, said

DAY_MS = 86_400_000


class Clock:
    """Stands still."""

    def now(self) -> float:
        return 0.0

    def wall_ms(self) -> int:
        return AT_MS


@pytest_asyncio.fixture
async def store(url: str) -> AsyncIterator[MemoryStore]:
    """The store under test, as a tenant of its own."""
    opened = await MemoryStore.open(url, tenant=uuid4().hex, clock=Clock())
    yield opened
    await opened.close()


def memory(text: str, character: str = "mirelle", session: str = "s-1", **more: object) -> Memory:
    return replace(Memory(character=character, text=text, session=session, present=(character, "p-1"), created_at_ms=AT_MS), **more)  # type: ignore[arg-type]


async def texts(store: MemoryStore, query: str, character: str = "mirelle", present: Sequence[str] = (), limit: int = 6) -> list[str]:
    return [found.text for found in await store.recall(character, present, query, limit)]


async def test_words_bring_back_what_they_name(store: MemoryStore) -> None:
    """The memory that shares the rarest words comes first; what shares none does not come; words may end differently, in any writing."""
    kept = [
        memory("Anna promised to bring the lantern back before winter."),
        memory("Anna paid for the stew."),
        memory("Grim lied about the bridge."),
        memory("Злата обещала вернуть таверну отцу."),
        memory("小满把灯笼挂在桥头。"),
    ]
    assert await store.add(kept) == 5
    assert (await texts(store, "Where are the lanterns, Anna?"))[0] == kept[0].text
    assert kept[2].text not in await texts(store, "Where are the lanterns, Anna?")
    assert await texts(store, "Что с таверной?") == [kept[3].text]
    assert await texts(store, "你的灯笼呢?") == [kept[4].text]
    assert await texts(store, "unheard of") == []
    assert await texts(store, "the and of", limit=3) == []
    assert len(await texts(store, "Anna", limit=1)) == 1
    assert await texts(store, "Anna", limit=0) == []


async def test_nobody_remembers_what_they_did_not_witness(store: MemoryStore) -> None:
    """Another character's memories, those of an absent one, and another tenant's stay where they are."""
    await store.add(
        [
            memory("The key is under the marigolds.", "grim"),
            memory("The key was stolen.", present=("grim", "p-1")),
            memory("The key is mine."),
        ]
    )
    assert await texts(store, "the key") == ["The key is mine."]
    assert await texts(store, "the key", "grim") == ["The key is under the marigolds."]
    other = MemoryStore(store._engine, tenant="somebody else")
    assert await texts(other, "the key") == []
    assert (await other.page()).items == ()
    with pytest.raises(NotFound):
        await other.delete((await store.page()).items[0].id)


async def test_what_mattered_and_what_is_fresh_comes_first(store: MemoryStore) -> None:
    """Of equal words, importance, age and company decide."""
    await store.add([memory("A dragon burned the mill.", importance=0.2), memory("A dragon burned the barn.", importance=0.9)])
    assert await texts(store, "dragon") == ["A dragon burned the barn.", "A dragon burned the mill."]
    await store.add([memory("Kraken sank the barge.", created_at_ms=AT_MS - 400 * DAY_MS), memory("Kraken sank the ferry.")])
    assert (await texts(store, "kraken"))[0] == "Kraken sank the ferry."
    await store.add([memory("A ghost followed Tom.", present=("mirelle", "tom")), memory("A ghost followed Ida.", present=("mirelle", "ida"))])
    assert (await texts(store, "ghost", present=["ida"]))[0] == "A ghost followed Ida."
    assert (await texts(store, "ghost", present=["tom"]))[0] == "A ghost followed Tom."


async def test_adding_twice_is_adding_once(store: MemoryStore) -> None:
    """Also by several at once; another session's is another one."""
    one = memory("The bell rings.", sources=(3, 4))
    added = await asyncio.gather(*(store.add([one]) for _ in range(4)))
    assert sum(added) == 1
    assert await store.add([one, replace(one, session="s-2")]) == 1
    found = (await store.page()).items
    assert {item.session for item in found} == {"s-1", "s-2"}
    assert found[0].sources == (3, 4)
    assert found[0].present == ("mirelle", "p-1")


async def test_memories_are_reviewed_edited_and_deleted(store: MemoryStore) -> None:
    """An edit is found by its new words only; what was deleted is gone with its words and is not added again."""
    await store.add([memory("Anna likes soup."), memory("Grim likes ale.", "grim")])
    first = next(item for item in (await store.page("mirelle")).items)
    edited = await store.edit(first.id, "Anna likes porridge.", 0.9)
    assert (edited.text, edited.importance, edited.id) == ("Anna likes porridge.", 0.9, first.id)
    assert await texts(store, "soup") == []
    assert await texts(store, "porridge") == ["Anna likes porridge."]
    assert (await store.edit(first.id, importance=0.1)).text == "Anna likes porridge."
    await store.delete(first.id)
    for gone in (store.get(first.id), store.edit(first.id, "x"), store.delete(first.id), store.get("nothing")):
        with pytest.raises(NotFound):
            await gone
    assert await texts(store, "porridge soup") == []
    assert await store.add([memory("Anna likes soup.")]) == 0
    assert [item.character for item in (await store.page()).items] == ["grim"]


@pytest.mark.parametrize("act", ["delete", "edit"])
async def test_words_that_stand_no_more_are_not_in_the_file(tmp_path: Path, act: str) -> None:
    """Neither in its pages nor in its index nor in its log."""
    store = await MemoryStore.open(f"sqlite:///{tmp_path}/archive.sqlite3")
    try:
        await store.add([memory("Anna likes swordfish."), memory("Anna likes soup.")])
        [gone] = (await store.page(text="swordfish")).items
        await (store.delete(gone.id) if act == "delete" else store.edit(gone.id, "Anna likes nothing."))
        kept = b"".join(path.read_bytes() for path in tmp_path.iterdir())
        assert b"soup" in kept
        assert b"swordfish" not in kept
    finally:
        await store.close()


async def test_the_list_is_paged_and_searched(store: MemoryStore) -> None:
    """The newest first, by cursor without loss or repeat; every word of a search must be there."""
    await store.add([memory(f"Memory number {number} of the ferry.", created_at_ms=AT_MS + number // 2) for number in range(7)])
    seen: list[str] = []
    cursor: str | None = ""
    while cursor is not None:
        page = await store.page(limit=3, cursor=cursor)
        seen += [item.text for item in page.items]
        cursor = page.next_cursor
    assert len(seen) == len(set(seen)) == 7
    assert seen[0].startswith("Memory number 6")
    assert [item.text for item in (await store.page(text="ferries number 4")).items] == []
    assert [item.text for item in (await store.page(text="memories number 4 ferry")).items] == ["Memory number 4 of the ferry."]
    assert (await store.page("grim")).items == ()
    assert (await store.page(text="!!!")).items == ()
    with pytest.raises(InvalidRequest):
        await store.page(cursor="x")


async def test_a_retcon_takes_memories_with_it(store: MemoryStore) -> None:
    """Every memory of the session that rests on a fact which stands no more; what comes again after that is kept again."""
    kept = [memory("Early.", sources=(2,)), memory("Both.", sources=(2, 9)), memory("Late.", sources=(9,)), memory("Elsewhere.", session="s-2", sources=(9,))]
    await store.add(kept)
    assert sorted(item.text for item in await store.forget_sources("s-1", lambda seq: seq < 5)) == ["Both.", "Late."]
    assert sorted(item.text for item in (await store.page()).items) == ["Early.", "Elsewhere."]
    assert await store.forget_sources("s-1", lambda seq: seq < 5) == []
    assert await store.add([kept[2]]) == 1


@pytest.mark.parametrize(
    "spoil",
    [
        lambda item: replace(item, text="  "),
        lambda item: replace(item, text="x" * 2_001),
        lambda item: replace(item, text="a\0b"),
        lambda item: replace(item, importance=1.1),
        lambda item: replace(item, importance=float("nan")),
        lambda item: replace(item, character=""),
        lambda item: replace(item, session="x" * 200),
        lambda item: replace(item, sources=tuple(range(2_000))),
    ],
)
async def test_a_bad_memory_is_refused_and_none_of_its_batch_kept(store: MemoryStore, spoil: Callable[[Memory], Memory]) -> None:
    """By a typed error."""
    with pytest.raises(InvalidRequest):
        await store.add([memory("Good."), spoil(memory("Bad."))])
    assert (await store.page()).items == ()


@pytest.mark.parametrize("query", ['"', "' OR 1=1", "NEAR(a b)", "a* AND (", "col:x", "\0", "'); DROP TABLE memories; --", "x" * 20_000, "a_b_c", "🗝 key"])
async def test_hostile_queries_are_only_words(store: MemoryStore, query: str) -> None:
    """Operators of the databases' query languages mean nothing."""
    await store.add([memory("A key.")])
    found = await texts(store, query)
    assert found == (["A key."] if "key" in query else [])
    await store.page(text=query)


class Letters:
    """Vectors by hand: what a text is about, by one word of it."""

    name = "letters"

    async def embed(self, texts: Sequence[str]) -> list[bytes]:
        about = {"ship": 0, "boat": 0, "vessel": 0, "bread": 1, "loaf": 1}
        rows = np.zeros((len(texts), 4), dtype=np.float32)
        for at, text in enumerate(texts):
            rows[at, next((place for word, place in about.items() if word in text), 3)] = 1
        return packed(rows)


async def test_meaning_finds_what_words_do_not(url: str) -> None:
    """With an embedder a memory comes back without a word in common, and one that fits by both comes first; an edit moves its meaning."""
    store = await MemoryStore.open(url, Letters(), tenant=uuid4().hex, clock=Clock())
    try:
        await store.add([memory("Her boat sank."), memory("The ship is old, says Anna."), memory("Fresh bread.")])
        assert sorted(await texts(store, "Tell me of the vessel")) == ["Her boat sank.", "The ship is old, says Anna."]
        assert (await texts(store, "Anna's vessel"))[0] == "The ship is old, says Anna."
        boat = next(item for item in (await store.page()).items if "boat" in item.text)
        await store.edit(boat.id, "Her loaf burned.")
        assert await texts(store, "Tell me of the vessel") == ["The ship is old, says Anna."]
    finally:
        await store.close()


async def test_meanings_are_learned_later(url: str) -> None:
    """What was added without an embedder, or edited without one, is found by meaning once it was looked over."""
    tenant = uuid4().hex
    plain = await MemoryStore.open(url, tenant=tenant, clock=Clock())
    store = MemoryStore(plain._engine, Letters(), tenant=tenant, clock=Clock())
    try:
        await plain.add([memory("Her boat sank.")])
        assert await texts(store, "a vessel") == []
        assert await store.learn_meanings() == 1
        assert await store.learn_meanings() == 0
        assert await texts(store, "a vessel") == ["Her boat sank."]
        await plain.edit((await store.page()).items[0].id, "Her bread burned.")
        assert await texts(store, "a vessel") == []
        assert await store.learn_meanings() == 1
        assert await texts(store, "a loaf") == ["Her bread burned."]
        assert await plain.learn_meanings() == 0
    finally:
        await plain.close()


async def test_nothing_is_remembered_of_erased_words(url: str) -> None:
    """Whichever comes first: a memory that is there goes with the erasure, one that comes later is not kept; neither are its words in the file."""
    archive, store = await Archive.open(url), await MemoryStore.open(url, tenant=uuid4().hex, clock=Clock())
    try:
        for number in range(12):
            sid = uuid4().hex
            await archive.store(sid, entries(said("u1", text="My name is Zyxquor."), said("u2", text="The inn is full.")))
            erasure = Entry(3, "e", draft("e", Erased(seqs=[1])).at(3).to_json())
            secret, harmless = memory("Ann's name is Zyxquor.", session=sid, sources=(1,)), memory("The inn is full.", session=sid, sources=(2,))
            storing, adding = archive.store(sid, [erasure]), store.add([replace(secret, id=f"a{number}"), replace(harmless, id=f"b{number}")])
            await asyncio.gather(*((storing, adding) if number % 2 else (adding, storing)))
            assert [(kept.text, kept.session) for kept in (await store.page()).items if kept.session == sid] == [(harmless.text, sid)]
            assert await store.add([replace(secret, id=f"c{number}")]) == 0
        assert await texts(store, "Zyxquor") == []
        if url.startswith("sqlite"):
            folder = Path(make_url(url).database or "").parent
            assert not [path.name for path in folder.iterdir() if b"yxquor" in path.read_bytes()]
    finally:
        await archive.close()
        await store.close()


async def test_what_was_remembered_after_a_correction_goes_with_it(url: str) -> None:
    """It has the correction's words, though it rests on what was corrected; what was said there at first may be remembered anew."""
    archive, store = await Archive.open(url), await MemoryStore.open(url, tenant=uuid4().hex, clock=Clock())
    try:
        sid = uuid4().hex
        await archive.store(sid, entries(said("u1", text="I am Ann."), corrected("c1", 1, "I am Zyxquor.")))
        await store.add([memory("Her name is Zyxquor.", session=sid, sources=(1,))])
        await archive.store(sid, [Entry(3, "e", draft("e", Erased(seqs=[2])).at(3).to_json())])
        assert (await store.page()).items == ()
        assert await store.add([memory("Her name is Ann.", session=sid, sources=(1,))]) == 1
    finally:
        await archive.close()
        await store.close()


async def test_it_lives_beside_the_archive(url: str) -> None:
    """One database, opened by both at once."""
    sid = uuid4().hex
    archive, store = await asyncio.gather(Archive.open(url), MemoryStore.open(url, tenant=sid))
    try:
        await asyncio.gather(archive.store(sid, entries(said("u1"))), store.add([memory("A bell.")]))
        assert await archive.mark(sid) == 1
        assert await texts(store, "bell") == ["A bell."]
    finally:
        await archive.close()
        await store.close()
