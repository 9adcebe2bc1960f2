"""What the fake provider says through the text relay, and how fast: the name of its model is its pace."""

from __future__ import annotations

import json
from dataclasses import dataclass
from functools import cache


@dataclass(frozen=True, slots=True)
class Pace:
    """So many tokens, one every so many ms; 0 = all of them at once."""

    tokens: int
    token_ms: float

    @classmethod
    def of(cls, name: str) -> Pace:
        """By the model's name."""
        return PACES[name]


PACES = {"paced": Pace(60, 5.0), "flood": Pace(200, 0.0)}


def body_of(model: str) -> bytes:
    """A client's request."""
    messages = [{"role": "system", "content": "You are terse."}, {"role": "user", "content": "Who will guide me across the marsh before the moon is full?"}]
    return json.dumps({"model": model, "messages": messages, "stream": True}).encode()


@cache
def events_of(pace: Pace) -> list[bytes]:
    """The answer's server-sent events, each as one HTTP chunk."""
    words = [f" word{number}" for number in range(pace.tokens)]
    values = [_event({"content": word}) for word in words] + [_event({}, "stop")]
    events = [_chunked(b"data: " + json.dumps(value, separators=(",", ":")).encode() + b"\n\n") for value in values]
    return [*events[:-1], events[-1] + _chunked(b"data: [DONE]\n\n") + b"0\r\n\r\n"]


def _event(delta: dict[str, str], reason: str | None = None) -> dict[str, object]:
    choice = {"index": 0, "delta": delta, "finish_reason": reason}
    return {"id": "chatcmpl-fake", "object": "chat.completion.chunk", "created": 1, "model": "fake", "choices": [choice]}


def _chunked(data: bytes) -> bytes:
    return f"{len(data):x}\r\n".encode() + data + b"\r\n"
