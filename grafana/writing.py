"""The dashboards as files."""

from __future__ import annotations

import json
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any, Final

from grafana_foundation_sdk.builders import dashboard
from grafana_foundation_sdk.cog.encoder import JSONEncoder
from grafana_foundation_sdk.models.dashboard import DashboardLinkType, GridPos

from grafana import engines, house, steering, table

_COLUMNS: Final = 24
FOLDER: Final = Path(__file__).parent / "dashboards"
_DASHBOARDS: Final[dict[str, tuple[str, Callable[[], list[Any]]]]] = {
    "table": ("The table", table.panels),
    "engines": ("Engines", engines.panels),
    "steering": ("Steering", steering.panels),
    "house": ("The house", house.panels),
}


def texts() -> dict[str, str]:
    """File name -> what is to stand in it."""
    return {f"{name}.json": _text(name) for name in _DASHBOARDS}


def write() -> None:
    """Write every file, and remove what is no dashboard any more."""
    FOLDER.mkdir(exist_ok=True)
    wanted = texts()
    for path in FOLDER.glob("*.json"):
        if path.name not in wanted:
            path.unlink()
    for name, text in wanted.items():
        (FOLDER / name).write_text(text, encoding="utf-8")


def queries(text: str) -> Iterator[tuple[str, str]]:
    """(panel's title, PromQL) of a dashboard's file."""
    for panel in json.loads(text)["panels"]:
        for target in panel.get("targets", []):
            yield panel["title"], target["expr"]


def _placed(panels: list[Any]) -> Iterator[Any]:
    """In rows, from left to right, each as high as its first panel."""
    x = y = height = 0
    for panel in panels:
        place = panel.build().grid_pos
        if x + place.w > _COLUMNS:
            x, y = 0, y + height
        height = place.h if x == 0 else height
        yield panel.grid_pos(GridPos(h=place.h, w=place.w, x=x, y=y))
        x += place.w


def _text(name: str) -> str:
    title, panels = _DASHBOARDS[name]
    builder = dashboard.Dashboard(f"Souffleur: {title}").uid(f"souffleur-{name}").tags(["souffleur"]).refresh("10s").time("now-30m", "now").timezone("browser")
    builder = builder.with_variable(dashboard.DatasourceVariable("datasource").label("Prometheus").type("prometheus"))
    builder = builder.link(dashboard.DashboardLink("Souffleur").type(DashboardLinkType.DASHBOARDS).tags(["souffleur"]).as_dropdown(True).keep_time(True))
    for panel in _placed(panels()):
        builder = builder.with_panel(panel)
    return json.dumps(builder.build(), cls=JSONEncoder, indent=2, sort_keys=True) + "\n"
