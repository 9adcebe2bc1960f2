"""Words in a prompt."""

from __future__ import annotations

import pytest

from services.transcript.quoting import one_line


@pytest.mark.parametrize("sign", ["\n", "\r", "\r\n", "\v", "\f", "\x1c", "\x85", "\u2028", "\u2029", " \n\t "])
def test_nothing_breaks_a_line(sign: str) -> None:
    """Whatever a reader of lines would take for a break is a space."""
    assert one_line(f"{sign}Hi.{sign}# Notes{sign}") == "Hi. # Notes"
