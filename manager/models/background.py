"""Fetching the default speech models while the program already runs on what it has."""

from __future__ import annotations

import asyncio
import threading
from collections.abc import AsyncIterator, Callable, Sequence
from contextlib import asynccontextmanager
from importlib.util import find_spec
from pathlib import Path
from typing import Final

from rich.console import Console

from manager.models.catalogue import HUB, Model, wanted_by_default
from manager.models.command import megabytes
from manager.models.fetch import Cancelled, fetch
from services.core.errors import SouffleurError
from services.core.settings import Settings

_PACKAGES: Final = {"whisper": "faster_whisper", "piper": "piper"}
_TELL_EVERY: Final = 0.25
_FAREWELL_S: Final = 2.0


def missing_defaults(settings: Settings) -> list[Model]:
    """Default models that an installed engine would use and that are not on disk; none of a kind (and language) of which any is there."""
    folder = settings.models
    return [model for model in wanted_by_default() if find_spec(_PACKAGES[model.kind]) is not None and not _served(model, folder)]


@asynccontextmanager
async def fetching(settings: Settings, *, wanted: bool, hub: str = HUB, console: Console | None = None) -> AsyncIterator[None]:
    """Fetch the missing defaults for the time of the block; leaving it stops the download and keeps its part."""
    models = missing_defaults(settings) if wanted and not settings.offline else []
    if not models:
        yield
        return
    stop = threading.Event()
    out = console or Console(highlight=False, stderr=True, soft_wrap=True)
    # A thread of its own that nobody has to wait for: a server that keeps still would hold up the end of the program.
    thread = threading.Thread(target=_fetch_all, args=(models, settings.models, hub, stop, out.print), name="models", daemon=True)
    thread.start()
    try:
        yield
    finally:
        stop.set()
        await asyncio.to_thread(thread.join, _FAREWELL_S)


def _served(model: Model, folder: Path) -> bool:
    if model.kind == "whisper":
        return any(folder.glob("whisper/*/model.bin"))
    return any(folder.glob(f"piper/{model.language}*.onnx"))


def _fetch_all(models: Sequence[Model], folder: Path, hub: str, stop: threading.Event, tell: Callable[[str], None]) -> None:
    size = sum(model.size for model in models)
    tell(f"Fetching {', '.join(model.name for model in models)} ({megabytes(size)}) in the background; --no-download leaves it out.")
    for model in models:
        try:
            for file in model.files:
                if not (folder / file.target).is_file():
                    fetch(model.url(file, hub), folder / file.target, sha256=file.sha256, progress=_quarters(model.name, tell), stop=stop)
        except Cancelled:
            return
        except (SouffleurError, OSError) as error:
            tell(f"{model.name} could not be fetched: {getattr(error, 'detail', error)}. Going on without; `souffleur models pull {model.name}` tries again.")
            return
        tell(f"{model.name} is here now.")


def _quarters(name: str, tell: Callable[[str], None]) -> Callable[[int, int], None]:
    told = 0.0

    def progress(have: int, total: int) -> None:
        nonlocal told
        if total > 10_000_000 and have / total >= told + _TELL_EVERY and have < total:
            told = have / total // _TELL_EVERY * _TELL_EVERY
            tell(f"{name}: {told:.0%} of {megabytes(total)}")

    return progress
