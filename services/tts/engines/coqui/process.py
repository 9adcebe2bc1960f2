"""The worker as the engine sees it: started when needed, watched, ended when it stalls, started again after a growing pause."""

from __future__ import annotations

import asyncio
import contextlib
import json
from asyncio.subprocess import DEVNULL, PIPE, Process
from collections.abc import AsyncGenerator
from itertools import count
from pathlib import Path
from typing import Any, Final

import structlog

from services.core.errors import ConsentMissing, EngineFailed, Overloaded
from services.core.settings import scrubbed_environment
from services.tts.engines.coqui.worker import frames

_BACKOFF_S: Final = (0.0, 1.0, 2.0, 5.0, 15.0, 60.0)
"""Pause before each further start in a row."""
_STEADY_S: Final = 60.0
"""A worker that lived so long begins that row anew."""
_FOLDER: Final = Path(__file__).parent
_START: Final = "import sys; sys.path.insert(0, sys.argv[1]); from worker.main import main; main()"

_log = structlog.get_logger(__name__)


class Worker:
    """One child process; any number of sentences at once."""

    def __init__(self, python: Path, options: dict[str, Any], *, start_s: float, stall_s: float) -> None:
        """`options` are the worker's own; one that owes sound and gives none for `stall_s` is ended, `start_s` is for importing and for each loading."""
        self._command = (str(python), "-I", "-c", _START, str(_FOLDER), json.dumps(options))
        self._start_s, self._stall_s = start_s, stall_s
        self._starting = asyncio.Lock()
        self._child: Process | None = None
        self._reader: asyncio.Task[None] | None = None
        self._answers: dict[int, asyncio.Queue[frames.Frame]] = {}
        self._loading = 0
        self._numbers = count(1)
        self._starts, self._started_at = 0, 0.0
        self.about: dict[str, Any] = {}
        """What it said when it was ready: device, its name, torch's version."""
        self.told: dict[Path, dict[str, Any]] = {}
        """What its loaded models said of themselves; a worker that is started anew has loaded none."""

    @property
    def pid(self) -> int | None:
        """Of the running child."""
        return self._child.pid if self._alive() and self._child is not None else None

    async def start(self) -> None:
        """Have it run. Raises `EngineFailed` if it does not start, or may not yet be started again."""
        async with self._starting:
            if self._alive():
                return
            await self._end()
            now = asyncio.get_running_loop().time()
            if self._starts and now - self._started_at > _STEADY_S:
                self._starts = 0
            wait = self._started_at + _BACKOFF_S[min(self._starts, len(_BACKOFF_S) - 1)] - now
            if self._starts and wait > 0:
                raise EngineFailed("the Coqui worker ended and is given a pause before its next start")
            self._starts, self._started_at = self._starts + 1, now
            await self._spawn()

    async def close(self) -> None:
        """End it; sentences under way fail."""
        async with self._starting:
            await self._end()

    def has(self, model: Path) -> bool:
        """Whether it runs and has loaded this model."""
        return self._alive() and model in self.told

    async def load(self, model: Path) -> None:
        """Load a model, after which `told` has what it can do. Raises `EngineFailed`."""
        number, answers = self._job()
        self._loading += 1
        try:
            await self._send(frames.told(frames.LOAD, number, model=str(model)))
            async with asyncio.timeout(self._start_s):
                kind, _, payload = await answers.get()
            told = dict(json.loads(payload))
        except TimeoutError:
            await self.close()
            raise EngineFailed("the Coqui model was not loaded in time") from None
        finally:
            self._loading -= 1
            self._answers.pop(number, None)
        if kind == frames.FAILED:
            raise _failure(told)
        self.told[model] = told

    async def speak(self, asked: dict[str, Any]) -> AsyncGenerator[tuple[int, bytes], None]:
        """(rate, float32 samples), piece by piece. Closing cancels: at most the step under way is still made."""
        number, answers = self._job()
        ended = False
        try:
            await self._send(frames.told(frames.SPEAK, number, **asked))
            while True:
                kind, _, payload = await answers.get()
                if kind == frames.END:
                    ended = True
                    return
                if kind == frames.FAILED:
                    ended = True
                    raise _failure(json.loads(payload))
                (rate,) = frames.RATE.unpack_from(payload)
                yield rate, payload[frames.RATE.size :]
                await self._send(frames.packed(frames.CREDIT, number))
        finally:
            if ended:
                self._answers.pop(number, None)
            elif number in self._answers:
                # Its end is still owed, so that a worker which never lets go is noticed.
                self._answers[number] = asyncio.Queue()
                with contextlib.suppress(EngineFailed):
                    await self._send(frames.packed(frames.CANCEL, number))

    def _alive(self) -> bool:
        return self._child is not None and self._reader is not None and not self._reader.done()

    async def _spawn(self) -> None:
        self.told.clear()
        try:
            child = await asyncio.create_subprocess_exec(
                *self._command, stdin=PIPE, stdout=PIPE, stderr=DEVNULL, env=scrubbed_environment(), start_new_session=True
            )
        except OSError as error:
            raise EngineFailed(f"the Coqui worker did not start: {error.strerror}") from error
        ready: asyncio.Queue[frames.Frame] = asyncio.Queue()
        self._answers = {0: ready}
        self._child = child
        self._reader = asyncio.create_task(self._read(child), name="coqui")
        try:
            async with asyncio.timeout(self._start_s):
                kind, _, payload = await ready.get()
        except BaseException as error:
            await self._end()
            if isinstance(error, TimeoutError):
                raise EngineFailed("the Coqui worker did not start in time") from None
            raise
        if kind != frames.READY:
            await self._end()
            raise EngineFailed("the Coqui worker did not start: `make coqui` sets its environment up again")
        self._answers.pop(0, None)
        self.about = json.loads(payload)
        _log.info("tts.coqui_started", device=self.about["device"], torch=self.about["torch"])

    async def _end(self) -> None:
        child, self._child = self._child, None
        if child is None:
            return
        # It holds nothing that could be lost, and a step of the model cannot be interrupted otherwise.
        if child.returncode is None:
            with contextlib.suppress(ProcessLookupError):
                child.kill()
        await child.wait()
        if self._reader is not None:
            await asyncio.wait([self._reader])

    async def _read(self, child: Process) -> None:
        try:
            while True:
                kind, number, payload = await self._frame(child)
                queue = self._answers.get(number)
                if queue is None:
                    continue
                queue.put_nowait((kind, number, payload))
                if kind in {frames.END, frames.FAILED, frames.LOAD}:
                    self._answers.pop(number, None)
        except (asyncio.IncompleteReadError, EngineFailed) as error:
            _log.warning("tts.coqui_ended", stalled=isinstance(error, EngineFailed), owed=len(self._answers))
        finally:
            if child.returncode is None:
                with contextlib.suppress(ProcessLookupError):
                    child.kill()
            gone = json.dumps({"reason": "gone", "place": ""}).encode()
            for number, queue in self._answers.items():
                queue.put_nowait((frames.FAILED, number, gone))
            self._answers = {}

    async def _frame(self, child: Process) -> frames.Frame:
        """The next frame. Raises `EngineFailed` when one is owed and none comes, or it is too large."""
        if child.stdout is None:
            raise EngineFailed("the worker has no output")
        reading = asyncio.ensure_future(child.stdout.readexactly(frames.HEADER.size))
        try:
            while not reading.done():
                owed = set() if self._loading else set(self._answers)
                await asyncio.wait([reading], timeout=self._stall_s)
                # Only what was owed all that time counts, and neither a slow reader on this side nor the loading of a model, which has its own limit.
                if not reading.done() and any(self._answers[number].empty() for number in owed & set(self._answers) if number):
                    raise EngineFailed("the worker says nothing")
            kind, number, length = frames.HEADER.unpack(reading.result())
        finally:
            reading.cancel()
        if length > frames.MAX_FRAME:
            raise EngineFailed("the worker sent too large a frame")
        return kind, number, await child.stdout.readexactly(length)

    def _job(self) -> tuple[int, asyncio.Queue[frames.Frame]]:
        number = next(self._numbers) & 0xFFFFFFFF
        answers = self._answers[number] = asyncio.Queue()
        return number, answers

    async def _send(self, frame: bytes) -> None:
        child = self._child
        if not self._alive() or child is None or child.stdin is None:
            raise EngineFailed("the Coqui worker is not running")
        try:
            child.stdin.write(frame)
            await child.stdin.drain()
        except (BrokenPipeError, ConnectionResetError):
            raise EngineFailed("the Coqui worker ended") from None


def _failure(told: dict[str, Any]) -> Exception:
    reason = str(told.get("reason", ""))
    if reason == "ClipChanged":
        return ConsentMissing("the voice's clip is not the one that consent was given for")
    if reason == "busy":
        return Overloaded("the Coqui worker has all it can do")
    _log.warning("tts.coqui_failed", reason=reason, place=told.get("place", ""))
    return EngineFailed("the Coqui worker ended" if reason == "gone" else f"Coqui could not speak the sentence: {reason}")
