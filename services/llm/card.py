"""A V3 character card as values: whatever is missing or of a wrong type counts as empty, and nothing else is looked at."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any, Final

from services.llm.secrets import Secret, secrets_of

_LONGEST_FIELD: Final = 200_000


@dataclass(frozen=True, slots=True, kw_only=True)
class Card:
    """What a prompt and the understudy use of a card."""

    name: str = ""
    nickname: str = ""
    description: str = ""
    personality: str = ""
    scenario: str = ""
    system_prompt: str = ""
    post_history: str = ""
    examples: str = ""
    """`mes_example` as it stands."""
    greetings: tuple[str, ...] = ()
    """`first_mes` first, then the alternates and those for groups."""
    language: str = ""
    depth_prompt: str = ""
    """SillyTavern's note near the end of the history."""
    book: Mapping[str, Any] = field(default_factory=dict)
    """`character_book` as it stands."""
    secrets: tuple[Secret, ...] = ()
    """Not told before their time."""

    @property
    def called(self) -> str:
        """What `{{char}}` stands for."""
        return self.nickname or self.name


def card_of(data: Mapping[str, Any], fallback_name: str = "") -> Card:
    """Read the `data` object of a V3 card."""
    extensions = _object(data.get("extensions"))
    own = _object(extensions.get("souffleur"))
    depth = _object(extensions.get("depth_prompt"))
    greetings = (_text(data.get("first_mes")), *_texts(data.get("alternate_greetings")), *_texts(data.get("group_only_greetings")))
    return Card(
        name=_text(data.get("name")).strip() or fallback_name,
        nickname=_text(data.get("nickname")).strip(),
        description=_text(data.get("description")),
        personality=_text(data.get("personality")),
        scenario=_text(data.get("scenario")),
        system_prompt=_text(data.get("system_prompt")),
        post_history=_text(data.get("post_history_instructions")),
        examples=_text(data.get("mes_example")),
        greetings=tuple(text for text in greetings if text.strip()),
        language=_text(own.get("language")),
        depth_prompt=_text(depth.get("prompt")),
        book=_object(data.get("character_book")),
        secrets=secrets_of(own.get("secrets")),
    )


def _text(value: object) -> str:
    return value[:_LONGEST_FIELD] if isinstance(value, str) else ""


def _texts(value: object) -> tuple[str, ...]:
    return tuple(_text(item) for item in value) if isinstance(value, list) else ()


def _object(value: object) -> Mapping[str, Any]:
    return value if isinstance(value, Mapping) else {}
