"""The receive window of a call's data channels: what is offered, and the end of whoever does not keep to it."""

from __future__ import annotations

from typing import Final

from aiortc import RTCDtlsTransport, rtcpeerconnection, rtcsctptransport
from aiortc.rtcsctptransport import Chunk

OFFERED_BYTES: Final = rtcsctptransport.LOCAL_MAX_MESSAGE_SIZE + 128 * 1024
"""The largest message, and what comes after it while a lost piece of it is sent again."""
MOST_PIECES: Final = 512
"""Of messages that are not whole yet, in all channels together; the window, in pieces as large as a packet, has some 340."""
MOST_STREAMS: Final = 16
"""Events have one channel."""


class KeptWindow(rtcsctptransport.RTCSctpTransport):
    """The library's own, which offers a window of 1 MiB and takes whatever comes.

    It keeps the pieces of a message that never ends for ever, and looks through all of them for each further one, on the event loop: 6,000
    cost seconds. So with holes in the numbers of packets, and with streams that nobody needs. Here they are few, and more of them end the call.
    """

    def __init__(self, transport: RTCDtlsTransport, port: int = 5000) -> None:
        """As the library makes it."""
        super().__init__(transport, port)
        self._advertised_rwnd = OFFERED_BYTES

    async def _receive_chunk(self, chunk: Chunk) -> None:
        await super()._receive_chunk(chunk)
        streams = self._inbound_streams
        if len(streams) > MOST_STREAMS or len(self._sack_misordered) > MOST_PIECES or sum(len(stream.reassembly) for stream in streams.values()) > MOST_PIECES:
            # To the library this is a peer that is gone: it shuts the connection down.
            raise ConnectionError("the receive window was overrun")


def install() -> None:
    """Every connection that is made from now on has one. `tests/unit/.../webrtc/test_library.py` guards the names."""
    rtcpeerconnection.RTCSctpTransport = KeptWindow  # type: ignore[attr-defined] # a name that it only imports
