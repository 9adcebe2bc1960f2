"""A document read back is the view it was written from."""

from __future__ import annotations

import time

import pytest
from hypothesis import example, given
from hypothesis import strategies as st

from services.transcript.screenplay import Screenplay, blocks, parse, render, render_screenplay, title_page
from services.transcript.view import Reader, View, fold
from tests.unit.services.transcript.screenplay.views import TEXT, views

PIECES = ["@A\n", "x [[souffleur: s 3 #00000000]]", "/*", "*/", "[[", "]]", "\n\n", ".S\n", "= ", "\\", "(joy)\n"]


@given(views())
def test_round_trip_is_exact(view: View) -> None:
    """Every fact comes back with its seq, kind, speaker, text, feeling, state and heard extent, whatever the texts contain."""
    assert parse(render(view)) == Screenplay(title=title_page(view), blocks=blocks(view))


@given(views())
def test_what_is_handed_out_carries_its_own_hash(view: View) -> None:
    """In an untouched document each text carries the hash of exactly the text that stands there."""
    for block in parse(render(view)).blocks:
        assert all(part.carried == part.digest for part in block.parts)
        assert block.kind not in {"line", "scene", "roll", "joined"} or block.carried == block.digest


@given(views(), st.sampled_from(["\r\n", "\r"]))
def test_line_ends_of_other_systems(view: View, ends: str) -> None:
    """An editor that saves with other line ends changes nothing."""
    assert parse(render(view).replace("\n", ends)) == parse(render(view))


@given(views())
def test_trailing_blanks_taken_away(view: View) -> None:
    """An editor that strips blanks at line ends changes nothing in what is said."""
    stripped = "\n".join(line.rstrip(" ") for line in render(view).split("\n"))
    said = [block for block in parse(stripped).blocks if block.kind in {"said", "line"} and block.seq]
    assert [block for block in blocks(view) if block.kind in {"said", "line"}] == said


@given(st.one_of(TEXT, st.lists(st.sampled_from(PIECES)).map("".join)))
@example("[[" * 2000 + "\\" * 2000)
def test_any_text_can_be_read(text: str) -> None:
    """Nothing that somebody hands in makes the reader fail, and what it read can be written and read again."""
    assert isinstance(parse(render_screenplay(parse(text))), Screenplay)


@given(views())
def test_round_trip_of_a_player(view: View) -> None:
    """What a player reads, with no more of a cut sentence than was heard, goes through the document unharmed as well."""
    theirs = fold(view.state.facts, Reader("player"))
    assert parse(render(theirs)) == Screenplay(title=title_page(theirs), blocks=blocks(theirs))


@pytest.mark.parametrize("size", [80_000, pytest.param(400_000, marks=pytest.mark.nightly)])
@pytest.mark.parametrize(
    "piece",
    [
        "\n", "[[", "/*", "( a", "@a\n", "\\", "(a) ", "[[x]]", "x [[souffleur: description 1 #00000000]]\n", "[[souffleur: s 1 ",
        "A\n\n", " " * 50 + "x, ",
    ],
)  # fmt: skip
def test_time_grows_with_the_length_only(piece: str, size: int) -> None:
    """No large document keeps the reader busy for long."""
    document = piece * (size // len(piece))
    began = time.process_time()
    parse(document)
    parse(f"@A [[souffleur: line 1 #00000000]]\n({document.replace(chr(10), ' ')})\nx [[souffleur: s 2 #00000000]]")
    assert time.process_time() - began < size / 40_000
