"""Entries as facts."""

from __future__ import annotations

import pytest

from services.core.model.fact import Author, Fact
from services.transcript.store import Entry


def entry(text: str, seq: int = 3) -> Entry:
    """With these words."""
    fact = Fact(seq=seq, kind="said", at_ms=7, by=Author("player", "ann", "Ann"), body={"utterance": "u1", "text": text})
    return Entry(seq, "u1", fact.to_json())


def test_who_reads_the_same_fact_soon_gets_the_same_value() -> None:
    """Each reader of a process would keep one of its own; a later wording is another fact."""
    assert entry("Good evening").fact() is entry("Good evening").fact()
    assert entry("Good night").fact().body["text"] == "Good night"
    assert entry("Good evening", 4).fact().seq == 4


def test_a_long_fact_is_nobody_s_but_the_reader_s() -> None:
    """What is remembered is bounded by its size as well."""
    long = entry("word " * 10_000)
    assert long.fact() == long.fact()
    assert long.fact() is not long.fact()


def test_what_is_no_envelope_is_told_each_time() -> None:
    """A failure is not remembered."""
    for _ in range(2):
        with pytest.raises(ValueError, match="envelope"):
            Entry(1, "k", "{}").fact()
