"""eSpeak NG: robotic, instant, in a hundred languages; its word marks are exact and it stops within a chunk."""

from __future__ import annotations

import asyncio
import math
import re
from collections.abc import AsyncGenerator, Callable
from concurrent.futures import ThreadPoolExecutor
from importlib.util import find_spec
from typing import ClassVar, Final

from pydantic import Field

from services.core.errors import EngineFailed, EngineMissing
from services.core.model.prosody import Emotion, Manner, Prosody, Voice
from services.core.model.voicing import TtsEngineInfo, VoiceInfo
from services.core.settings import Settings
from services.tts.engine import EngineEvent, Options, Samples, Sound
from services.tts.engines import espeak_library
from services.tts.engines.espeak_library import ADVICE, Library
from services.tts.prosody import Shape, shape_of
from services.tts.scripts import readable_in
from services.tts.waiting import pumped
from services.tts.words import Anchors

EMOTIONS: Final = {
    Emotion.JOY: Shape(rate=1.14, pitch=1.22, melody=1.6, gain_db=2.0),
    Emotion.SADNESS: Shape(rate=0.80, pitch=0.86, melody=0.5, gain_db=-4.0),
    Emotion.ANGER: Shape(rate=1.16, pitch=1.08, melody=1.7, gain_db=5.0),
    Emotion.FEAR: Shape(rate=1.28, pitch=1.36, melody=1.2, gain_db=-2.0),
    Emotion.DISGUST: Shape(rate=0.84, pitch=0.84, melody=1.3, gain_db=-1.5),
    Emotion.SURPRISE: Shape(rate=1.08, pitch=1.42, melody=1.9, gain_db=3.0),
    Emotion.TENDERNESS: Shape(rate=0.86, pitch=1.10, melody=0.8, gain_db=-4.5),
    Emotion.CONTEMPT: Shape(rate=0.88, pitch=0.80, melody=0.7, gain_db=1.0),
    Emotion.WEARINESS: Shape(rate=0.74, pitch=0.80, melody=0.4, gain_db=-6.0),
}
"""What each emotion does at full intensity."""

MANNERS: Final = {
    Manner.WHISPER: Shape(rate=0.94, gain_db=-8.0),
    Manner.SHOUT: Shape(rate=0.96, pitch=1.25, melody=1.5, gain_db=7.0),
    Manner.SING_SONG: Shape(rate=0.82, pitch=1.15, melody=2.0),
    Manner.SARCASTIC: Shape(rate=0.84, pitch=0.92, melody=1.6),
}
"""Whispering also changes the voice's variant, so that it is breath and not tone."""

_VOICE_NAME: Final = re.compile(r"[A-Za-z0-9-]{1,40}(\+[A-Za-z0-9-]{1,40})?")
_LANGUAGES: Final = {"en": "en-us", "zh": "cmn", "zh-hk": "yue", "no": "nb", "iw": "he", "in": "id"}


class EspeakOptions(Options):
    """The voice's own speed and default."""

    words_per_minute: int = Field(170, ge=80, le=400, description="Speed at rate 1")
    variant: str = Field("", pattern=r"^[A-Za-z0-9-]{0,40}$", description="Timbre of voices that name none, such as f3 or m3")


class Espeak:
    """One thread speaks; sentences of all sessions take turns in it, a few milliseconds each."""

    Options: ClassVar = EspeakOptions

    def __init__(self, options: EspeakOptions, settings: Settings) -> None:  # noqa: ARG002 - the contract's shape
        """Loads nothing yet."""
        self._options = options
        self._library: Library | None = None
        self._thread = ThreadPoolExecutor(max_workers=1, thread_name_prefix="espeak")

    async def open(self) -> None:
        """Load the library (milliseconds)."""
        if self._library is None:
            self._library = await asyncio.get_running_loop().run_in_executor(self._thread, Library.shared)

    async def close(self) -> None:
        """End the thread; the library stays with the process, since unloading it is not safe."""
        await asyncio.to_thread(self._thread.shutdown, wait=True, cancel_futures=True)

    async def capabilities(self) -> TtsEngineInfo:
        """All its voices; every emotion is rendered."""
        if find_spec("espeakng_loader") is None:
            return TtsEngineInfo("espeak", ready=False, remark=ADVICE, word_marks=True)
        try:
            await self.open()
        except EngineMissing as error:
            return TtsEngineInfo("espeak", ready=False, remark=error.detail, word_marks=True)
        voices = tuple(VoiceInfo(item.file, item.language, item.label) for item in self._library.voices) if self._library else ()
        return TtsEngineInfo("espeak", ready=True, remark="robotic, but instant", word_marks=True, voices=voices)

    def gain_db(self, prosody: Prosody) -> float:
        """Anger is louder, weariness quieter."""
        return shape_of(prosody, EMOTIONS, MANNERS).gain_db

    async def stream(self, sentence: str, prosody: Prosody, voice: Voice) -> AsyncGenerator[EngineEvent, None]:
        """Chunks of 240 ms; a closed generator stops the library at its next chunk."""
        library = self._library
        if library is None:
            raise EngineFailed("eSpeak NG is not open")
        manner = self._manner(library, sentence, prosody, voice)
        anchors = Anchors(sentence)

        def produce(emit: Callable[[EngineEvent], bool]) -> None:
            heard = 0

            def on_sound(samples: Samples, words: list[tuple[int, int]]) -> bool:
                nonlocal heard
                for position, sample in words:
                    for mark in anchors.told(position, sample / library.rate):
                        emit(mark)
                heard += samples.size
                return emit(Sound(samples, library.rate))

            library.speak(sentence, manner, on_sound)
            for mark in anchors.ended(heard / library.rate):
                emit(mark)

        produced = pumped(self._thread, produce)
        try:
            async for event in produced:
                yield event
        finally:
            await produced.aclose()

    def _manner(self, library: Library, sentence: str, prosody: Prosody, voice: Voice) -> espeak_library.Manner:
        shape = shape_of(prosody, EMOTIONS, MANNERS)
        file, variant = self._voice(library, sentence, voice)
        if prosody.manner is Manner.WHISPER:
            variant = "whisperf" if variant.startswith("f") else "whisper"
        return espeak_library.Manner(
            voice=f"{file}+{variant}" if variant else file,
            words_per_minute=round(min(max(self._options.words_per_minute * voice.rate * shape.rate, 80), 450)),
            pitch=_knob(50 + 50 * math.log2(voice.pitch * shape.pitch)),
            melody=_knob(50 * shape.melody),
        )

    def _voice(self, library: Library, sentence: str, voice: Voice) -> tuple[str, str]:
        """File and variant: the name if there is such a voice, else by language; the text's script has the last word."""
        name = voice.name if _VOICE_NAME.fullmatch(voice.name) else ""
        named, _, variant = name.partition("+")
        by_language = {item.language: item.file for item in reversed(library.voices)}
        found = next((item for item in library.voices if named.lower() in {item.file, item.language}), None)
        language = found.language if found else voice.language
        needed = readable_in(language, sentence)
        file = found.file if found and needed == language else by_language.get(_closest(needed, by_language), "en-us")
        return file, variant or self._options.variant


def _closest(tag: str, languages: dict[str, str]) -> str:
    """The library's own tag for a BCP 47 one: as it is, translated, or its primary language."""
    whole = tag.lower().replace("_", "-")
    primary = whole.split("-")[0]
    for candidate in (_LANGUAGES.get(whole, ""), whole, _LANGUAGES.get(primary, ""), primary):
        if candidate in languages:
            return candidate
    return "en-us"


def _knob(value: float) -> int:
    return round(min(max(value, 0), 99))
