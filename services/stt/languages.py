"""What recognisers call a language."""

from __future__ import annotations

import re
from typing import Final

_CODE: Final = re.compile(r"[a-z]{2,3}")
_WIDER: Final = {"nb": "no", "cmn": "zh", "fil": "tl"}
"""Recognisers know these by the name of what they are a form of."""


def code(tag: str) -> str:
    """The language of a tag (BCP 47, or with underscores, however written), as ISO 639 has it; empty for what is no tag."""
    primary = re.split("[-_]", tag.strip().lower())[0]
    return _WIDER.get(primary, primary) if _CODE.fullmatch(primary) else ""
