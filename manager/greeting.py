"""What `souffleur up` says once a turn is possible: where the page is, which engines speak, what is weak. And what it waits for at its end."""

from __future__ import annotations

import asyncio
import time
from collections.abc import Mapping, Sequence
from typing import Any, Final

import httpx2
from rich.console import Console
from rich.markup import escape

from services.core.settings import Settings

_POLL_S: Final = 0.05
_SLOW_S: Final = 30.0
_STYLES: Final = {"error": "bold red", "warning": "yellow", "info": "cyan"}


async def greet(settings: Settings, names: Sequence[str], began: float, console: Console | None = None) -> None:
    """Wait until the gateway is ready and print the welcome; without a gateway, say that the services run. `began` is monotonic."""
    out = console or Console(highlight=False, soft_wrap=True)
    if "gateway" not in names:
        out.print(f"[bold]Souffleur[/bold] runs {', '.join(names)}. Ctrl-C ends it.")
        return
    url = settings.gateway.url
    async with httpx2.AsyncClient(base_url=url, timeout=5.0, trust_env=False) as client:
        await _ready(client, out)
        status = await _status(client)
    out.print(f"[bold]Souffleur[/bold] is ready after {time.monotonic() - began:.1f} s: [bold cyan]{url}[/bold cyan]")
    for line in engine_lines(status):
        out.print(f"  {line}")
    for banner in status.get("banners", []):
        style = _STYLES.get(str(banner.get("severity")), "cyan")
        out.print(f"  [{style}]{escape(str(banner.get('detail', banner.get('code', ''))))}[/{style}]")
    out.print("  Ctrl-C ends it.")


def part(limit_s: float, lines: int, console: Console | None = None) -> None:
    """Say what is waited for at the end; `lines` below 0 = it is not known here how many there are."""
    if lines:
        what = "lines" if lines < 0 else "1 line" if lines == 1 else f"{lines} lines"
        (console or Console(highlight=False, soft_wrap=True)).print(f"  Waits for {what} to end, {limit_s:.0f} s at the most. Ctrl-C ends at once.")


def engine_lines(status: Mapping[str, Any]) -> list[str]:
    """One line each for hearing, roleplay and voice: which engine it is."""
    engines = status.get("engines", {})
    lines = []
    for part, label in (("stt", "hears with"), ("llm", "thinks with"), ("tts", "speaks with")):
        known = engines.get(part, {})
        chosen = known.get("default") or ", ".join(known.get("chain", []))
        model = next((str(item.get("model") or "") for item in known.get("engines", []) if item.get("name") == chosen.split(",")[0]), "")
        if chosen:
            lines.append(f"{label:12} {escape(chosen)}{f' ({escape(model)})' if model else ''}")
    return lines


async def _ready(client: httpx2.AsyncClient, out: Console) -> None:
    told = False
    began = time.monotonic()
    while True:
        why = "no answer yet"
        try:
            answer = await client.get("/readyz")
            if answer.is_success:
                return
            why = answer.text[:300]
        except (httpx2.HTTPError, OSError) as error:
            why = type(error).__name__
        if not told and time.monotonic() - began > _SLOW_S:
            told = True
            out.print(f"[yellow]Still not ready: {escape(why)}. `souffleur doctor` in another terminal says more.[/yellow]")
        await asyncio.sleep(_POLL_S)


async def _status(client: httpx2.AsyncClient) -> dict[str, Any]:
    try:
        answer = await client.get("/api/status")
        found = answer.json() if answer.is_success else {}
    except (httpx2.HTTPError, ValueError, OSError):
        return {}
    return found if isinstance(found, dict) else {}
