"""Generated sections within written prose."""

from __future__ import annotations

import pytest

from bench import document
from bench.__main__ import _ASKED_FOR, _SECTIONS

PAGE = "# Benchmarks\n\nProse.\n\n<!-- start: generated -->\nold\n<!-- /start -->\n\nMore prose.\n"


def test_a_run_replaces_its_own_section_only() -> None:
    """Prose around it stays letter for letter, and doing it twice changes nothing more."""
    once = document.replaced(PAGE, "start", "new\n")
    assert once == "# Benchmarks\n\nProse.\n\n<!-- start: generated -->\n\nnew\n\n<!-- /start -->\n\nMore prose.\n"
    assert document.replaced(once, "start", "new") == once


def test_a_page_without_the_section_is_refused() -> None:
    """Nothing is written where nobody expects it."""
    with pytest.raises(ValueError, match="overhead"):
        document.replaced(PAGE, "overhead", "new")


def test_the_page_has_a_section_for_everything_that_is_measured() -> None:
    """`make bench` can write all of its results."""
    text = document.PATH.read_text(encoding="utf-8")
    for section in (*_SECTIONS, *_ASKED_FOR):
        assert document.replaced(text, section, "new").count("new\n\n<!-- /") == 1
