"""What may go wrong on the way: refusals, other formats, silence, and streams that end where they should not."""

from __future__ import annotations

import asyncio
import contextlib
import gzip
import json
from typing import Final

from tests.making.openai_answer import JSON, Answer, Behaviour, chunk
from tests.making.openai_words import good


async def _status(answer: Answer, argument: str) -> None:
    code, _, retry = argument.partition("/")
    await answer.head(int(code), JSON, **({"retry_after": retry} if retry else {}))
    await answer.raw(json.dumps({"error": {"message": "secret detail of the provider", "code": int(code)}}).encode())


async def _flaky(answer: Answer, argument: str) -> None:
    """Refuses the first `n` calls with a short Retry-After, then answers."""
    if answer.server.counts[answer.call.body["model"]] <= int(argument or 1):
        await _status(answer, "429/0.05")
    else:
        await good(answer, "")


async def _error_object(answer: Answer, argument: str) -> None:
    await answer.head(kind=JSON)
    await answer.raw(json.dumps({"error": {"message": "no", "code": argument or "server_error"}}).encode())


async def _html(answer: Answer, argument: str) -> None:
    await answer.head(kind="text/html")
    await answer.raw(b"<html><body>Sign in to the hotel network</body></html>")


async def _wrong_type(answer: Answer, argument: str) -> None:
    await answer.head(kind="application/octet-stream")
    await answer.raw(b"\x00\x01\x02" * 100)


async def _redirect(answer: Answer, argument: str) -> None:
    await answer.head(302, location=f"{answer.server.base_url}/elsewhere")


async def _empty(answer: Answer, argument: str) -> None:
    await answer.head()


async def _black_hole(answer: Answer, argument: str) -> None:
    await answer.silence()


async def _mute(answer: Answer, argument: str) -> None:
    await answer.head()
    await answer.silence()


async def _stall(answer: Answer, argument: str) -> None:
    """Says `n` words and then nothing more."""
    await answer.head()
    await answer.words(" ".join(answer.server.reply.split(" ")[: int(argument or 3)]))
    await answer.silence()


async def _drip(answer: Answer, argument: str) -> None:
    """One byte now and then."""
    await answer.head()
    for byte in json.dumps(chunk("Well. ")).encode():
        await answer.raw(bytes([byte]))
        await asyncio.sleep(float(argument or 200) / 1000)


async def _comments(answer: Answer, argument: str) -> None:
    await answer.head()
    while not answer.call.left.is_set():
        await answer.raw(b": still thinking\n\n")
        await asyncio.sleep(0.02)


async def _cut(answer: Answer, argument: str) -> None:
    """Ends the connection cleanly after `n` words, without an end mark."""
    await answer.head()
    await answer.words(" ".join(answer.server.reply.split(" ")[: int(argument or 3)]))


async def _rst(answer: Answer, argument: str) -> None:
    """Breaks the connection after `n` words."""
    await _cut(answer, argument)
    await asyncio.sleep(0.02)
    answer.reset()


async def _no_done(answer: Answer, argument: str) -> None:
    await answer.head()
    await answer.words()
    await answer.end(done=False)


async def _no_reason(answer: Answer, argument: str) -> None:
    await answer.head()
    await answer.words()
    await answer.end(None)


async def _after_done(answer: Answer, argument: str) -> None:
    await good(answer, "")
    await answer.words("This was never said.")


async def _bad_json(answer: Answer, argument: str) -> None:
    await answer.head()
    await answer.words(" ".join(answer.server.reply.split(" ")[: int(argument or 0)]) if argument else "")
    await answer.line('{"choices": [{"delta": {"content": "x"')
    await answer.end()


async def _long_line(answer: Answer, argument: str) -> None:
    await answer.head()
    with contextlib.suppress(ConnectionError):
        await answer.raw(b"data: ")
        for _ in range(160):
            await answer.raw(b"x" * 65536)
            answer.call.pieces += 1
        await answer.raw(b"\n\n")


async def _gzip_bomb(answer: Answer, argument: str) -> None:
    await answer.head(content_encoding="gzip")
    with contextlib.suppress(ConnectionError):
        # Beside the loop, which is the client's as well.
        await answer.raw(await asyncio.to_thread(gzip.compress, b"data: " + b"x" * 20_000_000))


FAULTS: Final[dict[str, Behaviour]] = {
    "status": _status,
    "flaky": _flaky,
    "error-object": _error_object,
    "html": _html,
    "wrong-type": _wrong_type,
    "redirect": _redirect,
    "empty": _empty,
    "black-hole": _black_hole,
    "mute": _mute,
    "stall": _stall,
    "drip": _drip,
    "comments": _comments,
    "cut": _cut,
    "rst": _rst,
    "no-done": _no_done,
    "no-reason": _no_reason,
    "after-done": _after_done,
    "bad-json": _bad_json,
    "long-line": _long_line,
    "gzip-bomb": _gzip_bomb,
}
