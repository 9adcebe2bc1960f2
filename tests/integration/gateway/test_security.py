"""Who is let in: hosts, origins, bodies and headers, over real sockets."""

from __future__ import annotations

import asyncio
import json
from collections.abc import AsyncIterator

import httpx2
import pytest
from websockets.asyncio.client import connect
from websockets.exceptions import InvalidStatus

from tests.integration.gateway.conftest import House

_SAY = {"title": "x", "cast": ["mirelle"]}


def _port(house: House) -> int:
    return int(house.url.rsplit(":", 1)[1])


_FOREIGN_HOSTS = ["evil.example", "localhost.evil.example", "127.0.0.1.nip.io", "10.0.0.0", "user@localhost", "localhost/..", "", "[::1", "169.254.1.1"]


async def test_foreign_hosts_are_misdirected(house: House) -> None:
    """A name that is not ours, as after DNS rebinding, is answered 421 and nothing else."""
    for host in _FOREIGN_HOSTS:
        answer = await house.http.get("/api/characters", headers={"Host": host})
        assert answer.status_code == 421, host
        assert answer.json()["code"] == "unknown_host"


async def test_own_hosts_are_answered(house: House) -> None:
    """Loopback in every spelling and the configured names are ours."""
    for host in ("localhost", "LOCALHOST:99", "127.0.0.1", "[::1]:8765", "souffleur.test", "souffleur.test:443", "127.0.0.2"):
        assert (await house.http.get("/healthz", headers={"Host": host})).status_code == 200


_FOREIGN = [
    "null",
    "https://evil.example",
    "http://localhost",
    "http://localhost:1",
    "https://table.example.evil.example",
    "https://eviltable.example",
    "http://table.example",
    "https://table.example:8443",
    "file://",
    "https://table.example@evil.example",
    "https://table.example/path",
    "chrome-extension://abc",
    "",
]


async def test_foreign_origins_are_forbidden_for_http_and_sockets(house: House) -> None:
    """A page of another origin may neither call nor open a socket: refused before anything is accepted."""
    for origin in _FOREIGN:
        answer = await house.http.post("/api/sessions", json=_SAY, headers={"Origin": origin})
        assert answer.status_code == 403, origin
        assert answer.json()["code"] == "foreign_origin"
        assert "access-control-allow-origin" not in answer.headers
        with pytest.raises(InvalidStatus) as refused:
            await connect(f"ws://127.0.0.1:{_port(house)}/v1/realtime?model=npc/mirelle", additional_headers={"Origin": origin}, proxy=None)
        assert refused.value.response.status_code == 403, origin


async def test_own_and_allowed_origins_may_call(house: House) -> None:
    """The page itself, and pages that the settings name, may call; the latter get the CORS answers that their browser wants."""
    own = await house.http.get("/api/characters", headers={"Origin": house.url})
    assert own.status_code == 200
    allowed = {"Origin": "https://table.example"}
    preflight = await house.http.options("/api/sessions", headers={**allowed, "Access-Control-Request-Method": "POST"})
    assert preflight.status_code == 204
    assert preflight.headers["access-control-allow-origin"] == "https://table.example"
    assert "Content-Type" in preflight.headers["access-control-allow-headers"]
    answer = await house.http.get("/api/characters/mirelle", headers=allowed)
    assert answer.headers["access-control-allow-origin"] == "https://table.example"
    assert "ETag" in answer.headers["access-control-expose-headers"]
    assert "Origin" in answer.headers["vary"]


async def test_a_form_of_another_site_changes_nothing(house: House) -> None:
    """State changes need JSON, and a browser that says it comes from another site is refused even without an Origin."""
    for content_type in ("text/plain", "application/x-www-form-urlencoded", "multipart/form-data; boundary=x"):
        answer = await house.http.post("/api/sessions", content=json.dumps(_SAY), headers={"Content-Type": content_type})
        assert answer.status_code == 415
        assert answer.json()["code"] == "unsupported_media_type"
    cross = await house.http.post("/api/sessions", json=_SAY, headers={"Sec-Fetch-Site": "cross-site"})
    assert cross.status_code == 403


async def test_bodies_are_counted_while_they_stream(house: House) -> None:
    """A body without a stated length is cut off at the limit with 413; a stated length over it is refused unread."""
    sent = 0

    async def endless() -> AsyncIterator[bytes]:
        nonlocal sent
        while True:
            sent += 65_536
            yield b" " * 65_536

    try:
        answer = await house.http.post("/api/characters", content=endless(), headers={"Content-Type": "application/json"})
        assert answer.status_code == 413
    except (httpx2.WriteError, httpx2.ReadError):
        # The server may close while the client is still writing; what counts is how much it took.
        pass
    assert sent < 64 * 1024 * 1024
    stated = await house.http.post("/api/characters", content=b"x" * (4 * 1024 * 1024), headers={"Content-Type": "application/json"})
    assert stated.status_code == 413
    assert stated.json()["code"] == "too_large"


async def test_every_answer_carries_the_security_headers(house: House) -> None:
    """Page, API, error and refusal alike: a policy without inline script, no sniffing, no referrer."""
    for path, headers in (("/", {}), ("/api/characters", {}), ("/api/nothing", {}), ("/", {"Host": "evil.example"})):
        answer = await house.http.get(path, headers=headers)
        policy = dict(part.split(" ", 1) for part in answer.headers["content-security-policy"].split("; "))
        assert "'unsafe-inline'" not in policy["script-src"]
        assert policy["object-src"] == policy["frame-ancestors"] == "'none'"
        assert answer.headers["x-content-type-options"] == "nosniff"
        assert answer.headers["referrer-policy"] == "no-referrer"
        assert "server" not in answer.headers


async def test_a_forwarded_caller_is_not_the_director(house: House) -> None:
    """Whoever comes through a proxy is a guest: it may neither change characters nor settings nor list sessions."""
    guest = {"X-Forwarded-For": "203.0.113.9"}
    assert (await house.http.get("/api/characters", headers=guest)).status_code == 200
    for method, path in (("GET", "/api/settings"), ("GET", "/api/sessions"), ("GET", "/api/services"), ("DELETE", "/api/characters/mirelle")):
        answer = await house.http.request(method, path, headers=guest)
        assert answer.status_code == 403, path
        assert answer.json()["code"] == "forbidden"
    sid = await house.session()
    for path in (f"/api/sessions/{sid}", f"/api/sessions/{sid}/facts", f"/api/sessions/{sid}/screenplay"):
        assert (await house.http.get(path, headers=guest)).status_code == 404, path


async def test_two_hosts_in_one_request_are_refused(house: House) -> None:
    """A request that names two hosts, as smuggling does, is not answered as either."""
    reader, writer = await asyncio.open_connection("127.0.0.1", _port(house))
    writer.write(b"GET /healthz HTTP/1.1\r\nHost: localhost\r\nHost: evil.example\r\nConnection: close\r\n\r\n")
    await writer.drain()
    status = (await asyncio.wait_for(reader.readline(), 5)).split()[1]
    writer.close()
    await writer.wait_closed()
    assert status in (b"400", b"421")
