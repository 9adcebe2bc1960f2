"""Who is let in."""

from __future__ import annotations

import pytest

from services.core.errors import Overloaded
from services.stage.door import _ATTACHMENTS
from tests.unit.services.stage.table import table


async def test_a_full_table_still_has_a_chair_for_its_director() -> None:
    """Connections are bounded; whoever must be able to stop everything gets in all the same."""
    async with table() as at:
        for number in range(_ATTACHMENTS):
            await at.sit(f"Guest {number}", role="player", hears=False)
        with pytest.raises(Overloaded):
            await at.sit("One more", role="player")
        await at.sit("GM", role="director", monitor=True)
