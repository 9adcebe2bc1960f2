"""`souffleur models`: what there is, what is here, and pulling it with a progress bar."""

from __future__ import annotations

import json
import sys
from collections.abc import Sequence
from pathlib import Path

from rich.console import Console
from rich.progress import BarColumn, DownloadColumn, Progress, TextColumn, TimeRemainingColumn, TransferSpeedColumn
from rich.table import Table

from manager.models.catalogue import HUB, Model, catalogue, find
from manager.models.fetch import fetch
from services.core.errors import SouffleurError, Unavailable
from services.core.settings import Settings


def list_models(settings: Settings, *, as_json: bool) -> int:
    """Print the catalogue; always succeeds."""
    folder = settings.models
    if as_json:
        listed = [
            {"name": model.name, "kind": model.kind, "title": model.title, "license": model.license, "size": model.size, "present": model.present(folder)}
            for model in catalogue()
        ]
        sys.stdout.write(json.dumps({"folder": str(folder), "models": listed}, indent=2, ensure_ascii=False) + "\n")
        return 0
    table = Table(box=None, pad_edge=False)
    for heading in ("model", "size", "here", "what it is"):
        table.add_column(heading, overflow="fold", justify="right" if heading == "size" else "left")
    for model in catalogue():
        table.add_row(model.name, megabytes(model.size), "yes" if model.present(folder) else "", model.title)
    console = Console(highlight=False)
    console.print(table)
    console.print(f"Folder: {folder}")
    return 0


def pull_models(settings: Settings, names: Sequence[str], *, hub: str | None = None, console: Console | None = None) -> int:
    """Fetch what is missing of the named models. The exit status is 1 if one could not be had; its message says how to put it there by hand."""
    out = console or Console(highlight=False)
    models = [find(name) for name in names]
    failed = False
    for model in models:
        try:
            pull(model, settings.models, hub=hub or HUB, offline=settings.offline, console=out)
        except SouffleurError as error:
            failed = True
            out.print(f"[red]{model.name}: {error.detail}[/red]", soft_wrap=True)
            if isinstance(error, Unavailable):
                out.print(by_hand(model, settings.models, hub or HUB), soft_wrap=True)
        except OSError as error:
            failed = True
            out.print(f"[red]{model.name}: {error.strerror or error} ({error.filename or settings.models})[/red]", soft_wrap=True)
    return 1 if failed else 0


def pull(model: Model, folder: Path, *, hub: str, offline: bool, console: Console) -> None:
    """Fetch one model, showing its size first and a bar for each file. Raises what `fetch` raises."""
    missing = [file for file in model.files if not (folder / file.target).is_file()]
    if not missing:
        console.print(f"{model.name} is here already, in {folder}")
        return
    if offline:
        raise Unavailable("the settings say offline")
    console.print(f"{model.name}: {len(missing)} files, {megabytes(sum(file.size for file in missing))} ({model.license}) -> {folder}")
    columns = (TextColumn("{task.description}"), BarColumn(), DownloadColumn(), TransferSpeedColumn(), TimeRemainingColumn())
    with Progress(*columns, console=console) as bars:
        for file in missing:
            task = bars.add_task(Path(file.target).name, total=file.size)

            def show(have: int, total: int, task: object = task) -> None:
                bars.update(task, completed=have, total=total or None)  # type: ignore[arg-type]

            fetch(model.url(file, hub), folder / file.target, sha256=file.sha256, progress=show)
    console.print(f"[green]{model.name} is ready.[/green]")


def by_hand(model: Model, folder: Path, hub: str) -> str:
    """What to do without a network here: which files to bring, and where to put them."""
    lines = ["Without a connection to the hub: fetch these on another machine and put them here, or give a mirror with --hub."]
    lines += [f"  {model.url(file, hub)}\n    -> {folder / file.target}" for file in model.files if not (folder / file.target).is_file()]
    return "\n".join(lines)


def megabytes(size: int) -> str:
    """A size for people."""
    return f"{size / 1_000_000_000:.1f} GB" if size >= 1_000_000_000 else f"{max(1, round(size / 1_000_000))} MB"
