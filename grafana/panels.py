"""The few kinds of panel that the dashboards are made of."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any, Final

from grafana_foundation_sdk.builders import common, prometheus, stat, timeseries
from grafana_foundation_sdk.models.common import GraphDrawStyle, LegendDisplayMode, LegendPlacement, StackingMode
from grafana_foundation_sdk.models.dashboard import DataSourceRef

_SOURCE: Final = DataSourceRef(type_val="prometheus", uid="${datasource}")
_HEIGHT: Final = 8
EACH: Final = "$__rate_interval"
"""The window of every rate: Grafana makes it at least four scrapes long."""


@dataclass(frozen=True, slots=True)
class Query:
    """One PromQL expression, and what its curves are called."""

    expr: str
    legend: str


def curves(
    title: str,
    text: str,
    queries: Sequence[Query],
    *,
    unit: str = "short",
    width: int = 12,
    stacked: bool = False,
    bars: bool = False,
    least: float | None = 0.0,
) -> Any:
    """Values over time."""
    panel = timeseries.Panel().title(title).description(text).unit(unit).datasource(_SOURCE).height(_HEIGHT).span(width)
    panel = panel.fill_opacity(20 if stacked or bars else 6).line_width(1 if stacked else 2)
    panel = panel.legend(common.VizLegendOptions().display_mode(LegendDisplayMode.LIST).placement(LegendPlacement.BOTTOM).show_legend(True))
    if least is not None:
        panel = panel.min(least)
    if stacked:
        panel = panel.stacking(common.StackingConfig().mode(StackingMode.NORMAL))
    if bars:
        panel = panel.draw_style(GraphDrawStyle.BARS)
    for number, query in enumerate(queries):
        panel = panel.with_target(_target(query, number))
    return panel


def figure(title: str, text: str, query: Query, *, unit: str = "short", width: int = 4, decimals: int = 2) -> Any:
    """One value of now."""
    panel = stat.Panel().title(title).description(text).unit(unit).datasource(_SOURCE).height(4).span(width).decimals(decimals)
    panel = panel.reduce_options(common.ReduceDataOptions().calcs(["lastNotNull"]))
    return panel.with_target(_target(query, 0))


def _target(query: Query, number: int) -> Any:
    return prometheus.Dataquery().expr(query.expr).legend_format(query.legend).ref_id(chr(ord("A") + number)).range()


def quantile(share: float, histogram: str, by: Sequence[str] = ()) -> str:
    """Of a histogram of ours, by its labels."""
    labels = ", ".join(("le", *by))
    return f"histogram_quantile({share}, sum by ({labels}) (rate({histogram}_bucket[{EACH}])))"


def mean(histogram: str) -> str:
    """Of a histogram of ours."""
    return f"sum(rate({histogram}_sum[{EACH}])) / sum(rate({histogram}_count[{EACH}]))"


def per_minute(counter: str, by: Sequence[str] = ()) -> str:
    """A counter's growth."""
    grouped = f"sum by ({', '.join(by)})" if by else "sum"
    return f"60 * {grouped} (rate({counter}[{EACH}]))"
