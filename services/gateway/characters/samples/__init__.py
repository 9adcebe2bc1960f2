"""The characters that come with the program, one card each."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any, Final

_FOLDER: Final = Path(__file__).parent

SAMPLES: Final = tuple(sorted(path.stem for path in _FOLDER.glob("*.json")))
"""Their slugs."""


def sample(slug: str) -> dict[str, Any]:
    """The `data` object of a sample's card. Raises KeyError for what is no sample."""
    if slug not in SAMPLES:
        raise KeyError(slug)
    card: dict[str, Any] = json.loads((_FOLDER / f"{slug}.json").read_text(encoding="utf-8"))
    data: dict[str, Any] = card["data"]
    return data
