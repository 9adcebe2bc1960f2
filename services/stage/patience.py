"""How long a service that has died is waited for, as long as nobody has heard anything of what was asked of it."""

from __future__ import annotations

from typing import Final

from services.core.errors import Overloaded, SouffleurError, Unavailable

PAUSES_S: Final = (0.25, 0.5, 1.0)
"""Before it is asked again; it is back within them, or another one answers in its place."""
_AWAY: Final = (Unavailable, Overloaded)


def worth_asking_again(error: SouffleurError, number: int) -> bool:
    """After so many repetitions: a service that is there and fails is asked once more, one that is away before each pause."""
    return error.retryable and (number == 0 or isinstance(error, _AWAY))
