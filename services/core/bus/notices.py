"""Notices: small announcements to every process over Redis pub/sub. They may be lost, so each only says "look again"."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator
from typing import Final

from redis.asyncio import Redis
from redis.exceptions import ConnectionError as RedisConnectionError
from redis.exceptions import TimeoutError as RedisTimeoutError

SETTINGS: Final = "souffleur:notice:settings"
"""A new version of the live settings stands in the store."""

_POLL_S: Final = 5.0
_RETRY_S: Final = 0.5


async def announce(redis: Redis, channel: str, text: str = "") -> None:
    """Tell every process that listens on `channel`."""
    await redis.publish(channel, text)


async def listen(redis: Redis, channel: str) -> AsyncIterator[str]:
    """Yield once at the start, at every announcement, and every few seconds, since an announcement may have been missed."""
    yield ""
    task = asyncio.current_task()
    # redis-py may swallow a cancellation that arrives together with an answer (Python 3.11's `wait_for`): look for it.
    while task is None or not task.cancelling():
        pubsub = redis.pubsub()
        try:
            await pubsub.subscribe(channel)
            while task is None or not task.cancelling():
                message = await pubsub.get_message(ignore_subscribe_messages=True, timeout=_POLL_S)
                yield message["data"].decode() if message else ""
        except (RedisConnectionError, RedisTimeoutError):
            await asyncio.sleep(_RETRY_S)
        finally:
            await pubsub.aclose()  # type: ignore[no-untyped-call]
