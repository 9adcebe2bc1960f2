"""Which of this machine's addresses a call is offered at: those where the gateway listens, and no others."""

from __future__ import annotations

import asyncio
import socket
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from contextvars import ContextVar
from typing import Final

from aioice import ice

from services.core.errors import Unavailable
from services.gateway.principals import is_loopback

_EVERYWHERE: Final = frozenset({"", "0.0.0.0", "::"})  # noqa: S104 - compared with, never bound to
_LOCAL: Final = "127.0.0.1"
_chosen: ContextVar[tuple[str, ...] | None] = ContextVar("call_addresses", default=None)
_all_addresses = ice.get_host_addresses


def _addresses(use_ipv4: bool, use_ipv6: bool) -> list[str]:  # noqa: FBT001 - as the library calls it
    chosen = _chosen.get()
    return _all_addresses(use_ipv4, use_ipv6) if chosen is None else list(chosen)


@contextmanager
def offering(addresses: Sequence[str]) -> Iterator[None]:
    """Whatever gathers candidates in this block, and in no other task, takes these addresses.

    The library leaves out loopback and offers every other address; it has no option for either.
    """
    ice.get_host_addresses = _addresses
    token = _chosen.set(tuple(addresses))
    try:
        yield
    finally:
        _chosen.reset(token)


async def listening_at(host: str) -> list[str]:
    """The addresses behind the gateway's own `host`."""
    if host in _EVERYWHERE:
        return [_LOCAL, *await asyncio.to_thread(_all_addresses, True, host == "::")]
    try:
        found = await asyncio.get_running_loop().getaddrinfo(host, None, type=socket.SOCK_DGRAM)
    except OSError as error:
        raise Unavailable(f"The name {host}, where this server listens, has no address.") from error
    addresses = list(dict.fromkeys(str(entry[4][0]) for entry in found))
    return [_LOCAL] if all(map(is_loopback, addresses)) and _LOCAL in addresses else addresses
