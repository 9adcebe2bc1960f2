"""Coqui: XTTS and VITS by the package coqui-tts, in an environment and a process of their own; at talking pace on a GPU."""

from __future__ import annotations

import asyncio
import contextlib
from collections.abc import AsyncGenerator
from pathlib import Path
from typing import Any, ClassVar, Final, Literal

import numpy as np
from pydantic import Field

from services.core.errors import EngineFailed, EngineMissing
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
        self._casting = Casting(self._store, options.model, options.voice)
        self._opening: asyncio.Task[None] | None = None
        self._began = 0.0

    async def open(self) -> None:
        """Start the process and load the first model. Raises `EngineFailed` while that lasts longer than a line can wait; it goes on meanwhile."""
        if missing := await asyncio.to_thread(self._missing):
            raise EngineMissing(missing)
        now = asyncio.get_running_loop().time
        if self._opening is None or (self._opening.done() and not self._loaded()):
            self._began = now()
            self._opening = asyncio.create_task(self._load(), name="coqui-open")
            # What went wrong is told to whoever asks next; if nobody does, it is not an accident of the loop's.
            self._opening.add_done_callback(lambda task: task.cancelled() or task.exception())
        done, _ = await asyncio.wait([self._opening], timeout=max(self._began + self._options.open_wait_s - now(), 0))
        if not done:
            raise EngineFailed("Coqui is still loading its model")
        self._opening.result()

    async def close(self) -> None:
        """End the process."""
        if self._opening is not None:
            self._opening.cancel()
            await asyncio.wait([self._opening])
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
        await self._worker.start()
        found = await asyncio.to_thread(models_in, self._folder)
        part = await asyncio.to_thread(self._casting.part, found, sentence, prosody, voice)
        if part.model.folder not in self._casting.told:
            self._casting.told[part.model.folder] = await self._worker.load(part.model.folder)
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

    def _loaded(self) -> bool:
        return self._opening is not None and not self._opening.cancelled() and self._opening.exception() is None

    async def _load(self) -> None:
        await self._worker.start()
        first = self._casting.first(await asyncio.to_thread(models_in, self._folder))
        self._casting.told[first.folder] = await self._worker.load(first.folder)
