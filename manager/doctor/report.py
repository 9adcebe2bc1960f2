"""`souffleur doctor`: collects what the checks found and prints it; the exit status is 1 only when no turn is possible."""

from __future__ import annotations

import json
import sys
from dataclasses import asdict
from pathlib import Path
from typing import Final

from rich.console import Console
from rich.markup import escape

from manager.doctor.engines import engines
from manager.doctor.finding import Finding, State
from manager.doctor.machine import machine
from manager.doctor.stores import stores
from services.core.loop import run_loop
from services.core.settings import Settings

_MARKS: Final = {
    State.OK: "[green]ok  [/green]",
    State.INFO: "[dim]--  [/dim]",
    State.WARNING: "[yellow]weak[/yellow]",
    State.ERROR: "[bold red]NO  [/bold red]",
}
_PAGE: Final = Path("services/gateway/static/index.html")


def doctor(settings: Settings, *, as_json: bool) -> int:
    """Look at everything and print it."""
    findings: list[Finding] = []
    run_loop(_collect(settings, findings))
    impossible = [finding for finding in findings if finding.state is State.ERROR]
    if as_json:
        sys.stdout.write(
            json.dumps({"turn_possible": not impossible, "findings": [asdict(finding) for finding in findings]}, indent=2, ensure_ascii=False) + "\n"
        )
    else:
        _print(findings, Console(highlight=False))
    return 1 if impossible else 0


async def _collect(settings: Settings, findings: list[Finding]) -> None:
    findings.extend(machine(settings))
    findings.extend([finding async for finding in stores(settings)])
    findings.extend([finding async for finding in engines(settings)])
    findings.append(page())


def page() -> Finding:
    """Whether the page has been built."""
    if (Path(__file__).parents[2] / _PAGE).is_file():
        return Finding(part="page", name="page", state=State.OK, detail="built")
    return Finding(
        part="page", name="page", state=State.WARNING, detail="not built: the interfaces work, the browser shows how to build it", remedy="make page"
    )


def _print(findings: list[Finding], console: Console) -> None:
    part = ""
    for finding in findings:
        if finding.part != part:
            part = finding.part
            console.print(f"[bold]{part}[/bold]")
        console.print(f"  {_MARKS[finding.state]} {escape(finding.name)}: {escape(finding.detail)}", soft_wrap=True)
        if finding.remedy:
            console.print(f"         -> {escape(finding.remedy)}", soft_wrap=True)
    impossible = sum(finding.state is State.ERROR for finding in findings)
    weak = sum(finding.state is State.WARNING for finding in findings)
    if impossible:
        console.print(f"[bold red]No turn is possible: {impossible} thing{'s' if impossible > 1 else ''} in the way.[/bold red]")
    else:
        console.print(f"[green]A turn is possible.[/green]{f' {weak} weak.' if weak else ''}")
