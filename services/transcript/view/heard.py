"""How much of a sentence was heard, and what becomes of that when its wording is corrected afterwards."""

from __future__ import annotations

from dataclasses import replace

from services.core.model.facts import Corrected
from services.transcript.view.entries import Heard, SentenceEntry


def heard_up_to(sentence: SentenceEntry, last_seq: int, offset: int) -> SentenceEntry:
    """The sentence under the extent (`last_seq`, `offset` in code points); a `last_seq` of 0 means that nothing was heard."""
    if sentence.seq and sentence.seq < last_seq:
        return at_offset(sentence, len(sentence.text))
    return at_offset(sentence, offset if last_seq and sentence.seq == last_seq else 0)


def at_offset(sentence: SentenceEntry, offset: int) -> SentenceEntry:
    """The sentence, heard up to `offset` code points."""
    heard: Heard = "all" if offset >= len(sentence.text) else "part" if offset > 0 else "none"
    return replace(sentence, heard=heard, heard_text=sentence.text[: max(0, offset)])


def reworded(sentence: SentenceEntry, change: Corrected) -> SentenceEntry:
    """The sentence in its new wording and feeling; of a cut one as much counts as heard as corresponds to what was.

    A change without words is one of the feeling alone, if it has any.
    """
    words = change.text or not (change.emotion or change.intensity is not None or change.manner)
    felt = replace(
        sentence,
        emotion=change.emotion or sentence.emotion,
        intensity=sentence.intensity if change.intensity is None else change.intensity,
        manner=change.manner or sentence.manner,
    )
    return _reworded(felt, change.text) if words and change.text != sentence.text else felt


def _reworded(sentence: SentenceEntry, text: str) -> SentenceEntry:
    offset = {"all": len(text), "none": 0}.get(sentence.heard)
    if offset is None:
        offset = moved(sentence.text, len(sentence.heard_text), text)
    heard: Heard = sentence.heard if sentence.heard != "part" else "all" if offset >= len(text) else "part" if offset else "none"
    return replace(
        sentence,
        text=text,
        tagged=text,
        original=sentence.text if sentence.original is None else sentence.original,
        heard=heard,
        heard_text=text[:offset],
    )


def moved(old: str, offset: int, new: str) -> int:
    """Where the cut at `offset` of `old` falls in `new`.

    What both wordings share at their start and end keeps its side of the cut. A cut inside the changed middle falls at the
    same proportion of the new middle, drawn back to the last whole word: better one word too few than one that was not heard.
    """
    start = _shared(old, new)
    if offset <= start:
        return offset
    end = min(_shared(old[::-1], new[::-1]), len(old) - start, len(new) - start)
    if offset >= len(old) - end:
        return len(new) - (len(old) - offset)
    middle = len(new) - end - start
    cut = start + round(middle * (offset - start) / (len(old) - end - start))
    while start < cut < len(new) and new[cut - 1].isalnum() and new[cut].isalnum():
        cut -= 1
    return cut


def _shared(one: str, other: str) -> int:
    """Length of the common beginning."""
    count = 0
    for left, right in zip(one, other, strict=False):
        if left != right:
            break
        count += 1
    return count
