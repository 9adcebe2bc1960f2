"""The comparison, side by side: for a terminal, and as a page without scripts."""

from __future__ import annotations

import difflib
import html
from collections.abc import Iterator, Sequence

from rich.console import Console
from rich.table import Table
from rich.text import Text

from manager.rehearse.playing import Take

_NOTHING = "(nobody answered)"
_STYLE = """body{font:16px/1.5 system-ui,sans-serif;margin:2rem auto;max-width:75rem;padding:0 1rem;color:#222;background:#fff}
table{border-collapse:collapse;width:100%;table-layout:fixed}
th,td{border:1px solid #bbb;padding:.5rem .75rem;vertical-align:top;text-align:left;overflow-wrap:anywhere}
del{background:#fde2e2;text-decoration:line-through}ins{background:#ddf4dd;text-decoration:none;font-weight:600}.same{color:#666}.failed{color:#a00}small{color:#666}
@media (prefers-color-scheme:dark){body{color:#ddd;background:#161616}th,td{border-color:#444}del{background:#5a2626}ins{background:#1f4d1f}}"""


def plain(text: str) -> str:
    """Without characters that would steer a terminal."""
    return "".join(letter if letter.isprintable() or letter in "\n\t" else "\N{REPLACEMENT CHARACTER}" for letter in text)


def difference(then: str, now: str) -> tuple[list[tuple[str, bool]], list[tuple[str, bool]]]:
    """The words of both, in runs: (text, it is only here)."""
    old, new = plain(then).split(), plain(now).split()
    left: list[tuple[str, bool]] = []
    right: list[tuple[str, bool]] = []
    for kind, a, b, c, d in difflib.SequenceMatcher(a=old, b=new, autojunk=False).get_opcodes():
        if a < b:
            left.append((" ".join(old[a:b]), kind != "equal"))
        if c < d:
            right.append((" ".join(new[c:d]), kind != "equal"))
    return left, right


def summary(takes: Sequence[Take]) -> str:
    """One line."""
    differ, failed = sum(take.differs and not take.failed for take in takes), sum(bool(take.failed) for take in takes)
    tokens, cost = sum(sum(take.tokens) for take in takes), sum(take.cost for take in takes)
    text = f"{len(takes)} lines rehearsed, {differ} answered differently"
    return text + (f", {failed} failed" if failed else "") + f"; {tokens} tokens" + (f", ${cost:.4f}" if cost else "")


def print_comparison(takes: Sequence[Take], changed: str, console: Console) -> None:
    """A table of three columns."""
    table = Table(show_lines=True, expand=True)
    for heading in ("said", "then", f"now: {changed}"):
        table.add_column(Text(heading), ratio=1, overflow="fold")
    for take in takes:
        then, now = difference(take.cue.reply, take.reply)
        right = Text(plain(take.failed), style="red") if take.failed else _runs(now, "bold green")
        left = _runs(then, "red") if take.cue.reply else Text(_NOTHING, style="dim")
        if not take.failed:
            right.append(f"\n{_origin(take)}", style="dim")
        name = plain(f"{take.cue.name}: ")
        table.add_row(Text(plain(f"{take.cue.speaker}: {take.cue.text}")), Text(name).append_text(left), Text(name).append_text(right))
    console.print(table)
    console.print(Text(summary(takes)))


def _runs(runs: Sequence[tuple[str, bool]], style: str) -> Text:
    text = Text()
    for number, (words, only) in enumerate(runs):
        text.append(" " if number else "").append(words, style=style if only else "")
    return text


def _origin(take: Take) -> str:
    model = f" {take.model}" if take.model and take.model != take.engine else ""
    return f"{take.engine}{model}, {take.ttft_ms:.0f} ms to the first token, {take.tokens[0]} + {take.tokens[1]} tokens"


def page(takes: Sequence[Take], session: str, changed: str) -> str:
    """One HTML file that loads nothing and runs nothing."""
    rows = "\n".join(_row(take) for take in takes)
    title = f"Rehearsal of {html.escape(session)}"
    return f"""<!doctype html>
<html lang="en"><head><meta charset="utf-8"><title>{title}</title>
<meta http-equiv="Content-Security-Policy" content="default-src 'none'; style-src 'unsafe-inline'">
<meta name="viewport" content="width=device-width">
<style>{_STYLE}</style></head>
<body><h1>{title}</h1><p>Changed: {html.escape(changed)}</p><p>{html.escape(summary(takes))}</p>
<table><thead><tr><th>said</th><th>then</th><th>now</th></tr></thead><tbody>
{rows}
</tbody></table></body></html>
"""


def _row(take: Take) -> str:
    then, now = difference(take.cue.reply, take.reply)
    name = html.escape(take.cue.name)
    left = "".join(_marked(then, "del")) or f'<span class="same">{_NOTHING}</span>'
    right = f'<span class="failed">{html.escape(take.failed)}</span>' if take.failed else "".join(_marked(now, "ins"))
    origin = "" if take.failed else f"<br><small>{html.escape(_origin(take))}</small>"
    said = f"<b>{html.escape(take.cue.speaker)}</b>: {html.escape(take.cue.text)}"
    return f"<tr><td>{said}</td><td><b>{name}</b>: {left}</td><td><b>{name}</b>: {right}{origin}</td></tr>"


def _marked(runs: Sequence[tuple[str, bool]], tag: str) -> Iterator[str]:
    for number, (words, only) in enumerate(runs):
        text = html.escape(words)
        yield (" " if number else "") + (f"<{tag}>{text}</{tag}>" if only else text)
