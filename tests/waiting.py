"""Waiting for a state, with a deadline: no test sleeps and hopes."""

from __future__ import annotations

import asyncio
import inspect
import time
from collections.abc import Callable
from typing import Any


async def until(condition: Callable[[], Any], timeout_s: float = 30.0, what: str = "the state", every_s: float = 0.02) -> Any:
    """Ask `condition` (sync or async) until what it returns is true, and return that."""
    try:
        async with asyncio.timeout(timeout_s):
            while True:
                value = condition()
                if inspect.isawaitable(value):
                    value = await value
                if value:
                    return value
                await asyncio.sleep(every_s)
    except TimeoutError as error:
        raise AssertionError(f"{what} never came") from error


def until_at_last(condition: Callable[[], bool], timeout_s: float = 10.0, what: str = "the state") -> None:
    """The same outside of an event loop."""
    deadline = time.monotonic() + timeout_s
    while not condition():
        assert time.monotonic() < deadline, f"{what} never came"
        time.sleep(0.01)
