"""Old data means what it always meant."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest

from services.core.model.fact import Fact, Kind
from services.transcript.screenplay import Screenplay, blocks, parse, render, title_page
from services.transcript.view import Reader, fold
from tests.golden.record import FOLDER
from tests.golden.seen import differences, plain, seen, step_by_step

SESSIONS = sorted(FOLDER.glob("*.json"))


def kept(path: Path) -> dict[str, Any]:
    found: dict[str, Any] = json.loads(path.read_text(encoding="utf-8"))
    return found


def facts_of(session: dict[str, Any]) -> list[Fact]:
    return [Fact.from_dict(item) for item in session["facts"]]


@pytest.fixture(params=SESSIONS, ids=lambda path: path.stem)
def session(request: pytest.FixtureRequest) -> dict[str, Any]:
    """Each of them."""
    return kept(request.param)


def test_every_reader_knows_what_it_knew(session: dict[str, Any]) -> None:
    """Entries, notes, settings, and which facts it was sent: as when the session was kept."""
    facts = facts_of(session)
    for reader in session["readers"]:
        found = seen(facts, Reader(reader["role"], reader["member"]))
        assert differences(reader["seen"], found) == [], f"{reader['role']} {reader['member']}"


def test_it_grew_to_what_it_is(session: dict[str, Any]) -> None:
    """Fact by fact the same as all at once."""
    facts = facts_of(session)
    for reader in session["readers"]:
        who = Reader(reader["role"], reader["member"])
        assert step_by_step(facts, who).entries == fold(facts, who).entries


def test_its_document_can_still_be_read(session: dict[str, Any]) -> None:
    """And says everything that was said."""
    for reader in session["readers"]:
        view = fold(facts_of(session), Reader(reader["role"], reader["member"]))
        assert parse(render(view)) == Screenplay(title=title_page(view), blocks=blocks(view))


def test_envelopes_survive_unchanged(session: dict[str, Any]) -> None:
    """What is read is written again as it was, fields of whatever version included."""
    for item in session["facts"]:
        assert plain(Fact.from_dict(item).to_dict()) == item


def test_every_kind_is_kept_somewhere() -> None:
    """A new kind needs a recorded session that has it; only erasure leaves nothing to record."""
    kinds = {item["kind"] for path in SESSIONS for item in kept(path)["facts"]}
    assert kinds >= set(map(str, Kind)) - {Kind.ERASED}
