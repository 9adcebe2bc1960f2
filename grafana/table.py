"""The table: how a turn feels to those who sit at it."""

from __future__ import annotations

from typing import Any

from grafana.panels import EACH, Query, curves, figure, mean, per_minute, quantile

_PARTS = ("end_of_turn_delay", "stt_final_delay", "llm_ttft", "first_sentence", "tts_ttfa", "hold_time", "playback_latency", "e2e")
_E2E = "souffleur_turn_e2e_seconds"
_HEARD = f'sum(rate(souffleur_line_characters_total{{extent="heard"}}[{EACH}])) / sum(rate(souffleur_line_characters_total{{extent="written"}}[{EACH}]))'


def panels() -> list[Any]:
    """From the figure that matters most to the ones that explain it."""
    return [
        figure("Answer, p50", "End of speech to first sound", Query(quantile(0.5, _E2E), "p50"), unit="s"),
        figure("Answer, p95", "End of speech to first sound", Query(quantile(0.95, _E2E), "p95"), unit="s"),
        figure("Turns per minute", "Lines closed", Query(per_minute("souffleur_turns_total"), "turns"), decimals=1),
        figure("Heard", "Of what was written, the share that reached ears", Query(_HEARD, "heard"), unit="percentunit", decimals=0),
        figure(
            "Cost per hour",
            "US dollars, by the configured prices",
            Query(f"3600 * sum(rate(souffleur_llm_cost_usd_total[{EACH}]))", "cost"),
            unit="currencyUSD",
        ),
        figure("Sessions", "Owned by the stages", Query("sum(souffleur_sessions)", "sessions"), decimals=0),
        curves(
            "Where the time goes",
            "Means of the parts, stacked: they add up to the answer, less what overlaps",
            [Query(mean(f"souffleur_turn_{part}_seconds"), part) for part in ("end_of_turn_delay", "stt_final_delay", "first_sentence", "tts_ttfa")],
            unit="s",
            stacked=True,
        ),
        curves("Parts, p95", "Each part by itself", [Query(quantile(0.95, f"souffleur_turn_{part}_seconds"), part) for part in _PARTS], unit="s"),
        curves(
            "Interruptions per minute",
            "Real ones cut a line; false alarms let it go on",
            [Query(per_minute("souffleur_interruptions_total", ["outcome"]), "{{outcome}}")],
            bars=True,
        ),
        curves("How lines end, per minute", "By state", [Query(per_minute("souffleur_turns_total", ["state"]), "{{state}}")], bars=True),
        curves(
            "Holds",
            "From the draft on the desk to its release",
            [Query(quantile(0.5, "souffleur_turn_hold_time_seconds"), "p50"), Query(quantile(0.95, "souffleur_turn_hold_time_seconds"), "p95")],
            unit="s",
        ),
        curves("Connections", "Attached to sessions", [Query("sum(souffleur_attachments)", "attachments"), Query("sum(souffleur_sessions)", "sessions")]),
    ]
