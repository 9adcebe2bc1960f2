"""Which calls by WebRTC are taken, how many, and how they end: nothing is left behind."""

from __future__ import annotations

import asyncio
import contextlib
import json
import threading
from typing import Any

import httpx2
import pytest
from aioice import ice
from aiortc.rtcsctptransport import DataChunk, tsn_plus_one

from services.core.model.attachment import (
    AttachOpen,
)
from services.gateway.realtime.webrtc import calls, routes
from tests.integration.realtime.caller import Caller, calling, unconnected
from tests.integration.realtime.conftest import House
from tests.waiting import until

RATE = 48_000
MIRELLE = {"model": "npc/mirelle", "name": "Ann"}
SDP = {"content-type": "application/sdp"}
CALLS = "/v1/realtime/calls"


@pytest.mark.parametrize(
    ("change", "status", "code"),
    [
        (lambda sdp: "", 400, "invalid_request"),
        (lambda sdp: "v=0\r\n", 400, "invalid_request"),
        (lambda sdp: sdp.replace("m=audio", "m=video"), 400, "invalid_request"),
        (lambda sdp: sdp[: sdp.index("m=application")], 400, "invalid_request"),
        (lambda sdp: sdp.replace("a=ice-pwd", "a=x-pwd"), 400, "invalid_request"),
        (lambda sdp: sdp.replace("opus/48000/2", "speex/8000").replace("PCM", "XXX").replace("G722", "XXX"), 400, "invalid_request"),
        (lambda sdp: sdp.replace("a=rtpmap:", "a=rtpmap:x"), 400, "invalid_request"),
        (lambda sdp: sdp.replace("a=fingerprint", "a=x"), 400, "invalid_request"),
        (lambda sdp: sdp.replace("a=sctp-port", "a=x"), 400, "invalid_request"),
        (lambda sdp: sdp + "a=x\r\n" * 20_000, 413, "too_large"),
        (lambda sdp: "a" * 300_000, 413, "too_large"),
    ],
    ids=["empty", "no sections", "video", "no data channel", "no password", "no codec", "garbled", "no fingerprint", "no port", "long", "longer"],
)
async def test_bad_offer_is_a_typed_error_and_leaves_nothing(house: House, change: Any, status: int, code: str) -> None:
    """What cannot be a call is refused in OpenAI's form, and no peer of it stays."""
    async with unconnected() as caller, _http(house) as client:
        offer = await caller.offer()
        before = _left()
        answer = await client.post(CALLS, params=MIRELLE, content=change(offer), headers=SDP)
        assert (answer.status_code, answer.json()["error"]["code"]) == (status, code), answer.text
        await until(lambda: _left() <= before, 5, what="the end of what was begun")


async def test_who_may_call_is_asked_as_everywhere(house: House) -> None:
    """Foreign origins and hosts, other body types, unknown models and impossible sessions are turned away."""
    async with unconnected() as caller, _http(house) as client:
        offer = await caller.offer()

        async def refused(headers: dict[str, str] = SDP, params: dict[str, str] = MIRELLE, **body: Any) -> tuple[int, str]:
            answer = await client.post(CALLS, params=params, headers=headers, **(body or {"content": offer}))
            return answer.status_code, answer.json()["error"]["code"]

        assert await refused(SDP | {"origin": "https://evil.example"}) == (403, "foreign_origin")
        assert await refused(SDP | {"host": "evil.example"}) == (421, "unknown_host")
        assert await refused({"content-type": "application/json"}) == (415, "unsupported_media_type")
        assert await refused(params={}) == (404, "not_found")
        tools = json.dumps({"type": "realtime", "tools": [{"type": "function", "name": "x"}]})
        assert await refused({}, data={"sdp": offer, "session": tools}, files={"none": b""}) == (400, "invalid_request")
        assert await refused({}, data={"sdp": offer, "session": "[]"}, files={"none": b""}) == (400, "invalid_request")
        half = '{"type": "realtime", "audio": {"input": {"transcription": {"prompt": "\\ud800"}}}}'
        assert await refused({}, data={"sdp": offer, "session": half}, files={"none": b""}) == (400, "invalid_request")
        assert await refused({}, data={"session": "{}"}, files={"none": b""}) == (400, "invalid_request")


