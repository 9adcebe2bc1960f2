"""What no log may hold: credentials never, and what people said or wrote only in fields that are marked as personal."""

from __future__ import annotations

import re
import traceback
from collections.abc import Mapping, MutableMapping
from types import TracebackType
from typing import Any, Final

from services.core.errors import SouffleurError

PERSONAL: Final = "personal_"
"""A field whose name begins so may hold what somebody said or wrote; every other one may not."""
_WITHHELD: Final = frozenset({"text", "tagged", "texts", "prompt", "messages", "content", "said", "sentence", "transcript", "words", "body", "card", "input"})
"""Names under which people's words would stand."""
_SECRET: Final = re.compile(r"(?i)(?:^|_)(?:api_?)?(?:key|secret|password|passwd|authorization|cookie|credential|token)s?$")
_CREDENTIALS: Final = (
    (re.compile(r"(://[^:/@\s]*:)[^@/\s]+@"), r"\1********@"),
    (re.compile(r"(?i)\b(bearer|basic)\s+[\w.~+/=-]{8,}"), r"\1 ********"),
    (re.compile(r"\b(?:sk|pk|rk|gsk|xai|hf|ghp|glpat|AIza|csk)[-_]?[A-Za-z0-9_-]{16,}\b"), "********"),
)
_LONGEST: Final = 2_000
_DEEPEST: Final = 4
_MOST: Final = 50
_SPEAKS_SAFELY: Final = (SouffleurError, OSError, TimeoutError, ImportError)
"""The messages of these say nothing about people; others may quote what they were given."""

Fields = MutableMapping[str, Any]


def redacted(logger: Any, method: str, event: Fields) -> Fields:
    """A step of structlog: the event without what no log may hold."""
    del logger, method
    for name in list(event):
        if not name.startswith("_"):
            event[name] = _shown(name, event[name], 0)
    return event


def _shown(name: str, value: Any, depth: int) -> Any:
    if value is None or isinstance(value, bool | int | float):
        return value
    if _SECRET.search(name) and value:
        return "********"
    if name in _WITHHELD and not name.startswith(PERSONAL):
        return f"<withheld: {len(value)}>" if isinstance(value, str | bytes | list | tuple | dict) else "<withheld>"
    return _inside(name, value, depth) if depth < _DEEPEST else "..."


def _inside(name: str, value: Any, depth: int) -> Any:
    if isinstance(value, Mapping):
        return {str(key)[:200]: _shown(str(key), item, depth + 1) for key, item in list(value.items())[:_MOST]}
    if isinstance(value, list | tuple | set | frozenset):
        return [_shown(name, item, depth + 1) for item in list(value)[:_MOST]]
    return _line(value if isinstance(value, str) else str(value), name)


def _line(text: str, name: str) -> str:
    # A traceback is long by nature, and its end says most.
    if len(text) > _LONGEST:
        text = f"{text[: 2 * _LONGEST]}\n...\n{text[-4 * _LONGEST :]}" if name == "exception" and len(text) > 6 * _LONGEST else text
        text = text if name == "exception" else f"{text[:_LONGEST]}..."
    for pattern, instead in _CREDENTIALS:
        text = pattern.sub(instead, text)
    return text


def exception_without_words(logger: Any, method: str, event: Fields) -> Fields:
    """A step of structlog: `exc_info` becomes a traceback that quotes no message which may hold people's words."""
    del logger, method
    given = event.pop("exc_info", None)
    if not given:
        return event
    error = given if isinstance(given, BaseException) else given[1] if isinstance(given, tuple) else _current()
    if isinstance(error, BaseException):
        event["exception"] = "".join(_told(error, set())).rstrip()
    return event


def _current() -> BaseException | None:
    import sys

    return sys.exc_info()[1]


def _told(error: BaseException, seen: set[int]) -> list[str]:
    seen.add(id(error))
    lines: list[str] = []
    cause = error.__cause__ or (None if error.__suppress_context__ else error.__context__)
    if cause is not None and id(cause) not in seen:
        lines += [*_told(cause, seen), "\nAnd then:\n\n"]
    lines += ["Traceback (most recent call last):\n", *_frames(error.__traceback__), f"{_headline(error)}\n"]
    if isinstance(error, BaseExceptionGroup):
        for part in error.exceptions:
            if id(part) not in seen:
                lines += ["\nOne of them:\n", *_told(part, seen)]
    return lines


def _frames(trace: TracebackType | None) -> list[str]:
    return traceback.format_tb(trace, limit=-30)


def _headline(error: BaseException) -> str:
    kind = type(error)
    name = kind.__qualname__ if kind.__module__ == "builtins" else f"{kind.__module__}.{kind.__qualname__}"
    if not isinstance(error, _SPEAKS_SAFELY):
        return f"{name}: <withheld>"
    return f"{name}: {error.detail if isinstance(error, SouffleurError) else error}"
