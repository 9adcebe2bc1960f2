"""Where a line's sound is: what may be sent, and what has been heard. Told the time; counts in samples at `VOICE_RATE`."""

from __future__ import annotations

import re
from bisect import bisect_right
from dataclasses import dataclass, field
from typing import Final

from services.core.model.audio import VOICE_RATE
from services.core.model.voicing import WordMark

_SPACELESS: Final = 0x2E80
"""Scripts from here on write no spaces between words."""
_LAST_WORD: Final = re.compile(r"\w+$")


@dataclass(slots=True)
class Playhead:
    """Paces a line: at most `lead_s` of sound is ahead of what a listener who started at once has played."""

    lead_s: float
    sent: int = 0
    """Samples handed out."""
    _base: int = 0
    _since: float | None = None

    def position(self, now: float) -> int:
        """Samples that such a listener has played by `now`."""
        if self._since is None:
            return self._base
        return min(self.sent, self._base + int((now - self._since) * VOICE_RATE))

    def room(self, now: float) -> int:
        """Samples that may be sent now."""
        return max(0, self.position(now) + int(self.lead_s * VOICE_RATE) - self.sent)

    def advance(self, samples: int, now: float) -> None:
        """`samples` have been sent."""
        position = self.position(now)
        if self._since is None or position >= self.sent:
            # The first sound, or the listener had run dry: play goes on from here.
            self._base, self._since = position, now
        self.sent += samples

    def wait_s(self, samples: int, now: float) -> float:
        """How long until `samples` may be sent."""
        return max(0.0, (samples - self.room(now)) / VOICE_RATE)

    def remaining_s(self, now: float) -> float:
        """How long until everything sent has been played."""
        return (self.sent - self.position(now)) / VOICE_RATE

    def pause(self, now: float) -> None:
        """Time stands still."""
        self._base, self._since = self.position(now), None

    def resume(self, now: float) -> None:
        """Time goes on."""
        if self._since is None and self.sent:
            self._since = now


@dataclass(slots=True)
class SpokenSentence:
    """One sentence's place in the sound of its line."""

    seq: int
    text: str
    start: int
    """First sample within the line."""
    samples: int = 0
    done: bool = False
    begun: bool = False
    """Some of it was sent to the listeners."""
    take: int = 0
    """How often it was begun anew by another voice."""
    marks: list[WordMark] = field(default_factory=list)
    marked_to: int = 0
    """The code point up to which the listeners know its words' times."""

    def take_back(self) -> None:
        """What came of it so far is not to be played: it will be said anew."""
        self.take += 1
        self.start, self.samples = -1, 0
        self.marks.clear()

    def offset_at(self, played: int) -> int:
        """Code points heard after `played` samples of this sentence: by word marks, else in proportion, never half a word."""
        if self.done and played >= self.samples - VOICE_RATE // 50:
            return len(self.text)
        if played <= 0:
            return 0
        if self.marks:
            heard = bisect_right([mark.at_samples for mark in self.marks], played)
            return self.marks[heard - 1].end if heard else 0
        length = self.samples if self.done else max(self.samples, _guess(self.text))
        return whole_words(self.text, int(len(self.text) * min(1.0, played / max(1, length))))


def _guess(text: str) -> int:
    """Samples that the text will last, before its synthesis has ended: about 15 characters a second."""
    return int(len(text) / 15 * VOICE_RATE)


def whole_words(text: str, offset: int) -> int:
    """`offset` moved back to the end of the last whole word; scripts without spaces are cut where they stand."""
    if offset <= 0 or offset >= len(text):
        return max(0, min(offset, len(text)))
    inside = text[offset].isalnum() and text[offset - 1].isalnum() and ord(text[offset - 1]) <= _SPACELESS
    return len((_LAST_WORD.sub("", text[:offset]) if inside else text[:offset]).rstrip())


def extent(sentences: list[SpokenSentence], played: int) -> tuple[int, int]:
    """(seq of the last sentence of which anything was heard, code points of it), for a line played up to sample `played`; (0, 0) for nothing."""
    last = (0, 0)
    for sentence in sentences:
        heard = played - sentence.start
        if heard <= 0:
            break
        offset = sentence.offset_at(heard)
        if offset <= 0:
            break
        last = (sentence.seq, offset)
    return last
