"""The settings in force: a snapshot that is swapped whole when the manager announces a change."""

from __future__ import annotations

import json
from collections.abc import Callable

from services.core.errors import SettingsRejected
from services.core.settings import Settings, overlaid


class LiveSettings:
    """Hands out the current snapshot. Take one per turn and keep it."""

    def __init__(self, base: Settings) -> None:
        """`base` is file, environment and command line; overrides come on top."""
        self._base = base
        self._current = base
        self._version = 0
        self._listeners: list[Callable[[Settings], None]] = []

    @property
    def current(self) -> Settings:
        """The snapshot in force."""
        return self._current

    @property
    def version(self) -> int:
        """Rises with every change."""
        return self._version

    @property
    def base(self) -> Settings:
        """The settings without live overrides."""
        return self._base

    def on_change(self, listener: Callable[[Settings], None]) -> None:
        """Call `listener` with every new snapshot, on the loop, at once."""
        self._listeners.append(listener)

    def accept(self, version: int, overrides: str) -> bool:
        """Take over announced overrides (JSON). Older versions are ignored; False if nothing changed."""
        if version <= self._version:
            return False
        patch = json.loads(overrides or "{}")
        if not isinstance(patch, dict):
            raise SettingsRejected("overrides are not an object")
        self._current = overlaid(self._base, patch)
        self._version = version
        for listener in self._listeners:
            listener(self._current)
        return True
