"""Who somebody is, by the connection alone."""

from __future__ import annotations

import pytest
from starlette.requests import HTTPConnection

from services.core.errors import Forbidden
from services.gateway.principals import LOCAL, is_loopback, principal_of, require_director


def _connection(peer: str | None, **headers: str) -> HTTPConnection:
    raw = [(name.replace("_", "-").encode(), value.encode()) for name, value in headers.items()]
    return HTTPConnection({"type": "http", "headers": raw, "client": (peer, 1) if peer is not None else None})


@pytest.mark.parametrize("peer", ["127.0.0.1", "127.8.8.8", "::1", "::ffff:127.0.0.1"])
def test_loopback_is_the_director(peer: str) -> None:
    """Every spelling of this machine, whatever the request claims about itself."""
    assert principal_of(_connection(peer, authorization="Bearer player")) is LOCAL


@pytest.mark.parametrize("peer", ["192.168.1.4", "::ffff:10.0.0.1", "fe80::1%eth0", "localhost", "", None])
def test_everybody_else_is_a_guest(peer: str | None) -> None:
    """Other machines, and peers without an address, are players."""
    assert principal_of(_connection(peer)).role == "player"
    with pytest.raises(Forbidden):
        require_director(_connection(peer))


@pytest.mark.parametrize("header", ["forwarded", "x_forwarded_for", "x_real_ip"])
def test_a_proxy_on_this_machine_does_not_lend_its_rights(header: str) -> None:
    """Who comes through a proxy is somewhere else."""
    assert principal_of(_connection("127.0.0.1", **{header: "127.0.0.1"})).role == "player"


def test_loopback_is_an_address_and_not_a_name() -> None:
    """Names can be rebound."""
    assert not is_loopback("localhost")
    assert is_loopback("::1")
