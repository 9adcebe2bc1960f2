"""Structured logs: to stderr, and to the log store where one is open. What people spoke or typed stands in marked fields only."""

from __future__ import annotations

import logging
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any, Final

import structlog

from services.core import logstore
from services.core.redaction import Fields, exception_without_words, redacted
from services.core.settings import TelemetrySettings

_HERE: Final = "services."


class _Sink:
    """Where entries go besides stderr: the store of this process, once it is open."""

    writer: logstore.Writer | None = None

    def __call__(self, logger: Any, method: str, event: Fields) -> Fields:
        """A step of structlog."""
        del logger, method
        if self.writer is not None:
            self.writer.put(logstore.Entry.of(event))
        return event


_SINK: Final = _Sink()


class _Named(structlog.PrintLogger):
    """Writes lines, and knows which module it belongs to."""

    def __init__(self, name: str) -> None:
        super().__init__(sys.stderr)
        self.name = name


def _named(*args: Any) -> _Named:
    return _Named(str(args[0]) if args else "")


def _with_service(logger: Any, method: str, event: Fields) -> Fields:
    """A step of structlog: the service that speaks, by the module it is in."""
    del method
    record = event.get("_record")
    name = record.name if record is not None else getattr(logger, "name", "")
    event.setdefault("service", name.removeprefix(_HERE).partition(".")[0])
    return event


def configure(settings: TelemetrySettings) -> None:
    """Set up structlog once per process; the standard library's loggers follow the same level and format."""
    level = getattr(logging, settings.log_level.upper())
    renderer: structlog.typing.Processor = (
        structlog.dev.ConsoleRenderer(colors=sys.stderr.isatty()) if settings.log_format == "console" else structlog.processors.JSONRenderer()
    )
    shared: list[structlog.typing.Processor] = [
        structlog.contextvars.merge_contextvars,
        structlog.stdlib.add_log_level,
        structlog.processors.TimeStamper(fmt="iso", utc=True),
        _with_service,
        exception_without_words,
        redacted,
        _SINK,
    ]
    structlog.configure(
        processors=[*shared, renderer],
        wrapper_class=structlog.make_filtering_bound_logger(level),
        logger_factory=_named,
        cache_logger_on_first_use=False,
    )
    handler = logging.StreamHandler(sys.stderr)
    steps = [structlog.stdlib.ProcessorFormatter.remove_processors_meta, renderer]
    handler.setFormatter(structlog.stdlib.ProcessorFormatter(processors=steps, foreign_pre_chain=shared))
    root = logging.getLogger()
    root.handlers[:] = [handler]
    root.setLevel(max(level, logging.WARNING))


@contextmanager
def stored(url: str, settings: TelemetrySettings) -> Iterator[None]:
    """Keep what is logged within the block in the store at `url`. Raises `SettingsRejected` for a URL that is no SQLite file."""
    with logstore.Writer(logstore.path_of(url), days=settings.log_days, rows=settings.log_rows) as writer:
        before, _SINK.writer = _SINK.writer, writer
        try:
            yield
        finally:
            _SINK.writer = before
