"""The words around the text: parentheticals, and the sentences that follow from a block's fields."""

from __future__ import annotations

from typing import Final
from urllib.parse import quote, unquote

from services.transcript.screenplay.blocks import Block, Part

NOTES: Final = frozenset({"note", "whisper", "recommendation", "revealed", "passed", "degraded"})
"""Kinds that stand in a note."""

REMARKS: Final = frozenset({"revealed", "passed", "degraded"})
"""Those of them whose text follows from their fields."""

_PLAIN: Final = "(neutral)"
_NOTHING: Final = "-"


def parenthetical(part: Part, *, after: str) -> str:
    """`(joy 0.8, whisper)`; nothing for a plain neutral sentence, unless the one before (`after`) showed a feeling."""
    intensity = float(part.intensity)
    if part.emotion == "neutral" and intensity == 0.5 and part.manner == "plain":
        return _PLAIN if after not in {"", _PLAIN} else ""
    level = "" if intensity == 0.5 else f" {intensity!r}"
    manner = "" if part.manner == "plain" else f", {_word(part.manner)}"
    return f"({_word(part.emotion)}{level}{manner})"


def feeling(inside: str) -> tuple[str, float, str]:
    """Emotion, intensity and manner from what stands between the parentheses."""
    feeling_of, comma, manner = inside.partition(",")
    words = feeling_of.split()
    intensity = _number(words[-1]) if len(words) > 1 else None
    emotion = " ".join(words if intensity is None else words[:-1])
    return _meant(emotion) or "neutral" if emotion != _NOTHING else "", 0.5 if intensity is None else intensity, _meant(manner.strip()) if comma else "plain"


def _number(word: str) -> float | None:
    try:
        return float(word)
    except ValueError:
        return None


def announcement(block: Block) -> str:
    """What follows the name in a block that is a sentence about somebody."""
    match block.kind:
        case "joined":
            people = block.get("people")
            return f" comes in ({people} people)." if people else " comes in."
        case "left":
            return " leaves."
        case "roll":
            dice = f" ({block.get('dice').replace(',', ', ')})" if block.get("dice") else ""
            purpose = f" for {block.get('purpose')}" if block.get("purpose") else ""
            return f" rolls {block.get('expression')}{purpose}: {block.get('total')}{dice}"
    return "."


def remark(block: Block) -> str:
    """A block that is a remark of the stage, without a name."""
    if block.kind == "degraded":
        reason = f": {block.get('reason')}" if block.get("reason") else ""
        return f"{block.get('part')} goes on with {block.get('on')} instead of {block.get('off')}{reason}"
    if block.kind == "revealed":
        return f"{block.get('character')} may tell: {block.get('secret')}"
    return f"nobody answers: {block.get('reason')}"


def prefix(block: Block) -> str:
    """What stands before the text of a note: whom it is for."""
    character = block.get("character")
    match block.kind:
        case "whisper":
            return f"whisper to {character}: "
        case "recommendation":
            aimed = f" for {character}" if character else ""
            return f"adviser, {block.get('category')}{aimed} ({block.get('state')}): "
        case "note" if character or block.get("scope"):
            turns = f"{block.get('turns')} lines" if block.get("scope") == "turns" else block.get("scope")
            return f"to {', '.join(word for word in (character or 'all', turns) if word)}: "
    return ""


def _word(value: str) -> str:
    """A known word as it is; anything else so that it contains no blank, comma or sign of Fountain."""
    if value == _NOTHING:
        return "%2D"
    return quote(value, safe="-", errors="surrogatepass").replace("_", "%5F") or _NOTHING


def _meant(word: str) -> str:
    return "" if word == _NOTHING else unquote(word, errors="surrogatepass")
