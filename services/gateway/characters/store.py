"""Where characters are kept: one row each, the card's `data` as JSON, changed only by whoever saw its last version."""

from __future__ import annotations

import json
import re
import unicodedata
from collections.abc import Mapping
from typing import Any, Final

from sqlalchemy import BigInteger, Boolean, Integer, String, Text, delete, insert, select, update
from sqlalchemy.exc import IntegrityError
from sqlalchemy.ext.asyncio import AsyncConnection, AsyncEngine
from sqlalchemy.orm import Mapped, mapped_column
from ulid import ULID

from services.core.clock import Clock, SystemClock
from services.core.errors import Conflict, NotFound
from services.gateway.characters.character import Character
from services.gateway.characters.samples import SAMPLES, sample
from services.gateway.database import Base, open_database

_SLUG_LENGTH: Final = 48
_ATTEMPTS: Final = 50
_LATELY_S: Final = 1.0
"""Another gateway's change of a character reaches stateless chat after so much at the latest; this one's own at once."""
_REMEMBERED: Final = 256
_RESERVED: Final = frozenset({"import", "export", "new"})


class CharacterRow(Base):
    """One character."""

    __tablename__ = "characters"
    slug: Mapped[str] = mapped_column(String(64), primary_key=True)
    version: Mapped[int] = mapped_column(Integer)
    sample: Mapped[bool] = mapped_column(Boolean)
    created_at_ms: Mapped[int] = mapped_column(BigInteger)
    updated_at_ms: Mapped[int] = mapped_column(BigInteger)
    data: Mapped[str] = mapped_column(Text)


class SampleRow(Base):
    """A sample that was laid out once; deleting it does not bring it back at the next start."""

    __tablename__ = "samples_laid_out"
    slug: Mapped[str] = mapped_column(String(64), primary_key=True)


_TABLE: Final = CharacterRow.__table__


