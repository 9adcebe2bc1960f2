"""How hosts are read."""

from __future__ import annotations

import pytest

from services.gateway.principals import host_of
from services.gateway.security import PAGE_POLICY


@pytest.mark.parametrize(
    ("value", "name"),
    [
        ("localhost:80", "localhost"),
        ("LocalHost.", "localhost"),
        ("[::1]:8765", "::1"),
        ("a@localhost", ""),
        ("localhost:80:80", ""),
        ("localhost/x", ""),
        ("localhost?x", ""),
        ("localhost#x", ""),
        ("[::1", ""),
        ("", ""),
    ],
)
def test_a_host_header_is_a_name_or_nothing(value: str, name: str) -> None:
    """Port, case, brackets and the final dot go; whatever is malformed is no name at all."""
    assert host_of(value) == name


def test_the_policy_allows_worklets_but_no_inline_script() -> None:
    """Script comes from this server, from blobs and as wasm only."""
    assert "script-src 'self' blob: 'wasm-unsafe-eval';" in PAGE_POLICY
    assert "connect-src 'self'" in PAGE_POLICY
