"""Piper: neural voices from `.onnx` files on disk (GPL-3, loaded only here); quick enough for talk on a plain processor."""

from __future__ import annotations

import asyncio
import json
import logging
from collections import OrderedDict
from collections.abc import AsyncGenerator, Callable
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, replace
from importlib.util import find_spec
from pathlib import Path
from threading import Lock
from typing import Any, ClassVar, Final

from pydantic import Field

from services.core.errors import EngineMissing
from services.core.model.prosody import Emotion, Manner, Prosody, Voice
from services.core.model.voicing import TtsEngineInfo, VoiceInfo
from services.core.settings import Settings
from services.tts.engine import EngineEvent, Mark, Options, Sound
from services.tts.plain import parts
from services.tts.prosody import Shape, shape_of
from services.tts.scripts import readable_in
from services.tts.waiting import pumped
from services.tts.words import proportional

ADVICE: Final = "Piper is not installed: install the extra `piper` (package piper-tts)"
NO_VOICE: Final = "no Piper voice is on disk: `souffleur models pull` fetches one"

EMOTIONS: Final = {
    Emotion.JOY: Shape(rate=1.12, pitch=1.10, melody=1.30, gain_db=2.0),
    Emotion.SADNESS: Shape(rate=0.82, pitch=0.94, melody=0.80, gain_db=-4.0),
    Emotion.ANGER: Shape(rate=1.14, pitch=1.04, melody=1.35, gain_db=5.0),
    Emotion.FEAR: Shape(rate=1.22, pitch=1.12, melody=1.25, gain_db=-2.0),
    Emotion.DISGUST: Shape(rate=0.86, pitch=0.93, melody=1.10, gain_db=-1.5),
    Emotion.SURPRISE: Shape(rate=1.06, pitch=1.15, melody=1.40, gain_db=3.0),
    Emotion.TENDERNESS: Shape(rate=0.88, pitch=1.04, melody=0.90, gain_db=-4.5),
    Emotion.CONTEMPT: Shape(rate=0.90, pitch=0.92, melody=0.85, gain_db=1.0),
    Emotion.WEARINESS: Shape(rate=0.76, pitch=0.92, melody=0.70, gain_db=-6.0),
}
"""What each emotion does at full intensity. Pitch moves formants with it, so it stays within a sixth."""

MANNERS: Final = {
    Manner.WHISPER: Shape(rate=0.94, melody=1.30, gain_db=-9.0),
    Manner.SHOUT: Shape(rate=0.96, pitch=1.08, melody=1.30, gain_db=7.0),
    Manner.SING_SONG: Shape(rate=0.84, pitch=1.05, melody=1.40),
    Manner.SARCASTIC: Shape(rate=0.86, pitch=0.97, melody=1.25),
}
"""Its voices cannot whisper with breath: a whisper is soft and slow."""

_CONFIG_BYTES: Final = 2 * 1024 * 1024


class PiperOptions(Options):
    """Which voices stay in memory, and where they run."""

    voice: str = Field("", max_length=200, description="Voice of characters that name none; empty = the first of their language")
    use_cuda: bool = Field(default=False, description="Run on a GPU (needs onnxruntime-gpu)")
    loaded: int = Field(4, ge=1, le=64, description="Voices kept in memory")
    workers: int = Field(2, ge=1, le=16, description="Sentences synthesized at the same time")


@dataclass(frozen=True, slots=True)
class OnDisk:
    """A voice that could be loaded."""

    name: str
    model: Path
    language: str
    """BCP 47 tag in lower case."""


