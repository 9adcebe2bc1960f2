"""A data channel that is a list."""

from __future__ import annotations

import json
from collections.abc import Callable
from types import SimpleNamespace
from typing import Any


class Channel:
    """What a `CallWire` asks of the library's; what is sent is out at once."""

    def __init__(self, label: str) -> None:
        """It stands."""
        self.label = label
        self.readyState = "open"
        self.bufferedAmount = 0
        self.bufferedAmountLowThreshold = 0
        self.sent: list[dict[str, Any]] = []
        self.transport = SimpleNamespace(transport=SimpleNamespace(state="connected"))
        """What carries it stands as well."""
        self._told: dict[str, Callable[..., None]] = {}

    def on(self, event: str, told: Callable[..., None]) -> None:
        """Remember whom to tell."""
        self._told[event] = told

    def fire(self, event: str, *given: Any) -> None:
        """Tell them."""
        self._told[event](*given)

    def send(self, text: str) -> None:
        """Keep an event."""
        self.sent.append(json.loads(text))

    def close(self) -> None:
        """As the library tells it."""
        self.readyState = "closed"
        self.fire("close")
