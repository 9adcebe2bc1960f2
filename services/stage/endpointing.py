"""When an utterance has ended: policies that are told the text and answer with how long to wait."""

from __future__ import annotations

import re
from collections.abc import Callable
from dataclasses import dataclass
from typing import Final

from services.core.errors import NotFound
from services.core.settings import StageSettings

Policy = Callable[[str, float, float], float]
"""(text so far, hang-over in s, factor for unfinished text) -> silence in s that ends the utterance."""

_DANGLING: Final = re.compile(
    r"(?:\b(?:and|but|or|so|because|if|when|while|that|which|who|to|the|a|an|of|in|on|at|with|for|from|my|your|our|is|are|was|um|uh|er|"
    r"и|а|но|или|что|чтобы|если|когда|потому|как|в|на|с|к|у|о|по|для|от|из|за|мой|твой|это|ну|э)|[,;:，、；：\-–—…]|\.\.\.)\s*$",
    re.IGNORECASE,
)
_DANGLING_CHINESE: Final = re.compile(r"(?:和|但是|可是|因为|如果|然后|所以|的|在|跟|嗯|那个)$")


def fixed(_text: str, hang_over_s: float, _factor: float) -> float:
    """The same silence for every sentence."""
    return hang_over_s


def text_aware(text: str, hang_over_s: float, factor: float) -> float:
    """An unfinished sentence waits longer: one that ends in a conjunction, a preposition, a filler or a comma."""
    stripped = text.strip()
    unfinished = bool(_DANGLING.search(stripped) or _DANGLING_CHINESE.search(stripped))
    return hang_over_s * factor if unfinished else hang_over_s


POLICIES: Final[dict[str, Policy]] = {"fixed": fixed, "text-aware": text_aware}


def policy(name: str) -> Policy:
    """The policy of that name. Raises `NotFound`."""
    if name not in POLICIES:
        raise NotFound(f"no endpointing policy {name!r}; known: {', '.join(POLICIES)}")
    return POLICIES[name]


@dataclass(slots=True, kw_only=True)
class Utterance:
    """One participant's speech, told what happens and the time. It never asks for either."""

    id: str
    began: float
    manual: bool
    """The client ends it, not we."""
    confirm_s: float
    speculative_s: float
    hang_over_s: float
    longest_s: float
    factor: float
    wait: Policy
    text: str = ""
    """The latest partial."""
    paused_at: float | None = None
    ended_at: float | None = None
    """When it was decided that it is over."""
    confirmed: bool = False
    speculated: bool = False
    waived: bool = False
    """It has held the floor for as long as it may."""
    speech_end: float | None = None
    """When the last sound was, if it is silent now."""
    _spoken_s: float = 0.0
    _speaking_since: float | None = None

    def __post_init__(self) -> None:
        self._speaking_since = self.began

    @classmethod
    def begun(cls, utterance: str, now: float, settings: StageSettings, *, manual: bool, hang_over_s: float | None, endpointing: str | None) -> Utterance:
        """An utterance that begins now, under these settings; None keeps the session's."""
        return cls(
            id=utterance,
            began=now,
            manual=manual,
            confirm_s=settings.confirm_s,
            speculative_s=settings.speculative_s,
            hang_over_s=settings.hang_over_s if hang_over_s is None else hang_over_s,
            longest_s=settings.longest_utterance_s,
            factor=settings.unfinished_factor,
            wait=policy(endpointing or settings.endpointing),
        )

    def paused(self, now: float, silence_s: float) -> None:
        """It has been silent for `silence_s` already; for longer than it lasts means that the speaker says so."""
        if self._speaking_since is None or self.ended_at is not None:
            return
        self.paused_at = now - max(0.0, silence_s)
        self.speech_end = self.paused_at if self.paused_at >= self._speaking_since else now
        self._spoken_s += self.speech_end - self._speaking_since
        self._speaking_since = None

    def resumed(self, now: float) -> None:
        """Speech goes on."""
        if self._speaking_since is not None or self.ended_at is not None:
            return
        self.paused_at = self.speech_end = None
        self._speaking_since = now
        self.speculated = False

    def _confirm_at(self) -> float | None:
        if self.confirmed or self._speaking_since is None:
            return None
        return self._speaking_since + self.confirm_s - self._spoken_s

    def _speculate_at(self) -> float | None:
        if self.speculated or self.manual or self.paused_at is None or not self.text:
            return None
        return self.paused_at + self.speculative_s

    def _end_at(self) -> float | None:
        if self.manual:
            return None
        latest = self.began + self.longest_s
        if self.paused_at is None:
            return latest
        return min(latest, self.paused_at + self.wait(self.text, self.hang_over_s, self.factor))

    def _waive_at(self) -> float | None:
        return self.began + self.longest_s if self.manual and not self.waived else None

    def next_at(self) -> float | None:
        """When `due` may have something to say."""
        if self.ended_at is not None:
            return None
        times = [time for time in (self._confirm_at(), self._speculate_at(), self._end_at(), self._waive_at()) if time is not None]
        return min(times, default=None)

    def due(self, now: float) -> tuple[str, ...]:
        """What the passing of time means: any of confirm, speculate, end, waive; each is said once (speculate once per pause)."""
        if self.ended_at is not None:
            return ()
        found: list[str] = []
        if (at := self._confirm_at()) is not None and now >= at:
            self.confirmed = True
            found.append("confirm")
        if (at := self._end_at()) is not None and now >= at:
            self.ended_at = now
            found.append("end")
        elif (at := self._speculate_at()) is not None and now >= at:
            self.speculated = True
            found.append("speculate")
        if (at := self._waive_at()) is not None and now >= at:
            self.waived = True
            found.append("waive")
        return tuple(found)
