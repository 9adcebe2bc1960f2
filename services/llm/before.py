"""What happened before: how earlier evenings ended, the newest digest of this one, and what it covers that was corrected since."""

from __future__ import annotations

from itertools import islice, takewhile
from typing import Final

from services.core.model.fact import Kind
from services.transcript.quoting import one_line
from services.transcript.view import Entry, LineEntry, SaidEntry, View

_MOST: Final = 8
"""Corrections, the newest; a new digest follows within moments."""
_LONGEST: Final = 240
_HOLDS: Final = "Where this differs from what follows, what follows holds:"


def before(view: View) -> str:
    """For the prompt of the character whose `view` it is; a line break in anything begins no section of it."""
    texts = [one_line(digest.text) for digest in (view.previously, view.summary) if digest is not None]
    corrected = _corrected(view)
    return "\n".join([*dict.fromkeys(texts), *([_HOLDS, *corrected] if corrected else [])])


def _corrected(view: View) -> list[str]:
    """A digest tells what it covers in the words from before a correction, until there is another one."""
    digest = view.summary
    if digest is None or not digest.covers:
        return []
    since = takewhile(lambda fact: not fact.seq or fact.seq > digest.seq, reversed(view.state.facts))
    targets = dict.fromkeys(fact.body.get("target") for fact in since if fact.kind == Kind.CORRECTED)
    covered = islice((target for target in targets if isinstance(target, int) and target in digest.covers), _MOST)
    told = ((target, _wording(view.entry_of(target), target)) for target in sorted(covered))
    return [text if len(text) <= _LONGEST else f"{text[: _LONGEST - 1]}…" for _, text in told if text]


def _wording(entry: Entry | None, seq: int) -> str:
    match entry:
        case SaidEntry():
            return one_line(f"{entry.name}: {entry.text}" if entry.source != "narrated" else entry.text)
        case LineEntry():
            return next((one_line(f"{entry.name}: {item.heard_text}") for item in entry.sentences if item.seq == seq and item.heard_text), "")
        case _:
            return ""
