"""`souffleur logs`: the log store in a terminal. It needs no running program."""

from __future__ import annotations

import json
import sys
import time
from typing import Final

from rich.console import Console
from rich.text import Text

from services.core import logstore
from services.core.logstore import Entry, Wanted
from services.core.settings import Settings

_POLL_S: Final = 0.5
_BATCH: Final = 500
_MOST: Final = 100_000
_STYLES: Final = {"debug": "dim", "warning": "yellow", "error": "red", "critical": "bold red"}


def logs(settings: Settings, wanted: Wanted, *, lines: int, follow: bool, as_json: bool) -> int:
    """Print the last entries, the oldest first, and with `follow` each new one until interrupted. The exit status is 1 if there is none."""
    url = settings.database.logs or f"sqlite:///{settings.data_dir / 'logs.sqlite3'}"
    path = logstore.path_of(url)
    console = Console(highlight=False, soft_wrap=True)
    newest = logstore.older(path, Wanted(), None, 1)
    seen = newest[0].id if newest else 0
    found = logstore.older(path, wanted, seen + 1, min(lines, _MOST)) if lines > 0 else []
    for entry in reversed(found):
        _print(console, entry, as_json=as_json)
    if not follow:
        if not found and lines > 0:
            sys.stderr.write(f"No entry of that kind in {path}.\n")
        return 0 if found else 1
    while True:
        for entry in logstore.newer(path, wanted, seen, _BATCH):
            seen = entry.id
            _print(console, entry, as_json=as_json)
        sys.stdout.flush()
        time.sleep(_POLL_S)


def _print(console: Console, entry: Entry, *, as_json: bool) -> None:
    if as_json:
        sys.stdout.write(json.dumps(entry.to_dict(), ensure_ascii=True) + "\n")
        return
    shown = entry.to_dict()
    fields = dict(entry.fields)
    trace = fields.pop("exception", "")
    values = [f"session={entry.session}"] if entry.session else []
    values += [f"{name}={value if isinstance(value, str) else json.dumps(value, ensure_ascii=False)}" for name, value in fields.items()]
    line = Text(f"{shown['at']} ")
    line.append(f"{entry.level:<8}", style=_STYLES.get(entry.level, "")).append(f"{entry.service:<10} ", style="cyan")
    line.append(_plain(entry.event), style="bold").append(f" {_plain(' '.join(values))}")
    console.print(line)
    if trace:
        console.print(Text(_plain(str(trace)), style="dim"))


def _plain(text: str) -> str:
    """Without characters that would steer a terminal."""
    return "".join(letter if letter.isprintable() or letter == "\n" else "\N{REPLACEMENT CHARACTER}" for letter in text)
