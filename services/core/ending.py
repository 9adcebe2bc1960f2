"""Tasks that are told to end."""

from __future__ import annotations

import asyncio


def goes_on() -> bool:
    """False once the task is told to end: libraries swallow a cancellation that arrives together with an answer, or raise their own error in its place."""
    task = asyncio.current_task()
    return task is None or not task.cancelling()
