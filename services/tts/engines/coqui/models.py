"""What lies in the folder `coqui` of the models: one folder per model, as its publisher gives it."""

from __future__ import annotations

import json
from dataclasses import dataclass
from pathlib import Path
from typing import Final

_CONFIG_BYTES: Final = 4 * 1024 * 1024
_WEIGHTS: Final = ("model.pth", "model_file.pth", "best_model.pth")
_CHINESE: Final = {"zh-cn": "zh", "zh-tw": "zh"}


@dataclass(frozen=True, slots=True)
class OnDisk:
    """A model that could be loaded."""

    name: str
    kind: str
    """xtts or vits"""
    folder: Path
    languages: tuple[str, ...]
    """Primary tags; empty = its configuration does not say."""


def models_in(folder: Path) -> tuple[OnDisk, ...]:
    """Every XTTS and VITS with its weights, by name; what cannot be read is left out."""
    found: list[OnDisk] = []
    for config in sorted(folder.glob("*/config.json")):
        try:
            if config.stat().st_size > _CONFIG_BYTES:
                continue
            data = json.loads(config.read_text(encoding="utf-8"))
            kind = str(data["model"]).lower()
            languages = data.get("languages") or [data.get("phoneme_language") or ""]
            tags = tuple(dict.fromkeys(primary(str(tag)) for tag in languages if tag))
        except (OSError, ValueError, KeyError, TypeError, AttributeError):
            continue
        if not any((config.parent / name).is_file() for name in _WEIGHTS):
            continue
        if kind in {"xtts", "vits"}:
            found.append(OnDisk(config.parent.name, kind, config.parent, tags))
    return tuple(found)


def primary(tag: str) -> str:
    """The primary language of a tag: `en` of `en-US`."""
    lower = tag.lower().replace("_", "-")
    return _CHINESE.get(lower, lower.partition("-")[0])
