"""What an editor has done to a document: the difference between the one handed out and the one handed in."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass, replace
from typing import Final, Literal

from services.transcript.screenplay.blocks import NEW, Block, Part, Screenplay

_FACTS_OF_LIFE: Final = frozenset({"joined", "left", "passed", "degraded"})
"""Blocks that no edit of the document can change."""
_WITHOUT_TEXT: Final = frozenset({"roll", "revealed"})
"""Blocks that can be struck, and nothing else."""
_KINDS: Final = {"line": "said", "narrated": "action"}
"""As what a text is inserted that came into a block of this kind."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Change:
    """One act of the editor."""

    kind: Literal["edit", "emotion", "strike", "insert", "note"]
    target: int = NEW
    """Seq of what is changed: a sentence, a `said`, a line (strike only) or another block."""
    block: str = ""
    """Kind of the block concerned, or of the one to be inserted: said, scene, summary, action."""
    field: Literal["text", "heading", "description"] = "text"
    text: str = ""
    """The new wording, of `edit`, `insert` and `note`."""
    name: str = ""
    """The cue over an inserted text."""
    emotion: str | None = None
    """With the next two: the new feeling; None = as it was."""
    intensity: float | None = None
    manner: str | None = None
    after: int = 0
    """Seq of what stands before an inserted text or note; 0 = it comes first."""


def diff(original: Screenplay, edited: Screenplay) -> tuple[Change, ...]:
    """The changes in `edited`, corrections first, then what is new, each in the order of the document.

    What carries the hash of its own content is unchanged, whatever `original` says. What is gone is struck, except what nobody
    heard or what was struck already. A text whose marker got lost counts as unchanged where its words and cue still match.
    Who speaks on a cue cannot be changed, and a second copy of an element is a new text.
    """
    found, news = _found(edited)
    known = {(field, part.seq) for block in original.blocks for field, part in _units(block)}
    changes = [change for block in original.blocks if block.kind not in _FACTS_OF_LIFE for change in _of_block(block, found)]
    # Facts that the original does not have (it was rendered at another head) are judged by their hash alone.
    changes += [
        change
        for (field, seq), (block, part) in found.items()
        if (field, seq) not in known and block.kind not in _FACTS_OF_LIFE and part.carried not in {"", part.digest}
        for change in _of_part(field, replace(part, carried=""), None, block)
    ]
    return _without_lost_markers(original, changes, news)


_Unit = tuple[Literal["text", "heading", "description"], Part]
_Found = dict[tuple[str, int], tuple[Block, Part]]


def _units(block: Block) -> Iterator[_Unit]:
    """Everything in a block that is edited by itself."""
    if block.kind == "scene":
        heading = Part(seq=block.seq, text=block.name, struck=block.struck)
        yield "heading", replace(heading, carried=heading.digest if block.carried == block.digest else block.carried)
    if block.kind in _WITHOUT_TEXT:
        yield "text", Part(seq=block.seq, text="", struck=block.struck)
    for part in block.parts:
        yield ("description" if block.kind in {"scene", "description"} else "text"), replace(part, struck=part.struck or block.struck)


def _found(edited: Screenplay) -> tuple[_Found, list[Change]]:
    """The known units of the edited document, and what is new in it."""
    found: _Found = {}
    news: list[Change] = []
    after = 0
    for block in edited.blocks:
        for field, part in _units(block):
            if part.seq == NEW or (field, part.seq) in found:
                news += _new(block, part, after)
            else:
                found[field, part.seq] = (block, part)
            after = part.seq or after
        after = block.seq or after if not block.parts else after
    return found, news


def _new(block: Block, part: Part, after: int) -> Iterator[Change]:
    if not part.text or part.struck:
        return
    if block.kind == "note" or (block.kind == "whisper" and block.seq == NEW):
        yield Change(kind="note", block="note", text=part.text, after=after)
        return
    kind = _KINDS.get(block.kind, block.kind)
    flat = (part.emotion, part.intensity, part.manner) == ("neutral", 0.5, "plain")
    yield Change(
        kind="insert",
        block=kind,
        text=part.text,
        name=block.name if kind == "said" else "",
        emotion=None if flat else part.emotion,
        intensity=None if flat else part.intensity,
        manner=None if flat else part.manner,
        after=after,
    )


def _of_block(block: Block, found: _Found) -> list[Change]:
    units = list(_units(block))
    standing = [part for _, part in units if not part.struck and (part.heard != "none" or block.is_open)]
    if block.kind == "line" and standing and not any(("text", part.seq) in found for part in standing):
        return [Change(kind="strike", target=block.seq, block="line")]
    changes: list[Change] = []
    for field, part in units:
        now = found.get((field, part.seq))
        if now is not None:
            changes += _of_part(field, now[1], part, block)
        elif field == "description" and ("heading", part.seq) in found:
            changes.append(Change(kind="edit", target=part.seq, block=block.kind, field=field))
        elif field != "description" and part in standing:
            changes.append(Change(kind="strike", target=part.seq, block=block.kind))
    if block.kind == "scene" and not block.parts and ("description", block.seq) in found:
        text = found["description", block.seq][1].text
        changes.append(Change(kind="edit", target=block.seq, block="scene", field="description", text=text))
    return changes


def _of_part(field: str, now: Part, before: Part | None, block: Block) -> Iterator[Change]:
    """The changes of one text that is there in both documents (or, without `before`, has changed by its hash)."""
    if now.struck:
        if before is None or not before.struck:
            yield Change(kind="strike", target=now.seq, block=block.kind)
        return
    if now.carried == now.digest:
        return
    moved = before is None or (now.emotion, now.intensity, now.manner) != (before.emotion, before.intensity, before.manner)
    reworded = before is None or now.text != before.text
    if not (moved or reworded):
        return
    sentence = block.kind == "line"
    yield Change(
        kind="edit" if reworded else "emotion",
        target=now.seq,
        block=block.kind,
        field="heading" if field == "heading" else "description" if field == "description" else "text",
        text=now.text,
        emotion=now.emotion if moved and sentence else None,
        intensity=now.intensity if moved and sentence else None,
        manner=now.manner if moved and sentence else None,
    )


def _without_lost_markers(original: Screenplay, changes: list[Change], news: list[Change]) -> tuple[Change, ...]:
    """Pair what is gone with a new text of the same words: an editor's program has dropped the marker, nothing more."""
    texts = {part.seq: (block.name, part.text) for block in original.blocks if block.kind in {"said", "line"} for part in block.parts}
    whole = {block.seq: [part.seq for part in block.parts] for block in original.blocks if block.kind == "line"}
    fresh: dict[tuple[str, str], list[Change]] = {}
    for change in news:
        if change.kind == "insert":
            fresh.setdefault((change.name, change.text), []).append(change)
    kept: list[Change] = []
    claimed: set[int] = set()
    for change in changes:
        words = [texts[seq] for seq in whole.get(change.target, [change.target]) if seq in texts] if change.kind == "strike" else []
        matches = fresh.get((words[0][0], "\n".join(text for _, text in words))) if words else None
        if matches:
            claimed.add(id(matches.pop()))
        else:
            kept.append(change)
    return (*kept, *(change for change in news if id(change) not in claimed))
