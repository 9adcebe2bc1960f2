"""The tables of the large speech models, by the tiny shapes that a machine without a GPU runs: whether they can be made at all."""

from __future__ import annotations

import math
import re
from dataclasses import replace
from pathlib import Path

import pytest

from bench.coqui import LARGE_V3, whisper_table, xtts_table
from services.core.settings import Settings
from tests.making.coqui_models import make_coqui
from tests.making.tiny_whisper import TINY, Shape

pytestmark = [pytest.mark.nightly, pytest.mark.timeout(300)]


def _figures(made: str) -> list[list[float]]:
    """The numbers of each row, the first of a cell that holds several."""
    rows = [line for line in made.splitlines() if line.startswith("|")][2:]
    return [[float(re.split(r"[ (]", cell.strip())[0]) for cell in row.strip("|").split("|")] for row in rows]


async def test_the_pace_of_xtts_is_measured_alone_and_with_others(tmp_path: Path) -> None:
    """Two rows of figures, and what they were made with in the heading."""
    make_coqui("xtts", Settings(data_dir=tmp_path).models)
    made = await xtts_table(tmp_path, 1, gpu=False)
    assert made.startswith("XTTS (tiny) on ")
    alone, together = _figures(made)
    assert (alone[0], together[0]) == (1, 4)
    assert all(math.isfinite(figure) and figure > 0 for figure in (*alone, *together))


@pytest.mark.parametrize("shape", [TINY, replace(TINY, mels=LARGE_V3.mels)], ids=["tiny", "as many bands as large-v3"])
def test_the_pace_of_whisper_is_measured(tmp_path: Path, shape: Shape) -> None:
    """One row; where nothing could be measured the table says so instead."""
    pytest.importorskip("faster_whisper", reason="the extra `whisper` is not installed")
    made = whisper_table(tmp_path, 1, gpu=False, small=shape)
    assert made.startswith("faster-whisper (tiny shape, int8 on the processor)")
    assert "Not measured" not in made
    ((pass_ms, share),) = _figures(made)
    assert pass_ms > 0
    assert share == pytest.approx(pass_ms / 55, rel=0.2)
