"""The house: the store, the archive, memory and the log."""

from __future__ import annotations

from typing import Any

from grafana.panels import EACH, Query, curves, figure, quantile


def panels() -> list[Any]:
    """What has to hold while people play."""
    return [
        figure("Up", "Targets that answer", Query('sum(up{job="souffleur"})', "up"), decimals=0),
        figure("Ready", "1 while a turn is possible", Query("min(souffleur_ready)", "ready"), decimals=0),
        figure("Not archived", "Facts that stand in Redis only", Query("sum(souffleur_archive_lag_facts)", "facts"), decimals=0),
        figure("Sessions", "Owned by the stages", Query("sum(souffleur_sessions)", "sessions"), decimals=0),
        curves(
            "Redis appends",
            "Until facts are durable",
            [Query(quantile(share, "souffleur_append_seconds"), f"p{round(share * 100)}") for share in (0.5, 0.95, 0.99)],
            unit="s",
        ),
        curves("Appends per second", "Each holds all facts that were due", [Query(f"sum(rate(souffleur_append_seconds_count[{EACH}]))", "appends")]),
        curves("Archive lag", "Facts written but not archived", [Query("sum by (instance) (souffleur_archive_lag_facts)", "{{instance}}")]),
        curves("Sessions", "By process", [Query("sum by (instance) (souffleur_sessions)", "{{instance}}")]),
        curves("Memory", "Resident, by process", [Query("process_resident_memory_bytes", "{{instance}}")], unit="bytes"),
        curves("Processor", "Cores in use, by process", [Query(f"rate(process_cpu_seconds_total[{EACH}])", "{{instance}}")]),
        curves("Open files", "By process", [Query("process_open_fds", "{{instance}}")]),
        curves(
            "Log entries lost per minute",
            "They did not reach the store",
            [Query(f"60 * sum by (reason) (rate(souffleur_log_dropped_total[{EACH}]))", "{{reason}}")],
        ),
    ]
