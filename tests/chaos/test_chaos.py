"""Twelve faults, one after the other, under load: nothing is lost, doubled, out of order or left open."""

from __future__ import annotations

from pathlib import Path

import pytest

from tests.chaos.faults import BROKERED, DAILY
from tests.chaos.report import RECOVERED_S
from tests.chaos.run import run


@pytest.mark.timeout(400)
@pytest.mark.parametrize("seed", [1, 2, 3])
async def test_twelve_faults(tmp_path: Path, seed: int) -> None:
    """In an order of chance; after each of them the table is back within ten seconds."""
    report = await run(seed, DAILY, tmp_path)
    assert report.violations == []
    assert list(report.recovered_s) == report.faults
    assert report.acknowledged > len(DAILY)
    assert report.corrections > 0
    assert report.late(3 * RECOVERED_S) == []


@pytest.mark.nightly
@pytest.mark.timeout(300)
async def test_a_broker_that_fails(tmp_path: Path) -> None:
    """Corrections go through RabbitMQ, which dies and stands still, and whoever applies them dies as well."""
    faults = [*sorted(BROKERED), "corrections killed", "corrections killed behind a told act"]
    report = await run(1, faults, tmp_path)
    assert report.violations == []
    assert list(report.recovered_s) == report.faults
    assert report.corrections > len(faults)
    assert report.late(3 * RECOVERED_S) == []
