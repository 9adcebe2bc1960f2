"""The outbox's contract, on SQLite and on PostgreSQL."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator
from uuid import uuid4

import pytest
import pytest_asyncio
from sqlalchemy import inspect

from services.core.clock import ManualClock
from services.core.errors import Conflict, NotFound
from services.core.model.principal import Principal
from services.gateway.characters.store import CharacterStore
from services.transcript.outbox import Outbox, Row
from services.transcript.outbox.row import LIVE, TEXT
from services.transcript.outbox.tables import VERSIONS, metadata

DIRECTOR = Principal("local", "director", "Ада")


@pytest.fixture
def clock() -> ManualClock:
    """Moves when told."""
    return ManualClock()


@pytest_asyncio.fixture
async def outbox(url: str, clock: ManualClock) -> AsyncIterator[Outbox]:
    """The outbox under test."""
    opened = await Outbox.open(url, clock)
    yield opened
    await opened.close()


@pytest.fixture
def sid() -> str:
    """A session that no other test knows."""
    return uuid4().hex


def row(sid: str, cid: str, **fields: object) -> Row:
    """A note."""
    known: dict[str, object] = {
        "id": cid,
        "session": sid,
        "principal": DIRECTOR,
        "sort": TEXT,
        "kind": "note",
        "body": {"text": "Тише."},
        "hotwords": ("Мирель",),
    }
    return Row(**(known | fields))  # type: ignore[arg-type]


async def test_what_is_accepted_is_there_as_it_was_asked_for(outbox: Outbox, sid: str) -> None:
    """Every field of it; numbers follow the order of acceptance."""
    asked = row(sid, "a", place="cellar", base=7, undoes="z", due_at_ms=5)
    first, new = await outbox.add(asked)
    second, _ = await outbox.add(row(sid, "b"))
    assert new
    assert await outbox.get(sid, "a") == first
    assert (first.principal, first.wanted, first.hotwords, first.undoes, first.state) == (DIRECTOR, asked.wanted, asked.hotwords, "z", "pending")
    assert 0 < first.number < second.number
    with pytest.raises(NotFound):
        await outbox.get("another", "a")


async def test_one_id_is_one_row(outbox: Outbox, sid: str) -> None:
    """At the same moment too; another request under it is a conflict, another session's ids are its own."""
    found = await asyncio.gather(*(outbox.add(row(sid, "a")) for _ in range(5)))
    assert sum(new for _, new in found) == 1
    assert len({known.number for known, _ in found}) == 1
    with pytest.raises(Conflict):
        await outbox.add(row(sid, "a", body={"text": "Lauter."}))
    assert (await outbox.add(row(uuid4().hex, "a")))[1]


async def test_what_is_resolved_stays_so(outbox: Outbox, sid: str) -> None:
    """Whoever comes late with something else changes nothing."""
    applied, _ = await outbox.add(row(sid, "a"))
    conflicted, _ = await outbox.add(row(sid, "b"))
    await outbox.applied(applied, 12)
    await outbox.conflicted(conflicted, "So steht es da.", 9, "changed")
    await outbox.conflicted(applied, "x", 1, "x")
    assert not await outbox.died(sid, "a", "x")
    await outbox.applied(conflicted, 3)
    one, two = await outbox.get(sid, "a"), await outbox.get(sid, "b")
    assert (one.state, one.seq, one.current) == ("applied", 12, "")
    assert (two.state, two.seq, two.current, two.detail) == ("conflicted", 9, "So steht es da.", "changed")


async def test_erased_words_are_in_no_resolved_row(outbox: Outbox, sid: str) -> None:
    """Neither what became the fact nor what changed it, or was to; what is open, the erasure itself and other sessions stay."""
    note, edit, lost, strike, kept_strike, other, erasure, mine = [
        (await outbox.add(asked))[0]
        for asked in (
            row(sid, "note"),
            row(sid, "edit", kind="edit", body={"target": 7, "text": "Still."}),
            row(sid, "lost", kind="edit", body={"target": 7, "text": "Stiller."}),
            row(sid, "lost strike", kind="strike", body={"targets": [7]}),
            row(sid, "strike", kind="strike", body={"targets": [7]}),
            row(sid, "other"),
            row(sid, "erasure", kind="erase", body={"seqs": [7]}),
            row(sid, "open", kind="edit", body={"target": 7, "text": "Am stillsten."}),
        )
    ]
    elsewhere, _ = await outbox.add(row(uuid4().hex, "note"))
    for found, seq in ((note, 7), (edit, 9), (kept_strike, 11), (other, 8), (erasure, 10), (elsewhere, 7)):
        await outbox.applied(found, seq)
    await outbox.conflicted(lost, "Still.", 9, "changed")
    await outbox.conflicted(strike, "Still.", 9, "changed")
    assert await outbox.erase(sid, [7]) == 4
    assert [found.id for found in (await outbox.page(sid)).items] == [mine.id, erasure.id, other.id, kept_strike.id]
    assert await outbox.get(elsewhere.session, "note")
    assert await outbox.erase(sid, [7]) == 0


