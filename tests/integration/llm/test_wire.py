"""The lean HTTP client of the providers, against a server that answers byte for byte as it is told."""

from __future__ import annotations

import asyncio
import contextlib
import ssl
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager

import httpx2
import pytest

from services.llm.providers.wire import Wire

CHUNKED = b"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\nX-Of: a server\r\n\r\n"
Play = Callable[[asyncio.StreamWriter, int], None]


class _Server:
    """Counts connections and keeps what was asked."""

    def __init__(self) -> None:
        self.url = ""
        self.connections = 0
        self.asked: list[bytes] = []
        self.left = asyncio.Event()


@asynccontextmanager
async def serving(play: Play) -> AsyncIterator[_Server]:
    """`play` writes the answer to each request, which it is told the number of."""
    state = _Server()
    running: set[asyncio.Task[None]] = set()

    async def serve(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        task = asyncio.current_task()
        assert task is not None
        running.add(task)
        task.add_done_callback(running.discard)
        state.connections += 1
        try:
            with contextlib.suppress(ConnectionError, asyncio.IncompleteReadError):
                while True:
                    head = await reader.readuntil(b"\r\n\r\n")
                    length = int(head.lower().partition(b"content-length: ")[2].partition(b"\r\n")[0])
                    state.asked.append(head + await reader.readexactly(length))
                    play(writer, len(state.asked))
        finally:
            state.left.set()
            writer.close()

    server = await asyncio.start_server(serve, "127.0.0.1", 0)
    state.url = f"http://127.0.0.1:{server.sockets[0].getsockname()[1]}/v1/x?y=1"
    try:
        yield state
    finally:
        server.close()
        for task in list(running):
            task.cancel()
        await asyncio.gather(*running, return_exceptions=True)


def wire_to(state: _Server, idle_s: float = 5) -> Wire:
    """A client of it."""
    return Wire(state.url, {"authorization": "Bearer k"}, ssl.create_default_context(), connect_s=2, idle_s=idle_s)


async def whole(wire: Wire, body: bytes = b"{}") -> bytes:
    """Ask, and read to the end."""
    async with asyncio.timeout(5), wire.post(body) as response:
        return b"".join([piece async for piece in response.aiter_raw()])


async def test_requests_follow_each_other_on_one_connection() -> None:
    """Chunks that came together are one piece; an answer that was read to its end leaves the connection for the next request."""
    async with serving(lambda writer, number: writer.write(CHUNKED + b"2\r\nab\r\n1\r\n%d\r\n0\r\n\r\n" % number)) as state:
        wire = wire_to(state)
        async with wire.post(b"[1]") as response:
            assert (response.status_code, response.headers["x-of"]) == (200, "a server")
            assert [piece async for piece in response.aiter_raw()] == [b"ab1"]
        assert await whole(wire) == b"ab2"
        assert state.connections == 1
        assert state.asked[0].startswith(b"POST /v1/x?y=1 HTTP/1.1\r\nHost: 127.0.0.1:")
        assert b"\r\nauthorization: Bearer k\r\n" in state.asked[0]
        assert state.asked[0].endswith(b"\r\n\r\n[1]")
        wire.close()
        await asyncio.wait_for(state.left.wait(), 5)


async def test_leaving_early_hangs_up() -> None:
    """Whoever stops reading stops the server, and the next request has a connection of its own."""
    async with serving(lambda writer, _: writer.write(CHUNKED + b"2\r\nab\r\n")) as state:
        wire = wire_to(state)
        async with wire.post(b"{}") as response:
            assert await anext(aiter(response.aiter_raw())) == b"ab"
        await asyncio.wait_for(state.left.wait(), 5)
        async with wire.post(b"{}"):
            assert state.connections == 2


async def test_a_connection_that_the_server_has_closed_is_replaced() -> None:
    """A server that hangs up between two requests costs nobody an answer."""

    def play(writer: asyncio.StreamWriter, number: int) -> None:
        if number == 2:
            writer.close()
        else:
            writer.write(b"HTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\nok")

    async with serving(play) as state:
        wire = wire_to(state)
        assert [await whole(wire), await whole(wire)] == [b"ok", b"ok"]
        assert (state.connections, len(state.asked)) == (2, 3)


async def test_an_answer_may_end_with_the_connection() -> None:
    """Without a length the end of the connection is the end of the answer."""

    def play(writer: asyncio.StreamWriter, _: int) -> None:
        writer.write(b"HTTP/1.1 100 Continue\r\n\r\nHTTP/1.1 200 OK\r\n\r\nall")
        writer.close()

    async with serving(play) as state:
        assert await whole(wire_to(state)) == b"all"


@pytest.mark.parametrize(
    ("answer", "failure"),
    [
        (CHUNKED + b"5\r\nab", httpx2.ReadError),
        (b"", httpx2.ReadError),
        (b"220 mail ready\r\n", httpx2.RemoteProtocolError),
        (b"HTTP/1.1 200 OK\r\n" + b"X: y\r\n" * 60_000, httpx2.RemoteProtocolError),
    ],
    ids=["torn", "silent end", "not http", "endless head"],
)
async def test_broken_answers_are_told(answer: bytes, failure: type[Exception]) -> None:
    """Each raises; none is taken for an answer."""

    def play(writer: asyncio.StreamWriter, _: int) -> None:
        writer.write(answer)
        writer.close()

    async with serving(play) as state:
        with pytest.raises(failure):
            await whole(wire_to(state))


@pytest.mark.parametrize("behind", [b"X: y\r\n" * 60_000, b"X: " + b"y" * 1_000_000, b"1;x=" + b"y" * 1_000_000], ids=["lines", "line", "extension"])
async def test_what_is_no_body_does_not_pile_up_behind_it(behind: bytes) -> None:
    """The body comes, and then the connection is given up, while the server goes on."""

    def play(writer: asyncio.StreamWriter, _: int) -> None:
        writer.write(CHUNKED + b"2\r\nab\r\n" + (b"" if behind.startswith(b"1") else b"0\r\n") + behind)

    async with serving(play) as state, asyncio.timeout(5), wire_to(state).post(b"{}") as response:
        pieces = aiter(response.aiter_raw())
        assert await anext(pieces) == b"ab"
        with pytest.raises(httpx2.RemoteProtocolError):
            await anext(pieces)
        await asyncio.wait_for(state.left.wait(), 5)


async def test_a_few_lines_behind_the_body_are_let_pass() -> None:
    """They are no part of the head, and the connection is good for another request."""
    async with serving(lambda writer, _: writer.write(CHUNKED + b"2\r\nab\r\n0\r\nX-Of: nobody\r\n\r\n")) as state:
        wire = wire_to(state)
        for _ in range(2):
            async with asyncio.timeout(5), wire.post(b"{}") as response:
                assert [piece async for piece in response.aiter_raw()] == [b"ab"]
                assert response.headers["x-of"] == "a server"
        assert state.connections == 1


async def test_silence_and_refusal_are_told() -> None:
    """A server that says nothing is given up after the time it has; one that is not there at once."""
    async with serving(lambda writer, number: None) as state:
        with pytest.raises(httpx2.ReadTimeout):
            await whole(wire_to(state, idle_s=0.05))
    wire = Wire("http://127.0.0.1:9/v1", {}, ssl.create_default_context(), connect_s=2, idle_s=2)
    with pytest.raises(httpx2.ConnectError):
        await whole(wire)


async def test_much_is_read_piece_by_piece() -> None:
    """An answer that comes faster than it is read waits at the server and arrives whole."""
    block = b"10000\r\n" + bytes(65_536) + b"\r\n"
    async with serving(lambda writer, _: writer.write(CHUNKED + 64 * block + b"0\r\n\r\n")) as state:
        wire = wire_to(state)
        total = 0
        async with asyncio.timeout(10), wire.post(b"{}") as response:
            async for piece in response.aiter_raw():
                assert len(piece) <= 1 << 20
                total += len(piece)
                await asyncio.sleep(0.001)
        assert total == 64 * 65_536
