"""Connections that say too much before they ask anything, or nothing, or do not read what they asked for."""

from __future__ import annotations

import asyncio
import json
import socket
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from pathlib import Path
from typing import Any

import pytest
import uvicorn
from websockets.asyncio.client import connect

from services.gateway import patience
from services.gateway.app import Server
from tests.integration.corrections.house import house as opened
from tests.integration.gateway.conftest import House

_DONE = b"\r\n\r\n"


@asynccontextmanager
async def _connected(house: House) -> AsyncIterator[tuple[asyncio.StreamReader, asyncio.StreamWriter]]:
    reader, writer = await asyncio.open_connection("127.0.0.1", int(house.url.rsplit(":", 1)[1]))
    try:
        async with asyncio.timeout(20):
            yield reader, writer
    finally:
        writer.close()


def _asking(path: str = "/healthz", *more: str) -> bytes:
    return "\r\n".join([f"GET {path} HTTP/1.1", "Host: localhost", *more]).encode()


@pytest.mark.parametrize("head", [_asking(), b"GET /", _asking("/healthz", "X-Long: ")], ids=["headers", "an address", "a value"])
async def test_a_head_without_an_end_is_ended(house: House, head: bytes) -> None:
    """However it goes on; what it has cost is forgotten with it."""
    async with _connected(house) as (reader, writer):
        more = b"\r\nX-More: " + b"y" * 1000 if head == _asking() else b"x" * 1024
        writer.write(head)
        sent = 0
        try:
            while not reader.at_eof() and sent < 100 * patience.HEAD_BYTES:
                writer.write(more)
                await writer.drain()
                sent += len(more)
                await asyncio.sleep(0)
            answer = await reader.read()
        except ConnectionError:
            # It was closed while more was on the way.
            answer = b"HTTP/1.1 431"
        assert answer.startswith(b"HTTP/1.1 431")
        assert sent < 100 * patience.HEAD_BYTES


@pytest.mark.parametrize("begun", [b"", b"GET /healthz HTTP/1.1\r\nHost: loc", b"\r\n"], ids=["silent", "half a head", "an empty line"])
@pytest.mark.parametrize("answered", [False, True])
async def test_whoever_does_not_ask_is_let_go(house: House, monkeypatch: pytest.MonkeyPatch, begun: bytes, *, answered: bool) -> None:
    """At once, and behind an answer."""
    monkeypatch.setattr(patience, "HEAD_S", 0.2)
    async with _connected(house) as (reader, writer):
        if answered:
            writer.write(_asking() + _DONE)
            assert (await reader.readuntil(_DONE)).startswith(b"HTTP/1.1 200")
        writer.write(begun)
        await reader.read()
        assert reader.at_eof()


async def test_a_body_may_take_longer_and_heads_that_came_whole_count_for_nothing(house: House, monkeypatch: pytest.MonkeyPatch) -> None:
    """On one connection, one after the other."""
    monkeypatch.setattr(patience, "HEAD_S", 0.1)
    monkeypatch.setattr(patience, "HEAD_BYTES", 2_000)
    card = json.dumps({"name": "Grim", "description": "x" * 50_000}).encode()
    async with _connected(house) as (reader, writer):
        for _ in range(5):
            writer.write(_asking("/healthz", "X-Long: " + "x" * 1_500) + _DONE)
            head = await reader.readuntil(_DONE)
            assert head.startswith(b"HTTP/1.1 200")
            await reader.readexactly(int(head.lower().partition(b"content-length: ")[2].split()[0]))
        writer.write(b"POST /api/characters HTTP/1.1\r\nHost: localhost\r\nContent-Type: application/json\r\nContent-Length: %d" % len(card) + _DONE)
        for part in (card[:30_000], card[30_000:]):
            # For longer than a head may take.
            await asyncio.sleep(0.3)
            writer.write(part)
        assert (await reader.readuntil(_DONE)).startswith(b"HTTP/1.1 201")


async def test_a_websocket_lasts_and_is_heard_of(redis_server: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """It began as a head too. Something comes now and then, so that its client knows that it stands."""
    monkeypatch.setattr(patience, "HEAD_S", 0.2)
    monkeypatch.setattr("services.gateway.realtime.connection._BEAT_S", 0.1)
    async with opened(tmp_path, redis_server, {}, services=("stage",)) as served, asyncio.timeout(20):
        where = served.http.base_url
        url = f"ws://{where.host}:{where.port}/v1/realtime?session={await served.session()}&name=Eve"
        async with connect(url, max_queue=None, proxy=None) as socket:
            beats = 0
            while beats < 6:
                beats += json.loads(await socket.recv())["type"] == "souffleur.beat"


@pytest.mark.parametrize("reads", [False, True])
async def test_whoever_does_not_read_is_let_go(monkeypatch: pytest.MonkeyPatch, *, reads: bool) -> None:
    """The answer is endless; a client that reads it slowly goes on."""
    monkeypatch.setattr(patience, "READ_S", 0.3)
    sent, ended = 0, asyncio.Event()

    async def endless(scope: Any, receive: Any, send: Any) -> None:
        nonlocal sent
        await send({"type": "http.response.start", "status": 200, "headers": []})
        gone = asyncio.create_task(receive())
        while not (gone.done() and gone.result()["type"] == "http.disconnect"):
            gone = asyncio.create_task(receive()) if gone.done() else gone
            await send({"type": "http.response.body", "body": bytes(65_536), "more_body": True})
            sent += 1
            # To a client that has gone nothing is sent, and nobody is waited for.
            await asyncio.sleep(0)
        ended.set()

    server = Server(uvicorn.Config(endless, http=patience.PatientProtocol, lifespan="off", log_config=None, timeout_graceful_shutdown=1))
    listener = socket.create_server(("127.0.0.1", 0))
    serving = asyncio.create_task(server.serve([listener]))
    try:
        async with asyncio.timeout(30):
            await server.up.wait()
            reader, writer = await asyncio.open_connection("127.0.0.1", listener.getsockname()[1], limit=1024)
            writer.write(_asking("/") + _DONE)
            if reads:
                for _ in range(20):
                    assert await reader.readexactly(200_000)
                    await asyncio.sleep(0.05)
                assert not ended.is_set()
            await ended.wait()
            writer.close()
    finally:
        server.should_exit = True
        await serving
        listener.close()
