"""The gateway of its own tests, for what the benchmarks ask of it."""

from __future__ import annotations

from tests.integration.gateway.conftest import house

__all__ = ["house"]