async def test_unknown_session_is_told_over_the_channel(house: House) -> None:
    """The call stands, says what is wrong, and ends for good."""
    async with unconnected() as caller, _http(house) as client:
        answer = await client.post(CALLS, params={"session": "nowhere"}, content=await caller.offer(), headers=SDP)
        await caller.connect(answer.text, greeted=False)
        assert (await caller.expect("error"))["error"]["code"] == "not_found"
        closed = await caller.expect("souffleur.closed")
        assert (closed["code"], closed["reason"]) == (1008, "not_found")
        await asyncio.wait_for(caller.closed.wait(), 5)


async def test_without_the_extra_it_says_what_to_install(house: House, monkeypatch: pytest.MonkeyPatch) -> None:
    """501 with a code, before anything is read."""
    monkeypatch.setattr(routes, "installed", lambda: False)
    async with _http(house) as client:
        answer = await client.post(CALLS, params=MIRELLE, content="v=0", headers=SDP)
        assert (answer.status_code, answer.json()["error"]["code"]) == (501, "not_installed")
        assert "--extra webrtc" in answer.json()["error"]["message"]


@pytest.mark.parametrize("patch", [{"gateway": {"max_calls": 0}}])
async def test_server_that_takes_no_calls_says_so_for_good(house: House) -> None:
    """No call is ever taken, so coming again is no advice: 501, as without the extra."""
    async with _http(house) as client:
        answer = await client.post(CALLS, params=MIRELLE, content="v=0", headers=SDP)
        assert (answer.status_code, answer.json()["error"]["code"]) == (501, "not_offered")
        assert "retry-after" not in answer.headers


@pytest.mark.parametrize("patch", [{"gateway": {"max_calls": 1}}])
async def test_calls_are_counted(house: House) -> None:
    """One more than the server takes is told to come again; after a hang-up there is room."""
    async with calling(f"http://{house.url}", MIRELLE) as caller, _http(house) as client, unconnected() as second:
        offer = await second.offer()
        answer = await client.post(CALLS, params=MIRELLE, content=offer, headers=SDP)
        assert (answer.status_code, answer.json()["error"]["code"]) == (429, "overloaded")
        assert answer.headers["retry-after"]
        assert (await client.delete(caller.location)).status_code == 204
        assert (await client.post(CALLS, params=MIRELLE, content=offer, headers=SDP)).status_code == 201


async def test_calls_that_only_ring_keep_nobody_else_out(house: House) -> None:
    """Whoever has too many unconnected calls gets no further one; others do, and so does the same caller once a call has ended."""
    guest = {"x-forwarded-for": "203.0.113.9"}
    async with unconnected() as caller, _http(house) as client:
        offer = await caller.offer()
        ringing = []
        while (answer := await client.post(CALLS, params=MIRELLE, content=offer, headers=SDP | guest)).status_code == 201:
            ringing.append(answer.headers["location"])
        assert (answer.status_code, answer.json()["error"]["code"]) == (503, "overloaded")
        assert answer.headers["retry-after"]
        assert 2 < len(ringing) < 10
        async with calling(f"http://{house.url}", MIRELLE):
            for location in ringing[:2]:
                assert (await client.delete(location, headers=guest)).status_code == 204
        assert (await client.post(CALLS, params=MIRELLE, content=offer, headers=SDP | guest)).status_code == 201


async def test_connected_calls_are_not_counted_among_those_that_ring(house: House, monkeypatch: pytest.MonkeyPatch) -> None:
    """A full table behind one address."""
    monkeypatch.setattr(calls, "_MOST_RINGING", 1)
    async with calling(f"http://{house.url}", MIRELLE), calling(f"http://{house.url}", MIRELLE):
        pass


