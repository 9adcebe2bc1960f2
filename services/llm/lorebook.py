"""Which lore comes to mind: the entries of a card's book that what was said brings up, within a budget."""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any, Final

from services.llm.lore_entry import Entry, entry_of, slashed
from services.llm.patterns import Allowance, LinearPattern, UnsupportedPatternError
from services.llm.tokens import estimate

_SCAN_DEPTH: Final = 4
_DEEPEST: Final = 100
_LONGEST_SCAN: Final = 8_000
"""Characters at the end of what is scanned."""
_ROUNDS: Final = 3
_STEPS: Final = 200_000
_MOST_ENTRIES: Final = 20_000
_SPACELESS: Final = re.compile(r"[\u3040-\u30ff\u3400-\u9fff\u0e00-\u0e7f]")


@dataclass(frozen=True, slots=True)
class Book:
    """A lorebook, read."""

    entries: tuple[Entry, ...] = ()
    scan_depth: int = _SCAN_DEPTH
    token_budget: int | None = None
    recursive: bool = True
    _patterns: dict[tuple[str, str, bool], LinearPattern | None] = field(default_factory=dict, compare=False, repr=False)


def book_of(data: Mapping[str, Any]) -> Book:
    """Read a `character_book`; what is not an entry is passed over."""
    raw = data.get("entries")
    items = list(raw.values()) if isinstance(raw, Mapping) else raw if isinstance(raw, list) else []
    entries = tuple(entry for entry in (entry_of(item) for item in items[:_MOST_ENTRIES] if isinstance(item, Mapping)) if entry.content.strip())
    depth, budget = data.get("scan_depth"), data.get("token_budget")
    return Book(
        entries,
        min(depth, _DEEPEST) if isinstance(depth, int) and not isinstance(depth, bool) else _SCAN_DEPTH,
        int(budget) if isinstance(budget, int | float) and budget > 0 else None,
        data.get("recursive_scanning") is not False,
    )


def recalled(book: Book, messages: Sequence[str], budget: int) -> list[Entry]:
    """The entries to insert, in order of insertion. `messages` are all that the character knows was said, the latest last; `budget` in tokens."""
    scan = _Scan(book, messages)
    found: list[Entry] = [entry for entry in book.entries if scan.matches(entry, "")]
    if book.recursive:
        fresh = found
        for _ in range(_ROUNDS):
            echo = "\n".join(entry.content for entry in fresh if entry.recurses)[-_LONGEST_SCAN:]
            known = {id(entry) for entry in found}
            fresh = [entry for entry in book.entries if id(entry) not in known and entry.recursed and scan.matches(entry, echo)] if echo else []
            if not fresh:
                break
            found += fresh
    return _affordable(found, min(budget, book.token_budget or budget))


def _affordable(found: list[Entry], budget: int) -> list[Entry]:
    """Drop what is worth least until the rest fits."""

    def worth(entry: Entry) -> tuple[bool, bool, float]:
        return (not entry.dispensable, entry.constant, entry.order if entry.priority is None else entry.priority)

    kept: list[Entry] = []
    for entry in sorted(found, key=worth, reverse=True):
        cost = estimate(entry.content)
        if cost <= budget:
            kept.append(entry)
            budget -= cost
    return sorted(kept, key=lambda entry: entry.order)


class _Scan:
    """The text that keys are looked for in, cut at each depth only once."""

    def __init__(self, book: Book, messages: Sequence[str]) -> None:
        self._book = book
        self._messages = messages
        self._windows: dict[tuple[int, bool], str] = {}
        self._allowance = Allowance(_STEPS)

    def matches(self, entry: Entry, echo: str) -> bool:
        if not entry.enabled or entry.forced is not None:
            return entry.enabled and bool(entry.forced)
        count = len(self._messages)
        if count < entry.after or count % entry.every:
            return False
        return (entry.constant and not entry.regex) or self._triggered(entry, echo)

    def _triggered(self, entry: Entry, echo: str) -> bool:
        text = self._window(entry, echo)
        if not entry.regex and any(self._contains(entry, text, key) for key in entry.excluded):
            return False
        if not any(self._contains(entry, text, key) for key in entry.keys):
            return bool(entry.regex) and any(self._contains(entry, text, key) for group in entry.extra_keys for key in group)
        return entry.regex or (self._second(entry, text) and all(any(self._contains(entry, text, key) for key in group) for group in entry.extra_keys))

    def _second(self, entry: Entry, text: str) -> bool:
        if not entry.selective or not entry.secondary:
            return True
        hits = [self._contains(entry, text, key) for key in entry.secondary]
        return {1: not all(hits), 2: not any(hits), 3: all(hits)}.get(entry.logic, any(hits))

    def _window(self, entry: Entry, echo: str) -> str:
        depth = min(self._book.scan_depth if entry.scan_depth is None else entry.scan_depth, _DEEPEST)
        key = (depth, entry.case_sensitive)
        if key not in self._windows:
            text = "\n".join(self._messages[-depth:] if depth > 0 else ())[-_LONGEST_SCAN:]
            self._windows[key] = text if entry.case_sensitive else text.casefold()
        return f"{self._windows[key]}\n{echo if entry.case_sensitive else echo.casefold()}" if echo else self._windows[key]

    def _contains(self, entry: Entry, text: str, key: str) -> bool:
        pattern = (key, "" if entry.case_sensitive else "i") if entry.regex else slashed(key)
        if pattern is not None:
            found = self._pattern(*pattern, entry.case_sensitive)
            return found is not None and found.search(text, self._allowance)
        wanted = key if entry.case_sensitive else key.casefold()
        if entry.whole_words and " " not in wanted and not _SPACELESS.search(wanted):
            return any(_stands_alone(text, at, len(wanted)) for at in _places(text, wanted))
        return wanted in text

    def _pattern(self, source: str, flags: str, case_sensitive: bool) -> LinearPattern | None:  # noqa: FBT001
        known = self._book._patterns  # noqa: SLF001
        key = (source, flags, case_sensitive)
        if key not in known:
            try:
                # The scanned text is folded unless case matters, so the pattern must not insist on capitals either.
                known[key] = LinearPattern(source, ignore_case="i" in flags or not case_sensitive, dot_all="s" in flags, multiline="m" in flags)
            except UnsupportedPatternError:
                known[key] = None
        return known[key]


def _places(text: str, wanted: str) -> list[int]:
    found: list[int] = []
    at = text.find(wanted)
    while at >= 0 and len(found) < _DEEPEST:
        found.append(at)
        at = text.find(wanted, at + 1)
    return found


def _stands_alone(text: str, at: int, size: int) -> bool:
    return not (text[at - 1 : at].isalnum() if at else False) and not text[at + size : at + size + 1].isalnum()
