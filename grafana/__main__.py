"""Write the dashboards."""

from __future__ import annotations

from grafana.writing import write

if __name__ == "__main__":
    write()
