"""The other systems, really installed and started, under our own callers."""

from __future__ import annotations

import asyncio
from typing import Any

import pytest

from bench.load import Load
from bench.overhead import FAST_MS, generated
from bench.peers import servers
from bench.peers.environments import LITELLM, LIVEKIT, PIPECAT, Peer, ready
from bench.relay import far_end
from bench.relay_load import Wanted
from bench.relay_script import PACES
from bench.script import ENERGY, SILERO

pytestmark = [pytest.mark.nightly, pytest.mark.timeout(600)]


async def installed(peer: Peer) -> None:
    """Skips where there is no network."""
    if not await asyncio.to_thread(ready, peer):
        pytest.skip(f"{peer.title} cannot be installed here")


@pytest.mark.parametrize("vad", [ENERGY, SILERO])
@pytest.mark.parametrize("peer", [PIPECAT, LIVEKIT], ids=lambda peer: peer.name)
async def test_a_voice_agent_answers_and_can_be_interrupted(peer: Peer, vad: str) -> None:
    """Two callers who listen to the end hear the whole reply; two who do not are no failures either."""
    await installed(peer)
    common: dict[str, Any] = {"sessions": 2, "seconds": 6.0, "vad": vad, "raw": True}
    async with servers.voice(peer, FAST_MS, vad, urgent=False) as server:
        patient = await generated(Load(url=server.url, pid=server.pid, **common), urgent=False)
        rude = await generated(Load(url=server.url, pid=server.pid, interrupts=True, **common), urgent=False)
    assert patient.turns
    assert rude.interruptions
    assert not patient.failures
    assert not rude.failures


async def test_the_proxy_passes_every_word_on() -> None:
    """Streams through LiteLLM bring what the provider sent."""
    await installed(LITELLM)
    async with far_end(urgent=False) as far, servers.relay(far.url, list(PACES), urgent=False) as server:
        for pace in PACES:
            found = await far.ask(Wanted(url=f"{server.url}/v1/chat/completions", streams=2, seconds=4.0, pace=pace, pid=server.pid))
            assert found.first
            assert found.tokens
            assert found.cpu_s > 0
            assert not found.failures
