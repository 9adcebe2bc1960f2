"""How a call is hung up: its caller is told, and nobody waits for ever."""

from __future__ import annotations

import asyncio
from typing import Any, cast

import pytest

from services.core.errors import NotFound
from services.core.model.principal import Principal
from services.gateway.realtime.errors import Hangup
from services.gateway.realtime.webrtc import calls as calling
from services.gateway.realtime.webrtc.calls import Calls, Serve
from services.gateway.realtime.webrtc.peer import Peer
from services.gateway.realtime.webrtc.reel import Reel
from services.gateway.realtime.webrtc.wire import CHANNEL, CallWire
from tests.unit.services.gateway.realtime.webrtc.channel import Channel

ANN = Principal(id="ann", role="player")
BOB = Principal(id="bob", role="player")
DIRECTOR = Principal(id="boss", role="director")


class Line:
    """A peer whose channel stands at once, or never."""

    def __init__(self, *, connects: bool = True) -> None:
        self.channel = Channel(CHANNEL)
        self.closed = False
        self._connects = connects
        self.serving = asyncio.Event()

    async def answer(self, offer: str) -> str:
        """Anything."""
        return offer

    async def wire(self, within_s: float) -> CallWire | None:
        """Over the list."""
        if not self._connects:
            await asyncio.sleep(within_s)
        return CallWire(cast(Any, self.channel), Reel())

    async def close(self) -> None:
        """After this nobody can be told anything."""
        self.closed = True

    async def talk(self, wire: CallWire) -> None:
        """As a connection does: it listens, and tells why it ends."""
        self.serving.set()
        try:
            while True:
                await wire.receive()
        except Hangup as ended:
            if ended.code and wire.open:
                await wire.close(ended.code, ended.reason)

    async def attach(self, wire: CallWire) -> None:
        """As a connection whose stage does not answer."""
        self.serving.set()
        await asyncio.Event().wait()


async def _begun(calls: Calls, line: Line, serve: Serve) -> str:
    async def make() -> Peer:
        return cast(Peer, line)

    call, _ = await calls.answered(make, "v=0", ANN, serve, 5)
    return call


@pytest.mark.parametrize("who", [ANN, DIRECTOR])
async def test_whoever_is_hung_up_is_told_so_for_good(who: Principal) -> None:
    """One event with a final code, before the peer is gone; what still waited is not taken any more."""
    calls, line = Calls(), Line()
    call = await _begun(calls, line, line.talk)
    await line.serving.wait()
    line.channel.fire("message", "one")
    await calls.hang_up(call, who)
    assert line.channel.sent == [{"type": "souffleur.closed", "code": 1008, "reason": "hung_up"}]
    assert line.closed
    assert len(calls) == 0
    with pytest.raises(NotFound):
        await calls.hang_up(call, who)


async def test_stranger_hangs_up_nobody() -> None:
    """The call goes on, unseen."""
    calls, line = Calls(), Line()
    call = await _begun(calls, line, line.talk)
    with pytest.raises(NotFound):
        await calls.hang_up(call, BOB)
    assert len(calls) == 1
    await calls.close()


async def test_server_that_stops_tells_every_caller_to_come_again() -> None:
    """Not for good: it may be back in a moment. Who only rings is let go without a word."""
    calls, lines, ringing = Calls(), [Line(), Line()], Line(connects=False)
    for line in lines:
        await _begun(calls, line, line.talk)
        await line.serving.wait()
    await _begun(calls, ringing, ringing.talk)
    await asyncio.sleep(0)
    await calls.close()
    assert [line.channel.sent for line in lines] == [[{"type": "souffleur.closed", "code": 1001, "reason": "going away"}]] * 2
    assert (ringing.channel.sent, ringing.closed, len(calls)) == ([], True, 0)


async def test_call_that_is_still_joining_its_session_is_told_as_well(monkeypatch: pytest.MonkeyPatch) -> None:
    """Whoever serves it listens to nobody yet: after a while it is cancelled, and the caller told in its place."""
    monkeypatch.setattr(calling, "_GOODBYE_S", 0.05)
    calls, line = Calls(), Line()
    call = await _begun(calls, line, line.attach)
    await line.serving.wait()
    await calls.hang_up(call, DIRECTOR)
    assert line.channel.sent == [{"type": "souffleur.closed", "code": 1008, "reason": "hung_up"}]
    assert line.closed


async def test_caller_who_has_left_is_not_spoken_to() -> None:
    """A channel that closes while the call is being hung up takes the last word with it."""
    calls, line = Calls(), Line()
    call = await _begun(calls, line, line.talk)
    await line.serving.wait()
    ending = asyncio.create_task(calls.hang_up(call, DIRECTOR))
    line.channel.close()
    await asyncio.wait_for(ending, 2)
    assert line.channel.sent == []
    assert line.closed