async def test_a_dead_one_begins_anew(outbox: Outbox, sid: str) -> None:
    """With no attempts behind it."""
    await outbox.add(row(sid, "a"))
    assert await outbox.died(sid, "a", "too often", 5)
    assert ((await outbox.get(sid, "a")).state, (await outbox.get(sid, "a")).attempts) == ("dead", 5)
    again = await outbox.reopened(sid, "a")
    assert (again.state, again.attempts, again.detail) == ("pending", 0, "")


async def test_what_has_become_a_fact_is_not_dead(outbox: Outbox, sid: str) -> None:
    """One letter of it was put aside while another one was being told."""
    told, _ = await outbox.add(row(sid, "a"))
    assert await outbox.died(sid, "a", "too often", 5)
    await outbox.applied(told, 7)
    found = await outbox.get(sid, "a")
    assert (found.state, found.seq, found.detail) == ("applied", 7, "")
    assert not await outbox.died(sid, "a", "too often", 5)


async def test_open_ones_come_in_order_up_to_the_named_one(outbox: Outbox, sid: str) -> None:
    """Text only, open only, of this session only."""
    rows = [(await outbox.add(row(sid, name)))[0] for name in "abcd"]
    await outbox.add(row(sid, "act", sort=LIVE, kind="halt"))
    await outbox.add(row(uuid4().hex, "a"))
    await outbox.applied(rows[1], 4)
    assert [found.id for found in await outbox.open_upto(sid, "c")] == ["a", "c"]
    assert await outbox.open_upto(sid, "b") == []
    assert await outbox.open_upto(sid, "nothing") == []


async def test_due_ones_are_sent_by_one_hand(outbox: Outbox, clock: ManualClock, sid: str) -> None:
    """Two relays see the same row; one of them gets it."""
    later = clock.wall_ms() + 1_000
    await outbox.add(row(sid, "a", due_at_ms=later))
    assert sid not in [found.session for found in await outbox.due(TEXT)]
    clock.advance(2)
    (due,) = [found for found in await outbox.due(TEXT) if found.session == sid]
    assert sorted(await asyncio.gather(*(outbox.postponed(due, later + 60_000 + n) for n in range(2)))) == [False, True]
    assert sid not in [found.session for found in await outbox.due(TEXT)]
    await outbox.hasten(f"not-{sid}")
    assert sid not in [found.session for found in await outbox.due(TEXT)]
    await outbox.hasten(sid)
    assert sid in [found.session for found in await outbox.due(TEXT)]


async def test_old_ones_go(outbox: Outbox, clock: ManualClock, sid: str) -> None:
    """Applied ones first, then what was conflicted or put aside; what is open stays, however old."""
    rows = {name: (await outbox.add(row(sid, name)))[0] for name in ("applied", "conflicted", "dead", "open")}
    await outbox.applied(rows["applied"], 4)
    await outbox.conflicted(rows["conflicted"], "Good evening", 3, "It has changed.")
    await outbox.died(sid, "dead", "It cannot be.")

    async def left() -> set[str]:
        return {found.id for found in (await outbox.page(sid)).items}

    now = clock.wall_ms()
    await outbox.prune(now, now)
    assert await left() == set(rows)
    clock.advance(10)
    assert await outbox.prune(clock.wall_ms(), now) >= 1
    assert await left() == {"conflicted", "dead", "open"}
    assert await outbox.prune(clock.wall_ms(), clock.wall_ms()) >= len(("conflicted", "dead"))
    assert await left() == {"open"}


async def test_characters_live_in_the_same_database(url: str, clock: ManualClock) -> None:
    """Gateway and corrections service start at the same moment: both bring their tables up to date."""
    store, one, two = await asyncio.gather(CharacterStore.open(url, clock), Outbox.open(url, clock), Outbox.open(url, clock))
    try:
        assert await store.all()
        async with one._engine.connect() as connection:
            names = await connection.run_sync(lambda sync: set(inspect(sync).get_table_names()))
            found = await connection.run_sync(lambda sync: {column["name"] for column in inspect(sync).get_columns("outbox")})
        assert {"characters", "outbox", VERSIONS} <= names
        assert found == {column.name for column in metadata.tables["outbox"].columns}
    finally:
        await store.close()
        await one.close()
        await two.close()
