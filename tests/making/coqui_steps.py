"""The true Coqui worker with a model that counts its steps, without torch: `<python> tests/making/coqui_steps.py FOLDER ... OPTIONS`.

A sentence asks for `steps`, of which those in `sounds` make a sound; `held` waits until FOLDER/go is there. What happens is written to FOLDER/done,
a line each: `step JOB NUMBER` when a step begins, `took KIND JOB` when a frame was read.
"""

from __future__ import annotations

import importlib
import sys
import time
from collections.abc import Iterator
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import numpy as np

ENGINE = Path(__file__).parents[2] / "services" / "tts" / "engines" / "coqui"
RATE = 24_000


class Steps:
    """Loads at once and speaks step by step."""

    kind, rate, languages, speakers = "xtts", RATE, ("en",), ()

    def __init__(self, folder: Path) -> None:
        """`folder` is the one that it writes to."""
        self._folder = folder

    def of(self, folder: str) -> Steps:
        """Every model is this one."""
        return self

    def note(self, line: str) -> None:
        """For the test to read."""
        with (self._folder / "done").open("a", encoding="utf-8") as file:
            file.write(f"{line}\n")

    def speak(self, asked: dict[str, Any]) -> Iterator[Any]:
        """Mostly None, as a model whose tokens make a sound only now and then."""
        for step in range(1, asked["steps"] + 1):
            self.note(f"step {asked['name']} {step}")
            while step == asked["held"] and not (self._folder / "go").exists():
                time.sleep(0.005)
            yield np.full(RATE // 100, 0.1, np.float32) if step in asked["sounds"] else None


def main(folder: Path) -> None:
    """Serve until the input ends: everything is the worker's own but the libraries and the model."""
    sys.path.insert(0, str(ENGINE))
    worker: Any = importlib.import_module("worker.main")
    steps = Steps(folder)

    class Noting(worker.Worker):  # type: ignore[misc]
        """Says what it has read, once that is sure to be seen after the step under way."""

        def take(self, frame: tuple[bytes, int, bytes]) -> None:
            """As the worker does."""
            super().take(frame)
            steps.note(f"took {frame[0].decode()} {frame[1]}")

    worker.libraries.ready = lambda device, threads: SimpleNamespace(__version__="none")
    worker.libraries.device_of = lambda torch, wish: "cpu"
    worker.Models = lambda torch, device, kept: steps
    worker.Worker = Noting
    worker.main()


if __name__ == "__main__":
    main(Path(sys.argv[1]))
