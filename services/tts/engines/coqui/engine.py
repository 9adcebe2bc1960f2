"""Coqui: XTTS and VITS by the package coqui-tts, in an environment and a process of their own; at talking pace on a GPU."""

from __future__ import annotations

import asyncio
import contextlib
from collections.abc import AsyncGenerator
from dataclasses import dataclass
from pathlib import Path
from typing import Any, ClassVar, Final, Literal

import numpy as np
import structlog
from pydantic import Field

from services.core.errors import EngineFailed, EngineMissing, SouffleurError
from services.core.model.prosody import Prosody, Voice
from services.core.model.voicing import TtsEngineInfo
from services.core.settings import Settings
from services.core.voices import VoiceStore
from services.tts.engine import EngineEvent, Options, Sound
from services.tts.engines.coqui.casting import Casting
from services.tts.engines.coqui.feeling import EMOTIONS, MANNERS
from services.tts.engines.coqui.models import models_in
from services.tts.engines.coqui.process import Worker
from services.tts.plain import pieces
from services.tts.prosody import shape_of

ENVIRONMENT: Final = Path(__file__).parents[4] / ".tools" / "coqui"
"""Where `make coqui` puts it."""
ADVICE: Final = "Coqui is not installed: `make coqui` sets up its own environment (about 2 GB)"
NO_MODEL: Final = "no Coqui model is on disk: put a folder with config.json and model.pth into `coqui` of the models folder"
_PIECE: Final = 180
"""Longest text of one pass: XTTS loses its thread in longer ones."""
_SHORT_PIECE: Final = 70
_SHORT: Final = frozenset({"zh", "ja", "ko"})

_log = structlog.get_logger(__name__)


class CoquiOptions(Options):
    """Which model and voice, and how its process runs."""

    python: str = Field("", max_length=1_000, description="Interpreter that has coqui-tts; empty = the environment of `make coqui`")
    model: str = Field("", max_length=200, description="Folder of voices that name none; empty = the first XTTS, else the first VITS")
    voice: str = Field("", max_length=200, description="Voice of characters that name none: a consented one, or model/speaker")
    device: Literal["auto", "cpu", "cuda"] = Field("auto", description="auto = the GPU when there is one")
    threads: int = Field(0, ge=0, le=256, description="Of the processor; 0 = torch's own choice")
    loaded: int = Field(2, ge=1, le=16, description="Models kept in memory")
    first_tokens: int = Field(12, ge=5, le=200, description="Audio tokens (46 ms each) before the first sound: fewer is sooner")
    tokens: int = Field(20, ge=5, le=200, description="Audio tokens of each further piece")
    seed: int = Field(7, ge=0, le=2**31, description="The same sentence with the same feeling always sounds the same")
    open_wait_s: float = Field(5.0, ge=0, le=600, description="How long a line waits for a model that is being loaded; another engine speaks meanwhile")
    start_timeout_s: float = Field(120.0, gt=0, le=600, description="For the process to import its libraries")
    stall_timeout_s: float = Field(60.0, gt=0, le=600, description="A process that owes something and says nothing is ended and started again")


@dataclass(frozen=True, slots=True)
class Loading:
    """A model on its way into the process."""

    task: asyncio.Task[None]
    until: float
    """How long lines wait for it, in the loop's time."""


