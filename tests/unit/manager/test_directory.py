"""What the directory shows of addresses."""

from __future__ import annotations

import pytest

from manager.directory import without_password


@pytest.mark.parametrize(
    ("url", "shown"),
    [
        ("redis://me:pw@host:6379/0", "redis://me:********@host:6379/0"),
        ("redis://:pw@host", "redis://:********@host"),
        ("unix:///run/s", "unix:///run/s"),
        ("redis://host:6379/0", "redis://host:6379/0"),
    ],
)
def test_a_password_is_not_shown(url: str, shown: str) -> None:
    """Everything of a store's URL but its password."""
    assert without_password(url) == shown
