"""Where in which trace this task is, how that travels, and the spans within it. No text of people stands in a span's name or attributes."""

from __future__ import annotations

import asyncio
import hashlib
import re
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from contextvars import ContextVar
from dataclasses import dataclass
from typing import Any, Final, Protocol

from services.core.errors import SouffleurError

HEADER: Final = "traceparent"
"""The W3C's name for the metadata."""
_PARENT: Final = re.compile(r"00-([0-9a-f]{32})-([0-9a-f]{16})-[0-9a-f]{2}")
Attributes = Mapping[str, str | int | float | bool | tuple[str, ...]]


@dataclass(frozen=True, slots=True)
class Context:
    """A trace, and the span in it that new ones belong to."""

    trace: int
    span: int

    @classmethod
    def of_turn(cls, session: str, key: str) -> Context:
        """That of a turn's own span."""
        digest = hashlib.sha256(f"{session}\n{key}".encode()).digest()
        return cls(int.from_bytes(digest[:16]) or 1, int.from_bytes(digest[16:24]) or 1)

    @classmethod
    def parsed(cls, header: str) -> Context | None:
        """From a header; None for what is none."""
        found = _PARENT.fullmatch(header)
        return cls(int(found[1], 16), int(found[2], 16)) if found and int(found[1], 16) and int(found[2], 16) else None

    def header(self) -> str:
        """As it travels."""
        return f"00-{self.trace:032x}-{self.span:016x}-01"


class Open(Protocol):
    """A span that has begun."""

    context: Context

    def set(self, attributes: Attributes) -> None:
        """Say more about it."""
        ...

    def end(self, failed: str = "", ago_s: float = 0.0) -> None:
        """It is over, since `ago_s`; `failed` is an error's code."""
        ...


class Exporter(Protocol):
    """Takes spans and sends them somewhere, behind everybody's back."""

    def begin(self, service: str, name: str, parent: Context | None, attributes: Attributes, *, own: Context | None = None, ago_s: float = 0.0) -> Open:
        """Open a span; `own` = as this very one."""
        ...


class _Installed:
    exporter: Exporter | None = None


INSTALLED: Final = _Installed()
_HERE: ContextVar[Context | None] = ContextVar("souffleur_trace", default=None)
_SPAN: ContextVar[Open | None] = ContextVar("souffleur_span", default=None)


def on() -> bool:
    """Somebody wants traces."""
    return INSTALLED.exporter is not None


@contextmanager
def turn(session: str, key: str) -> Iterator[None]:
    """What is called, and every task that is started, within the block belongs to this turn."""
    if INSTALLED.exporter is None or not (session and key):
        yield
        return
    token = _HERE.set(Context.of_turn(session, key))
    try:
        yield
    finally:
        _HERE.reset(token)


def carried() -> tuple[tuple[str, str], ...] | None:
    """The metadata of a call that is made here; None = none is due."""
    here = _HERE.get() if INSTALLED.exporter is not None else None
    return None if here is None else ((HEADER, here.header()),)


@contextmanager
def arrived(metadata: Sequence[tuple[str, Any]] | None, method: str) -> Iterator[None]:
    """A call is served within the block, in a task of its own: a span of the service, if the caller said where it belongs.

    `method` is the full name, `/souffleur.stt.v1.SttService/Transcribe`.
    """
    parent = _parent(metadata) if INSTALLED.exporter is not None else None
    if parent is None or INSTALLED.exporter is None:
        yield
        return
    service = method.split(".")[1]
    opened = INSTALLED.exporter.begin(service, f"{service}.{method.rpartition('/')[2].lower()}", parent, {"rpc.system": "grpc", "rpc.method": method[1:]})
    # Not reset: the task ends with the call.
    _HERE.set(opened.context)
    _SPAN.set(opened)
    with _ending(opened):
        yield


def _parent(metadata: Sequence[tuple[str, Any]] | None) -> Context | None:
    header = next((value for name, value in metadata or () if name == HEADER), "")
    return Context.parsed(header) if isinstance(header, str) else None


def note(attributes: Attributes) -> None:
    """Say more about the call that is being served here."""
    if (opened := _SPAN.get()) is not None:
        opened.set(attributes)


@contextmanager
def span(service: str, name: str, attributes: Attributes) -> Iterator[Open | None]:
    """A span below that of this task; None where no trace is wanted."""
    here = _HERE.get() if INSTALLED.exporter is not None else None
    if here is None or INSTALLED.exporter is None:
        yield None
        return
    opened = INSTALLED.exporter.begin(service, name, here, attributes)
    with _ending(opened):
        yield opened


@contextmanager
def _ending(opened: Open) -> Iterator[None]:
    try:
        yield
    except (asyncio.CancelledError, GeneratorExit):
        # Somebody has stopped it: an outcome and no failure.
        opened.set({"souffleur.cancelled": True})
        opened.end()
        raise
    except Exception as error:
        opened.end(error.code if isinstance(error, SouffleurError) else type(error).__name__)
        raise
    opened.end()


def root(session: str, key: str, attributes: Attributes, began_ago_s: float, parts: Sequence[tuple[str, float, float]] = ()) -> None:
    """A turn of the stage is over: its own span, and one for each part of it (name, began and ended so many seconds ago)."""
    if INSTALLED.exporter is None or not (session and key):
        return
    own = Context.of_turn(session, key)
    whole = INSTALLED.exporter.begin("stage", "turn", None, {"gen_ai.conversation.id": session, **attributes}, own=own, ago_s=began_ago_s)
    for name, began, ended in parts:
        INSTALLED.exporter.begin("stage", name, own, {}, ago_s=began).end(ago_s=ended)
    whole.end()
