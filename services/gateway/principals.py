"""Who is connected: told by the connection alone, never by what a request says about itself."""

from __future__ import annotations

import ipaddress
import re
from typing import Final
from urllib.parse import unquote_to_bytes, urlsplit

from starlette.requests import HTTPConnection

from services.core.errors import Forbidden, InvalidRequest
from services.core.model.principal import Principal

LOCAL: Final = Principal(id="local", role="director")
"""Whoever sits at this machine: loopback without login is the director."""

_OPERATOR: Final = "x-souffleur-operator"
_OPERATOR_NAME: Final = "x-souffleur-operator-name"
_OPERATOR_ID: Final = re.compile(r"[A-Za-z0-9_-]{1,32}")
_ENCODED: Final = re.compile(r"(?:[A-Za-z0-9_.!~*'() -]|%[0-9A-Fa-f]{2}){0,800}")
_NAME_LENGTH: Final = 64

_FORWARDED: Final = ("forwarded", "x-forwarded-for", "x-real-ip")


def principal_of(connection: HTTPConnection) -> Principal:
    """The principal behind an HTTP request or a WebSocket.

    A loopback peer that says it forwards for somebody else, or asks for another host than this machine, is a proxy: its caller is elsewhere.
    """
    peer = connection.client.host if connection.client is not None else ""
    host = connection.headers.get("host")
    if is_loopback(peer) and (host is None or is_here(host_of(host))) and not any(name in connection.headers for name in _FORWARDED):
        return LOCAL
    return Principal(id=f"guest-{peer or 'unknown'}", role="player", name="Guest")


def require_director(connection: HTTPConnection) -> Principal:
    """The principal, if it may change what belongs to the house. Raises `Forbidden`."""
    principal = principal_of(connection)
    if principal.role != "director":
        raise Forbidden("Only the director may do that.")
    return principal


def acting(connection: HTTPConnection) -> Principal:
    """The principal of an act at the desk: a director's client may say which of the directors at this machine it is. Raises `InvalidRequest`.

    It tells two directors apart and gives neither of them any right; what anybody else says about themselves is not looked at.
    """
    principal = principal_of(connection)
    if principal.role != "director" or (operator := connection.headers.get(_OPERATOR)) is None:
        return principal
    return operator_of(principal, operator, _decoded(connection.headers.get(_OPERATOR_NAME, "")))


def acting_director(connection: HTTPConnection) -> Principal:
    """As `acting`, for what only a director may do. Raises `Forbidden`, too."""
    require_director(connection)
    return acting(connection)


def operator_of(principal: Principal, operator: str, name: str) -> Principal:
    """Which of the directors behind `principal` it is. Raises `InvalidRequest`."""
    if not _OPERATOR_ID.fullmatch(operator):
        raise InvalidRequest("An operator's id has 1 to 32 letters, digits, - and _.")
    name = "".join(sign for sign in " ".join(name.split()) if sign.isprintable())
    if len(name) > _NAME_LENGTH:
        raise InvalidRequest(f"An operator's name has at most {_NAME_LENGTH} characters.")
    return Principal(id=f"{principal.id}:{operator}", role=principal.role, name=name or principal.name)


def _decoded(name: str) -> str:
    """A name out of a header, where only ASCII is safe."""
    if not _ENCODED.fullmatch(name):
        raise InvalidRequest("An operator's name is percent-encoded UTF-8.")
    try:
        return unquote_to_bytes(name).decode("utf-8")
    except UnicodeDecodeError:
        raise InvalidRequest("An operator's name is percent-encoded UTF-8.") from None


def host_of(value: str) -> str:
    """The name in a Host header, lower case, without port and brackets; empty if it is malformed."""
    try:
        parts = urlsplit(f"//{value}")
        _ = parts.port
    except ValueError:
        return ""
    if parts.username is not None or parts.path or parts.query or parts.fragment:
        return ""
    return (parts.hostname or "").rstrip(".")


def is_here(name: str) -> bool:
    """True for what this machine calls itself."""
    return name == "localhost" or is_loopback(name)


def is_loopback(host: str) -> bool:
    """True for an address of this very machine, IPv4-mapped ones included."""
    try:
        address = ipaddress.ip_address(host.partition("%")[0])
    except ValueError:
        return False
    mapped = getattr(address, "ipv4_mapped", None)
    return (mapped or address).is_loopback
