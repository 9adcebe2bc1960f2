"""Server-sent events from strangers: bytes in, data lines out, never more in memory than one line may have."""

from __future__ import annotations

from collections.abc import AsyncGenerator, AsyncIterator
from typing import Final

from services.llm.engine import LONGEST_LINE, LONGEST_REPLY, EngineTrouble, Reason

_OVERHEAD: Final = 40
"""A provider wraps each token in about this many times its own size."""
_LONGEST_STREAM: Final = LONGEST_REPLY * _OVERHEAD


async def data_lines(chunks: AsyncIterator[bytes]) -> AsyncGenerator[list[str], None]:
    """What stands behind `data:`: the lines that each read completes; CR, LF and CRLF all end a line.

    Raises `EngineTrouble` for a line or a stream that is too long.
    """
    held = b""
    total = 0
    async for chunk in chunks:
        total += len(chunk)
        if total > _LONGEST_STREAM:
            raise EngineTrouble(Reason.GARBAGE, "the provider's stream is too large")
        held += chunk
        if b"\n" not in chunk and b"\r" not in chunk:
            _check(held)
            continue
        # A CR at the very end may be half of a CRLF: it stays until the next byte tells.
        ends_in_cr = held.endswith(b"\r")
        lines = (held[:-1] if ends_in_cr else held).replace(b"\r\n", b"\n").replace(b"\r", b"\n").split(b"\n")
        held = lines.pop() + (b"\r" if ends_in_cr else b"")
        _check(held)
        for line in lines:
            _check(line)
        if found := [data for line in lines if (data := _data(line)) is not None]:
            yield found
    if (data := _data(held.rstrip(b"\r"))) is not None:
        yield [data]


def _check(line: bytes) -> None:
    if len(line) > LONGEST_LINE:
        raise EngineTrouble(Reason.GARBAGE, "the provider sent a line that is too long")


def _data(line: bytes) -> str | None:
    if not line.startswith(b"data:"):
        return None
    return line[5:].decode("utf-8", errors="replace").strip()
