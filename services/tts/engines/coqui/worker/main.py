"""The process that holds torch: runs in the environment of `make coqui`, knows nothing of the program but the frames on its pipes."""

from __future__ import annotations

import json
import os
import sys
import threading
from collections import OrderedDict, deque
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any, BinaryIO, Final

from . import frames, libraries

_JOBS: Final = 64


class Job:
    """A sentence under way."""

    def __init__(self, number: int, asked: dict[str, Any]) -> None:
        """Nothing is made yet."""
        self.number = number
        self.asked = asked
        self.credits = frames.CREDITS
        self.sent_s = 0.0
        self.steps: Iterator[Any] | None = None


class Models:
    """Loaded models, the latest ones kept."""

    def __init__(self, torch: Any, device: str, kept: int) -> None:
        """`device` is cpu or cuda."""
        self._torch = torch
        self._device = device
        self._kept = kept
        self._loaded: OrderedDict[str, Any] = OrderedDict()

    def of(self, folder: str) -> Any:
        """The model of a folder, from memory or from disk."""
        if folder not in self._loaded:
            from TTS.config import load_config

            from .vits import Vits
            from .xtts import Xtts

            config = load_config(str(Path(folder, "config.json")))
            made = {"xtts": Xtts, "vits": Vits}[str(config.model).lower()]
            self._loaded[folder] = made(Path(folder), config, self._device, self._torch)
        self._loaded.move_to_end(folder)
        while len(self._loaded) > self._kept:
            self._loaded.popitem(last=False)
        return self._loaded[folder]


class Worker:
    """One thread reads frames, this one makes sound: always for the sentence that has had the least."""

    def __init__(self, models: Models, write: Callable[[bytes], None]) -> None:
        """`write` sends a frame."""
        self._models = models
        self._write = write
        self._jobs: dict[int, Job] = {}
        self._came: deque[frames.Frame] = deque()
        self._wake = threading.Condition()

    def take(self, frame: frames.Frame) -> None:
        """From the reading thread."""
        with self._wake:
            self._came.append(frame)
            self._wake.notify()

    def run(self) -> None:
        """For ever."""
        while True:
            with self._wake:
                while not self._came and not self._runnable():
                    self._wake.wait()
                came, self._came = self._came, deque()
            for frame in came:
                self._act(*frame)
            # After every single step the frames are looked at again: a cancelled sentence makes no further one.
            if runnable := self._runnable():
                self._step(min(runnable, key=lambda job: job.sent_s))

    def _runnable(self) -> list[Job]:
        return [job for job in self._jobs.values() if job.credits > 0]

    def _act(self, kind: bytes, number: int, payload: bytes) -> None:
        job = self._jobs.get(number)
        if kind in {frames.SPEAK, frames.LOAD}:
            if len(self._jobs) >= _JOBS:
                self._write(frames.told(frames.FAILED, number, reason="busy", place=""))
            elif kind == frames.SPEAK:
                self._jobs[number] = Job(number, json.loads(payload))
            else:
                self._load(number, json.loads(payload))
        elif job is None:
            return
        elif kind == frames.CREDIT:
            job.credits += 1
        elif kind == frames.CANCEL:
            self._end(job)

    def _load(self, number: int, asked: dict[str, Any]) -> None:
        try:
            model = self._models.of(asked["model"])
        except Exception as error:
            self._failed(number, error)
        else:
            self._write(frames.told(frames.LOAD, number, kind=model.kind, rate=model.rate, languages=model.languages, speakers=model.speakers))

    def _step(self, job: Job) -> None:
        try:
            if job.steps is None:
                model = self._models.of(job.asked["model"])
                job.asked["rate"] = model.rate
                job.steps = model.speak(job.asked)
            samples = next(job.steps)
        except StopIteration:
            self._end(job)
        except Exception as error:
            del self._jobs[job.number]
            self._failed(job.number, error)
        else:
            if samples is not None:
                job.credits -= 1
                job.sent_s += samples.size / job.asked["rate"]
                self._write(frames.packed(frames.AUDIO, job.number, frames.RATE.pack(job.asked["rate"]) + samples.astype("<f4").tobytes()))

    def _end(self, job: Job) -> None:
        del self._jobs[job.number]
        self._write(frames.packed(frames.END, job.number))

    def _failed(self, number: int, error: Exception) -> None:
        # The message may hold the text that was to be spoken; the type and the place do not.
        last = error.__traceback__
        while last is not None and last.tb_next is not None:
            last = last.tb_next
        place = f"{Path(last.tb_frame.f_code.co_filename).name}:{last.tb_lineno}" if last else ""
        self._write(frames.told(frames.FAILED, number, reason=type(error).__name__, place=place))


def _outgoing() -> BinaryIO:
    """The pipe to the engine; whatever a library prints goes to the error output instead."""
    own = os.fdopen(os.dup(1), "wb", buffering=0)
    os.dup2(2, 1)
    return own


def main() -> None:
    """Serve until the input ends: its other end is in the hands of the parent, so a worker never outlives it."""
    options = json.loads(sys.argv[-1])
    outgoing = _outgoing()

    def write(frame: bytes) -> None:
        view = memoryview(frame)
        while view:
            view = view[outgoing.write(view) :]

    waiting: deque[frames.Frame] = deque()
    taking: list[Callable[[frames.Frame], None]] = [waiting.append]

    def reading() -> None:
        try:
            while (frame := frames.read(sys.stdin.buffer)) is not None:
                taking[0](frame)
        finally:
            # The other thread may be deep in a step of the model.
            os._exit(0)

    # Reading begins before the seconds of importing: a parent that ends meanwhile is noticed.
    threading.Thread(target=reading, name="reading", daemon=True).start()
    torch = libraries.ready(options["device"], options["threads"])
    device = libraries.device_of(torch, options["device"])
    worker = Worker(Models(torch, device, options["loaded"]), write)
    write(frames.told(frames.READY, 0, device=device, name=torch.cuda.get_device_name() if device == "cuda" else "", torch=torch.__version__))
    taking[0] = worker.take
    while waiting:
        worker.take(waiting.popleft())
    worker.run()
