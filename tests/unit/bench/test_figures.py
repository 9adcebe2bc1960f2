"""The arithmetic behind the tables."""

from __future__ import annotations

import math

import pytest

from bench.figures import Spread, frames_to_onset, grid_ms, number, percentile, spread, table
from bench.script import REPLY, TOKENS_TO_FULL_STOP, first_stop_ms


@pytest.mark.parametrize(("end_ms", "left_ms"), [(640, 0), (620, 20), (900, 28), (32, 0), (33, 31)])
def test_speech_is_known_to_have_ended_at_the_end_of_its_window(end_ms: int, left_ms: int) -> None:
    """What is subtracted is the rest of the 32 ms window in which the last sample lies."""
    assert grid_ms(end_ms, 32) == left_ms


@pytest.mark.parametrize(("start_ms", "frames"), [(0, 4), (20, 4), (40, 5), (60, 5), (64, 7), (640, 36)])
def test_an_onset_is_confirmed_by_the_frame_that_fills_the_second_loud_window(start_ms: int, frames: int) -> None:
    """The first window counts even if only its end is loud; 64 ms need four frames of 20 ms."""
    assert frames_to_onset(start_ms, 32, 2) == frames


@pytest.mark.parametrize(("share", "expected"), [(0, 1.0), (50, 2.5), (95, 3.85), (100, 4.0)])
def test_a_percentile_lies_between_its_neighbours(share: float, expected: float) -> None:
    """Linear, as usual, and the order of the values does not matter."""
    assert percentile([4.0, 1.0, 3.0, 2.0], share) == pytest.approx(expected)


def test_nothing_has_no_percentile() -> None:
    """It is shown as a dash and never as a number."""
    assert math.isnan(percentile([], 50))
    assert number(math.nan) == "-"
    assert str(spread([])) == "-"


def test_runs_are_summed_up_as_median_and_range() -> None:
    """A run without a figure (no turn came to its end) is left out."""
    assert spread([3.0, math.nan, 1.0, 2.0]) == Spread(2.0, 1.0, 3.0)
    assert str(spread([3.04, 1.0, 2.0])) == "2.0 (1.0-3.0)"
    assert str(spread([250.4])) == "250"


def test_a_table_has_a_cell_for_every_column() -> None:
    """Markdown whose columns stand under each other in a terminal, too."""
    assert table(("name", "ms"), [["a", "1.0"], ["longer", "-"]]) == "| name   | ms  |\n| ------ | --- |\n| a      | 1.0 |\n| longer | -   |"


def test_the_model_s_own_time_is_that_of_its_first_sentence() -> None:
    """Fifteen tokens stand before the first full stop; the first of them comes at once."""
    assert [len(sentence.split()) for sentence in REPLY] == [TOKENS_TO_FULL_STOP] * 4
    assert all(sentence.endswith(".") and "." not in sentence[:-1] for sentence in REPLY)
    assert sum(map(len, REPLY)) == 340
    assert first_stop_ms(5.0) == 70.0
    assert first_stop_ms(20.0) == 280.0
