"""Which engine hears: by name, or automatically the best one that is ready. Engines are opened once, when they are first needed."""

from __future__ import annotations

import asyncio
from collections.abc import Callable
from typing import Final, cast

import structlog

from services.core.clock import Clock
from services.core.errors import EngineMissing, NotFound, SouffleurError
from services.core.model.speech import SttEngineInfo
from services.core.registry import load
from services.core.settings import Settings
from services.stt.engine import SttEngine, SttEngineFactory
from services.stt.engines import AUTOMATIC, ENGINES

REST_S: Final = 20.0
"""How long an engine that could not be opened is passed over: it may have been the machine's bad moment."""

_log = structlog.get_logger(__name__)


class Engines:
    """All engines of this process by name."""

    def __init__(self, settings: Callable[[], Settings], clock: Clock) -> None:
        """`settings` gives the snapshot in force."""
        self._settings = settings
        self._clock = clock
        self._made: dict[str, SttEngine] = {}
        self._opened: set[str] = set()
        self._rests: dict[str, float] = {}
        """Could not be opened though they seemed ready; until then `auto` passes them over."""
        self._locks: dict[str, asyncio.Lock] = {}

    def _make(self, name: str) -> SttEngine:
        if name not in self._made:
            settings = self._settings()
            factory = cast(SttEngineFactory, load(name, ENGINES))
            self._made[name] = factory(settings.stt.engines.get(name, {}), settings.models)
        return self._made[name]

    def default(self) -> str:
        """The name that is meant where none is given. Raises `EngineMissing` if no engine is ready."""
        configured = self._settings().stt.engine
        if configured != "auto":
            return configured
        for name in AUTOMATIC:
            if self._rests.get(name, 0.0) <= self._clock.now() and self._info(name).ready:
                return name
        raise EngineMissing("no speech recognition is available; `souffleur doctor` says how to get one")

    def _info(self, name: str) -> SttEngineInfo:
        try:
            return self._make(name).info()
        except SouffleurError as error:
            return SttEngineInfo(name, ready=False, remark=error.detail)

    def describe(self) -> tuple[str, tuple[SttEngineInfo, ...]]:
        """The default's name (empty if there is none) and what every engine says of itself."""
        try:
            default = self.default()
        except EngineMissing:
            default = ""
        names = dict.fromkeys((*ENGINES, *([default] if default else [])))
        return default, tuple(self._info(name) for name in names)

    async def take(self, name: str) -> SttEngine:
        """The opened engine of that name, or the default one. Raises `NotFound`, `EngineMissing` or `EngineFailed`."""
        settings = self._settings().stt
        if name and name not in (*ENGINES, *settings.engines, settings.engine):
            # An import string counts only where the settings name it, never in a request.
            raise NotFound("there is no such engine")
        while True:
            chosen = name or self.default()
            try:
                return await self._open(chosen)
            except SouffleurError as error:
                if name or settings.engine != "auto":
                    raise
                _log.warning("stt.passed_over", engine=chosen, code=error.code, detail=error.detail)
                self._rests[chosen] = self._clock.now() + REST_S

    async def _open(self, name: str) -> SttEngine:
        engine = self._make(name)
        if name in self._opened:
            return engine
        async with self._locks.setdefault(name, asyncio.Lock()):
            if name not in self._opened:
                await engine.open()
                self._opened.add(name)
                _log.info("stt.opened", engine=name)
        return engine

    async def close(self) -> None:
        """Close what was opened."""
        for name in self._opened:
            await self._made[name].close()
        self._opened.clear()
