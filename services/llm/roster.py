"""The engines of this process: built from the settings, opened when first needed, and put in order for a reply."""

from __future__ import annotations

import asyncio
import contextlib
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any, Final, cast

import structlog
from pydantic import ValidationError

from services.core.clock import Clock
from services.core.errors import SouffleurError
from services.core.model.reply import LlmEngineInfo
from services.core.registry import load
from services.core.settings import Settings, explain
from services.llm.engine import Engine, EngineOptions, EngineTrouble, Ground, Readiness, Reason
from services.llm.providers import ENGINES

AUTO: Final = "auto"
UNDERSTUDY: Final = "understudy"
_REFRESH_S: Final = 10.0
_READINESS_S: Final = 1.5
_REOPEN_S: Final = 30.0

_log = structlog.get_logger(__name__)


@dataclass(slots=True)
class Slot:
    """One configured engine."""

    name: str
    engine: Engine
    readiness: Readiness = field(default_factory=lambda: Readiness(ready=False, remark="not asked yet"))
    _opening: asyncio.Task[None] | None = field(default=None, repr=False)
    _failed_at: float = field(default=float("-inf"), repr=False)

    async def opened(self, clock: Clock) -> Engine:
        """The engine, open. Cancelling the wait leaves the opening running: the next reply finds it done. Raises `EngineTrouble`."""
        if self._opening is not None and self._opening.done() and (self._opening.cancelled() or self._opening.exception() is not None):
            if clock.now() - self._failed_at < _REOPEN_S:
                raise EngineTrouble(Reason.MISSING, f"{self.name} cannot be opened")
            self._opening = None
        if self._opening is None:
            self._opening = asyncio.create_task(self.engine.open(), name=f"open {self.name}")
        try:
            await asyncio.shield(self._opening)
        except EngineTrouble:
            self._failed_at = clock.now()
            raise
        except SouffleurError as error:
            self._failed_at = clock.now()
            raise EngineTrouble(Reason.MISSING, error.detail) from error
        except Exception as error:
            # Somebody's own engine may be broken in any way; the others go on.
            self._failed_at = clock.now()
            _log.exception("llm.engine_cannot_open", engine=self.name)
            raise EngineTrouble(Reason.MISSING, f"{self.name} cannot be opened") from error
        return self.engine

    async def close(self) -> None:
        """End an opening under way, and the engine."""
        if self._opening is None:
            return
        if not self._opening.done():
            self._opening.cancel()
        # How the opening ended was told to whoever waited for it; nobody may: its error must not end the others' closing.
        await asyncio.wait([self._opening])
        if not self._opening.cancelled():
            self._opening.exception()
        await self.engine.close()

    @property
    def model(self) -> str:
        """What answers, as far as it is known."""
        return self.readiness.model or self.name

    @property
    def thinks(self) -> bool:
        """Its answers begin inside a thinking block."""
        return bool(getattr(self.engine, "thinking", False))


class Roster:
    """Every engine that the settings know. An entry that is wrong is shown as not ready, and never stops the service."""

    def __init__(self, settings: Settings, clock: Clock, table: Mapping[str, str] = ENGINES) -> None:
        """Builds the engines; opens none."""
        self._clock = clock
        self.slots: dict[str, Slot] = {}
        self._broken: dict[str, str] = {}
        ground = Ground(models=settings.models)
        self._configured = _is_configured(settings)
        for name, entry in _entries(settings, table).items():
            try:
                self.slots[name] = Slot(name, _built(name, entry, table, ground))
            except ValidationError as error:
                self._broken[name] = f"its options are wrong: {explain(error)}"
            except SouffleurError as error:
                self._broken[name] = error.detail
            if name in self._broken:
                _log.warning("llm.engine_unusable", engine=name)

    async def refresh(self) -> None:
        """Ask every engine whether it is ready."""
        await asyncio.gather(*(self._ask(slot) for slot in self.slots.values()))

    async def keep_fresh(self) -> None:
        """Ask again every few seconds, for ever: an Ollama may be started, a model file may arrive."""
        while True:
            await asyncio.sleep(_REFRESH_S)
            await self.refresh()

    async def warm(self, settings: Settings) -> None:
        """Open the engine that will be asked first."""
        for slot in self.chain((), settings)[:1]:
            with contextlib.suppress(EngineTrouble):
                await slot.opened(self._clock)

    async def close(self) -> None:
        """Close what was opened."""
        for slot in self.slots.values():
            await slot.close()

    def chain(self, wanted: Sequence[str], settings: Settings) -> list[Slot]:
        """The engines to try, in order; the understudy stands at the end of every chain."""
        names: list[str] = []
        for name in wanted or settings.llm.chain:
            names += self._automatic() if name == AUTO else [name]
        unknown = [name for name in names if name not in self.slots]
        if unknown:
            _log.warning("llm.unknown_engines", count=len(unknown))
        ordered = [name for name in dict.fromkeys(names) if name in self.slots and name != UNDERSTUDY]
        return [self.slots[name] for name in (*ordered, UNDERSTUDY)]

    def describe(self) -> tuple[LlmEngineInfo, ...]:
        """What the settings form and the doctor show."""
        known = [
            LlmEngineInfo(name, slot.readiness.ready, slot.readiness.remark, slot.readiness.model, slot.engine.generative) for name, slot in self.slots.items()
        ]
        return (*known, *(LlmEngineInfo(name, ready=False, remark=remark) for name, remark in self._broken.items()))

    def _automatic(self) -> list[str]:
        """Configured providers, else what runs or lies on this machine."""
        found = [name for name in self.slots if name in self._configured]
        found += [name for name in ("ollama", "llama") if name in self.slots and name not in found and self.slots[name].readiness.ready]
        return found

    async def _ask(self, slot: Slot) -> None:
        try:
            async with asyncio.timeout(_READINESS_S):
                slot.readiness = await slot.engine.readiness()
        except TimeoutError:
            slot.readiness = Readiness(ready=False, remark="does not answer")
        except (SouffleurError, OSError) as error:
            slot.readiness = Readiness(ready=False, remark=f"cannot say: {type(error).__name__}")


def _entries(settings: Settings, table: Mapping[str, str]) -> dict[str, dict[str, Any]]:
    """Every name with its options; the standard OPENAI_ settings are the defaults of `openai`."""
    entries: dict[str, dict[str, Any]] = {name: {} for name in table}
    key = settings.openai_api_key.get_secret_value()
    standard = {"base_url": settings.openai_base_url, "api_key": key, "model": settings.openai_model}
    entries["openai"] = {name: value for name, value in standard.items() if value}
    for name, options in settings.llm.engines.items():
        entries[name] = {**entries.get(name, {}), **options}
    return entries


def _is_configured(settings: Settings) -> frozenset[str]:
    """Providers that somebody set up: the only ones that "auto" may send words to."""
    named = {name for name, options in settings.llm.engines.items() if options.get("kind", name) == "openai"}
    standard = bool(settings.openai_base_url or settings.openai_api_key.get_secret_value())
    return frozenset(named | ({"openai"} if standard else set()))


def _built(name: str, entry: Mapping[str, Any], table: Mapping[str, str], ground: Ground) -> Engine:
    cls = cast(type[Engine], load(str(entry.get("kind") or name), table))
    options: EngineOptions = cls.Options.model_validate(entry)
    return cls(options, ground)
