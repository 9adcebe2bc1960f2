"""Who somebody is, by the connection alone."""

from __future__ import annotations

import pytest
from starlette.requests import HTTPConnection

from services.core.errors import Forbidden, InvalidRequest
from services.core.model.principal import Principal
from services.gateway.principals import LOCAL, acting, acting_director, is_loopback, principal_of, require_director


def _connection(peer: str | None, **headers: str) -> HTTPConnection:
    raw = [(name.replace("_", "-").encode(), value.encode("latin-1")) for name, value in headers.items()]
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


@pytest.mark.parametrize(
    ("host", "role"), [("localhost:8765", "director"), ("127.0.0.1", "director"), ("[::1]:1", "director"), ("table.example", "player"), ("", "player")]
)
def test_who_asks_for_another_name_comes_through_a_proxy(host: str, role: str) -> None:
    """Also where the proxy says nothing of itself."""
    assert principal_of(_connection("127.0.0.1", host=host)).role == role


def test_loopback_is_an_address_and_not_a_name() -> None:
    """Names can be rebound."""
    assert not is_loopback("localhost")
    assert is_loopback("::1")


def test_a_director_may_say_which_of_them_acts() -> None:
    """An id and a name tell two directors at one machine apart; without an id everything is as it is."""
    one = acting(_connection("127.0.0.1", x_souffleur_operator="Ab-1_z", x_souffleur_operator_name="%D0%94%D0%BE%D1%80%D0%B0%20%20B."))
    assert one == Principal(id="local:Ab-1_z", role="director", name="Дора B.")
    assert acting(_connection("127.0.0.1", x_souffleur_operator="a", x_souffleur_operator_name="a%0Ab%00%E2%80%AE")).name == "a b"
    assert acting(_connection("127.0.0.1", x_souffleur_operator="a")) == Principal(id="local:a", role="director")
    assert acting(_connection("127.0.0.1", x_souffleur_operator_name="Dora")) is LOCAL
    assert principal_of(_connection("127.0.0.1", x_souffleur_operator="a")) is LOCAL


@pytest.mark.parametrize("operator", ["", " ", "a b", "a:b", "é", "x" * 33, "../x"])
def test_an_operators_id_is_short_and_plain(operator: str) -> None:
    """Anything else is refused with a reason, and nobody is taken for somebody."""
    with pytest.raises(InvalidRequest):
        acting(_connection("127.0.0.1", x_souffleur_operator=operator))


@pytest.mark.parametrize("name", ["%D0", "%zz", "%", "D\u00f6ra", "%F0%9F%98%80" * 65, "x" * 65, "x" * 5000])
def test_an_operators_name_can_be_read(name: str) -> None:
    """Broken encodings and endless names are refused; what cannot be printed is left out."""
    with pytest.raises(InvalidRequest):
        acting(_connection("127.0.0.1", x_souffleur_operator="a", x_souffleur_operator_name=name))


def test_to_anybody_else_the_header_gives_nothing() -> None:
    """A guest and a proxy stay who they are, and are not even told that it was wrong."""
    for connection in (_connection("10.0.0.7", x_souffleur_operator="a b"), _connection("127.0.0.1", x_real_ip="10.0.0.7", x_souffleur_operator="a")):
        assert acting(connection) == principal_of(connection)
        assert acting(connection).role == "player"
        with pytest.raises(Forbidden):
            acting_director(connection)
