"""The idle prompt: after a silence a character may take the floor, a few times in a row and no more, until somebody says something."""

from __future__ import annotations

import asyncio
from collections.abc import Callable
from typing import Final

from services.core.clock import Clock

PROMPT: Final = "Nobody has said anything for a while. Take up the conversation, in one or two short sentences: say or ask something that fits the moment."


class Idling:
    """Of one place."""

    def __init__(self, clock: Clock, after_s: Callable[[], float], most: Callable[[], int], speak: Callable[[], bool]) -> None:
        """`after_s` of silence somebody speaks up, 0 = never; `most` times in a row.

        `speak` has a character speak up, unless somebody has the floor, waits for it or is not there; whether one does.
        """
        self._clock = clock
        self._after_s = after_s
        self._most = most
        self._speak = speak
        self._prompted = 0
        self._quiet_since = clock.now()
        self._timer: asyncio.TimerHandle | None = None
        self._closed = False

    def said(self) -> None:
        """Somebody has said something."""
        self._prompted = 0
        self.stirred()

    def stirred(self) -> None:
        """Something has happened: the silence begins anew."""
        self._quiet_since = self._clock.now()
        if self._timer is None and self._due_s() is not None:
            self._arm()

    def close(self) -> None:
        """No more prompts, whatever happens."""
        self._closed = True
        if self._timer is not None:
            self._timer.cancel()
            self._timer = None

    def _due_s(self) -> float | None:
        """In how long somebody is to speak up; None = nobody is."""
        after_s = self._after_s()
        if self._closed or not after_s or self._prompted >= self._most():
            return None
        return max(0.0, self._quiet_since + after_s - self._clock.now())

    def _arm(self) -> None:
        due_s = self._due_s()
        self._timer = None if due_s is None else asyncio.get_running_loop().call_later(due_s, self._look)

    def _look(self) -> None:
        """One timer runs on; whatever happened meanwhile has only moved the moment."""
        self._timer = None
        due_s = self._due_s()
        if due_s is not None and due_s <= 0:
            if self._speak():
                self._prompted += 1
            self._quiet_since = self._clock.now()
        if self._timer is None:
            # Whoever spoke up has stirred.
            self._arm()