async def test_call_is_hung_up_by_its_own_caller_or_a_director(house: House) -> None:
    """Somebody else's call cannot even be seen; the end is told to the caller, and nothing is left here."""
    before = _left()
    guest = {"x-forwarded-for": "203.0.113.9"}
    async with calling(f"http://{house.url}", MIRELLE) as caller, _http(house) as client:
        seat = await house.stage.seat()
        assert (await client.delete(caller.location, headers=guest)).status_code == 404
        assert (await client.delete(f"{CALLS}/rtc_unknown")).status_code == 404
        assert (await client.delete(caller.location)).status_code == 204
        closed = await caller.expect("souffleur.closed")
        assert (closed["code"], closed["reason"]) == (1008, "hung_up"), "coming again is no use"
        assert (await caller.expect("error"))["error"]["code"] == "hung_up"
        await asyncio.wait_for(caller.closed.wait(), 5)
        await seat.gone()
        assert (await client.delete(caller.location)).status_code == 404
    await until(lambda: _left() <= before, 5, what="the end of tasks and threads")


async def test_caller_who_leaves_ends_the_call(house: House) -> None:
    """Closing the peer is a goodbye; the seat is free again, and nothing is left here."""
    before = _left()
    async with calling(f"http://{house.url}", MIRELLE):
        seat = await house.stage.seat()
        assert isinstance(seat.opening, AttachOpen)
    await seat.gone()
    await until(lambda: _left() <= before, 5, what="the end of tasks and threads")


async def test_caller_whose_network_is_gone_is_given_up(house: House, monkeypatch: pytest.MonkeyPatch) -> None:
    """Without a word from the other side its consent runs out, and the call ends."""
    monkeypatch.setattr(ice, "CONSENT_INTERVAL", 0.05)
    monkeypatch.setattr(ice, "CONSENT_FAILURES", 2)
    async with calling(f"http://{house.url}", MIRELLE) as caller:
        seat = await house.stage.seat()
        for protocol in _sockets(caller):
            protocol.transport.abort()
        await seat.gone()


async def test_caller_whose_message_never_ends_is_hung_up(house: House) -> None:
    """Pieces without a last one stop at the window, and the call is over before they fill the memory."""
    before = _left()
    async with calling(f"http://{house.url}", MIRELLE) as caller:
        seat = await house.stage.seat()
        for pieces in range(1, 1000):
            await _piece_of_a_message(caller, first=pieces == 1)
            if caller.closed.is_set():
                break
            await asyncio.sleep(0)
        await seat.gone()
    await until(lambda: _left() <= before, 5, what="the end of tasks and threads")


async def test_call_that_does_not_connect_ends(house: House, monkeypatch: pytest.MonkeyPatch) -> None:
    """An answer that nobody takes up has a deadline: no socket, task or place among the calls is kept for it."""
    monkeypatch.setattr(calls, "CONNECT_S", 0.3)
    async with unconnected() as caller, _http(house) as client:
        offer = await caller.offer()
        before = _left()
        answer = await client.post(CALLS, params=MIRELLE, content=offer, headers=SDP)
        assert answer.status_code == 201
        assert _left() > before
        await until(lambda: _left() <= before, 5, what="the end of the call")
        assert (await client.delete(answer.headers["location"])).status_code == 404
    assert house.stage.opened == []


def _http(house: House) -> httpx2.AsyncClient:
    return httpx2.AsyncClient(base_url=f"http://{house.url}", trust_env=False, timeout=20)


def _left() -> tuple[int, int]:
    """What a call costs: tasks, and threads that decode."""
    files = [getattr(getattr(task.get_coro(), "cr_code", None), "co_filename", "") for task in asyncio.all_tasks()]
    threads = sum(thread.name == "audio-decoder" for thread in threading.enumerate())
    return sum(any(part in file for part in ("/aiortc/", "/aioice/", "/webrtc/")) for file in files), threads


async def _piece_of_a_message(caller: Caller, *, first: bool) -> None:
    """As no client sends it: without asking for leave, and never the last one."""
    sctp: Any = caller.peer.sctp
    piece = DataChunk(flags=2 if first else 0)
    piece.tsn, piece.stream_id, piece.stream_seq, piece.protocol = sctp._local_tsn, 1, sctp._outbound_stream_seq[1], 51
    piece.user_data = b"x" * 1000
    sctp._local_tsn = tsn_plus_one(sctp._local_tsn)
    with contextlib.suppress(ConnectionError):
        await sctp._send_chunk(piece)


def _sockets(caller: Caller) -> list[Any]:
    """Of the caller's own end."""
    sctp: Any = caller.peer.sctp
    protocols: list[Any] = sctp.transport.transport.iceGatherer._connection._protocols
    return protocols
