"""What the outside asks a program for: to end once what runs has come to its end, or at once."""

from __future__ import annotations

import asyncio
import signal
from typing import Final

_HEEDED: Final = (signal.SIGINT, signal.SIGTERM)


class Signals:
    """The first SIGTERM asks for an end in order; SIGINT (Ctrl-C), or a second one of either, for a quick end. The one after that ends the process."""

    def __init__(self) -> None:
        """Heeds nothing before `listen`."""
        self.asked = asyncio.Event()
        """The program is to end."""
        self.at_once = asyncio.Event()
        """Nothing is to be waited for."""

    def listen(self) -> None:
        """From now on signals ask instead of ending the process."""
        loop = asyncio.get_running_loop()
        for number in _HEEDED:
            loop.add_signal_handler(number, self._take, number)

    def hurry(self) -> None:
        """Nothing is waited for any more: the next signal ends the process."""
        if self.at_once.is_set():
            return
        self.at_once.set()
        loop = asyncio.get_running_loop()
        for number in _HEEDED:
            loop.remove_signal_handler(number)
            signal.signal(number, signal.SIG_DFL)

    def _take(self, number: int) -> None:
        if number == signal.SIGINT or self.asked.is_set():
            self.hurry()
        self.asked.set()
