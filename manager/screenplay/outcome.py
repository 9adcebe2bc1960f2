"""What became of each change of a document, for people."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any, Final

from rich.console import Console
from rich.text import Text

from manager.screenplay.session import HandedIn

_STYLES: Final = {"applied": "green", "conflicted": "bold red", "dead": "bold red", "refused": "bold red", "pending": "yellow"}
_WORDS: Final = {"pending": "on its way"}
_LONGEST: Final = 100


def told(console: Console, handed: HandedIn) -> bool:
    """Print it; True if every change is applied."""
    for item in handed.corrections:
        _line(console, str(item["state"]), _what(item), list(_more(item)))
    for item in handed.refused:
        _line(console, "refused", f"{item['block']}: {_short(item['text'])}", [str(item["reason"])])
    if not handed.corrections and not handed.refused:
        console.print("Nothing was changed.")
    return not handed.refused and all(item["state"] == "applied" for item in handed.corrections)


def _line(console: Console, state: str, what: str, more: list[str]) -> None:
    # Text of the session is printed as it stands: it is no markup.
    console.print(Text.assemble((f"{_WORDS.get(state, state):11}", _STYLES.get(state, "")), what))
    for line in more:
        console.print(Text(f"{'':11}{line}"))


def _what(item: dict[str, Any]) -> str:
    body = item["body"]
    words = _short(str(body.get("text") or body.get("heading") or body.get("title") or ""))
    match item["kind"]:
        case "edit":
            feeling = " ".join(str(body[name]) for name in ("emotion", "intensity", "manner") if body.get(name) is not None)
            return f"edit of {body['target']}: {words or feeling}"
        case "strike":
            return f"strike of {', '.join(map(str, body['targets']))}"
        case "insert":
            return f"insertion behind {body['after']}: {words}"
    return f"{item['kind']}: {words}"


def _more(item: dict[str, Any]) -> Iterator[str]:
    if item["state"] == "conflicted":
        yield f"yours: {_whole(str(item['body'].get('text') or ''))}" if item["body"].get("text") else "It was changed meanwhile."
        yield f"now:   {_whole(str(item['current']))}"
    if item.get("detail"):
        yield str(item["detail"])


def _short(text: str) -> str:
    shown = " ".join(_printable(text).split())
    return shown if len(shown) <= _LONGEST else shown[: _LONGEST - 1] + "…"


def _whole(text: str) -> str:
    return _printable(text).replace("\n", " / ")


def _printable(text: str) -> str:
    """Nothing in it steers the terminal."""
    return "".join(letter if letter.isprintable() or letter.isspace() else "�" for letter in text)
