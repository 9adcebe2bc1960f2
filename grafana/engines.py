"""The engines: who hears, thinks and speaks, how fast, for how much, and who stood in for whom."""

from __future__ import annotations

from typing import Any

from grafana.panels import EACH, Query, curves, per_minute, quantile

_MODEL = ("provider", "model")


def _two(histogram: str, by: tuple[str, ...]) -> list[Query]:
    name = " ".join(f"{{{{{label}}}}}" for label in by)
    return [Query(quantile(share, histogram, by), f"{name} p{round(share * 100)}") for share in (0.5, 0.95)]


def panels() -> list[Any]:
    """By provider and model."""
    return [
        curves("First token", "Reply asked for to its first token", _two("souffleur_turn_llm_ttft_seconds", _MODEL), unit="s"),
        curves("First sentence", "Reply asked for to its first whole sentence", _two("souffleur_turn_first_sentence_seconds", _MODEL), unit="s"),
        curves("First sound", "First sentence told to the voice to its first sound", _two("souffleur_turn_tts_ttfa_seconds", ("provider",)), unit="s"),
        curves("Final text", "End of the utterance to its text", _two("souffleur_turn_stt_final_delay_seconds", ("provider",)), unit="s"),
        curves(
            "Who stood in, per minute",
            "Fallbacks by part and reason",
            [Query(per_minute("souffleur_fallbacks_total", ["part", "from", "to", "reason"]), "{{part}}: {{from}} to {{to}} ({{reason}})")],
            bars=True,
        ),
        curves(
            "Ready",
            "1 for an engine that can be used now",
            [Query("max by (part, provider) (souffleur_engine_ready)", "{{part}} {{provider}}")],
        ),
        curves(
            "Tokens per minute",
            "By direction, provider and model",
            [Query(per_minute("souffleur_llm_tokens_total", ["direction", *_MODEL]), "{{direction}} {{provider}} {{model}}")],
            stacked=True,
        ),
        curves(
            "Tokens per minute by purpose",
            "What they were for",
            [Query(per_minute("souffleur_llm_purpose_tokens_total", ["purpose"]), "{{purpose}}")],
            stacked=True,
        ),
        curves(
            "Cost per hour",
            "US dollars, by the configured prices",
            [Query(f"3600 * sum by (provider, model) (rate(souffleur_llm_cost_usd_total[{EACH}]))", "{{provider}} {{model}}")],
            unit="currencyUSD",
        ),
        curves("Calls running", "By part", [Query("sum by (part) (souffleur_engine_streams)", "{{part}}")]),
    ]
