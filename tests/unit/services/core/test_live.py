"""Live settings: snapshots are swapped whole and only forwards."""

from __future__ import annotations

import pytest

from services.core.errors import SettingsRejected
from services.core.live import LiveSettings
from services.core.settings import Settings


def test_an_announced_version_is_taken_over() -> None:
    """New overrides lie upon the base, and listeners hear of the new snapshot."""
    live, heard = LiveSettings(Settings()), list[Settings]()
    live.on_change(heard.append)
    before = live.current
    assert live.accept(1, '{"stage": {"hang_over_s": 0.9}}')
    assert (live.version, live.current.stage.hang_over_s, before.stage.hang_over_s) == (1, 0.9, 0.5)
    assert heard == [live.current]


def test_an_older_version_changes_nothing() -> None:
    """Announcements that arrive late or twice are ignored."""
    live = LiveSettings(Settings())
    live.accept(2, '{"stage": {"hang_over_s": 0.9}}')
    assert not live.accept(1, "{}")
    assert not live.accept(2, "{}")
    assert live.current.stage.hang_over_s == 0.9


def test_overrides_replace_each_other() -> None:
    """A version holds all overrides: what it no longer names goes back to the base."""
    live = LiveSettings(Settings())
    live.accept(1, '{"stage": {"hang_over_s": 0.9}}')
    live.accept(2, "{}")
    assert live.current == live.base


@pytest.mark.parametrize("overrides", ['{"stage": {"hang_over_s": 99}}', "[]"])
def test_overrides_that_do_not_fit_change_nothing(overrides: str) -> None:
    """A bad version is refused and the snapshot in force stays."""
    live = LiveSettings(Settings())
    with pytest.raises(SettingsRejected):
        live.accept(1, overrides)
    assert (live.version, live.current) == (0, live.base)
