"""A character: a slug and the `data` object of its V3 card, with typed access to what this program reads of it."""

from __future__ import annotations

import json
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any, Final

from services.core.model.prosody import Voice

NAMESPACE: Final = "souffleur"
"""Our key in a card's `extensions`."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Character:
    """One character as it stands in the store."""

    slug: str
    version: int
    """Rises with every change; what an editor saw last."""
    sample: bool
    """Came with the program and can be restored."""
    created_at_ms: int
    updated_at_ms: int
    data: Mapping[str, Any]
    """The V3 card's `data` object, keys of others included."""

    @property
    def name(self) -> str:
        """How the character is called."""
        return str(self.data.get("name") or self.slug)

    @property
    def tagline(self) -> str:
        """One line for a list."""
        return str(_ours(self.data).get("tagline") or "")

    @property
    def color(self) -> str:
        """CSS colour of its name, or empty."""
        return str(_ours(self.data).get("color") or "")

    @property
    def language(self) -> str:
        """BCP 47 tag of what it speaks, or empty."""
        return str(_ours(self.data).get("language") or "")

    @property
    def tags(self) -> tuple[str, ...]:
        """Free words to filter by."""
        tags = self.data.get("tags")
        return tuple(str(tag) for tag in tags) if isinstance(tags, list) else ()

    @property
    def voice(self) -> Voice:
        """Its voice; the character's language where the voice names none."""
        return voice_of(self.data)

    def card_json(self) -> str:
        """The `data` object as compact JSON, as it travels into a session."""
        return json.dumps(self.data, ensure_ascii=False, separators=(",", ":"))


def voice_of(data: Mapping[str, Any]) -> Voice:
    """The voice that a card's `data` asks for; whatever is missing or malformed is the default."""
    ours = _ours(data)
    raw = ours.get("voice")
    voice: Mapping[str, Any] = raw if isinstance(raw, Mapping) else {}
    options = voice.get("options")
    return Voice(
        engine=str(voice.get("engine") or ""),
        name=str(voice.get("name") or ""),
        language=str(voice.get("language") or ours.get("language") or ""),
        rate=_factor(voice.get("rate")),
        pitch=_factor(voice.get("pitch")),
        volume=_factor(voice.get("volume")),
        options=json.dumps(options, ensure_ascii=False) if isinstance(options, Mapping) else "{}",
    )


def _ours(data: Mapping[str, Any]) -> Mapping[str, Any]:
    extensions = data.get("extensions")
    ours = extensions.get(NAMESPACE) if isinstance(extensions, Mapping) else None
    return ours if isinstance(ours, Mapping) else {}


def _factor(value: object) -> float:
    if isinstance(value, bool) or not isinstance(value, int | float):
        return 1.0
    return min(max(float(value), 0.25), 4.0)
