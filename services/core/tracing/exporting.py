"""Sending traces for the time of a block, if the settings say where to."""

from __future__ import annotations

import asyncio
import threading
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from typing import Final

from services.core.errors import SettingsRejected
from services.core.tracing.context import INSTALLED

_CLOSE_S: Final = 3.0


@asynccontextmanager
async def exporting(endpoint: str) -> AsyncIterator[None]:
    """Nothing for an empty endpoint, and then the SDK is not even loaded. Raises `SettingsRejected` where the SDK is not installed."""
    if not endpoint:
        yield
        return
    try:
        from services.core.tracing.otlp import OtlpExporter
    except ImportError as error:
        raise SettingsRejected("telemetry.otlp_endpoint: traces need the extra `otlp` (pip install 'souffleur[otlp]')") from error
    exporter = OtlpExporter(endpoint)
    before, INSTALLED.exporter = INSTALLED.exporter, exporter
    try:
        yield
    finally:
        INSTALLED.exporter = before
        # A receiver that does not answer must not keep the program from ending.
        closing = threading.Thread(target=exporter.close, name="traces", daemon=True)
        closing.start()
        await asyncio.to_thread(closing.join, _CLOSE_S)
