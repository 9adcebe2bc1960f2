"""What the same work takes with and without a pause before it."""

from __future__ import annotations

import pytest

from bench import idle


async def test_every_kind_of_work_is_done_behind_every_pause(monkeypatch: pytest.MonkeyPatch) -> None:
    """Against a real store and a real gRPC server."""
    monkeypatch.setattr(idle, "PAUSES_MS", (0, 1))
    monkeypatch.setattr(idle, "_TIMES", 3)
    head, _, *rows = [[cell.strip() for cell in line.strip("| ").split("|")] for line in (await idle.idle_table()).splitlines()]
    assert head[1:] == ["again and again", "after 1 ms"]
    assert len(rows) == 5
    assert all(float(cell) > 0 for row in rows for cell in row[1:])
