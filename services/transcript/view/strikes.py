"""What is struck, when strikes may be struck themselves.

To strike an act (a strike, a retcon, a decision on advice) takes it back: all is as if it had never been done. That is how undo undoes them.
"""

from __future__ import annotations

from collections.abc import Sequence

from services.core.model import facts as bodies
from services.core.model.fact import Fact, Kind


def struck_by(facts: Sequence[Fact]) -> frozenset[int]:
    """Every fact that a strike names which is not struck itself. `facts` are in order; a strike reaches only what lies before it.

    The last word comes first: whether a strike counts is settled by those that are later than it.
    """
    found: set[int] = set()
    for fact in reversed(facts):
        if fact.kind == Kind.STRUCK and fact.seq not in found:
            # One that is still pending has no seq yet, and comes behind everything written.
            found.update(target for target in _targets(fact) if target > 0 and (target < fact.seq or not fact.seq))
    return frozenset(found)


def _targets(fact: Fact) -> Sequence[int]:
    try:
        return bodies.body_of(bodies.Struck, fact.body).targets
    except ValueError:
        return ()
