"""Which digest holds, what it lacks, and when a new one is due. Pure."""

from __future__ import annotations

import hashlib
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from typing import Final

from services.core.settings import SummarizerSettings
from services.summarizer.heard import Passage, turns
from services.transcript.view import SummaryEntry, View

LIMIT: Final = 2_400
"""Code points of a digest."""
MOST_COVERED: Final = 9_000
"""Fact ids in one digest, which must fit into one fact; behind them a new chapter begins."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Gap:
    """What a digest has to add."""

    previous: str
    """The text that it goes on from."""
    covered: tuple[int, ...]
    """What that text rests on."""
    new: tuple[Passage, ...]
    """What was heard and is in no digest that holds."""

    @property
    def covers(self) -> list[int]:
        """What the new digest will rest on."""
        return sorted({*self.covered, *(seq for passage in self.new for seq in passage.seqs)})

    @property
    def tokens(self) -> int:
        """Of what is new."""
        return sum(passage.tokens for passage in self.new)


def standing(view: View, corrected: Mapping[int, int], seen: Mapping[int, int]) -> list[SummaryEntry]:
    """Digests that hold, oldest first. One from before a correction (fact -> the last one) of what it covers is out of date.

    `seen`: digest -> the last fact that was known when it was made, where that is known.
    """
    found = [entry for entry in view.entries if isinstance(entry, SummaryEntry) and not entry.struck]
    if not corrected:
        return found
    return [entry for entry in found if not any(corrected.get(seq, 0) > seen.get(entry.seq, entry.seq) for seq in entry.covers)]


def gap(digests: Sequence[SummaryEntry], passages: Sequence[Passage], known: frozenset[int] | None = None) -> Gap:
    """What is missing for somebody who knows `known` (None = everything): behind the digest that covers most of it."""
    usable = [entry for entry in digests if known is None or known.issuperset(entry.covers)]
    best = max(usable, key=lambda entry: (len(entry.covers), entry.seq), default=None)
    covered = () if best is None else best.covers
    # Earlier chapters lie wholly before it. Ids stand in order.
    chapters = [entry.covers for entry in usable if covered and entry.covers and entry.covers[-1] < covered[0]]
    done = {seq for covers in (covered, *chapters) for seq in covers}
    new = tuple(passage for passage in passages if not done.issuperset(passage.seqs))
    if len(covered) + sum(len(passage.seqs) for passage in new) > MOST_COVERED:
        return Gap(previous="", covered=(), new=_fitting(new))
    return Gap(previous=best.text if best else "", covered=covered, new=new)


def due(missing: Gap, settings: SummarizerSettings, now_ms: int) -> bool:
    """Enough was said since, or long enough ago."""
    if not any(passage.spoken for passage in missing.new):
        return False
    oldest = min(passage.at_ms for passage in missing.new if passage.spoken)
    late = now_ms - oldest >= settings.every_s * 1000
    return late or turns(missing.new) >= settings.every_turns or missing.tokens >= settings.every_tokens


def key_of(covers: Iterable[int], passages: Iterable[Passage], corrected: Mapping[int, int]) -> str:
    """The same for the same facts in the same wording, whoever makes the digest; a wording that came back is not the same."""
    wanted = set(covers)
    content = [f"{seq} {corrected.get(seq, 0)}" for seq in sorted(wanted)]
    content += [passage.told for passage in passages if wanted.intersection(passage.seqs)]
    return "digest:" + hashlib.sha256("\n".join(content).encode()).hexdigest()[:32]


def _fitting(new: tuple[Passage, ...]) -> tuple[Passage, ...]:
    kept, size = [], 0
    for passage in new:
        size += len(passage.seqs)
        if size > MOST_COVERED:
            break
        kept.append(passage)
    return tuple(kept)
