"""Memories: written behind the play from what each character witnessed, and gone with what they rest on."""

from __future__ import annotations

import json
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager

from services.core.model.attachment import CastMember
from services.core.model.fact import Kind
from services.transcript.memory import Memory, MemoryStore
from services.transcript.view import RecommendationEntry
from tests.integration.summarizer.conftest import Party, Tables
from tests.waiting import until


@asynccontextmanager
async def _store(party: Party) -> AsyncIterator[MemoryStore]:
    store = await MemoryStore.open(party.runtime.archive_url)
    try:
        yield store
    finally:
        await store.close()


async def _kept(store: MemoryStore, least: int = 1) -> list[Memory]:
    async def enough() -> list[Memory]:
        found = list((await store.page()).items)
        return found if len(found) >= least else []

    kept: list[Memory] = await until(enough, what="the memories")
    return kept


async def _known(store: MemoryStore, name: str) -> None:
    async def told() -> bool:
        return any(name in memory.text for memory in (await store.page()).items)

    await until(told, what=f"a memory of {name}")


async def _forgotten(store: MemoryStore, gone: Callable[[Memory], bool]) -> None:
    async def done() -> bool:
        return not any(gone(memory) for memory in (await store.page()).items)

    await until(done, what="the end of a memory")


async def test_what_matters_is_remembered_with_who_was_there_and_forgotten_when_struck(tables: Tables) -> None:
    """Small talk is not; the same session is not remembered twice."""
    async with tables() as party:
        await party.say("Good evening.")
        await party.say("I am Anselm Vogt, and I promise to bring 12 horses to Brackwater before midnight.")
        async with _store(party) as store:
            memories = await _kept(store)
            promise = next(memory for memory in memories if "Brackwater" in memory.text)
            assert promise.character == "mirelle"
            assert promise.witnessed
            assert promise.session == party.sid
            assert 0.3 < promise.importance <= 1
            assert promise.sources == (party.of(Kind.SAID)[1].seq,)
            assert not any("Good evening" in memory.text for memory in memories)
            assert (await store.recall("mirelle", [], "Where are the horses for Brackwater?", 3))[0].id == promise.id
            await party.tell(Kind.STRUCK, json.dumps({"targets": [promise.sources[0]]}), "strike")
            await _forgotten(store, lambda memory: memory.id == promise.id)


async def test_a_misheard_name_is_remembered_as_it_was_corrected(tables: Tables) -> None:
    """Nobody knows of the other one any more."""
    async with tables() as party:
        await party.say("Good evening.")
        promise = "I am Anselm Vogt, and I promise to bring 12 horses to Brackwater before midnight."
        await party.say(promise)
        async with _store(party) as store:
            await _known(store, "Anselm")
            edit = {"target": party.of(Kind.SAID)[1].seq, "text": promise.replace("Anselm", "Ansgar")}
            await party.tell(Kind.CORRECTED, json.dumps(edit), "edit")
            await _forgotten(store, lambda memory: "Anselm" in memory.text)
            await _known(store, "Ansgar")
            assert not any("Anselm" in memory.text for memory in (await store.page()).items)


async def test_a_model_proposes_memories_and_only_those_that_rest_on_what_was_witnessed_are_kept(tables: Tables) -> None:
    """Other characters, unknown sources and endless texts are dropped."""
    cast = (CastMember("mirelle", "Mirelle", "{}"), CastMember("quill", "Quill", "{}", place="cellar"))
    async with tables({"every_turns": 2}, light="good", cast=cast) as party:
        await party.say("Good evening.")
        said = party.of(Kind.SAID)[0].seq
        items = [
            {"character": "mirelle", "text": "Ann came to the inn at night.", "importance": 0.9, "sources": [said]},
            {"character": "quill", "text": "Ann came to the inn at night.", "importance": 0.9, "sources": [said]},
            {"character": "mirelle", "text": "Nobody said that.", "importance": 0.9, "sources": [777]},
            {"character": "mirelle", "text": "x" * 300, "importance": 0.9, "sources": [said]},
        ]
        # The digest's question gets the same answer: it stands in what was said closely enough to be one.
        party.server.reply = json.dumps({"memories": items})
        await party.say("Where is the silver key, Mirelle?")
        async with _store(party) as store:
            memories = await _kept(store)
            assert [(memory.character, memory.text) for memory in memories] == [("mirelle", "Ann came to the inn at night.")]


async def test_a_retcon_takes_digest_memories_and_proposals_together(tables: Tables) -> None:
    """Whatever rests on what never happened goes; what lies before it stays. When the retcon is taken back, all of it is there again."""
    async with tables(strong="good") as party:
        party.server.reply = '{"recommendations": []}'
        await party.say("I am Anselm Vogt, and I promise to bring 12 horses to Brackwater before midnight.")
        kept_to = party.of(Kind.LINE_CLOSED)[-1].seq
        await party.say("Nobody must know that I killed the miller of Dunmore in 1203.")
        said = party.of(Kind.SAID)[-1].seq
        await party.until(lambda: party.of(Kind.SUMMARIZED), "a digest")
        item = {"kind": "plot", "text": "Ask about the miller.", "character": "", "rests_on": [said], "expires_minutes": 5}
        party.server.reply = json.dumps({"recommendations": [item]})
        await party.summarizer.advise(party.sid, "advice", 10)
        async with _store(party) as store:
            assert any("Dunmore" in memory.text for memory in await _kept(store, 2))
            await party.tell(Kind.RETCONNED, json.dumps({"to": kept_to}), "retcon")
            view = await party.view()
            assert view.summary is None
            assert not [entry for entry in view.entries if isinstance(entry, RecommendationEntry)]
            await _forgotten(store, lambda memory: "Dunmore" in memory.text)
            assert any("Brackwater" in memory.text for memory in (await store.page()).items)
            again = (await party.until(lambda: len(party.of(Kind.SUMMARIZED)) > 1 and party.of(Kind.SUMMARIZED), "another digest"))[-1]
            assert "Brackwater" in again.body["text"]
            assert "Dunmore" not in again.body["text"]
            retcon = party.of(Kind.RETCONNED)[-1].seq
            await party.tell(Kind.STRUCK, json.dumps({"targets": [retcon]}), "undo")
            view = await party.view()
            assert view.summary is not None
            assert "Dunmore" in view.summary.text
            assert [entry.text for entry in view.entries if isinstance(entry, RecommendationEntry)] == ["Ask about the miller."]

            async def back() -> bool:
                return any("Dunmore" in memory.text for memory in (await store.page()).items)

            await until(back, what="the memory")
            assert len([memory for memory in (await store.page()).items if "Brackwater" in memory.text]) == 1
