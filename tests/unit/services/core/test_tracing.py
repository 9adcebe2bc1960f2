"""Traces: the same turn is the same trace wherever it is named; without an exporter nothing happens."""

from __future__ import annotations

import asyncio
import subprocess
import sys
from collections.abc import Iterator
from typing import Any

import pytest

from services.core import tracing
from services.core.errors import EngineFailed, SettingsRejected
from services.core.tracing.context import INSTALLED, Attributes, Context, Open


class _Span:
    def __init__(self, name: str, context: Context, parent: Context | None, attributes: Attributes) -> None:
        self.name, self.context, self.parent, self.attributes = name, context, parent, dict(attributes)
        self.failed: str | None = None

    def set(self, attributes: Attributes) -> None:
        self.attributes |= attributes

    def end(self, failed: str = "", ago_s: float = 0.0) -> None:
        self.failed = failed


class _Exporter:
    def __init__(self) -> None:
        self.spans: list[_Span] = []

    def begin(self, service: str, name: str, parent: Context | None, attributes: Attributes, *, own: Context | None = None, ago_s: float = 0.0) -> Open:
        trace = own.trace if own else parent.trace if parent else 1
        span = _Span(name, own or Context(trace, 1000 + len(self.spans)), parent, attributes)
        self.spans.append(span)
        return span


@pytest.fixture
def exporter() -> Iterator[_Exporter]:
    before, INSTALLED.exporter = INSTALLED.exporter, _Exporter()
    yield INSTALLED.exporter
    INSTALLED.exporter = before


def test_a_turn_has_one_name_and_others_have_others() -> None:
    assert Context.of_turn("s1", "u1") == Context.of_turn("s1", "u1")
    assert len({Context.of_turn(session, key) for session in ("s1", "s2", "s") for key in ("u1", "u2", "1u1")}) == 9


def test_a_context_travels_as_the_standard_says() -> None:
    here = Context.of_turn("s1", "u1")
    assert Context.parsed(here.header()) == here
    assert here.header().count("-") == 3
    assert len(here.header()) == 55
    for wrong in ("", "00-0-0-0", f"00-{'0' * 32}-{'1' * 16}-01", f"00-{'1' * 32}-{'0' * 16}-01", "x" * 55, here.header() + "\n"):
        assert Context.parsed(wrong) is None


async def test_a_call_is_a_span_of_the_turn_and_what_it_does_hangs_on_it(exporter: _Exporter) -> None:
    with tracing.turn("s1", "u1"):
        sent = tracing.carried()
        task = asyncio.create_task(_carried_later())
    assert tracing.carried() is None
    assert await task == sent

    async def served(metadata: Any) -> None:
        with tracing.arrived(metadata, "/souffleur.llm.v1.LlmService/Reply"), tracing.span("llm", "chat m", {}) as span:
            assert span is not None
            tracing.note({"gen_ai.provider.name": "groq"})

    await asyncio.create_task(served(sent))
    call, chat = exporter.spans
    assert (call.name, chat.name) == ("llm.reply", "chat m")
    assert call.parent == Context.of_turn("s1", "u1")
    assert chat.parent == call.context
    assert call.attributes["gen_ai.provider.name"] == "groq"
    assert (call.failed, chat.failed) == ("", "")


async def _carried_later() -> Any:
    await asyncio.sleep(0)
    return tracing.carried()


async def test_a_failure_is_its_code_and_a_cancellation_is_none(exporter: _Exporter) -> None:
    metadata = [("traceparent", Context.of_turn("s1", "u1").header()), ("binary-bin", b"x")]

    async def served(error: BaseException) -> None:
        with tracing.arrived(metadata, "/souffleur.tts.v1.TtsService/Speak"):
            raise error

    for error in (EngineFailed("no words"), ValueError("what somebody said"), asyncio.CancelledError()):
        await asyncio.gather(asyncio.create_task(served(error)), return_exceptions=True)
    assert [span.failed for span in exporter.spans] == ["engine_failed", "ValueError", ""]
    assert exporter.spans[2].attributes["souffleur.cancelled"] is True
    assert "somebody" not in str([span.attributes for span in exporter.spans])


async def test_a_call_that_belongs_to_no_turn_is_no_span(exporter: _Exporter) -> None:
    for metadata in (None, [], [("traceparent", "rubbish")], [("other", "x")]):
        with tracing.arrived(metadata, "/souffleur.llm.v1.LlmService/Describe"), tracing.span("llm", "chat", {}) as span:
            assert span is None
    assert exporter.spans == []


def test_a_turn_is_told_with_its_parts(exporter: _Exporter) -> None:
    tracing.root("s1", "u1", {"souffleur.state": "heard"}, 3.0, [("think", 2.0, 1.0)])
    turn, think = exporter.spans
    assert (turn.context, turn.parent) == (Context.of_turn("s1", "u1"), None)
    assert (think.parent, think.failed, turn.failed) == (turn.context, "", "")
    tracing.root("", "u1", {}, 0.0)
    assert len(exporter.spans) == 2


def test_without_an_exporter_nothing_happens() -> None:
    assert not tracing.on()
    with tracing.turn("s1", "u1"), tracing.span("llm", "chat", {}) as span:
        assert span is None
        assert tracing.carried() is None
        tracing.note({"a": 1})
        tracing.root("s1", "u1", {}, 0.0)


def test_the_exporter_is_loaded_only_when_it_is_wanted() -> None:
    code = (
        "import sys, services.__main__, services.gateway.app, services.stage.app, services.llm.app\n"
        "assert 'services.core.tracing.otlp' not in sys.modules and 'opentelemetry.exporter.otlp' not in sys.modules"
    )
    assert subprocess.run([sys.executable, "-c", code], check=False, timeout=60).returncode == 0


async def test_a_missing_package_is_told(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(sys.modules, "services.core.tracing.otlp", None)
    with pytest.raises(SettingsRejected, match="otlp"):
        async with tracing.exporting("http://127.0.0.1:9"):
            pass
