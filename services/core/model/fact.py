"""Facts: what happened in a session, as frozen values. The envelope is the same in Redis, in SQL and over REST."""

from __future__ import annotations

import json
from dataclasses import dataclass, field
from datetime import datetime
from enum import StrEnum
from functools import lru_cache
from sys import intern
from typing import Any, Final

from services.core.clock import rfc3339

VERSION: Final = 1
"""Envelope version; raised only with an upcaster for every older one."""
_NAME: Final = 64
"""Longer texts are told once."""


class Kind(StrEnum):
    """Every kind this version writes. Unknown kinds are kept and ignored, never refused."""

    SCENE_SET = "scene_set"
    JOINED = "joined"
    LEFT = "left"
    SAID = "said"
    LINE_OPENED = "line_opened"
    SENTENCE = "sentence"
    LINE_CLOSED = "line_closed"
    PASSED = "passed"
    CORRECTED = "corrected"
    STRUCK = "struck"
    NOTED = "noted"
    WHISPERED = "whispered"
    RELEASED = "released"
    REJECTED = "rejected"
    RECOMMENDED = "recommended"
    RECOMMENDATION_DECIDED = "recommendation_decided"
    SUMMARIZED = "summarized"
    RETCONNED = "retconned"
    ROLLED = "rolled"
    DEGRADED = "degraded"
    ERASED = "erased"
    INSERTED = "inserted"
    SILENCED = "silenced"
    REVEALED = "revealed"


class LineState(StrEnum):
    """Where a line is in its life."""

    DRAFTING = "drafting"
    HELD = "held"
    QUEUED = "queued"
    SPEAKING = "speaking"
    HEARD = "heard"
    CUT = "cut"
    REJECTED = "rejected"
    ABORTED = "aborted"


class Basis(StrEnum):
    """How we know what was heard."""

    REPORTED = "reported"
    ESTIMATED = "estimated"
    DELIVERED = "delivered"


@dataclass(frozen=True, slots=True)
class Author:
    """Who caused a fact."""

    role: str
    """player, director, operator, character, stage, adviser."""
    id: str = ""
    """Member id: a participant's, or a character's slug."""
    name: str = ""


@dataclass(frozen=True, slots=True, kw_only=True)
class Fact:
    """One entry of the transcript. `body` has the fields of the kind's class in `facts` (see `body_of`)."""

    seq: int
    """Dense from 1 within the session; 0 = not written yet."""
    kind: str
    at_ms: int
    """Wall clock, milliseconds since 1970 UTC; for people, not for ordering."""
    by: Author
    place: str = ""
    audience: tuple[str, ...] | None = None
    """Member ids who could perceive it, frozen when it is written; None = everyone, always."""
    cause: int | None = None
    """Seq of the fact that led to this one."""
    body: dict[str, Any] = field(default_factory=dict)
    v: int = VERSION

    def to_json(self) -> str:
        """The envelope as compact JSON."""
        return json.dumps(self.to_dict(), ensure_ascii=False, separators=(",", ":"))

    def to_dict(self) -> dict[str, Any]:
        """The envelope as REST shows it; `at` is RFC 3339 in UTC."""
        return {
            "v": self.v,
            "seq": self.seq,
            "kind": str(self.kind),
            "at": rfc3339(self.at_ms),
            "by": {"role": self.by.role, "id": self.by.id, "name": self.by.name},
            "place": self.place,
            "audience": None if self.audience is None else list(self.audience),
            "cause": self.cause,
            "body": self.body,
        }

    @classmethod
    def from_json(cls, text: str | bytes) -> Fact:
        """Read an envelope of any known version. Raises ValueError if it is not one."""
        return cls.from_dict(json.loads(text))

    @classmethod
    def from_dict(cls, data: dict[str, Any]) -> Fact:
        """Read the REST shape. Raises ValueError if a field is missing or of the wrong type."""
        try:
            by = data.get("by") or {}
            audience = data.get("audience")
            return cls(
                v=int(data.get("v", VERSION)),
                seq=int(data["seq"]),
                kind=intern(str(data["kind"])),
                at_ms=round(datetime.fromisoformat(data["at"]).timestamp() * 1000),
                by=_author(str(by.get("role", "")), str(by.get("id", "")), str(by.get("name", ""))),
                place=_shared(str(data.get("place") or "")),
                audience=None if audience is None else _audience(*map(str, audience)),
                cause=data.get("cause"),
                body={intern(key): _shared(value) for key, value in (data.get("body") or {}).items()},
            )
        except (KeyError, TypeError, AttributeError) as error:
            raise ValueError(f"not a fact envelope: {error!r}") from error


# Every reader of a session keeps its facts, and each says anew who was there: what is the same is kept once.
_author = lru_cache(1024)(Author)


@lru_cache(1024)
def _audience(*members: str) -> tuple[str, ...]:
    return members


# Not interned: some Pythons keep such strings for ever, and these are people's words as well.
_name = lru_cache(4096)(str)


def _shared(value: Any) -> Any:
    """A name of something, as a field of many facts has it, is the same string in all of them."""
    return _name(value) if type(value) is str and len(value) <= _NAME else value


@dataclass(frozen=True, slots=True, kw_only=True)
class Draft:
    """A fact to be written: the envelope without its seq, and the key that makes writing it twice harmless."""

    key: str
    """Idempotency key: `line:open`, `line:a<attempt>:s<n>`, `line:close` behind the line's ULID, an utterance id, a message id."""
    kind: str
    at_ms: int
    by: Author
    place: str = ""
    audience: tuple[str, ...] | None = None
    cause: int | None = None
    body: dict[str, Any] = field(default_factory=dict)

    def at(self, seq: int) -> Fact:
        """The fact this becomes at `seq` (0 = pending)."""
        return Fact(
            seq=seq,
            kind=self.kind,
            at_ms=self.at_ms,
            by=self.by,
            place=self.place,
            audience=self.audience,
            cause=self.cause,
            body=self.body,
        )
