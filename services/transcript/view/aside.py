"""Folding much beside the event loop, so that nobody else's voice waits for a long session."""

from __future__ import annotations

import asyncio
from collections.abc import Sequence
from typing import Final

from services.core.model.fact import Fact
from services.transcript.view.fold import View
from services.transcript.view.state import REWRITING

_FEW: Final = 100
"""Some 20 us each; what rewrites the past folds all that the view holds."""


async def advanced(view: View, facts: Sequence[Fact]) -> View:
    """As `view.advance(facts)`; in a thread where that takes more than a moment."""
    held = len(view.state.facts) if any(fact.kind in REWRITING for fact in facts) else 0
    if held + len(facts) <= _FEW:
        return view.advance(facts)
    return await asyncio.to_thread(view.advance, facts)
