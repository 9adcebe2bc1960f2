"""The end of a connection's ICE, which the library does not always bring about."""

from __future__ import annotations

import asyncio
import contextlib
from typing import Any, Final

from aiortc import RTCPeerConnection

_SETTLE_S: Final = 1.0
"""A handshake that is told to stop notices within 20 ms."""


async def let_go(connection: RTCPeerConnection) -> None:
    """After the connection was closed: nothing of its ICE goes on, whatever moment that was.

    Between "completed" and the library's own notice of it lie up to 20 ms. A connection that is closed in them goes on to ask for
    consent, without anybody left to ask, and is never given up.
    """
    for ice in _transports(connection):
        await ice._connection.close()  # noqa: SLF001 - the library has no other way to it
        started: asyncio.Event | None = ice._RTCIceTransport__start  # noqa: SLF001
        if started is not None:
            with contextlib.suppress(TimeoutError):
                async with asyncio.timeout(_SETTLE_S):
                    await started.wait()
        # Once more: the first time may have come before there was anything to end.
        await ice._connection.close()  # noqa: SLF001


def _transports(connection: RTCPeerConnection) -> list[Any]:
    """One where all sections are bundled; an offer that was refused midway may have left more."""
    carried: list[Any] = [transceiver.receiver for transceiver in connection.getTransceivers()]
    if connection.sctp is not None:
        carried.append(connection.sctp)
    return list({id(ice): ice for ice in (one.transport.transport for one in carried)}.values())