class Piper:
    """Voices are loaded when first spoken with; sentences run in worker threads."""

    Options: ClassVar = PiperOptions

    def __init__(self, options: PiperOptions, settings: Settings) -> None:
        """Looks for voices in `piper/` of the models folder."""
        self._options = options
        self._folder = settings.models / "piper"
        self._threads = ThreadPoolExecutor(max_workers=options.workers, thread_name_prefix="piper")
        self._loaded: OrderedDict[Path, Any] = OrderedDict()
        self._lock = Lock()

    async def open(self) -> None:
        """See that the library and a voice are there."""
        if find_spec("piper") is None:
            raise EngineMissing(ADVICE)
        if not await asyncio.to_thread(voices_in, self._folder):
            raise EngineMissing(NO_VOICE)
        # Its debug messages hold the text that is spoken.
        logging.getLogger("piper").setLevel(logging.WARNING)

    async def close(self) -> None:
        """Let the voices go; a sentence under way is waited for, since its step cannot be interrupted."""
        await asyncio.to_thread(self._threads.shutdown, wait=True, cancel_futures=True)
        self._loaded.clear()

    async def capabilities(self) -> TtsEngineInfo:
        """The voices on disk; word marks are estimates, so they are not promised."""
        found = await asyncio.to_thread(voices_in, self._folder)
        missing = ADVICE if find_spec("piper") is None else "" if found else NO_VOICE
        voices = tuple(VoiceInfo(item.name, item.language, item.name) for item in found)
        return TtsEngineInfo("piper", ready=not missing, remark=missing, voices=voices)

    def gain_db(self, prosody: Prosody) -> float:
        """Anger is louder, weariness quieter."""
        return shape_of(prosody, EMOTIONS, MANNERS).gain_db

    async def stream(self, sentence: str, prosody: Prosody, voice: Voice) -> AsyncGenerator[EngineEvent, None]:
        """Sentence by sentence, since the library has no smaller step; a closed generator stops it after the one under way."""
        shape = shape_of(prosody, EMOTIONS, MANNERS)
        pitch = voice.pitch * shape.pitch

        def produce(emit: Callable[[EngineEvent], bool]) -> None:
            from piper import SynthesisConfig

            loaded = self._load(replace(voice, language=readable_in(voice.language, sentence)))
            usual = loaded.config
            # Slower by the pitch factor here and played faster by it below: the pitch moves and the length stays.
            how = SynthesisConfig(
                length_scale=usual.length_scale * pitch / (voice.rate * shape.rate),
                noise_scale=min(usual.noise_scale * shape.melody, 1.0),
                noise_w_scale=min(usual.noise_w_scale * shape.melody, 1.2),
            )
            at_s = 0.0
            for start, end in parts(sentence):
                clauses = [Sound(item.audio_float_array, item.sample_rate * pitch) for item in loaded.synthesize(sentence[start:end], syn_config=how)]
                lasts = sum(item.samples.size / item.rate for item in clauses)
                for mark in proportional(sentence[start:end], lasts, at_s):
                    emit(Mark(mark.start + start, mark.end + start, mark.at_s))
                at_s += lasts
                if not all(emit(item) for item in clauses):
                    return

        produced = pumped(self._threads, produce)
        try:
            async for event in produced:
                yield event
        finally:
            await produced.aclose()

    def _load(self, voice: Voice) -> Any:
        """In a worker: the voice, from memory or from disk."""
        from piper import PiperVoice

        chosen = _chosen(voices_in(self._folder), voice, self._options.voice)
        if chosen is None:
            raise EngineMissing("no Piper voice of that language is on disk: `souffleur models pull` fetches one")
        with self._lock:
            if chosen.model not in self._loaded:
                try:
                    loaded = PiperVoice.load(chosen.model, use_cuda=self._options.use_cuda, download_dir=self._folder)
                except Exception as error:
                    raise EngineMissing(f"the Piper voice {chosen.name} cannot be loaded: {type(error).__name__}") from error
                self._loaded[chosen.model] = loaded
            self._loaded.move_to_end(chosen.model)
            while len(self._loaded) > self._options.loaded:
                self._loaded.popitem(last=False)
            return self._loaded[chosen.model]


def voices_in(folder: Path) -> tuple[OnDisk, ...]:
    """Every voice with its configuration beside it, by name; what cannot be read is left out."""
    found: list[OnDisk] = []
    for model in sorted(folder.glob("*.onnx")):
        config = model.with_name(model.name + ".json")
        try:
            if config.stat().st_size > _CONFIG_BYTES:
                continue
            data = json.loads(config.read_text(encoding="utf-8"))
            language = (data.get("language") or {}).get("code") or data["espeak"]["voice"]
        except (OSError, ValueError, KeyError, TypeError, AttributeError):
            continue
        found.append(OnDisk(model.stem, model, str(language).lower().replace("_", "-")))
    return tuple(found)


def _chosen(found: tuple[OnDisk, ...], voice: Voice, default: str) -> OnDisk | None:
    """By name, else the default, else the exact language, else its primary language; any only if none is asked for."""
    tag = voice.language.lower().replace("_", "-")
    primary = tag.split("-")[0]
    tests: tuple[Callable[[OnDisk], bool], ...] = (
        lambda item: item.name == voice.name,
        lambda item: item.name == default and (not tag or item.language.split("-")[0] == primary),
        lambda item: item.language == tag,
        lambda item: not tag or item.language.split("-")[0] == primary,
    )
    return next((item for test in tests for item in found if test(item)), None)
