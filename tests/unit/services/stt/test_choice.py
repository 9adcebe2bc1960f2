"""Which engine hears."""

from __future__ import annotations

from collections.abc import AsyncGenerator, AsyncIterator
from pathlib import Path
from typing import Any

import pytest

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


def _engines(**stt: Any) -> Engines:
    return Engines(lambda: Settings(stt=SttSettings(**stt)))


async def test_a_damaged_model_leaves_the_next_engine(monkeypatch: pytest.MonkeyPatch) -> None:
    """`auto` passes over what cannot be opened, once: the table hears, if worse."""
    monkeypatch.setattr(choice, "AUTOMATIC", ("broken", "scripted"))
    monkeypatch.setitem(ENGINES, "broken", f"{__name__}:Broken")
    Broken.opened = 0
    engines = _engines()
    for _ in range(2):
        assert isinstance(await engines.take(""), ScriptedEngine)
    assert Broken.opened == 1
    assert engines.default() == "scripted"


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
