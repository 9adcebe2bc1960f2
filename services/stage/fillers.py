"""Sounds of thinking, for a character whose reply waits for approval: from its card, else of its language."""

from __future__ import annotations

from typing import Final

from services.stage.roster import Seat

AFTER_S: Final = 1.2
"""How long a reply waits before its character makes one."""
_LONGEST: Final = 80
_SOUNDS: Final = {
    "en": ("Hmm.", "Well, now.", "Let me think."),
    "ru": ("Хм.", "Так-так.", "Дай подумать."),
    "zh": ("嗯。", "这个嘛。", "让我想想。"),
}


def filler(seat: Seat, number: int) -> str:
    """The `number`th one, round and round; `extensions.souffleur.fillers` of the card goes before ours."""
    given = seat.own.get("fillers")
    own = [text[:_LONGEST] for text in given if isinstance(text, str) and text.strip()] if isinstance(given, list) else []
    sounds = own or _SOUNDS.get(seat.language.partition("-")[0].lower(), _SOUNDS["en"])
    return sounds[number % len(sounds)]