class Coqui:
    """Feelings by reference clips where the voice has one, else by pace, pitch and loudness. It clones only voices with a consent record."""

    Options: ClassVar = CoquiOptions

    def __init__(self, options: CoquiOptions, settings: Settings) -> None:
        """Models are in `coqui/` of the models folder, consented voices in `voices/` of the data folder."""
        self._options = options
        self._folder = settings.models / "coqui"
        self._store = VoiceStore(settings.data_dir / "voices")
        self._python = Path(options.python) if options.python else ENVIRONMENT / "bin" / "python"
        own = {"device": options.device, "threads": options.threads, "loaded": options.loaded}
        self._worker = Worker(self._python, own, start_s=options.start_timeout_s, stall_s=options.stall_timeout_s)
        self._casting = Casting(self._store, options.model, options.voice, self._worker.told)
        self._loading: dict[Path, Loading] = {}

    async def open(self) -> None:
        """Start the process and load the first model. Raises `EngineFailed` while that lasts longer than a line can wait; it goes on meanwhile."""
        if missing := await asyncio.to_thread(self._missing):
            raise EngineMissing(missing)
        await self._ready(self._casting.first(await asyncio.to_thread(models_in, self._folder)).folder)

    async def close(self) -> None:
        """End the process."""
        if tasks := [loading.task for loading in self._loading.values()]:
            for task in tasks:
                task.cancel()
            await asyncio.wait(tasks)
        await self._worker.close()

    async def capabilities(self) -> TtsEngineInfo:
        """Consented voices with the feelings that they have clips of, then the models' own speakers, as far as they were loaded."""
        missing = await asyncio.to_thread(self._missing)
        found = await asyncio.to_thread(models_in, self._folder)
        voices = await asyncio.to_thread(self._casting.voices, found)
        device = self._worker.about.get("name") or self._worker.about.get("device", "")
        remark = missing or (f"on {device}" if device else "")
        return TtsEngineInfo("coqui", ready=not missing, remark=remark, cloning=any(item.kind == "xtts" for item in found), voices=voices)

    def gain_db(self, prosody: Prosody) -> float:
        """Anger is louder, weariness quieter."""
        return shape_of(prosody, EMOTIONS, MANNERS).gain_db

    async def stream(self, sentence: str, prosody: Prosody, voice: Voice) -> AsyncGenerator[EngineEvent, None]:
        """Piece by piece of about half a second; a closed generator stops the model after the token under way. Raises `ConsentMissing`."""
        found = await asyncio.to_thread(models_in, self._folder)
        part = await asyncio.to_thread(self._casting.part, found, sentence, prosody, voice)
        await self._ready(part.model.folder)
        limit = _SHORT_PIECE if part.language in _SHORT else _PIECE
        for text in pieces(sentence, limit):
            asked: dict[str, Any] = {
                **self._casting.request(part),
                "text": text,
                "seed": self._options.seed,
                "first_tokens": self._options.first_tokens,
                "tokens": self._options.tokens,
            }
            async with contextlib.aclosing(self._worker.speak(asked)) as made:
                async for rate, samples in made:
                    yield Sound(np.clip(np.frombuffer(samples, "<f4"), -1.0, 1.0), rate * part.pitch)

    def _missing(self) -> str:
        if not self._python.is_file():
            return ADVICE
        return "" if models_in(self._folder) else NO_MODEL

    async def _ready(self, model: Path) -> None:
        """Have the process run with `model` loaded. Raises `EngineFailed` while that lasts longer than a line can wait.

        Neither a line's end nor its patience ends the loading, which may take much longer than either.
        """
        if self._worker.has(model):
            return
        now = asyncio.get_running_loop().time
        if model not in self._loading:
            task = asyncio.create_task(self._load(model), name="coqui-load")
            self._loading[model] = Loading(task, now() + self._options.open_wait_s)
            task.add_done_callback(lambda task: self._over(model, task))
        loading = self._loading[model]
        await asyncio.wait([loading.task], timeout=max(loading.until - now(), 0))
        if not loading.task.done() or loading.task.cancelled():
            raise EngineFailed("Coqui is still loading its model")
        loading.task.result()

    async def _load(self, model: Path) -> None:
        await self._worker.start()
        await self._worker.load(model)

    def _over(self, model: Path, task: asyncio.Task[None]) -> None:
        del self._loading[model]
        if not task.cancelled() and (error := task.exception()) is not None:
            # Whoever began it may have left long ago.
            _log.warning("tts.coqui_not_loaded", reason=error.detail if isinstance(error, SouffleurError) else type(error).__name__)
