"""The store: versions, samples once, slugs."""

from __future__ import annotations

import asyncio
from pathlib import Path

import pytest
from sqlalchemy import inspect

from services.core.clock import ManualClock
from services.core.errors import Conflict, NotFound
from services.gateway.characters.samples import SAMPLES
from services.gateway.characters.store import CharacterStore, slug_of
from services.gateway.database import Base, open_database


async def _opened(folder: Path) -> CharacterStore:
    return await CharacterStore.open(f"sqlite+aiosqlite:///{folder}/a.sqlite3", ManualClock())


async def test_a_deleted_sample_stays_deleted_after_a_restart(tmp_path: Path) -> None:
    """Samples are laid out once in a database's life."""
    store = await _opened(tmp_path)
    await store.delete("mirelle")
    await store.close()
    store = await _opened(tmp_path)
    assert {character.slug for character in await store.all()} == set(SAMPLES) - {"mirelle"}
    await store.close()


async def test_what_was_read_lately_knows_this_store_s_own_changes_at_once(tmp_path: Path) -> None:
    """Another gateway's change is seen a second later; whoever changes a character here is answered with it at once."""
    clock = ManualClock()
    here, there = [await CharacterStore.open(f"sqlite+aiosqlite:///{tmp_path}/a.sqlite3", clock) for _ in range(2)]
    assert (await here.lately("mirelle")).version == 1
    await there.replace("mirelle", {"name": "Mirelle"})
    assert (await here.lately("mirelle")).version == 1
    clock.advance(1.1)
    assert (await here.lately("mirelle")).version == 2
    await here.replace("mirelle", {"name": "Mirelle"})
    assert (await here.lately("mirelle")).version == 3
    await here.delete("mirelle")
    with pytest.raises(NotFound):
        await here.lately("mirelle")
    await here.close()
    await there.close()


async def test_of_two_edits_on_one_version_one_wins(tmp_path: Path) -> None:
    """Two editors at once: one change is kept, the other is told to read again."""
    store = await _opened(tmp_path)
    await store.create({"name": "Tobin"})
    results = await asyncio.gather(*(store.replace("tobin", {"name": f"T{n}"}, 1) for n in range(2)), return_exceptions=True)
    assert sum(isinstance(result, Conflict) for result in results) == 1
    assert (await store.get("tobin")).version == 2
    await store.close()


async def test_creators_of_one_name_get_different_slugs(tmp_path: Path) -> None:
    """At the same moment too; a wanted slug that is taken is a conflict."""
    store = await _opened(tmp_path)
    made = await asyncio.gather(*(store.create({"name": "Tobin"}) for _ in range(3)))
    assert {character.slug for character in made} == {"tobin", "tobin-2", "tobin-3"}
    with pytest.raises(Conflict):
        await store.create({"name": "x"}, slug="tobin")
    with pytest.raises(NotFound):
        await store.get("nobody")
    await store.close()


async def test_migrations_make_exactly_the_tables_of_the_code(tmp_path: Path) -> None:
    """Columns in the database and in the code are the same."""
    engine = await open_database(f"sqlite+aiosqlite:///{tmp_path}/b.sqlite3")
    async with engine.connect() as connection:
        found = await connection.run_sync(
            lambda sync: {name: {column["name"] for column in inspect(sync).get_columns(name)} for name in inspect(sync).get_table_names()}
        )
    await engine.dispose()
    assert found.pop("application_version") == {"version_num"}
    assert found == {name: {column.name for column in table.columns} for name, table in Base.metadata.tables.items()}


@pytest.mark.parametrize(
    ("name", "slug"), [("Mirelle", "mirelle"), ("  Éowyn II ", "eowyn-ii"), ("../..", None), ("Дракон", None), ("p-1", "npc-p-1"), ("x" * 90, "x" * 48)]
)
def test_slugs_are_ascii_and_short(name: str, slug: str | None) -> None:
    """A name without Latin letters gets a random one."""
    made = slug_of(name)
    assert made == slug if slug else made.startswith("npc-")
    assert made.isascii()
    assert len(made) <= 52
