"""Which engines are left alone for a while, and why: by engine, and by the vendor's account where the trouble is the account's."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Final

from services.core.clock import Clock
from services.llm.engine import EngineTrouble, Reason

_LONGEST_S: Final = 3600.0
_FIRST_S: Final = {
    Reason.AUTH: 600.0,
    Reason.RATE_LIMITED: 10.0,
    Reason.TIMEOUT: 5.0,
    Reason.REFUSED: 5.0,
    Reason.SERVER: 5.0,
    Reason.GARBAGE: 15.0,
    Reason.TRUNCATED: 2.0,
}
"""After the first trouble; doubled by each further one. What is missing here concerns one request only."""


@dataclass(slots=True)
class _Rest:
    until: float = 0.0
    count: int = 0
    reason: Reason = Reason.SERVER


class Cooldowns:
    """Of one process; asked before every attempt."""

    def __init__(self, clock: Clock) -> None:
        """Everybody is fresh."""
        self._clock = clock
        self._rests: dict[str, _Rest] = {}

    def resting(self, name: str, account: str) -> Reason | None:
        """Why this engine is left alone now; None = it may be asked."""
        for key in _keys(name, account):
            rest = self._rests.get(key)
            if rest is not None and rest.until > self._clock.now():
                return rest.reason
        return None

    def note(self, name: str, account: str, trouble: EngineTrouble) -> None:
        """Take trouble into account. A provider's own Retry-After counts, up to an hour."""
        first = _FIRST_S.get(trouble.reason)
        if first is None:
            return
        key = account_key(account) if trouble.reason is Reason.AUTH and account else name
        rest = self._rests.setdefault(key, _Rest())
        wait = trouble.retry_after_s if trouble.retry_after_s is not None else first * 2.0 ** min(rest.count, 12)
        rest.count += 1
        rest.reason = trouble.reason
        rest.until = self._clock.now() + min(wait, _LONGEST_S)

    def clear(self, name: str, account: str) -> None:
        """It answered."""
        for key in _keys(name, account):
            self._rests.pop(key, None)


def account_key(account: str) -> str:
    """Accounts and engines share one table without meeting."""
    return f"account {account}"


def _keys(name: str, account: str) -> tuple[str, ...]:
    return (name, account_key(account)) if account else (name,)
