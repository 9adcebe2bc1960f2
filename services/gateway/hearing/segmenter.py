"""Onset, pause, resume: a pure fold over judged windows. It never decides that an utterance has ended; the stage does."""

from __future__ import annotations

from collections import deque
from dataclasses import dataclass
from enum import Enum

from services.core.settings import HearingSettings
from services.gateway.hearing.vad import WINDOW_MS


@dataclass(frozen=True, slots=True, kw_only=True)
class Sensitivity:
    """When speech begins and pauses."""

    threshold: float
    release: float
    onset_windows: int
    pause_windows: int
    pre_roll_windows: int
    """All of them of `WINDOW_MS`."""

    @classmethod
    def of(cls, settings: HearingSettings, threshold: float | None = None, pre_roll_ms: int | None = None) -> Sensitivity:
        """From the settings; a connection may ask for its own threshold and pre-roll."""
        chosen = settings.threshold if threshold is None else min(max(threshold, 0.05), 0.95)
        pre_roll = settings.pre_roll_s * 1000 if pre_roll_ms is None else min(max(pre_roll_ms, 0), 1000)
        return cls(
            threshold=chosen,
            release=min(settings.release, chosen * settings.release / settings.threshold),
            onset_windows=settings.onset_windows,
            pause_windows=max(1, round(settings.pause_s * 1000 / WINDOW_MS)),
            pre_roll_windows=round(pre_roll / WINDOW_MS),
        )


@dataclass(frozen=True, slots=True)
class Began:
    """Speech: what was kept from before it, and its first windows."""

    start_ms: int
    """Of the audio handed over here, on the connection's scale."""
    audio: bytes


@dataclass(frozen=True, slots=True)
class Went:
    """One more window of the utterance, spoken or silent."""

    audio: bytes


@dataclass(frozen=True, slots=True)
class Hushed:
    """It has been silent for `silence_ms`."""

    silence_ms: int


@dataclass(frozen=True, slots=True)
class WentOn:
    """Speech again after a pause."""


Step = Began | Went | Hushed | WentOn


class _Phase(Enum):
    SILENT = 0
    TALKING = 1
    PAUSED = 2


class Segmenter:
    """One speaker. `push` every window; `end` when the stage has closed the utterance."""

    def __init__(self, sensitivity: Sensitivity, window_ms: int = WINDOW_MS) -> None:
        """Starts in silence, at the beginning of the connection's audio, which comes in windows of `window_ms`."""
        self._window_ms = window_ms
        self._ring: deque[bytes] = deque()
        self.tune(sensitivity)
        self._phase = _Phase.SILENT
        self._loud = 0
        self._quiet = 0
        self._base_ms = 0
        self._windows = 0
        self._spoken_from = 0
        self._spoken_to = 0

    @property
    def position_ms(self) -> int:
        """End of the last window, on the connection's scale."""
        return self._base_ms + self._windows * self._window_ms

    @property
    def speech_ms(self) -> int:
        """From the first to the last spoken window of this utterance."""
        return (self._spoken_to - self._spoken_from) * self._window_ms

    @property
    def talking(self) -> bool:
        """In speech and not in a pause."""
        return self._phase is _Phase.TALKING

    def tune(self, sensitivity: Sensitivity) -> None:
        """Other bars from the next window on."""
        self._sensitivity = sensitivity
        self._onset = self._count(sensitivity.onset_windows)
        self._pause = self._count(sensitivity.pause_windows)
        self._ring = deque(self._ring, self._count(sensitivity.pre_roll_windows) + self._onset)

    def _count(self, windows: int) -> int:
        """As many windows of this speaker's as last no longer than `windows` of `WINDOW_MS`."""
        return windows and max(1, windows * WINDOW_MS // self._window_ms)

    def push(self, window: bytes, probability: float) -> list[Step]:
        """What this window means."""
        self._windows += 1
        if self._phase is _Phase.SILENT:
            return self._listen(window, probability)
        steps: list[Step] = [Went(window)]
        bar = self._sensitivity.threshold if self._phase is _Phase.PAUSED else self._sensitivity.release
        if probability >= bar:
            self._quiet = 0
            self._spoken_to = self._windows
            if self._phase is _Phase.PAUSED:
                self._phase = _Phase.TALKING
                steps.append(WentOn())
            return steps
        self._quiet += 1
        if self._phase is _Phase.TALKING and self._quiet >= self._pause:
            self._phase = _Phase.PAUSED
            steps.append(Hushed(self._quiet * self._window_ms))
        return steps

    def _listen(self, window: bytes, probability: float) -> list[Step]:
        self._ring.append(window)
        self._loud = self._loud + 1 if probability >= self._sensitivity.threshold else 0
        return [self._begun()] if self._loud >= self._onset else []

    def hasten(self) -> Began | None:
        """Take what is loud just now for speech, however short it has been; None if nothing is."""
        return self._begun() if self._phase is _Phase.SILENT and self._loud else None

    def _begun(self) -> Began:
        audio = b"".join(self._ring)
        start_ms = self.position_ms - len(self._ring) * self._window_ms
        self._spoken_from = self._windows - self._loud
        self._spoken_to = self._windows
        self._ring.clear()
        self._loud = self._quiet = 0
        self._phase = _Phase.TALKING
        return Began(start_ms, audio)

    def hush(self) -> None:
        """The audio has stopped coming: that is a pause, too."""
        if self._phase is _Phase.TALKING:
            self._phase = _Phase.PAUSED

    def end(self) -> None:
        """The utterance is over; what comes next may begin another. Nothing that was handed over is handed over again."""
        self._phase = _Phase.SILENT
        self._loud = self._quiet = 0
        self._ring.clear()

    def restart(self, position_ms: int) -> None:
        """What comes next is at this position and follows on nothing."""
        self.end()
        self._base_ms = position_ms - self._windows * self._window_ms

    def skip(self, milliseconds: int) -> None:
        """So much audio was thrown away."""
        self._base_ms += milliseconds
