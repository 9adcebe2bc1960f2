"""Lore comes to mind by what was said, within limits that a stranger's book cannot break."""

from __future__ import annotations

import re
import time
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from services.llm.lorebook import book_of, recalled
from services.llm.patterns import Allowance, LinearPattern, UnsupportedPatternError


def found(entry: dict[str, Any], *messages: str, budget: int = 1000, **book: Any) -> bool:
    base = {"keys": ["bell"], "content": "LORE", "enabled": True, "insertion_order": 1, "use_regex": False}
    return [item.content for item in recalled(book_of({"entries": [base | entry], **book}), messages, budget)] != []


CASES: list[tuple[dict[str, Any], str, bool]] = [
    ({}, "A Bell rings.", True),
    ({}, "Nothing.", False),
    ({"enabled": False, "constant": True}, "bell", False),
    ({"constant": True}, "Nothing.", True),
    ({"content": " "}, "bell", False),
    ({"case_sensitive": True}, "A Bell.", False),
    ({"case_sensitive": True}, "A bell.", True),
    ({"selective": True, "secondary_keys": ["tower"]}, "bell", False),
    ({"selective": True, "secondary_keys": "tower,river"}, "bell at the river", True),
    ({"selective": False, "secondary_keys": ["tower"]}, "bell", True),
    ({"selective": True, "secondary_keys": ["tower"], "extensions": {"selectiveLogic": 2}}, "bell tower", False),
    ({"selective": True, "secondary_keys": ["tower", "river"], "extensions": {"selectiveLogic": 3}}, "bell tower", False),
    ({"extensions": {"match_whole_words": True}}, "a rebellion", False),
    ({"extensions": {"match_whole_words": True}}, "the bell!", True),
    ({"keys": ["钟"], "extensions": {"match_whole_words": True}}, "听到钟声", True),
    ({"use_regex": True, "keys": [r"\bb[ae]lls?\b"]}, "the BALLS", True),
    ({"use_regex": True, "keys": ["("], "constant": True}, "(", False),
    ({"use_regex": True, "keys": [r"(?=bell)"]}, "bell", False),
    ({"keys": ["/be.l/i"]}, "BEAL", True),
    ({"content": "@@dont_activate\nLORE", "constant": True}, "bell", False),
    ({"content": "@@activate\nLORE"}, "Nothing.", True),
    ({"content": "@@unknown_thing 3\n@@@activate\nLORE"}, "Nothing.", True),
    ({"content": "@@activate_only_after 2\nLORE"}, "bell", False),
    ({"content": "@@exclude_keys tower\nLORE"}, "bell tower", False),
    ({"content": "@@additional_keys tower,river\nLORE"}, "bell", False),
    ({"content": "@@additional_keys tower,river\nLORE"}, "bell river", True),
    ({"keys": None, "extensions": None}, "bell", False),
]


@pytest.mark.parametrize(("entry", "message", "expected"), CASES)
def test_matching(entry: dict[str, Any], message: str, expected: bool) -> None:  # noqa: FBT001
    """Keys, secondary keys, case, words, patterns and decorators as the card specification has them."""
    assert found(entry, message) is expected


def test_scan_depth() -> None:
    """Only the last messages are looked at, and an entry may look further."""
    talk = ["the bell", "one", "two", "three"]
    assert not found({}, *talk, scan_depth=3)
    assert found({}, *talk, scan_depth=4)
    assert found({"content": "@@scan_depth 10\nLORE"}, *talk, scan_depth=1)


def test_order_budget_and_recursion() -> None:
    """Lower order first; what is worth least is dropped; lore brings up lore."""
    entries = [
        {"keys": ["bell"], "content": "second, of the drowned", "insertion_order": 2, "enabled": True},
        {"keys": ["bell"], "content": "first", "insertion_order": 1, "enabled": True},
        {"keys": ["drowned"], "content": "third", "insertion_order": 3, "enabled": True},
        {"keys": ["bell"], "content": "long " * 500, "insertion_order": 9, "priority": -1, "enabled": True},
    ]
    texts = [item.content for item in recalled(book_of({"entries": entries}), ["bell"], 100)]
    assert texts == ["first", "second, of the drowned", "third"]
    flat = recalled(book_of({"entries": entries, "recursive_scanning": False}), ["bell"], 100)
    assert "third" not in [item.content for item in flat]


def test_a_broken_book_is_an_empty_one() -> None:
    """Cards come from strangers: wrong types count as nothing."""
    assert (
        recalled(book_of({"entries": [3, None, {"keys": 5, "content": 7}, {"content": ["x"]}], "scan_depth": "x", "token_budget": None}), ["bell"], 100) == []
    )
    assert recalled(book_of({}), [], 100) == []


def test_no_pattern_can_hang_a_turn() -> None:
    """Patterns that explode in a back-tracking engine, hundreds of them, cost milliseconds."""
    evil = ["(a+)+$", "(a|a)*b", "(.*)*x", "a*a*a*a*a*a*b", "(a?){50}a{50}"]
    entries = [{"keys": [pattern], "use_regex": True, "content": "LORE", "enabled": True, "insertion_order": 1} for pattern in evil * 60]
    book = book_of({"entries": entries})
    began = time.process_time()
    recalled(book, ["a" * 8000], 1000)
    # Of this process alone, and far from what a single explosion would take.
    assert time.process_time() - began < 5


SAFE = st.recursive(
    st.sampled_from(["a", "b", ".", "[ab]", "[^a]", r"\w", r"\d", r"\b", "^", "$", "c"]),
    lambda inner: st.one_of(
        st.tuples(inner, inner).map("".join),
        st.tuples(inner, inner).map(lambda pair: f"(?:{pair[0]}|{pair[1]})"),
        inner.map(lambda item: f"(?:{item})?"),
        inner.map(lambda item: f"(?:{item}){{1,2}}"),
        inner.map(lambda item: f"(?:{item})*"),
    ),
    max_leaves=6,
)


@given(SAFE, st.text(alphabet="abc1 \n", max_size=12))
def test_linear_patterns_agree_with_the_standard_library(pattern: str, text: str) -> None:
    """Where both can answer they answer alike."""
    assert LinearPattern(pattern, ignore_case=False).search(text, Allowance(100_000)) == (re.search(pattern, text) is not None)


@pytest.mark.parametrize("pattern", ["(?=a)", r"(a)\1", "(?>a)", "(", "a{1000}", "x" * 600, "(?i:a)", "((a{99}){99}){99}"])
def test_what_cannot_be_linear_is_refused(pattern: str) -> None:
    """By name, when it is compiled."""
    with pytest.raises(UnsupportedPatternError):
        LinearPattern(pattern)
