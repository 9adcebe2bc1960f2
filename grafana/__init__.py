"""Dashboards as code: `python -m grafana` writes `grafana/dashboards/*.json`, which are committed and proved fresh by a test."""
