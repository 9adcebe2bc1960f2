"""The real corrections service in a process of its own, which kills itself where it is told to: `python -m ... SETTINGS POINT PASS`."""

from __future__ import annotations

import asyncio
import os
import signal
import sys
from collections import Counter

from services.compose import compose
from services.core.settings import Settings
from services.core.signals import Signals
from services.corrections.app import working


async def _main(settings: Settings, point: str, passes: int) -> None:
    reached: Counter[str] = Counter()

    async def hook(here: str) -> None:
        reached[here] += 1
        if here == point and reached[here] == passes:
            # No handler runs, no buffer is written: as if the power went.
            os.kill(os.getpid(), signal.SIGKILL)

    async with compose(settings) as runtime, working(runtime, hook):
        sys.stdout.write("working\n")
        sys.stdout.flush()
        signals = Signals()
        signals.listen()
        await signals.asked.wait()


if __name__ == "__main__":
    asyncio.run(_main(Settings.model_validate_json(sys.argv[1]), sys.argv[2], int(sys.argv[3])))
