"""faster-whisper (Whisper on CTranslate2): the default where its model is on disk.

Every pass costs the same whatever the clip's length, since Whisper pads to 30 s. So partials are given only where one pass, measured at start, is
cheap enough to be repeated while somebody speaks.
"""

from __future__ import annotations

import asyncio
import math
import os
import time
from collections.abc import AsyncGenerator, AsyncIterator
from concurrent.futures import ThreadPoolExecutor
from importlib.util import find_spec
from pathlib import Path
from typing import Any, Final, Literal

import numpy as np
import structlog
from pydantic import BaseModel, ConfigDict, Field, ValidationError

from services.core.errors import EngineFailed, EngineMissing, SettingsRejected
from services.core.model.audio import HEARING_RATE, SAMPLE_BYTES
from services.core.model.speech import Final as FinalText
from services.core.model.speech import Partial, SpeechEvent, SttEngineInfo, SttOpened, TranscribeOpen, Word
from services.core.settings import explain
from services.stt.languages import code

_PREFERENCE: Final = ("base", "tiny", "small", "medium", "large-v3")
_LONGEST_S: Final = 125
_SHORTEST_S: Final = 0.1
_PARTIAL_SHARE: Final = 0.3
"""A partial may cost this share of the time between two partials."""
_PARTIAL_EVERY_S: Final = 0.8

_log = structlog.get_logger(__name__)


class Options(BaseModel):
    """Which model and how much work."""

    model_config = ConfigDict(frozen=True, extra="forbid")

    model: str = Field("auto", description="A folder's name under models/whisper, a path, or auto")
    device: Literal["auto", "cpu", "cuda"] = "auto"
    compute_type: str = "default"
    threads: int = Field(0, ge=0, le=64, description="0 = as many as there are cores, four at most")
    beam_size: int = Field(1, ge=1, le=10)
    partials: Literal["auto", "on", "off"] = "auto"
    word_times: bool = Field(False, description="Costs about half a pass more")
    no_speech_threshold: float = Field(0.6, ge=0, le=1)
    max_new_tokens: int = Field(200, ge=8, le=440)


