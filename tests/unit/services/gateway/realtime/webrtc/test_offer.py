"""What is let through of a caller's offer."""

from __future__ import annotations

from services.gateway.realtime.webrtc.offer import checked

OFFER = """v=0
o=- 1 1 IN IP4 0.0.0.0
s=-
t=0 0
a=group:BUNDLE 0 1
m=audio 9 UDP/TLS/RTP/SAVPF 111
c=IN IP4 0.0.0.0
a=mid:0
a=ice-ufrag:abcd
a=ice-pwd:0123456789012345678901
a=fingerprint:sha-256 00
a=candidate:1 1 udp 2113937151 3f2a.local 50000 typ host
a=candidate:2 1 udp 2113937151 10.0.0.7 22 typ host
a=end-of-candidates
m=application 9 UDP/DTLS/SCTP webrtc-datachannel
a=mid:1
a=sctp-port:5000
"""


def test_addresses_are_taken_out_and_nothing_else() -> None:
    """Neither names to look up nor ports to knock at; the list of candidates stays open, for whoever comes."""
    kept = checked(OFFER)
    assert "candidate" not in kept
    assert kept.splitlines() == [line for line in OFFER.splitlines() if "candidate" not in line]
    assert kept.endswith("\r\n")
