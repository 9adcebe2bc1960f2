"""A cancelled sentence of the Coqui worker: its model stops after the step under way. The worker is the true one, in a process of its own."""

from __future__ import annotations

import asyncio
import io
import json
import shlex
import sys
from asyncio.subprocess import PIPE, Process
from collections.abc import AsyncIterator
from contextlib import aclosing, asynccontextmanager
from pathlib import Path
from typing import Any, Final

import pytest

from services.tts.engines.coqui.process import Worker
from services.tts.engines.coqui.worker import frames
from tests.making import coqui_steps
from tests.waiting import until

pytestmark = pytest.mark.timeout(60)
LONG: Final = 1_000
OPTIONS: Final = {"device": "cpu", "threads": 1, "loaded": 1}


class Notes:
    """What the process writes down, and the word it waits for."""

    def __init__(self, folder: Path) -> None:
        self._folder = folder

    def lines(self) -> list[str]:
        """So far."""
        done = self._folder / "done"
        return done.read_text(encoding="utf-8").splitlines() if done.exists() else []

    async def until(self, line: str) -> None:
        """It is written."""
        await until(lambda: line in self.lines(), 30, line)

    def steps(self, name: str) -> int:
        """How many a sentence began."""
        return sum(line.startswith(f"step {name} ") for line in self.lines())

    def go(self) -> None:
        """Let the step go on that is held."""
        (self._folder / "go").touch()


class Line:
    """Frames to the worker and from it."""

    def __init__(self, child: Process) -> None:
        self._child = child

    def send(self, *sent: bytes) -> None:
        """All at once."""
        assert self._child.stdin is not None
        self._child.stdin.write(b"".join(sent))

    async def answer(self) -> tuple[bytes, int]:
        """The kind and the job of the next frame."""
        assert self._child.stdout is not None
        async with asyncio.timeout(30):
            kind, job, length = frames.HEADER.unpack(await self._child.stdout.readexactly(frames.HEADER.size))
            await self._child.stdout.readexactly(length)
        return kind, job

    async def answers(self, count: int) -> list[tuple[bytes, int]]:
        """The next ones."""
        return [await self.answer() for _ in range(count)]

    async def rest(self) -> list[tuple[bytes, int]]:
        """The answers until the worker ends, which it does when its input ends."""
        assert self._child.stdin is not None
        assert self._child.stdout is not None
        self._child.stdin.close()
        async with asyncio.timeout(30):
            left = io.BytesIO(await self._child.stdout.read())
        return [frame[:2] for frame in iter(lambda: frames.read(left), None)]


def asked(name: str, steps: int, sounds: list[int], held: int = 0) -> dict[str, Any]:
    """A sentence."""
    return {"model": "any", "name": name, "steps": steps, "sounds": sounds, "held": held}


def spoken(job: int, name: str, steps: int, sounds: list[int], held: int = 0) -> bytes:
    """Its frame."""
    return frames.told(frames.SPEAK, job, **asked(name, steps, sounds, held))


@asynccontextmanager
async def working(folder: Path) -> AsyncIterator[Line]:
    """A worker that is ready."""
    child = await asyncio.create_subprocess_exec(sys.executable, coqui_steps.__file__, str(folder), json.dumps(OPTIONS), stdin=PIPE, stdout=PIPE)
    try:
        line = Line(child)
        assert await line.answer() == (frames.READY, 0)
        yield line
    finally:
        if child.returncode is None:
            child.kill()
        await child.wait()


async def test_a_cancelled_sentence_makes_no_further_step(tmp_path: Path) -> None:
    """The step under way is the last of a thousand; one end and no sound behind the cancellation, and the next sentence is whole."""
    notes = Notes(tmp_path)
    async with working(tmp_path) as line:
        line.send(spoken(1, "long", LONG, [5, 500, LONG], held=12))
        assert await line.answer() == (frames.AUDIO, 1)
        await notes.until("step long 12")
        line.send(frames.packed(frames.CANCEL, 1))
        await notes.until("took C 1")
        notes.go()
        assert await line.answer() == (frames.END, 1)
        assert notes.steps("long") == 12
        line.send(spoken(2, "next", 3, [1, 3]))
        assert await line.answers(3) == [(frames.AUDIO, 2)] * 2 + [(frames.END, 2)]
        assert await line.rest() == []
        assert notes.steps("long") == 12


async def test_a_sentence_whose_reader_is_slow_ends_when_it_is_cancelled(tmp_path: Path) -> None:
    """It waits to be allowed its fifth piece; neither a late permission nor a second cancellation is answered."""
    notes = Notes(tmp_path)
    async with working(tmp_path) as line:
        line.send(spoken(1, "long", LONG, list(range(1, LONG + 1))))
        assert await line.answers(frames.CREDITS) == [(frames.AUDIO, 1)] * frames.CREDITS
        line.send(frames.packed(frames.CREDIT, 1))
        assert await line.answer() == (frames.AUDIO, 1)
        line.send(frames.packed(frames.CANCEL, 1), frames.packed(frames.CREDIT, 1), frames.packed(frames.CANCEL, 1), spoken(2, "next", 1, [1]))
        assert await line.answers(3) == [(frames.END, 1), (frames.AUDIO, 2), (frames.END, 2)]
        assert notes.steps("long") == frames.CREDITS + 1
        assert await line.rest() == []


async def test_a_sentence_that_is_cancelled_before_its_turn_is_never_begun(tmp_path: Path) -> None:
    """And the one that was under way goes on to its end."""
    notes = Notes(tmp_path)
    async with working(tmp_path) as line:
        line.send(spoken(1, "first", 20, [20], held=3))
        await notes.until("step first 3")
        line.send(spoken(2, "other", LONG, [LONG]), frames.packed(frames.CANCEL, 2))
        await notes.until("took C 2")
        notes.go()
        assert await line.answers(3) == [(frames.END, 2), (frames.AUDIO, 1), (frames.END, 1)]
        assert (notes.steps("first"), notes.steps("other")) == (20, 0)
        assert await line.rest() == []


async def test_a_reader_that_leaves_stops_the_model(tmp_path: Path) -> None:
    """Through the engine's own end of the pipe: a closed stream is a cancellation, and nothing is owed any more."""
    python = tmp_path / "python"
    python.write_text(f'#!/bin/sh\nexec {shlex.join([sys.executable, coqui_steps.__file__, str(tmp_path)])} "$@"\n', encoding="utf-8")
    python.chmod(0o755)
    worker = Worker(python, OPTIONS, start_s=30.0, stall_s=30.0)
    notes = Notes(tmp_path)
    try:
        await worker.start()
        async with aclosing(worker.speak(asked("long", LONG, [5, 500, LONG], held=12))) as stream:
            await anext(stream)
            await notes.until("step long 12")
        await notes.until("took C 1")
        notes.go()
        await until(lambda: not worker._answers, 30, "the worker's word that it has stopped")
        assert notes.steps("long") == 12
        assert len([piece async for piece in worker.speak(asked("next", 3, [1, 3]))]) == 2
        assert notes.steps("long") == 12
    finally:
        await worker.close()
