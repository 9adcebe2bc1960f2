"""A bounded memory of what was used lately."""

from __future__ import annotations

from services.core.clock import ManualClock
from services.core.lately import Lately


def test_what_was_not_used_for_a_while_is_forgotten() -> None:
    """Asking for it is a use; so a value that is asked for again and again stays."""
    clock = ManualClock()
    kept: Lately[str, int] = Lately(9, clock, idle_s=10)
    kept.put("old", 1)
    kept.put("used", 2)
    clock.advance(6)
    assert kept.get("used") == 2
    clock.advance(6)
    kept.put("new", 3)
    assert (kept.get("old"), kept.get("used"), kept.get("new")) == (None, 2, 3)


def test_of_too_many_the_least_lately_used_go() -> None:
    """However fresh they are."""
    kept: Lately[str, int] = Lately(2, ManualClock())
    kept.put("a", 1)
    kept.put("b", 2)
    assert kept.get("a") == 1
    kept.put("c", 3)
    assert len(kept) == 2
    assert (kept.get("a"), kept.get("b"), kept.get("c")) == (1, None, 3)
