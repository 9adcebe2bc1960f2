"""What the parts of the log share: key names, entries as they stand in Redis, scripts, and failures of the store as errors of ours."""

from __future__ import annotations

import re
from collections.abc import AsyncIterator, Sequence
from contextlib import asynccontextmanager
from dataclasses import dataclass
from functools import cache, lru_cache
from pathlib import Path
from typing import Any, Final, cast

from redis.asyncio import Redis
from redis.commands.core import AsyncScript
from redis.exceptions import RedisError

from services.core.errors import InvalidRequest, TooLarge, Unavailable
from services.core.model.fact import Draft, Fact

FACT_BYTES: Final = 2 * 1024 * 1024
"""Largest envelope."""
KEY_BYTES: Final = 256
"""Longest idempotency key, in UTF-8."""

_READ: Final = 1024
_SHARED: Final = 32 * 1024
"""Characters of an envelope that is remembered: with the card of a character it is still a short one."""
_SESSION: Final = re.compile(r"[A-Za-z0-9_.:-]{1,128}")
_PLACEHOLDER: Final = b'"seq":0,'
_FOLDER: Final = Path(__file__).parent


@dataclass(frozen=True, slots=True)
class Entry:
    """One fact exactly as it stands in the stream and in the archive, with the key it was written under."""

    seq: int
    key: str
    envelope: str
    """JSON, kept letter for letter: what a newer version added to it survives being copied."""

    def fact(self) -> Fact:
        """The envelope, read. Raises ValueError if it is not one. Whoever reads the same one soon gets the same value."""
        return _read(self.envelope) if len(self.envelope) <= _SHARED else Fact.from_json(self.envelope)


# Services of one process read the same facts one after the other, and keep them: most of all who came in, with their cards.
_read = lru_cache(_READ)(Fact.from_json)


@dataclass(frozen=True, slots=True)
class Keys:
    """Where a session's data is; the hash tag keeps all of it on one shard."""

    stream: str
    index: str
    fence: str
    owner: str


def keys_of(sid: str) -> Keys:
    """The Redis keys of a session. Raises `InvalidRequest` for an id that could reach another session's keys."""
    if not _SESSION.fullmatch(sid):
        raise InvalidRequest("a session id has 1 to 128 letters, digits or any of _ . : -")
    return Keys(f"{{{sid}}}:t", f"{{{sid}}}:i", f"{{{sid}}}:fence", f"{{{sid}}}:owner")


def spliced(draft: Draft) -> tuple[bytes, bytes, bytes]:
    """Key and envelope of a draft, the envelope parted where the script puts the seq. Raises `InvalidRequest` or `TooLarge`."""
    try:
        key = draft.key.encode()
        envelope = draft.at(0).to_json().encode()
    except (UnicodeEncodeError, ValueError, TypeError, OverflowError) as error:
        raise InvalidRequest("the fact cannot be written as JSON in UTF-8") from error
    if not 0 < len(key) <= KEY_BYTES or b"\0" in key:
        raise InvalidRequest(f"an idempotency key has 1 to {KEY_BYTES} bytes")
    if len(envelope) > FACT_BYTES:
        raise TooLarge(f"a fact may have {FACT_BYTES} bytes")
    # The first one is the envelope's own: only the version, a number, stands before it.
    before, _, behind = envelope.partition(_PLACEHOLDER)
    return key, before + b'"seq":', b"," + behind


def entry_of(item: object) -> Entry:
    """An entry as the client yields it: the stream id is the seq, the only field is named by the idempotency key."""
    stream_id, fields = cast(tuple[bytes, dict[bytes, bytes]], item)
    ((key, envelope),) = fields.items()
    return Entry(int(stream_id.partition(b"-")[0]), key.decode(), envelope.decode())


async def run_script(redis: Redis, name: str, keys: Sequence[str], arguments: Sequence[Any]) -> Any:
    """Run `<name>.lua` by its digest; it is sent again when the server does not know it (after a restart)."""
    async with store_errors():
        return await AsyncScript(redis, _source(name))(keys=keys, args=arguments)


@asynccontextmanager
async def store_errors() -> AsyncIterator[None]:
    """Around every command: whatever Redis or the way to it fails with leaves as `Unavailable`."""
    try:
        yield
    except (RedisError, OSError) as error:
        raise Unavailable(f"the transcript store failed: {type(error).__name__}") from error


@cache
def _source(name: str) -> bytes:
    return (_FOLDER / f"{name}.lua").read_bytes()
