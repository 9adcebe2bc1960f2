"""Cursors."""

from __future__ import annotations

import pytest

from services.core.errors import InvalidRequest
from services.gateway.paging import cursor_of, key_of


@pytest.mark.parametrize("key", ["", "mirelle", "a", "npc-ключ", "x" * 64])
def test_a_cursor_gives_its_key_back(key: str) -> None:
    """And travels in a URL as it is."""
    assert key_of(cursor_of(key)) == key
    assert cursor_of(key).replace("-", "").replace("_", "").isalnum() or not key


@pytest.mark.parametrize("cursor", ["%", "a b", "_____", "ÿ"])
def test_what_is_no_cursor_is_refused(cursor: str) -> None:
    """Whatever the text."""
    with pytest.raises(InvalidRequest):
        key_of(cursor)
