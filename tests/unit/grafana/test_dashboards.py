"""The dashboards: as fresh as their source, every query one that Prometheus takes, every name one that we tell. And the rules beside them."""

from __future__ import annotations

import json
import re
import shutil
import subprocess
from pathlib import Path

import pytest

from grafana.writing import FOLDER, queries, texts
from services.core import telemetry

_PROMETHEUS = Path(__file__).parents[3] / "deploy" / "prometheus"
_OTHERS = {"up"}
_NAME = re.compile(r"\b(?:souffleur|process)_\w+|\bup\b")


@pytest.fixture(scope="module")
def promtool() -> str:
    found = shutil.which("promtool")
    if found is None:
        pytest.skip("needs promtool (Debian's package prometheus)")
    return found


def _exported() -> set[str]:
    """Every name under which a sample of ours may come."""
    found: set[str] = set()
    for metric in telemetry.REGISTRY.collect():
        suffixes = {"histogram": ("_bucket", "_sum", "_count"), "counter": ("_total",)}.get(metric.type, ("",))
        found |= {f"{metric.name}{suffix}" for suffix in suffixes}
    return found


def _expressions() -> list[tuple[str, str]]:
    return [(f"{name}: {title}", expr) for name, text in texts().items() for title, expr in queries(text)]


def _rules() -> str:
    return (_PROMETHEUS / "rules" / "souffleur.yml").read_text(encoding="utf-8")


def test_the_committed_files_are_what_the_source_says() -> None:
    assert {path.name: path.read_text(encoding="utf-8") for path in FOLDER.glob("*.json")} == texts(), "run `python -m grafana`"


def test_a_dashboard_is_one_that_grafana_reads() -> None:
    seen = set()
    for text in texts().values():
        board = json.loads(text)
        seen.add(board["uid"])
        assert board["title"].startswith("Souffleur: ")
        assert board["schemaVersion"] >= 36
        assert board["templating"]["list"][0]["name"] == "datasource"
        for panel in board["panels"]:
            assert isinstance(panel["options"], dict), panel["title"]
            assert panel["targets"], panel["title"]
            assert panel["description"]
        tiles = [
            (x, y)
            for place in (panel["gridPos"] for panel in board["panels"])
            for x in range(place["x"], place["x"] + place["w"])
            for y in range(place["y"], place["y"] + place["h"])
        ]
        assert len(set(tiles)) == len(tiles), "panels lie on each other"
        assert max(x for x, _ in tiles) < 24
        for panel in board["panels"]:
            assert len({target["refId"] for target in panel["targets"]}) == len(panel["targets"])
    assert len(seen) == len(texts())


def test_queries_name_only_what_is_told() -> None:
    exported = _exported() | _OTHERS
    for where, expr in _expressions():
        named = set(_NAME.findall(re.sub(r'"[^"]*"', "", expr)))
        assert named, where
        assert named <= exported, where
    expressions = re.findall(r"expr: (.+)", _rules())
    assert set(_NAME.findall(re.sub(r'"[^"]*"', "", "\n".join(expressions)))) <= exported


def test_queries_name_only_labels_that_their_metrics_have() -> None:
    labels = {"le", "instance", "job", *(label for metric in telemetry.REGISTRY._collector_to_names for label in getattr(metric, "_labelnames", ()))}
    for where, expr in _expressions():
        named = {label.strip() for group in re.findall(r"by \(([^)]*)\)", expr) for label in group.split(",")} | set(re.findall(r"(\w+)=~?\"", expr))
        assert named <= labels, where


def test_every_name_that_is_told_is_documented() -> None:
    text = (_PROMETHEUS.parents[1] / "docs" / "metrics.md").read_text(encoding="utf-8")
    ours = {metric.name for metric in telemetry.REGISTRY.collect() if metric.name.startswith("souffleur_")}
    assert not {name for name in ours if f"`{name}" not in text}


def test_prometheus_takes_every_query(promtool: str, tmp_path: Path) -> None:
    rules = [{"record": f"q{number}", "expr": expr.replace("$__rate_interval", "5m")} for number, (_, expr) in enumerate(_expressions())]
    file = tmp_path / "queries.yml"
    file.write_text(json.dumps({"groups": [{"name": "dashboards", "rules": rules}]}), encoding="utf-8")
    done = subprocess.run([promtool, "check", "rules", str(file)], capture_output=True, text=True, timeout=60, check=False)
    assert done.returncode == 0, done.stdout + done.stderr
    assert f"{len(rules)} rules found" in done.stdout + done.stderr


@pytest.mark.parametrize("arguments", [("check", "config", "prometheus.yml"), ("check", "rules", "rules/souffleur.yml"), ("test", "rules", "rules_test.yml")])
def test_the_configuration_and_the_alerts_hold(promtool: str, arguments: tuple[str, ...]) -> None:
    done = subprocess.run([promtool, *arguments], cwd=_PROMETHEUS, capture_output=True, text=True, timeout=60, check=False)
    assert done.returncode == 0, done.stdout + done.stderr


def test_every_alert_is_tested() -> None:
    tests = (_PROMETHEUS / "rules_test.yml").read_text(encoding="utf-8")
    for name in re.findall(r"alert: (\w+)", _rules()):
        assert re.search(rf"alertname: {name}\n\s+exp_alerts:\n", tests), f"{name} never fires in a test"