class CharacterStore:
    """All characters of this house. Every method is one transaction."""

    def __init__(self, engine: AsyncEngine, clock: Clock) -> None:
        """`engine` is an opened application database, see `open`."""
        self._engine = engine
        self._clock = clock
        self._lately: dict[str, tuple[Character, float]] = {}
        self._changes = 0

    @classmethod
    async def open(cls, url: str, clock: Clock | None = None) -> CharacterStore:
        """Open the application database at `url` and lay out the samples that were never laid out before."""
        store = cls(await open_database(url), clock or SystemClock())
        await store._lay_out_samples()
        return store

    async def close(self) -> None:
        """Give the connections back."""
        await self._engine.dispose()

    async def all(self) -> list[Character]:
        """Everybody, by slug."""
        async with self._engine.connect() as connection:
            rows = await connection.execute(select(_TABLE).order_by(CharacterRow.slug))
            return [_character(row._asdict()) for row in rows]

    async def page(self, after: str, limit: int) -> list[Character]:
        """At most `limit` characters behind the slug `after`, by slug."""
        query = select(_TABLE).where(CharacterRow.slug > after).order_by(CharacterRow.slug).limit(limit)
        async with self._engine.connect() as connection:
            return [_character(row._asdict()) for row in await connection.execute(query)]

    async def get(self, slug: str) -> Character:
        """The character. Raises `NotFound`."""
        async with self._engine.connect() as connection:
            return await _get(connection, slug)

    async def lately(self, slug: str) -> Character:
        """As `get`, but as it was read a second ago at most: for whoever asks with each message. Raises `NotFound`."""
        known = self._lately.get(slug)
        if known is not None and self._clock.now() < known[1]:
            return known[0]
        due, changes = self._clock.now() + _LATELY_S, self._changes
        found = await self.get(slug)
        if changes == self._changes:
            # What was changed while it was being read may be what was read.
            if len(self._lately) >= _REMEMBERED:
                self._lately.clear()
            self._lately[slug] = (found, due)
        return found

    def _forget(self, slug: str) -> None:
        self._changes += 1
        self._lately.pop(slug, None)

    async def create(self, data: Mapping[str, Any], slug: str = "") -> Character:
        """A new character; without `slug` one is made from its name. Raises `Conflict` when a wanted slug is taken."""
        base = slug or slug_of(str(data.get("name", "")))
        for attempt in range(1, _ATTEMPTS + 1):
            candidate = base if attempt == 1 else f"{base}-{attempt}"
            try:
                async with self._engine.begin() as connection:
                    return await self._insert(connection, candidate, data, is_sample=False)
            except IntegrityError:
                if slug:
                    break
        raise Conflict("There is a character of that name already.")

    async def replace(self, slug: str, data: Mapping[str, Any], base: int | None = None) -> Character:
        """New `data` for a character; `base` is the version that the editor saw. Raises `NotFound` or `Conflict`."""
        async with self._engine.begin() as connection:
            old = await _get(connection, slug)
            _check(old, base)
            version = old.version + 1
            done = await connection.execute(
                update(CharacterRow)
                .where(CharacterRow.slug == slug, CharacterRow.version == old.version)
                .values(version=version, updated_at_ms=self._clock.wall_ms(), data=_json(data)),
            )
            if done.rowcount != 1:
                raise Conflict
            changed = await _get(connection, slug)
        self._forget(slug)
        return changed

    async def delete(self, slug: str, base: int | None = None) -> None:
        """Remove a character. Raises `NotFound` or `Conflict`."""
        async with self._engine.begin() as connection:
            old = await _get(connection, slug)
            _check(old, base)
            done = await connection.execute(delete(CharacterRow).where(CharacterRow.slug == slug, CharacterRow.version == old.version))
            if done.rowcount != 1:
                raise Conflict
        self._forget(slug)

    async def restore(self, slug: str) -> Character:
        """A sample as it was delivered, also when it has been deleted. Raises `NotFound` for what is no sample."""
        if slug not in SAMPLES:
            raise NotFound("There is no sample of that name.")
        data = sample(slug)
        try:
            return await self.replace(slug, data)
        except NotFound:
            async with self._engine.begin() as connection:
                return await self._insert(connection, slug, data, is_sample=True)

    async def _lay_out_samples(self) -> None:
        for slug in SAMPLES:
            try:
                async with self._engine.begin() as connection:
                    await connection.execute(insert(SampleRow).values(slug=slug))
                    await self._insert(connection, slug, sample(slug), is_sample=True)
            except IntegrityError:
                # Laid out before, here or by another gateway starting at the same moment.
                continue

    async def _insert(self, connection: AsyncConnection, slug: str, data: Mapping[str, Any], *, is_sample: bool) -> Character:
        now = self._clock.wall_ms()
        values = {"slug": slug, "version": 1, "sample": is_sample, "created_at_ms": now, "updated_at_ms": now, "data": _json(data)}
        await connection.execute(insert(CharacterRow).values(**values))
        return _character(values)


def slug_of(name: str) -> str:
    """A safe ASCII slug for a name; for a name without Latin letters or digits a short random one."""
    plain = unicodedata.normalize("NFKD", name).encode("ascii", "ignore").decode().lower()
    slug = re.sub(r"[^a-z0-9]+", "-", plain).strip("-")[:_SLUG_LENGTH].strip("-")
    if not slug:
        return f"npc-{str(ULID()).lower()[-10:]}"
    # `p-...` are participants' ids, and both stand side by side in an audience.
    return f"npc-{slug}" if slug.startswith("p-") or slug in _RESERVED else slug


async def _get(connection: AsyncConnection, slug: str) -> Character:
    row = (await connection.execute(select(_TABLE).where(CharacterRow.slug == slug))).one_or_none()
    if row is None:
        raise NotFound("There is no character of that name.")
    return _character(row._asdict())


def _check(old: Character, base: int | None) -> None:
    if base is not None and base != old.version:
        raise Conflict("The character has been changed meanwhile; read it again and repeat your change.")


def _character(row: Mapping[str, Any]) -> Character:
    return Character(
        slug=row["slug"],
        version=row["version"],
        sample=row["sample"],
        created_at_ms=row["created_at_ms"],
        updated_at_ms=row["updated_at_ms"],
        data=json.loads(row["data"]),
    )


def _json(data: Mapping[str, Any]) -> str:
    return json.dumps(data, ensure_ascii=False, separators=(",", ":"), allow_nan=False)
