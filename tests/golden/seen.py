"""A view as plain values that can be kept: what is in it, not what a document makes of it."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import asdict
from typing import Any, Final

from services.core.model.fact import Fact
from services.transcript.view import DIRECTOR, Reader, View, fold, redacted

_KEPT: Final = ("title", "mode", "language", "phrases", "modes", "deliveries", "hotwords", "muted", "halted", "revealed", "open_lines", "held")


def readers(facts: Sequence[Fact]) -> list[Reader]:
    """The director, and everybody who ever was at the table."""
    found = {str(fact.body["member"]): str(fact.body["role"]) for fact in facts if fact.kind == "joined"}
    others = (Reader("character" if role == "character" else "player", member) for member, role in found.items())
    return [DIRECTOR, *others, Reader("player")]


def seen(facts: Sequence[Fact], reader: Reader) -> dict[str, Any]:
    """What this reader knows of the session, and which of its facts were sent to it live."""
    view = fold(facts, reader)
    director = fold(facts, DIRECTOR)
    return {
        **{name: plain(getattr(view, name)) for name in _KEPT},
        "entries": [{"is": type(entry).__name__, **plain(asdict(entry))} for entry in view.entries],
        "notes": [plain(asdict(note)) for note in view.notes],
        "present": sorted(member.member for member in view.members.values() if member.present),
        "summary": view.summary.text if view.summary else None,
        "sent": [fact.seq for fact in facts if redacted(fact, reader, director)],
    }


def step_by_step(facts: Sequence[Fact], reader: Reader) -> View:
    """The view as it grew."""
    view = View(reader)
    for fact in facts:
        view = view.advance([fact])
    return view


def plain(value: Any) -> Any:
    """As JSON has it; sets in order."""
    if isinstance(value, Mapping):
        return {str(key): plain(item) for key, item in value.items()}
    if isinstance(value, frozenset | set):
        return sorted(map(plain, value))
    if isinstance(value, list | tuple):
        return [plain(item) for item in value]
    return value


def differences(kept: Any, found: Any, path: str = "") -> list[str]:
    """Where `found` is not what was kept. What later versions know beside that is no difference."""
    if isinstance(kept, dict) and isinstance(found, dict):
        return [line for key in kept for line in differences(kept[key], found.get(key), f"{path}.{key}")]
    if isinstance(kept, list) and isinstance(found, list) and len(kept) == len(found):
        return [line for at, (one, other) in enumerate(zip(kept, found, strict=True)) for line in differences(one, other, f"{path}[{at}]")]
    return [] if kept == found else [f"{path}: {kept!r} became {found!r}"]
