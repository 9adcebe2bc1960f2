"""One thing that a character remembers."""

from __future__ import annotations

import hashlib
import json
from dataclasses import dataclass, replace
from typing import Final

from services.core.errors import InvalidRequest

LONGEST_TEXT: Final = 2_000
MOST_SOURCES: Final = 1_000
_LONGEST_NAME: Final = 128


@dataclass(frozen=True, slots=True, kw_only=True)
class Memory:
    """A fact that outlives the session in which it was witnessed."""

    character: str
    """Whose memory it is: a slug."""
    text: str
    session: str
    importance: float = 0.5
    """0 to 1."""
    sources: tuple[int, ...] = ()
    """Seqs of the session's facts that it rests on."""
    present: tuple[str, ...] = ()
    """Members who were there."""
    created_at_ms: int = 0
    id: str = ""
    """Empty = made from what the memory says: the same one added twice is one."""

    @property
    def witnessed(self) -> bool:
        """The character itself was there."""
        return self.character in self.present


def checked(memory: Memory, now_ms: int) -> Memory:
    """The memory with its id and time. Raises `InvalidRequest`."""
    if not all(0 < len(name) <= _LONGEST_NAME for name in (memory.character, memory.session)):
        raise InvalidRequest("a memory names its character and its session")
    if len(memory.sources) > MOST_SOURCES or len(memory.present) > MOST_SOURCES or len(memory.id) > 64:
        raise InvalidRequest("a memory rests on too many facts")
    memory = replace(memory, text=checked_text(memory.text), importance=checked_importance(memory.importance))
    return replace(memory, id=memory.id or _id_of(memory), created_at_ms=memory.created_at_ms or now_ms)


def checked_text(text: str) -> str:
    """Raises `InvalidRequest`."""
    text = text.strip()
    if not 0 < len(text) <= LONGEST_TEXT or "\0" in text:
        raise InvalidRequest(f"text: must have 1 to {LONGEST_TEXT} characters")
    return text


def checked_importance(value: float) -> float:
    """Raises `InvalidRequest`."""
    if not 0 <= value <= 1:
        raise InvalidRequest("importance: must be from 0 to 1")
    return float(value)


def _id_of(memory: Memory) -> str:
    said = json.dumps([memory.character, memory.session, sorted(memory.sources), " ".join(memory.text.casefold().split())], ensure_ascii=False)
    return hashlib.sha256(said.encode("utf-8", "surrogatepass")).hexdigest()[:32]