class WhisperEngine:
    """One model, one pass at a time."""

    def __init__(self, options: dict[str, Any], models: Path) -> None:
        """Models are folders under `models`/whisper."""
        try:
            self._options = Options(**options)
        except ValidationError as error:
            raise SettingsRejected(f"stt.engines.faster-whisper: {explain(error)}") from None
        self._folder = models / "whisper"
        self._model: Any = None
        self._pass_s = math.inf
        self._thread = ThreadPoolExecutor(1, thread_name_prefix="whisper")

    def _path(self) -> Path | None:
        name = self._options.model
        if name != "auto":
            places = [self._folder / name, Path(name)]
        else:
            places = [self._folder / preferred for preferred in _PREFERENCE]
            places += sorted(self._folder.iterdir()) if self._folder.is_dir() else []
        return next((place for place in places if (place / "model.bin").is_file()), None)

    def info(self) -> SttEngineInfo:
        """Ready when package and model are there."""
        path = self._path()
        installed = find_spec("faster_whisper") is not None
        if not installed:
            remark = "the package faster-whisper is not installed: pip install 'souffleur[whisper]'"
        elif path is None:
            remark = "no model on disk: souffleur models pull whisper-base"
        else:
            remark = path.name
        return SttEngineInfo(
            "faster-whisper",
            ready=installed and path is not None,
            remark=remark,
            partials=self._affords_partials(),
            word_times=self._options.word_times,
            confidence=True,
        )

    def _affords_partials(self) -> bool:
        if self._options.partials != "auto":
            return self._options.partials == "on"
        return self._pass_s < _PARTIAL_EVERY_S * _PARTIAL_SHARE

    async def open(self) -> None:
        """Load the model and measure one pass."""
        path = self._path()
        if find_spec("faster_whisper") is None or path is None:
            raise EngineMissing(self.info().remark)
        if self._model is None:
            await asyncio.get_running_loop().run_in_executor(self._thread, self._load, path)

    def _load(self, path: Path) -> None:
        from faster_whisper import WhisperModel

        threads = self._options.threads or min(4, os.cpu_count() or 1)
        compute = self._options.compute_type
        try:
            self._model = WhisperModel(str(path), device=self._options.device, compute_type=compute, cpu_threads=threads, local_files_only=True)
            self._pass(np.zeros(HEARING_RATE, dtype=np.float32), TranscribeOpen(language="en"))
            began = time.perf_counter()
            self._pass(np.zeros(HEARING_RATE, dtype=np.float32), TranscribeOpen(language="en"))
        except (RuntimeError, ValueError, OSError) as error:
            self._model = None
            raise EngineFailed(f"the model {path.name} could not be loaded: {type(error).__name__}") from error
        self._pass_s = time.perf_counter() - began
        _log.info("whisper.loaded", model=path.name, pass_s=round(self._pass_s, 3), partials=self._affords_partials())

    async def close(self) -> None:
        """Free the model."""
        self._model = None
        await asyncio.to_thread(self._thread.shutdown, wait=True, cancel_futures=True)

    async def transcribe(self, opening: TranscribeOpen, audio: AsyncIterator[bytes]) -> AsyncGenerator[SpeechEvent]:
        """Partials while it is affordable, the final after the end."""
        yield SttOpened("faster-whisper")
        collected = bytearray()
        step = int(_PARTIAL_EVERY_S * HEARING_RATE) * SAMPLE_BYTES
        next_partial, last = step, ""
        affordable = opening.partials and self._affords_partials()
        async for chunk in audio:
            collected += chunk
            if len(collected) > _LONGEST_S * HEARING_RATE * SAMPLE_BYTES:
                raise EngineFailed("the utterance is too long")
            if affordable and len(collected) >= next_partial:
                next_partial = len(collected) + step
                text = (await self._heard(bytes(collected), opening)).text
                if text and text != last:
                    last = text
                    yield Partial(text)
        yield await self._heard(bytes(collected), opening)

    async def _heard(self, pcm: bytes, opening: TranscribeOpen) -> FinalText:
        if len(pcm) < _SHORTEST_S * HEARING_RATE * SAMPLE_BYTES:
            return FinalText("", engine="faster-whisper")
        samples = np.frombuffer(pcm, dtype="<i2").astype(np.float32) / 32768.0
        try:
            return await asyncio.get_running_loop().run_in_executor(self._thread, self._pass, samples, opening)
        except Exception as error:
            _log.exception("whisper.failed")
            raise EngineFailed("the recogniser failed on this utterance") from error

    def _pass(self, samples: np.ndarray[Any, np.dtype[np.float32]], opening: TranscribeOpen) -> FinalText:
        options = self._options
        hotwords = ", ".join((*opening.hotwords, *opening.phrases))[:600]
        segments, info = self._model.transcribe(
            samples,
            # What the model does not know it finds out by itself.
            language=language if (language := code(opening.language)) in self._model.supported_languages else None,
            beam_size=options.beam_size,
            temperature=0.0,
            compression_ratio_threshold=None,
            log_prob_threshold=None,
            no_speech_threshold=None,
            condition_on_previous_text=False,
            without_timestamps=not options.word_times,
            word_timestamps=options.word_times,
            hotwords=hotwords or None,
            max_new_tokens=options.max_new_tokens,
        )
        kept = [segment for segment in segments if segment.no_speech_prob < options.no_speech_threshold or segment.avg_logprob > -1.0]
        words = tuple(Word(word.word.strip(), word.start, word.end, word.probability) for segment in kept for word in segment.words or ())
        text = " ".join(segment.text.strip() for segment in kept).strip()
        confidence = math.exp(min(0.0, sum(segment.avg_logprob for segment in kept) / len(kept))) if kept else None
        return FinalText(text, words if text else (), confidence, str(info.language), "faster-whisper")
