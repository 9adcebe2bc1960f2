"""What an owner keeps in memory of the facts that the store has acknowledged: until they are archived, they can be given back to it."""

from __future__ import annotations

from collections import deque
from collections.abc import Sequence
from dataclasses import dataclass, field
from typing import Final

from services.transcript.store import Entry

_FACTS: Final = 4_096
_BYTES: Final = 16 * 1024 * 1024
"""More is only kept where the archive is away for long; the oldest are let go first."""


@dataclass(slots=True)
class Kept:
    """Of one session that this process has claimed."""

    address: str
    fence: int
    """What this process writes under; 0 while it claims anew, for until the answer is there nobody knows which one the store has."""
    floor: int = 0
    """Highest seq acknowledged to this owner; a store whose head is lower has lost facts."""
    _facts: deque[tuple[int, bytes, tuple[bytes, ...]]] = field(default_factory=deque)
    _bytes: int = 0

    def add(self, seq: int, key: bytes, envelope: tuple[bytes, ...]) -> None:
        """Acknowledged; the envelope may come in pieces. What was acknowledged before is there already."""
        if seq <= self.floor:
            return
        self.floor = seq
        self._facts.append((seq, key, envelope))
        self._bytes += sum(map(len, envelope))
        while len(self._facts) > _FACTS or self._bytes > _BYTES:
            self._drop()

    def take_over(self, entries: Sequence[Entry], mark: int) -> None:
        """All of a session as its former owners left it, of which the archive has everything up to `mark`."""
        self.floor = max(self.floor, min(mark, entries[-1].seq if entries else 0))
        for entry in entries:
            self.add(entry.seq, entry.key.encode(), (entry.envelope.encode(),))

    def archived(self, mark: int) -> None:
        """Everything up to here stands in the archive."""
        while self._facts and self._facts[0][0] <= mark:
            self._drop()

    def entries(self, after: int) -> list[Entry]:
        """Those with a greater seq, as they stood in the stream."""
        return [Entry(seq, key.decode(), b"".join(pieces).decode()) for seq, key, pieces in self._facts if seq > after]

    def _drop(self) -> None:
        *_, pieces = self._facts.popleft()
        self._bytes -= sum(map(len, pieces))
