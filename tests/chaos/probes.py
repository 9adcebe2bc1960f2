"""Is the part there again that was hurt? An answer alone does not tell: without a voice the words are shown, without corrections characters talk on."""

from __future__ import annotations

from collections.abc import Awaitable, Callable
from typing import Final

import httpx2

from tests.chaos.load import Load
from tests.chaos.table import Table
from tests.waiting import until

_GIVEN_UP_S: Final = 40.0
_AGAIN_S: Final = 0.1
_PATIENCE_S: Final = 5.0
"""For one attempt."""


async def works(fault: str, here: Table, load: Load, since: float) -> None:
    """Return once what this fault has hurt does its work, since this moment. Raises `AssertionError` if it never does."""
    if (probe := _PROBES.get(fault.partition(" ")[0])) is not None:
        await probe(here, load, since)


async def _voiced(here: Table, load: Load, since: float) -> None:
    del here
    await until(lambda: load.seat.sound_at > since, _GIVEN_UP_S, "a voice", _AGAIN_S)


async def _understood(here: Table, load: Load, since: float) -> None:
    del here, since
    await load.seat.speak(_GIVEN_UP_S)


async def _corrected(here: Table, load: Load, since: float) -> None:
    del here, since
    await until(load.corrected, _GIVEN_UP_S, "a correction", _AGAIN_S)


async def _set(here: Table, load: Load, since: float) -> None:
    del load, since

    async def set_chain() -> bool:
        try:
            await here.set_chain(["scripted"])
        except httpx2.HTTPError:
            return False
        return True

    await until(set_chain, _GIVEN_UP_S, "a setting that is taken", _AGAIN_S)


async def _condensed(here: Table, load: Load, since: float) -> None:
    """A digest that is asked for is made and stands. People talk on: behind the last one there is soon something to condense, so nothing to do is no answer."""
    del since

    async def digest() -> int:
        try:
            answer = await here.client.post(f"/api/sessions/{here.session}/advice", json={"what": "summary"}, timeout=_PATIENCE_S)
        except httpx2.HTTPError:
            return 0
        return int(answer.json()["summary"]) if answer.is_success else 0

    seq = await until(digest, _GIVEN_UP_S, "a digest that is asked for", _AGAIN_S)
    told = load.shown["reader"]
    await until(lambda: any((fact.seq, fact.kind) == (seq, "summarized") for fact in told), _GIVEN_UP_S, f"the digest {seq} that was told of", _AGAIN_S)


_PROBES: Final[dict[str, Callable[[Table, Load, float], Awaitable[None]]]] = {
    "voice": _voiced,
    "hearing": _understood,
    "corrections": _corrected,
    "broker": _corrected,
    "manager": _set,
    "summarizer": _condensed,
}
"""By the first word of a fault's name."""
