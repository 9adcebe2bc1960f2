"""Word lists, kept in `words.toml` beside this file so that they can be read and extended as lists."""

from __future__ import annotations

import tomllib
from importlib.resources import files
from typing import Final

WORDS: Final[dict[str, dict[str, str]]] = tomllib.loads(files("services.llm").joinpath("words.toml").read_text(encoding="utf-8"))
"""Section -> list name -> words separated by white space."""
