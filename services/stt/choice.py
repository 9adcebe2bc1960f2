"""Which engine hears: by name, or automatically the best one that is ready. Engines are opened once, when they are first needed."""

from __future__ import annotations

import asyncio
from collections.abc import Callable
from typing import cast

import structlog

from services.core.errors import EngineMissing, NotFound, SouffleurError
from services.core.model.speech import SttEngineInfo
from services.core.registry import load
from services.core.settings import Settings
from services.stt.engine import SttEngine, SttEngineFactory
from services.stt.engines import AUTOMATIC, ENGINES

_log = structlog.get_logger(__name__)


class Engines:
    """All engines of this process by name."""

    def __init__(self, settings: Callable[[], Settings]) -> None:
        """`settings` gives the snapshot in force."""
        self._settings = settings
        self._made: dict[str, SttEngine] = {}
        self._opened: set[str] = set()
        self._broken: set[str] = set()
        """Could not be opened though they seemed ready; `auto` passes them over."""
        self._lock = asyncio.Lock()

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
            if name not in self._broken and self._info(name).ready:
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
                self._broken.add(chosen)

    async def _open(self, name: str) -> SttEngine:
        engine = self._make(name)
        async with self._lock:
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
