"""Metrics: parts by provider, series that begin at zero, and a port of their own for processes without a gateway."""

from __future__ import annotations

import socket
import urllib.request

import pytest

from services.core import telemetry
from services.core.errors import Unavailable
from services.stage.order import Timing


def _sample(name: str, **labels: str) -> float:
    return telemetry.REGISTRY.get_sample_value(name, labels) or 0.0


def test_parts_are_observed_under_their_provider() -> None:
    names = ("souffleur_turn_llm_ttft_seconds_count", "souffleur_turn_e2e_seconds_count", "souffleur_turn_playback_latency_seconds_sum")
    labels: tuple[dict[str, str], ...] = ({"provider": "groq", "model": "m"}, {}, {})
    before = [_sample(name, **label) for name, label in zip(names, labels, strict=True)]
    timing = Timing(said=1.0, asked=1.0, first_sentence=1.2, first_audio=1.5, first_played=1.57, llm_ttft_ms=90)
    telemetry.turn_took(timing.parts_ms(), {"llm_ttft": ("groq", "m"), "first_sentence": ("groq", "m"), "tts_ttfa": ("espeak",)})
    after = [_sample(name, **label) for name, label in zip(names, labels, strict=True)]
    assert [new - old for new, old in zip(after, before, strict=True)] == [1, 1, pytest.approx(0.07)]


def test_counters_with_known_labels_begin_at_zero() -> None:
    text = telemetry.exposition().decode()
    for line in (
        'souffleur_interruptions_total{outcome="false"}',
        'souffleur_corrections_total{kind="note",state="dead"}',
        'souffleur_turns_total{state="cut"}',
    ):
        assert line in text


def test_a_process_without_a_gateway_tells_them_at_its_own_port() -> None:
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        port = probe.getsockname()[1]
    with telemetry.told_at("127.0.0.1", port):
        with urllib.request.urlopen(f"http://127.0.0.1:{port}/metrics", timeout=10) as answer:
            told = answer.read()
        assert b"souffleur_sessions" in told
        assert b"souffleur_ready" not in told, "only a gateway knows that"
        with pytest.raises(Unavailable, match="metrics cannot be told"), telemetry.told_at("127.0.0.1", port):
            pass
    assert b"souffleur_ready" in telemetry.exposition()
    with telemetry.told_at("127.0.0.1", 0):
        assert b"souffleur_ready" in telemetry.exposition()
