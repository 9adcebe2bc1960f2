"""Which fact a correction becomes."""

from __future__ import annotations

from typing import Final

from services.core.model.fact import Kind

FACTS: Final[dict[str, str]] = {
    "edit": Kind.CORRECTED,
    "strike": Kind.STRUCK,
    "insert": Kind.INSERTED,
    "note": Kind.NOTED,
    "whisper": Kind.WHISPERED,
    "retcon": Kind.RETCONNED,
    "scene": Kind.SCENE_SET,
    "reveal": Kind.REVEALED,
    "decide": Kind.RECOMMENDATION_DECIDED,
    "erase": Kind.ERASED,
}
"""The correction's kind -> the fact's."""
