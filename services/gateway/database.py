"""The application database: characters now, accounts and the like later. Opened with its migrations applied."""

from __future__ import annotations

from pathlib import Path
from typing import Any, Final

from sqlalchemy import event
from sqlalchemy.ext.asyncio import AsyncEngine
from sqlalchemy.orm import DeclarativeBase

from services.transcript import database

MIGRATIONS: Final = Path(__file__).parent / "migrations"


class Base(DeclarativeBase):
    """All tables of the application database."""


async def open_database(url: str) -> AsyncEngine:
    """Connect to `url` (SQLAlchemy) and bring the schema up to date, while others may be doing the same for the tables they keep here.

    Raises `SettingsRejected`, `EngineMissing` (driver) or `Unavailable`.
    """
    engine = await database.open_database(url, MIGRATIONS, "application database")
    if engine.dialect.name == "sqlite":
        event.listen(engine.sync_engine, "connect", _with_foreign_keys)
    return engine


def _with_foreign_keys(connection: Any, _record: object) -> None:
    cursor = connection.cursor()
    cursor.execute("PRAGMA foreign_keys=ON")
    cursor.close()
