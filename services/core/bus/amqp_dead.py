"""What RabbitMQ has put aside: looked at without being taken."""

from __future__ import annotations

from collections.abc import AsyncIterator
from datetime import datetime
from typing import Any, cast

from aio_pika.abc import AbstractChannel, AbstractIncomingMessage

from services.core.bus.corrections import DeadLetter, Letter
from services.core.errors import InvalidRequest

_REASONS = {"rejected": "refused", "delivery_limit": "delivery limit"}


async def buried(channel: AbstractChannel, queue: str, limit: int) -> AsyncIterator[AbstractIncomingMessage]:
    """The oldest messages of `queue`; those not acknowledged go back when `channel` closes."""
    dead = await channel.get_queue(queue, ensure=False)
    for _ in range(limit):
        message = await dead.get(fail=False)
        if message is None:
            return
        yield message


def dead_letter(message: AbstractIncomingMessage, limit: int) -> DeadLetter:
    """As the desk sees it. The broker forgets how often it delivered what it put aside: `limit` times, or it was refused, mostly at once."""
    try:
        letter = Letter.from_bytes(message.body)
    except InvalidRequest:
        letter = Letter(id=message.message_id or f"unreadable-{message.delivery_tag}", session="", correction="")
    deaths = cast(dict[str, Any], message.headers).get("x-death")
    last = deaths[0] if isinstance(deaths, list) and deaths and isinstance(deaths[0], dict) else {}
    reason, at = str(last.get("reason", "")), last.get("time")
    at_ms = int(at.timestamp() * 1000) if isinstance(at, datetime) else 0
    return DeadLetter(letter, limit if reason == "delivery_limit" else 1, at_ms, _REASONS.get(reason, reason))
