"""The view as text to be read by people: no ids, no markup, nothing struck or unheard."""

from __future__ import annotations

import re
from typing import Final

from services.transcript import view as seen
from services.transcript.screenplay.blocks import block_of
from services.transcript.screenplay.wording import announcement, remark
from services.transcript.view import Entry, LineEntry, View

_BREAKS: Final = re.compile("\r\n|[\r\v\f\x85\u2028\u2029]")
_CONTROLS: Final = re.compile("[\x00-\x08\x0e-\x1f\x7f-\x9f\ud800-\udfff\ufffe\uffff]")
_ASIDES: Final = {seen.NoteEntry: "Note", seen.SummaryEntry: "So far", seen.RecommendationEntry: "Adviser"}


def plain_text(view: View) -> str:
    """The view for a .txt file."""
    title = clean(view.title)
    heading = [f"{title}\n{'=' * min(len(title), 78)}"] if title else []
    return "\n\n".join([*heading, *(text for entry in view.entries if (text := _entry(entry)))]) + "\n"


def _entry(entry: Entry) -> str:
    if getattr(entry, "struck", False):
        return ""
    match entry:
        case LineEntry():
            return _line(entry)
        case seen.SaidEntry():
            return clean(entry.text) if entry.source == "narrated" else _speech(entry.name, entry.text)
        case seen.SceneEntry():
            return "\n".join(clean(text) for text in (f"--- {entry.heading} ---" if entry.heading else "", entry.description) if text)
        case seen.RollEntry() | seen.JoinEntry() | seen.LeaveEntry():
            return clean(f"* {entry.name}{announcement(block_of(entry))}")
    return f"[{clean(_aside(entry))}]"


_Aside = seen.NoteEntry | seen.WhisperEntry | seen.SummaryEntry | seen.RecommendationEntry | seen.DegradedEntry | seen.PassedEntry | seen.RevealEntry


def _aside(entry: _Aside) -> str:
    """What was not said at the table."""
    match entry:
        case seen.WhisperEntry():
            return f"Whispered to {entry.character}: {entry.text}"
        case seen.DegradedEntry() | seen.PassedEntry() | seen.RevealEntry():
            return remark(block_of(entry))
    return f"{_ASIDES[type(entry)]}: {entry.text}"


def _line(line: LineEntry) -> str:
    """The sentences that were heard, with a dash where the line was cut, and each change of feeling in parentheses."""
    texts: list[str] = []
    feeling = "neutral"
    for item in line.sentences:
        text = item.text if line.is_open else item.heard_text
        if item.struck or not text:
            continue
        shown = f"({item.emotion}) " if item.emotion != feeling else ""
        feeling = item.emotion
        texts.append(shown + text.rstrip() + ("—" if item.heard == "part" else ""))
    unfinished = f" [{line.state}]" if line.is_open else ""
    return _speech(line.name, seen.joined(texts) + unfinished) if texts else ""


def _speech(name: str, text: str) -> str:
    first, *more = f"{clean(name)}: {clean(text)}".split("\n")
    return "\n".join((first, *(f"    {line}" if line else "" for line in more)))


def clean(text: str) -> str:
    """Without control characters, line ends as one."""
    return _CONTROLS.sub("", _BREAKS.sub("\n", text))
