"""Several instances beside each other: one works for a session, and what is done twice is one."""

from __future__ import annotations

import asyncio
from dataclasses import replace

from services.core.live import LiveSettings
from services.core.model.fact import Kind
from services.core.rpc.client import SummarizerClient
from services.core.runtime import Runtime
from services.core.settings import Endpoints
from services.summarizer.app import build
from tests.integration.summarizer.conftest import Party, Tables


def _beside(party: Party) -> Runtime:
    """Another instance's runtime: the same stores, an address of its own."""
    first = party.runtime
    settings = first.settings.model_copy(update={"endpoints": Endpoints(summarizer=f"unix:{first.run_dir}/second.sock")})
    return replace(first, live=LiveSettings(settings))


async def test_two_instances_make_one_digest_and_the_same_wish_is_written_once(tables: Tables) -> None:
    """Automatically by whoever has the lease; by the director's wish from both at once, under one key."""
    async with tables() as party, build(_beside(party)):
        await party.say("My name is Anselm Vogt, and I hid 12 silver keys in Brackwater.")
        await party.say("Where are my forty crowns?")
        await party.until(lambda: party.of(Kind.SUMMARIZED), "a digest")
        await party.say("And where is Mirelle?")
        second = SummarizerClient(party.runtime.channels, f"unix:{party.runtime.run_dir}/second.sock")
        answers = await asyncio.gather(party.summarizer.advise(party.sid, "summary", 20), second.advise(party.sid, "summary", 20))
        digests = [fact for fact in await party.log.read(party.sid) if fact.kind == Kind.SUMMARIZED]
        assert {seq for seq, _, _ in answers if seq} <= {fact.seq for fact in digests}
        assert len({tuple(fact.body["covers"]) for fact in digests}) == len(digests), "nothing is condensed twice"


async def test_another_instance_goes_on_where_one_ended(tables: Tables) -> None:
    """It reads the transcript and needs nothing else."""
    async with tables(names=("llm", "stage")) as party:
        async with build(_beside(party)):
            await party.say("My name is Anselm Vogt, and I hid 12 silver keys in Brackwater.")
            await party.say("Where are my forty crowns?")
            first = (await party.until(lambda: party.of(Kind.SUMMARIZED), "a digest"))[0]
        await party.say("And where is Mirelle?")
        await party.say("I promise to be back from Dunmore.")
        assert len(party.of(Kind.SUMMARIZED)) == 1
        async with build(_beside(party)):
            later = (await party.until(lambda: len(party.of(Kind.SUMMARIZED)) > 1 and party.of(Kind.SUMMARIZED), "another digest"))[1]
        assert set(later.body["covers"]) > set(first.body["covers"])
        assert "Dunmore" in later.body["text"]
