"""Which engine hears."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncGenerator, AsyncIterator
from pathlib import Path
from typing import Any

import pytest

from services.core.clock import Clock, ManualClock
from services.core.errors import EngineFailed, EngineMissing, NotFound
from services.core.model.speech import SpeechEvent, SttEngineInfo, TranscribeOpen
from services.core.settings import Settings, SttSettings
from services.stt import choice
from services.stt.choice import Engines
from services.stt.engines import ENGINES
from services.stt.engines.scripted import ScriptedEngine

CALLED: list[object] = []


class Broken:
    """Seems ready and cannot be opened."""

    opened = 0

    def __init__(self, options: dict[str, Any], models: Path) -> None:
        del options, models

    async def open(self) -> None:
        Broken.opened += 1
        raise EngineFailed("the model is damaged")

    async def close(self) -> None: ...

    def info(self) -> SttEngineInfo:
        return SttEngineInfo("broken", ready=True)

    def transcribe(self, opening: TranscribeOpen, audio: AsyncIterator[bytes]) -> AsyncGenerator[SpeechEvent]:
        raise AssertionError


def called(*arguments: object) -> None:
    """Stands for anything that an import string could reach."""
    CALLED.append(arguments)


def _engines(clock: Clock | None = None, **stt: Any) -> Engines:
    return Engines(lambda: Settings(stt=SttSettings(**stt)), clock or ManualClock())


async def test_a_damaged_model_leaves_the_next_engine(monkeypatch: pytest.MonkeyPatch) -> None:
    """`auto` passes over what cannot be opened, once: the table hears, if worse."""
    monkeypatch.setattr(choice, "AUTOMATIC", ("broken", "scripted"))
    monkeypatch.setitem(ENGINES, "broken", f"{__name__}:Broken")
    Broken.opened = 0
    clock = ManualClock()
    engines = _engines(clock)
    for _ in range(2):
        assert isinstance(await engines.take(""), ScriptedEngine)
    assert Broken.opened == 1
    assert engines.default() == "scripted"
    # It may have been a bad moment.
    clock.advance(choice.REST_S)
    assert engines.default() == "broken"
    assert isinstance(await engines.take(""), ScriptedEngine)
    assert Broken.opened == 2


async def test_an_engine_that_is_being_opened_keeps_nobody_from_another(monkeypatch: pytest.MonkeyPatch) -> None:
    """Somebody asks for a recording to be heard by one that takes its time; the table goes on with its own."""
    gate = asyncio.Event()

    async def slow(_: Broken) -> None:
        await gate.wait()

    monkeypatch.setattr(Broken, "open", slow)
    monkeypatch.setattr(choice, "AUTOMATIC", ("scripted",))
    monkeypatch.setitem(ENGINES, "broken", f"{__name__}:Broken")
    engines = _engines()
    opening = [asyncio.create_task(engines.take("broken")) for _ in range(2)]
    await asyncio.sleep(0)
    async with asyncio.timeout(5):
        assert isinstance(await engines.take(""), ScriptedEngine)
        gate.set()
        one, other = await asyncio.gather(*opening)
    assert one is other


async def test_without_another_engine_the_reason_is_told(monkeypatch: pytest.MonkeyPatch) -> None:
    """Nothing is left: a typed error, not an endless search."""
    monkeypatch.setattr(choice, "AUTOMATIC", ("broken",))
    monkeypatch.setitem(ENGINES, "broken", f"{__name__}:Broken")
    with pytest.raises(EngineMissing):
        await _engines().take("")
    with pytest.raises(EngineFailed):
        await _engines(engine="broken").take("")
    with pytest.raises(EngineFailed):
        await _engines().take("broken")


async def test_a_request_cannot_name_an_import_string() -> None:
    """Only the settings may say which code is loaded."""
    target = f"{__name__}:called"
    with pytest.raises(NotFound):
        await _engines().take(target)
    assert not CALLED
    own = "services.stt.engines.scripted:ScriptedEngine"
    assert isinstance(await _engines(engine=own).take(own), ScriptedEngine)
