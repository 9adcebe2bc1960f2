"""What a gateway that is about to end still lets in."""

from __future__ import annotations

import asyncio
from collections.abc import MutableMapping
from typing import Any

import pytest

from services.core.draining import Draining
from services.gateway.turnstile import Turnstile
from tests.waiting import until

Sent = list[MutableMapping[str, Any]]


async def _asked(turnstile: Turnstile, kind: str, method: str, path: str) -> Sent:
    sent: Sent = []

    async def receive() -> MutableMapping[str, Any]:
        return {"type": "http.request", "body": b""}

    async def send(message: MutableMapping[str, Any]) -> None:
        sent.append(message)

    await turnstile({"type": kind, "method": method, "path": path, "headers": []}, receive, send)
    return sent


class _App:
    """Counts who came in; keeps them while it is `shut`."""

    def __init__(self) -> None:
        self.inside = 0
        self.open = asyncio.Event()
        self.open.set()

    async def __call__(self, _scope: object, _receive: object, _send: object) -> None:
        self.inside += 1
        await self.open.wait()


@pytest.mark.parametrize(
    ("kind", "method", "path", "begins"),
    [
        ("websocket", "", "/v1/realtime", True),
        ("http", "POST", "/v1/realtime/calls", True),
        ("http", "POST", "/v1/chat/completions", True),
        ("http", "POST", "/api/sessions", True),
        ("http", "POST", "/api/sessions/s/messages", True),
        ("http", "POST", "/api/sessions/s/acts", False),
        ("http", "POST", "/api/sessions/s/corrections", False),
        ("http", "GET", "/api/sessions", False),
        ("http", "GET", "/v1/models", False),
        ("http", "DELETE", "/v1/realtime/calls/c", False),
        ("lifespan", "", "", False),
    ],
)
async def test_what_begins_is_refused_and_the_rest_goes_on(kind: str, method: str, path: str, *, begins: bool) -> None:
    """With an error that says to come again; before the end begins everything is let in."""
    app, draining = _App(), Draining()
    turnstile = Turnstile(app, draining)
    assert await _asked(turnstile, kind, method, path) == []
    draining.began.set()
    sent = await _asked(turnstile, kind, method, path)
    assert app.inside == (1 if begins else 2)
    if begins and kind == "http":
        assert sent[0]["status"] == 503
        assert b"unavailable" in sent[1]["body"]
        assert dict(sent[0]["headers"])[b"retry-after"]
    elif begins:
        assert [(message["type"], message["code"]) for message in sent] == [("websocket.close", 1013)]


async def test_a_request_that_is_a_turn_is_waited_for() -> None:
    """As long as its answer takes; one that streams without end is not."""
    app, draining = _App(), Draining()
    turnstile = Turnstile(app, draining)
    app.open.clear()
    asked = [
        asyncio.create_task(_asked(turnstile, "http", method, path)) for method, path in (("POST", "/v1/chat/completions"), ("GET", "/api/sessions/s/facts"))
    ]
    await until(lambda: app.inside == len(asked))
    assert draining.left() == 1
    app.open.set()
    await asyncio.gather(*asked)
    assert draining.left() == 0
