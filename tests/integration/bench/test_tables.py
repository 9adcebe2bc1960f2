"""Tables that are laid over the program's own interfaces, as the load generator does it."""

from __future__ import annotations

import time

from bench.tables import cast_of, client_of, correcting, facts_in, opened
from services.transcript.log import TranscriptLog
from tests.integration.gateway.conftest import House
from tests.waiting import until


async def test_sessions_have_the_whole_cast_and_their_facts_are_counted(house: House, redis_server: str) -> None:
    """The hostess and others with her card, who can be called apart."""
    async with client_of(house.url) as client:
        cast = await cast_of(client, 4)
        assert len(set(cast)) == 4
        sids = await opened(client, cast, 2)
        assert len(set(sids)) == 2
        found = (await client.get(f"/api/sessions/{sids[0]}")).json()
        assert [member["slug"] for member in found["cast"]] == cast
        log = TranscriptLog(house.runtime.redis)
        assert await facts_in(redis_server, sids) == sum([await log.newest(sid) for sid in sids]) > 0
        assert await facts_in("", []) == 0


async def test_a_director_keeps_to_the_pace(house: House) -> None:
    """Notes are accepted one after the other, in each session in turn."""
    async with client_of(house.url) as client:
        sids = await opened(client, ["mirelle"], 2)
        began = time.monotonic()
        async with correcting(client, sids, 50.0) as found:
            await until(lambda: len(found) >= 4)
        assert found[3] - began >= 3 / 50
        for sid in sids:
            assert len((await client.get(f"/api/sessions/{sid}/corrections")).json()["items"]) >= 2
