"""Coqui after its process has died: it comes back whatever lines do meanwhile, and no line waits for long."""

from __future__ import annotations

import asyncio
import os
import shlex
import signal
import sys
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from pathlib import Path

import pytest

from services.core.errors import EngineFailed
from services.core.model.prosody import Prosody, Voice
from services.core.settings import Settings
from services.tts.engine import Sound
from services.tts.engines.coqui import process
from services.tts.engines.coqui.engine import Coqui
from tests.making import coqui_worker
from tests.waiting import until


class House:
    """An engine whose process can be killed and kept from coming back."""

    def __init__(self, folder: Path, open_wait_s: float) -> None:
        self.folder = folder
        python = self.python = folder / "python"
        command = shlex.join([sys.executable, coqui_worker.__file__, str(folder)])
        python.write_text(f"#!/bin/sh\nexec {command}\n", encoding="utf-8")
        python.chmod(0o755)
        settings = Settings(data_dir=folder)
        for name in ("one", "two"):
            model = settings.models / "coqui" / name
            model.mkdir(parents=True)
            (model / "config.json").write_text('{"model": "vits", "phoneme_language": "en"}', encoding="utf-8")
            (model / "model.pth").write_bytes(b"")
        self.engine = Coqui(Coqui.Options(python=str(python), open_wait_s=open_wait_s), settings)

    async def killed(self) -> None:
        """The process is gone, and the next one is not ready before `let`."""
        (self.folder / "go").unlink()
        pid = self.engine._worker.pid
        assert pid is not None
        os.kill(pid, signal.SIGKILL)
        await until(lambda: self.engine._worker.pid is None, 10, "the end of the process")

    def let(self) -> None:
        """Processes get ready."""
        (self.folder / "go").touch()

    def asked(self) -> list[str]:
        """What all processes so far were asked."""
        return (self.folder / "asked").read_text(encoding="utf-8").split()

    async def said(self, voice: str = "") -> bool:
        """Whether a sentence sounds."""
        stream = self.engine.stream("Good evening.", Prosody(), Voice(name=voice, language="en"))
        return any([isinstance(event, Sound) async for event in stream])

    async def speaks(self, voice: str = "") -> bool:
        """As `said`, opened before, False while it cannot."""
        try:
            await self.engine.open()
            return await self.said(voice)
        except EngineFailed:
            return False


@asynccontextmanager
async def speaking(folder: Path, *, open_wait_s: float) -> AsyncIterator[House]:
    """A house that has spoken."""
    house = House(folder, open_wait_s)
    house.let()
    try:
        await until(house.speaks, 15, "the first sentence")
        yield house
    finally:
        await house.engine.close()


@pytest.fixture(autouse=True)
def no_pauses(monkeypatch: pytest.MonkeyPatch) -> None:
    """The next start may follow at once."""
    monkeypatch.setattr(process, "_BACKOFF_S", (0.0,))


async def test_a_line_that_is_cut_does_not_end_the_start(tmp_path: Path) -> None:
    """Barge-in after barge-in while the process imports: it is the same process that speaks at last."""
    async with speaking(tmp_path, open_wait_s=60.0) as house:
        await house.killed()
        for _ in range(3):
            line = asyncio.create_task(house.said())
            await until(lambda: house.asked().count("start") == 2, 15, "the next start")
            line.cancel()
            await asyncio.wait([line])
            assert line.cancelled()
        house.let()
        assert await house.said()
        assert house.asked().count("start") == 2


async def test_no_line_waits_for_long(tmp_path: Path) -> None:
    """A line goes to the next engine after `open_wait_s`, and the process starts all the same."""
    async with speaking(tmp_path, open_wait_s=0.0) as house:
        await house.killed()
        for _ in range(3):
            with pytest.raises(EngineFailed):
                await house.said()
        house.let()
        await until(house.speaks, 15, "a sentence after the restart")
        assert house.asked().count("start") == 2


async def test_a_new_process_is_told_to_load_before_it_is_to_speak(tmp_path: Path) -> None:
    """What the dead one had loaded is gone; within a sentence the time for loading would be that of a stall."""
    async with speaking(tmp_path, open_wait_s=60.0) as house:
        await house.killed()
        house.let()
        assert await house.said()
        assert house.asked() == ["start", "load", "speak"] * 2


async def test_a_further_model_is_loaded_beside_the_lines(tmp_path: Path) -> None:
    """A voice of another model: its line goes to the next engine, a later one finds it loaded, and both models speak."""
    async with speaking(tmp_path, open_wait_s=0.0) as house:
        with pytest.raises(EngineFailed):
            await house.said("two")
        await until(lambda: house.asked().count("load") == 2, 15, "the further model")
        await until(lambda: house.speaks("two"), 15, "its sentence")
        assert await house.said("one")
        assert house.asked().count("load") == 2


async def test_an_interpreter_that_cannot_be_run_is_an_engine_that_failed(tmp_path: Path) -> None:
    """A typed error, so that the next engine speaks."""
    house = House(tmp_path, 60.0)
    house.python.chmod(0o644)
    with pytest.raises(EngineFailed):
        await house.engine.open()
    await house.engine.close()
