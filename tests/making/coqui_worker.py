"""A Coqui worker without torch: `<python> tests/making/coqui_worker.py FOLDER`. It loads anything and hums, and stays away until FOLDER/go is there.

What it was asked is written to FOLDER/asked, a word each: `start`, `load`, `speak`.
"""

from __future__ import annotations

import array
import importlib
import math
import sys
import time
from pathlib import Path
from typing import Any

ENGINE = Path(__file__).parents[2] / "services" / "tts" / "engines" / "coqui"
RATE = 24_000
KINDS = {b"L": "load", b"S": "speak"}


def main(folder: Path, frames: Any) -> None:
    """Serve until the input ends."""

    def note(word: str) -> None:
        with (folder / "asked").open("a") as file:
            file.write(f"{word}\n")

    def write(frame: bytes) -> None:
        sys.stdout.buffer.write(frame)
        sys.stdout.buffer.flush()

    note("start")
    while not (folder / "go").exists():
        time.sleep(0.01)
    write(frames.told(frames.READY, 0, device="cpu", name="", torch="none"))
    hum = array.array("f", [0.3 * math.sin(2 * math.pi * 220 * step / RATE) for step in range(RATE // 4)])
    while (frame := frames.read(sys.stdin.buffer)) is not None:
        kind, number, _ = frame
        if kind not in KINDS:
            continue
        note(KINDS[kind])
        if kind == frames.LOAD:
            write(frames.told(frames.LOAD, number, kind="vits", rate=RATE, languages=["en"], speakers=[]))
        else:
            write(frames.packed(frames.AUDIO, number, frames.RATE.pack(RATE) + hum.tobytes()))
            write(frames.packed(frames.END, number))


if __name__ == "__main__":
    sys.path.insert(0, str(ENGINE))
    main(Path(sys.argv[1]), importlib.import_module("worker.frames"))
