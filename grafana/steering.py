"""Steering: what directors ask for, what becomes of it, and what the adviser is worth."""

from __future__ import annotations

from typing import Any

from grafana.panels import EACH, Query, curves, figure, per_minute, quantile

_HITS = (
    f'sum(rate(souffleur_recommendations_total{{state=~"accepted|pinned"}}[{EACH}])) '
    f'/ (sum(rate(souffleur_recommendations_total{{state="proposed"}}[{EACH}])) > 0) or vector(0)'
)


def panels() -> list[Any]:
    """Corrections first."""
    return [
        figure("Letters on the bus", "Corrections waiting or in hand", Query("sum(souffleur_bus_letters)", "letters"), decimals=0),
        figure("Dead letters", "Put aside: read, retry or drop them on the desk", Query("sum(souffleur_bus_dead_letters)", "dead"), decimals=0),
        figure("Bus", "1 while it can be reached", Query("min(souffleur_bus_connected)", "connected"), decimals=0),
        figure("Hit rate", "Recommendations accepted or pinned, of those proposed", Query(_HITS, "hits"), unit="percentunit", decimals=0),
        curves(
            "Corrections per minute, by state",
            "Accepted by the house (pending), then applied, conflicted or dead",
            [Query(per_minute("souffleur_corrections_total", ["state"]), "{{state}}")],
            bars=True,
        ),
        curves(
            "Applied corrections per minute, by kind",
            "What directors do",
            [Query(f'60 * sum by (kind) (rate(souffleur_corrections_total{{state="applied"}}[{EACH}]))', "{{kind}}")],
            stacked=True,
        ),
        curves(
            "Recommendations per minute",
            "By what became of them",
            [Query(per_minute("souffleur_recommendations_total", ["state"]), "{{state}}")],
            bars=True,
        ),
        curves(
            "Hold time",
            "From the draft on the desk to its release",
            [Query(quantile(0.5, "souffleur_turn_hold_time_seconds"), "p50"), Query(quantile(0.95, "souffleur_turn_hold_time_seconds"), "p95")],
            unit="s",
        ),
        curves(
            "Behind the play, per minute",
            "Digests made, and work that failed and is tried again",
            [
                Query(f"{per_minute('souffleur_digests_total')} or vector(0)", "digests"),
                Query(f"{per_minute('souffleur_adviser_failures_total')} or vector(0)", "failures"),
            ],
        ),
    ]
