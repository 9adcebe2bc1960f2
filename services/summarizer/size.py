"""How large a text is for a model, estimated on the safe side, and how it is shortened without breaking a sentence."""

from __future__ import annotations

import re
from typing import Final

_WIDE: Final = re.compile(r"[\u0e00-\u0eff\u2e80-\u9fff\uac00-\ud7af\uf900-\ufaff\uff00-\uffef\U00010000-\U0010ffff]")
_PLAIN: Final = re.compile(r"[\x00-\x7f]")
_END: Final = re.compile(r"[.!?…][\"'»”’)]*(?=\s|$)|[。！？][」』”’）]*|\n")


def tokens_of(text: str) -> int:
    """About how many tokens `text` costs."""
    wide, plain = len(_WIDE.findall(text)), len(_PLAIN.findall(text))
    return int(wide * 1.25 + plain / 3.3 + (len(text) - wide - plain) / 2) + 1 if text else 0


def within(text: str, limit: int) -> str:
    """As many whole sentences from the beginning as fit into `limit` code points; at least as much of the first one as does."""
    text = text.strip()
    if len(text) <= limit:
        return text
    ends = [found.end() for found in _END.finditer(text[:limit])]
    cut = ends[-1] if ends and ends[-1] > limit // 3 else limit - 1
    kept = text[:cut].rstrip()
    return kept if ends and cut == ends[-1] else f"{kept}…"


def clean(text: str) -> str:
    """What a model wrote as plain text: no control characters, no surrogates, no empty lines."""
    plain = "".join(sign if sign.isprintable() or sign == "\n" else " " for sign in text)
    return "\n".join(line for raw in plain.split("\n") if (line := " ".join(raw.split())))
