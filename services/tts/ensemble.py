"""All voice engines of this process: opened when first needed, rested for a while when they failed, closed together."""

from __future__ import annotations

import asyncio
from contextlib import AsyncExitStack
from typing import Final, cast

import structlog
from pydantic import ValidationError

from services.core.clock import Clock
from services.core.errors import EngineFailed, EngineMissing, NotFound, SettingsRejected, SouffleurError
from services.core.model.prosody import Voice
from services.core.model.voicing import TtsEngineInfo
from services.core.registry import load
from services.core.settings import Settings, explain
from services.tts.engine import EngineClass, TtsEngine
from services.tts.engines import ENGINES

AUTO: Final = "auto"
FALLBACKS: Final = ("piper", "espeak")
"""After the configured engine, in this order."""
REST_S: Final = 20.0
"""How long an engine that failed is passed over while another one can speak."""
_FRESH_S: Final = 5.0

_log = structlog.get_logger(__name__)


class Ensemble:
    """Engines by name. Which one speaks is decided per line, by the voice and by what is ready."""

    def __init__(self, settings: Settings, clock: Clock) -> None:
        """Every configured option table is checked here, so that a wrong one stops the start. Raises `SettingsRejected`."""
        self._clock = clock
        self._names = tuple(dict.fromkeys((*ENGINES, *settings.tts.engines, *_explicit(settings))))
        configured = {*settings.tts.engines, *_explicit(settings)}
        self._engines = {name: _built(name, settings) for name in self._names if name in configured}
        self._settings = settings
        self._opened: dict[str, TtsEngine] = {}
        self._locks = {name: asyncio.Lock() for name in self._names}
        self._rested: dict[str, tuple[float, str]] = {}
        self._infos: dict[str, tuple[float, TtsEngineInfo | None]] = {}

    async def close(self) -> None:
        """Close what was opened."""
        async with AsyncExitStack() as stack:
            for engine in self._engines.values():
                stack.push_async_callback(engine.close)

    def knows(self, name: str) -> bool:
        """Whether a voice may ask for this engine: import strings count only if the settings name them, never from a card."""
        return name in self._names

    async def engine(self, name: str) -> TtsEngine:
        """The engine, open. Raises `EngineMissing` or `EngineFailed`."""
        async with self._locks[name]:
            if name not in self._opened:
                made = self._engine(name)
                try:
                    await made.open()
                except SouffleurError:
                    raise
                except Exception as error:
                    raise failed(name, error) from error
                self._opened[name] = made
        return self._opened[name]

    async def chain(self, voice: Voice, settings: Settings) -> list[str]:
        """Engines for a voice in order of preference: its own, the configured one, Piper with its language, eSpeak."""
        asked = (voice.engine, *_explicit(settings))
        wanted = [name for name in asked if name and self.knows(name)]
        if voice.name:
            await self.capabilities("espeak")
        suited = [name for name in FALLBACKS if name == "espeak" or await self._suits(name, voice)]
        # A voice's name is worth more than the order: who has it speaks first.
        suited.sort(key=lambda name: not (voice.name and self._has(name, voice.name)))
        return list(dict.fromkeys((*wanted, *suited)))

    async def default(self, settings: Settings) -> str:
        """The engine that speaks for a voice which asks for nothing."""
        chain = await self.chain(Voice(), settings)
        for name in chain:
            if (await self.capabilities(name)).ready:
                return name
        return chain[0]

    async def capabilities(self, name: str) -> TtsEngineInfo:
        """What an engine can do, at most some seconds old; not ready with the reason when it cannot even be made."""
        until, info = self._infos.get(name, (0.0, None))
        if info is not None and self._clock.now() < until:
            return info
        try:
            info = await self._engine(name).capabilities()
        except SouffleurError as error:
            info = TtsEngineInfo(name, ready=False, remark=error.detail)
        self._infos[name] = (self._clock.now() + _FRESH_S, info)
        return info

    async def describe(self) -> tuple[TtsEngineInfo, ...]:
        """Every engine of the table and of the settings."""
        return tuple([await self.capabilities(name) for name in self._names])

    def rest(self, name: str, reason: str) -> None:
        """An engine failed: pass it over for a while."""
        self._rested[name] = (self._clock.now() + REST_S, reason)

    def resting(self, name: str) -> str:
        """Why this engine is passed over now; empty = it is not."""
        until, reason = self._rested.get(name, (0.0, ""))
        return reason if self._clock.now() < until else ""

    async def _suits(self, name: str, voice: Voice) -> bool:
        info = await self.capabilities(name)
        primary = voice.language.lower().replace("_", "-").split("-")[0] or "en"
        return info.ready and (self._has(name, voice.name) or any(item.language.split("-")[0] == primary for item in info.voices))

    def _has(self, name: str, voice_name: str) -> bool:
        _, info = self._infos.get(name, (0.0, None))
        return info is not None and any(item.name == voice_name.partition("+")[0] for item in info.voices)

    def _engine(self, name: str) -> TtsEngine:
        if name not in self._engines:
            self._engines[name] = _built(name, self._settings)
        return self._engines[name]


def failed(name: str, error: Exception) -> EngineFailed:
    """The error that stands for anything an engine raised; its message may hold the text, so only its type and place are told."""
    last = error.__traceback__
    while last is not None and last.tb_next is not None:
        last = last.tb_next
    place = f"{last.tb_frame.f_code.co_filename}:{last.tb_lineno}" if last else ""
    _log.warning("tts.engine_failed", engine=name, error=type(error).__name__, place=place)
    return EngineFailed(f"{name} failed: {type(error).__name__}")


def _explicit(settings: Settings) -> tuple[str, ...]:
    return () if settings.tts.engine in {AUTO, ""} else (settings.tts.engine,)


def _built(name: str, settings: Settings) -> TtsEngine:
    try:
        made = cast(EngineClass, load(name, ENGINES))
    except (NotFound, EngineMissing) as error:
        if name in ENGINES:
            raise
        raise SettingsRejected(f"tts.engines: {error.detail}") from error
    try:
        options = made.Options.model_validate(settings.tts.engines.get(name, {}))
    except ValidationError as error:
        raise SettingsRejected(f"tts.engines.{name}.{explain(error)}") from None
    return made(options, settings)
