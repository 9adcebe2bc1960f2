"""Every metric name, label and bucket in one file. No label ever holds user text."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from typing import Final

from prometheus_client import CollectorRegistry, Counter, Gauge, Histogram, ProcessCollector, disable_created_metrics, generate_latest, start_http_server

from services.core.errors import Unavailable

disable_created_metrics()  # type: ignore[no-untyped-call] # the library has no types here
REGISTRY: Final = CollectorRegistry(auto_describe=True)
_VOICE_BUCKETS: Final = (0.005, 0.01, 0.025, 0.05, 0.1, 0.2, 0.3, 0.5, 0.75, 1.0, 1.5, 2.0, 3.0, 5.0, 10.0)


def _turn_part(name: str, text: str, labels: tuple[str, ...] = ()) -> Histogram:
    return Histogram(f"souffleur_turn_{name}_seconds", text, labels, buckets=_VOICE_BUCKETS, registry=REGISTRY)


_MODEL: Final = ("provider", "model")
TURN_PARTS: Final = {
    "end_of_turn_delay": _turn_part("end_of_turn_delay", "End of speech to the decision that the turn is over"),
    "stt_final_delay": _turn_part("stt_final_delay", "End of the utterance to its final text", ("provider",)),
    "llm_ttft": _turn_part("llm_ttft", "Reply asked for to its first token", _MODEL),
    "first_sentence": _turn_part("first_sentence", "Reply asked for to its first whole sentence", _MODEL),
    "tts_ttfa": _turn_part("tts_ttfa", "First sentence told to the voice to its first audio", ("provider",)),
    "hold_time": _turn_part("hold_time", "Draft shown to draft released"),
    "playback_latency": _turn_part("playback_latency", "First audio sent to first audio played, as a listener reports it"),
    "e2e": _turn_part("e2e", "End of speech to first audio sent"),
}
"""The parts of a turn, by the names that `TurnTimed` and the page use. `provider` is an engine's name in the settings."""


def turn_took(parts_ms: Mapping[str, float], providers: Mapping[str, tuple[str, ...]]) -> None:
    """Observe the parts of one turn; `providers` has the label values of those that have labels."""
    for name, value in parts_ms.items():
        part = TURN_PARTS[name]
        (part.labels(*providers[name]) if name in providers else part).observe(value / 1000)


INTERRUPTIONS: Final = Counter("souffleur_interruptions", "Barge-ins, real ones and false alarms", ["outcome"], registry=REGISTRY)
TURNS: Final = Counter("souffleur_turns", "Turns by their terminal state", ["state"], registry=REGISTRY)
CHARACTERS: Final = Counter("souffleur_line_characters", "Code points of lines, those written and those heard of them", ["extent"], registry=REGISTRY)
FALLBACKS: Final = Counter("souffleur_fallbacks", "Engines that failed and were replaced", ["part", "from", "to", "reason"], registry=REGISTRY)
TOKENS: Final = Counter("souffleur_llm_tokens", "Tokens by direction", ["direction", *_MODEL], registry=REGISTRY)
PURPOSE_TOKENS: Final = Counter("souffleur_llm_purpose_tokens", "Tokens by what they were for", ["direction", "purpose"], registry=REGISTRY)
COST: Final = Counter("souffleur_llm_cost_usd", "Cost of replies in US dollars, by the configured prices", _MODEL, registry=REGISTRY)
CORRECTIONS: Final = Counter("souffleur_corrections", "Corrections accepted (pending), and what became of them", ["kind", "state"], registry=REGISTRY)
APPENDS: Final = Histogram("souffleur_append_seconds", "Time to append facts durably", buckets=_VOICE_BUCKETS[:8], registry=REGISTRY)
ARCHIVE_LAG: Final = Gauge("souffleur_archive_lag_facts", "Facts written but not archived", registry=REGISTRY)
TASKS: Final = Gauge("souffleur_tasks", "Tasks on the event loop", registry=REGISTRY)
SESSIONS: Final = Gauge("souffleur_sessions", "Sessions owned by this process", registry=REGISTRY)
ATTACHMENTS: Final = Gauge("souffleur_attachments", "Connections attached to sessions of this process", registry=REGISTRY)
BUS_DEPTH: Final = Gauge("souffleur_bus_letters", "Corrections on the bus, waiting or in hand", registry=REGISTRY)
BUS_DEAD: Final = Gauge("souffleur_bus_dead_letters", "Corrections that were put aside as dead", registry=REGISTRY)
BUS_UP: Final = Gauge("souffleur_bus_connected", "1 while the bus can be reached", registry=REGISTRY)
ENGINE_READY: Final = Gauge("souffleur_engine_ready", "1 for an engine that can be used now", ["part", "provider"], registry=REGISTRY)
READY: Final = Gauge("souffleur_ready", "1 while a turn is possible", registry=REGISTRY)
_OF_A_GATEWAY: Final = (BUS_DEPTH, BUS_DEAD, BUS_UP, READY)
CLIENTS_AHEAD: Final = Counter(
    "souffleur_clients_ahead", "Connections refused because they had seen facts that the transcript has lost; anything but 0 is a loss", registry=REGISTRY
)
LOG_DROPPED: Final = Counter("souffleur_log_dropped", "Log entries that did not reach the store", ["reason"], registry=REGISTRY)
STREAMS: Final = Gauge("souffleur_engine_streams", "Engine calls running", ["part"], registry=REGISTRY)
DIGESTS: Final = Counter("souffleur_digests", "Digests made, by a model or by extraction", ["by"], registry=REGISTRY)
RECOMMENDATIONS: Final = Counter("souffleur_recommendations", "Recommendations by what became of them", ["state"], registry=REGISTRY)
ADVISER_FAILURES: Final = Counter(
    "souffleur_adviser_failures", "Work behind the play that failed and is tried again later", ["purpose", "reason"], registry=REGISTRY
)
ProcessCollector(registry=REGISTRY)


def _begin_at_zero() -> None:
    """A series that begins with its first event has no growth to show: those whose labels are known begin now."""
    for metric, values in (
        (INTERRUPTIONS, ("real", "false")),
        (TURNS, ("heard", "cut", "aborted", "rejected")),
        (CHARACTERS, ("written", "heard")),
        (RECOMMENDATIONS, ("proposed", "accepted", "pinned", "rejected", "expired", "dropped")),
        (LOG_DROPPED, ("full", "failed")),
    ):
        for value in values:
            metric.labels(value)
    for kind in ("edit", "strike", "insert", "note", "whisper", "retcon", "scene", "reveal", "decide", "erase"):
        for state in ("pending", "applied", "conflicted", "dead"):
            CORRECTIONS.labels(kind, state)


_begin_at_zero()


@contextmanager
def told_at(host: str, port: int) -> Iterator[None]:
    """Tell the metrics at a port of their own for the time of the block; 0 = do not. Raises `Unavailable` if it is taken."""
    if not port:
        yield
        return
    try:
        server, thread = start_http_server(port, host, REGISTRY)
    except OSError as error:
        raise Unavailable(f"metrics cannot be told at {host}:{port}: {error.strerror or error}") from error
    # Only a gateway looks after these; from here they would say for ever that nothing is ready.
    for gauge in _OF_A_GATEWAY:
        REGISTRY.unregister(gauge)
    try:
        yield
    finally:
        for gauge in _OF_A_GATEWAY:
            REGISTRY.register(gauge)
        server.shutdown()
        server.server_close()
        thread.join()


def exposition() -> bytes:
    """All metrics of this process in the Prometheus text format."""
    return generate_latest(REGISTRY)
