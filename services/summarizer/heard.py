"""What was heard at a table, as passages: the only matter that digests, advice and memories are made of."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass

from services.summarizer.size import tokens_of
from services.transcript.quoting import one_line
from services.transcript.view import Entry, LineEntry, Member, RollEntry, SaidEntry, SceneEntry, View


@dataclass(frozen=True, slots=True, kw_only=True)
class Passage:
    """One thing that reached ears, or that everybody could see."""

    seqs: tuple[int, ...]
    """The facts it stands on; striking any of them takes it away."""
    closed_seq: int = 0
    """Of a line: the fact that says what was heard of it; other talk may lie between."""
    text: str
    speaker: str = ""
    """Name; empty = nobody speaks."""
    member: str = ""
    spoken: bool = True
    answers: bool = False
    """It is a character's line."""
    setting: bool = False
    """Where and when we are: nobody has to have witnessed it."""
    audience: tuple[str, ...] | None = None
    at_ms: int = 0

    @property
    def heard_seq(self) -> int:
        """The fact since which it is a passage at all."""
        return max(self.closed_seq, *self.seqs)

    @property
    def told(self) -> str:
        """As one line of a transcript, whatever line breaks the words have."""
        return one_line(f"{self.speaker}: {self.text}" if self.speaker else f"[{self.text}]")

    @property
    def tokens(self) -> int:
        """What it costs to show it to a model."""
        return tokens_of(self.told) + 2


class Heard:
    """Everything heard that still stands, in order; what has not changed since the last look is not looked at again."""

    def __init__(self) -> None:
        """Nothing yet."""
        self._known: dict[int, tuple[tuple[Entry, ...], tuple[Passage, ...]]] = {}

    def of(self, view: View) -> list[Passage]:
        """Of this view, a director's. Whispers, notes, drafts and lines under way are no part of it."""
        # Views share the chunks that did not change; each is kept here, so that its id stays its own.
        self._known = {id(chunk): self._known.get(id(chunk)) or (chunk, heard(chunk)) for chunk in view.visible.chunks}
        return [passage for _, passages in self._known.values() for passage in passages]


def heard(entries: Iterable[Entry]) -> tuple[Passage, ...]:
    """Those of these entries."""
    return tuple(passage for entry in entries if (passage := _passage(entry)) is not None)


def knows(passage: Passage, member: Member) -> bool:
    """Could this member perceive it: by its audience, else by being there since before."""
    if passage.setting and passage.audience is None:
        return True
    if passage.audience is not None:
        return member.member in passage.audience
    return member.present and member.since_seq <= passage.seqs[0]


def characters(members: Mapping[str, Member]) -> list[Member]:
    """The characters who are present."""
    return [member for member in members.values() if member.role == "character" and member.present]


def turns(passages: Iterable[Passage]) -> int:
    """How many turns of talk these are: what people said, or, where characters talk among themselves, their lines."""
    spoken = [passage.answers for passage in passages if passage.spoken]
    return max(spoken.count(True), spoken.count(False))


def _passage(entry: Entry) -> Passage | None:
    match entry:
        case SaidEntry(struck=False) if entry.text.strip():
            narrated = entry.source == "narrated"
            return Passage(
                seqs=(entry.seq,),
                text=entry.text.strip(),
                speaker="" if narrated else one_line(entry.name) or "Somebody",
                member=entry.member,
                spoken=not narrated,
                audience=entry.audience,
                at_ms=entry.at_ms,
            )
        case LineEntry(struck=False) if not entry.is_open and (words := entry.heard_text.strip()):
            spoken = (item.seq for item in entry.sentences if item.heard != "none" and not item.struck)
            return Passage(
                seqs=tuple(dict.fromkeys((entry.seq, *spoken))),
                closed_seq=entry.closed_seq,
                text=words,
                speaker=one_line(entry.name),
                member=entry.character,
                answers=True,
                audience=entry.audience,
                at_ms=entry.at_ms,
            )
        case SceneEntry(struck=False):
            text = ". ".join(part for text in (entry.heading, entry.description) if (part := one_line(text)))
            return Passage(seqs=(entry.seq,), text=text, spoken=False, setting=True, audience=entry.audience, at_ms=entry.at_ms)
        case RollEntry(struck=False):
            purpose = f" for {entry.purpose}" if entry.purpose else ""
            text = one_line(f"{entry.name} rolls {entry.expression}{purpose}: {entry.total}")
            return Passage(seqs=(entry.seq,), text=text, spoken=False, audience=entry.audience, at_ms=entry.at_ms)
    return None
