"""Spans by OpenTelemetry's SDK, over OTLP and HTTP. Loaded only where an endpoint is configured."""

from __future__ import annotations

import time
from contextvars import ContextVar
from importlib.metadata import PackageNotFoundError, version
from typing import Any, Final

from opentelemetry import trace
from opentelemetry.context import Context as SdkContext
from opentelemetry.exporter.otlp.proto.http.trace_exporter import OTLPSpanExporter
from opentelemetry.sdk.resources import Resource
from opentelemetry.sdk.trace import TracerProvider
from opentelemetry.sdk.trace.export import BatchSpanProcessor
from opentelemetry.sdk.trace.id_generator import RandomIdGenerator
from opentelemetry.sdk.trace.sampling import ALWAYS_ON
from opentelemetry.trace import NonRecordingSpan, SpanContext, Status, StatusCode, TraceFlags

from services.core.tracing.context import Attributes, Context, Open

_TIMEOUT_S: Final = 5
_DELAY_MS: Final = 1_000
_QUEUE: Final = 4_096
_OWN: ContextVar[Context | None] = ContextVar("souffleur_own_span", default=None)


class _Ids(RandomIdGenerator):
    """Random ones, but for a span whose ids are made of what it is."""

    def generate_trace_id(self) -> int:
        own = _OWN.get()
        return super().generate_trace_id() if own is None else own.trace

    def generate_span_id(self) -> int:
        own = _OWN.get()
        return super().generate_span_id() if own is None else own.span


class _Span:
    """One open span."""

    def __init__(self, span: trace.Span) -> None:
        self._span = span
        self._ended = False
        ids = span.get_span_context()
        self.context = Context(ids.trace_id, ids.span_id)

    def set(self, attributes: Attributes) -> None:
        """Say more about it."""
        self._span.set_attributes(dict(attributes))

    def end(self, failed: str = "", ago_s: float = 0.0) -> None:
        """It is over; the second time says nothing."""
        if not self._ended:
            self._ended = True
            if failed:
                self._span.set_attribute("error.type", failed)
                self._span.set_status(Status(StatusCode.ERROR))
            self._span.end(_moment(ago_s))


class OtlpExporter:
    """One queue and one connection for all services of the process, each of which has its own name in the traces."""

    def __init__(self, endpoint: str) -> None:
        """`endpoint` is the receiver's base URL."""
        url = endpoint.rstrip("/")
        url = url if url.endswith("/v1/traces") else f"{url}/v1/traces"
        exporter = OTLPSpanExporter(endpoint=url, timeout=_TIMEOUT_S)
        self._processor = BatchSpanProcessor(exporter, max_queue_size=_QUEUE, schedule_delay_millis=_DELAY_MS, export_timeout_millis=_TIMEOUT_S * 1000)
        self._tracers: dict[str, trace.Tracer] = {}

    def begin(self, service: str, name: str, parent: Context | None, attributes: Attributes, *, own: Context | None = None, ago_s: float = 0.0) -> Open:
        """Open a span."""
        context = SdkContext()
        if parent is not None:
            ids = SpanContext(parent.trace, parent.span, is_remote=True, trace_flags=TraceFlags(TraceFlags.SAMPLED))
            context = trace.set_span_in_context(NonRecordingSpan(ids), context)
        token = _OWN.set(own)
        try:
            return _Span(self._tracer(service).start_span(name, context, attributes=dict(attributes), start_time=_moment(ago_s)))
        finally:
            _OWN.reset(token)

    def close(self) -> None:
        """Send what is queued."""
        processor: Any = self._processor  # its method has no types
        processor.shutdown()

    def _tracer(self, service: str) -> trace.Tracer:
        if service not in self._tracers:
            resource = Resource({"service.namespace": "souffleur", "service.name": f"souffleur-{service}", "service.version": _version()})
            provider = TracerProvider(sampler=ALWAYS_ON, resource=resource, shutdown_on_exit=False, id_generator=_Ids())
            provider.add_span_processor(self._processor)
            self._tracers[service] = provider.get_tracer("souffleur")
        return self._tracers[service]


def _moment(ago_s: float) -> int:
    return time.time_ns() - int(max(0.0, ago_s) * 1e9)


def _version() -> str:
    try:
        return version("souffleur")
    except PackageNotFoundError:
        return "0"
