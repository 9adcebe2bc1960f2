"""Who is connected: told by the connection alone, never by what a request says about itself."""

from __future__ import annotations

import ipaddress
from typing import Final

from starlette.requests import HTTPConnection

from services.core.errors import Forbidden
from services.core.model.attachment import Principal

LOCAL: Final = Principal(id="local", role="director")
"""Whoever sits at this machine: loopback without login is the director."""

_FORWARDED: Final = ("forwarded", "x-forwarded-for", "x-real-ip")


def principal_of(connection: HTTPConnection) -> Principal:
    """The principal behind an HTTP request or a WebSocket.

    A loopback peer that says it forwards for somebody else is a proxy, so its caller is not at this machine.
    """
    peer = connection.client.host if connection.client is not None else ""
    if is_loopback(peer) and not any(name in connection.headers for name in _FORWARDED):
        return LOCAL
    return Principal(id=f"guest-{peer or 'unknown'}", role="player", name="Guest")


def require_director(connection: HTTPConnection) -> Principal:
    """The principal, if it may change what belongs to the house. Raises `Forbidden`."""
    principal = principal_of(connection)
    if principal.role != "director":
        raise Forbidden("Only the director may do that.")
    return principal


def is_loopback(host: str) -> bool:
    """True for an address of this very machine, IPv4-mapped ones included."""
    try:
        address = ipaddress.ip_address(host.partition("%")[0])
    except ValueError:
        return False
    mapped = getattr(address, "ipv4_mapped", None)
    return (mapped or address).is_loopback
