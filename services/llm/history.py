"""A character's view as turns of talk: its own lines as the assistant's, everything else as the user's, with names in front."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass, replace
from itertools import islice
from typing import Final, Literal

from services.core.model.fact import LineState
from services.core.model.prosody import Emotion, Manner
from services.core.model.reply import ChatMessage
from services.llm.engine import Heard
from services.llm.tokens import MESSAGE_TOKENS, estimate
from services.transcript.quoting import one_line
from services.transcript.view import (
    Entry,
    JoinEntry,
    LeaveEntry,
    LineEntry,
    Member,
    RollEntry,
    SaidEntry,
    SceneEntry,
    SentenceEntry,
    View,
    WhisperEntry,
    joined,
)

_ENTRIES: Final = 400
"""More would not fit into any prompt that is answered within a second."""
_FACTS: Final = 800
"""Among so many of the latest facts whispers are looked for."""
_OPENING: Final = "[The scene begins.]"
_GO_ON: Final = "[It is your turn to speak.]"


@dataclass(frozen=True, slots=True)
class Turn:
    """One entry, as the prompt tells it."""

    role: Literal["user", "assistant"]
    text: str
    spoken: Heard | None = None
    """The bare words, if somebody spoke."""
    narrated: str = ""
    """The director's words, which nobody in the scene has spoken."""

    @property
    def tokens(self) -> int:
        """What it costs."""
        return estimate(self.text) + MESSAGE_TOKENS

    @property
    def words(self) -> str:
        """What lore is looked up in; empty if there were no words."""
        return self.spoken.text if self.spoken else self.narrated


def turns_of(view: View, character: str, *, marks: bool) -> list[Turn]:
    """The latest entries, oldest first. `marks`: the character's own sentences keep their emotion marks, as an example to itself."""
    whispers = _whispers(view)
    found = ((entry, _turn(entry, character, marks=marks)) for entry in view.recent(_ENTRIES) if not _is_elsewhere(entry, view, character))
    return [_whispered(turn) if whispers and _key(entry) in whispers else turn for entry, turn in found if turn is not None]


def company(view: View, character: str) -> list[Member]:
    """Who is where the character is, besides itself."""
    own = view.members.get(character)
    return [member for member in view.members.values() if member.present and member.member != character and (own is None or member.place == own.place)]


def _is_elsewhere(entry: Entry, view: View, character: str) -> bool:
    """Somebody came or went, but not where the character is."""
    own = view.members.get(character)
    return isinstance(entry, JoinEntry | LeaveEntry) and own is not None and entry.place != own.place


def _whispers(view: View) -> frozenset[tuple[int, str]]:
    """Of what was said lately, what was whispered: by seq, and what is not a fact yet by its name."""
    latest = islice(reversed(view.state.facts), _FACTS)
    return frozenset((fact.seq, "" if fact.seq else str(fact.body.get("utterance"))) for fact in latest if fact.body.get("whispered"))


def _key(entry: Entry) -> tuple[int, str]:
    return entry.seq, entry.utterance if isinstance(entry, SaidEntry) and not entry.seq else ""


def _whispered(turn: Turn) -> Turn:
    """A character that was told something in confidence must know that it was."""
    if turn.role == "assistant" or turn.spoken is None:
        return turn
    speaker = one_line(turn.spoken.speaker)
    return replace(turn, text=f"{speaker} (whispering){turn.text.removeprefix(speaker)}")


def newest(turns: Sequence[Turn], budget: int) -> list[Turn]:
    """As many of the last turns as fit."""
    kept: list[Turn] = []
    for turn in reversed(turns):
        budget -= turn.tokens
        if budget < 0:
            break
        kept.append(turn)
    return kept[::-1]


def messages_of(turns: Iterable[Turn], tail: str) -> list[ChatMessage]:
    """User and assistant in turns, beginning and ending with the user; `tail` stands behind the last words that were said.

    Late system messages would be the natural place for `tail`, but the chat templates of many local models refuse them.
    """
    merged: list[tuple[str, list[str]]] = []
    for turn in turns:
        if merged and merged[-1][0] == turn.role:
            merged[-1][1].append(turn.text)
        else:
            merged.append((turn.role, [turn.text]))
    if not merged or merged[0][0] == "assistant":
        merged.insert(0, ("user", [_OPENING]))
    if merged[-1][0] == "assistant":
        merged.append(("user", [_GO_ON]))
    if tail:
        merged[-1][1].append(tail)
    return [ChatMessage(role, (" " if role == "assistant" else "\n").join(texts)) for role, texts in merged]


def _turn(entry: Entry, character: str, *, marks: bool) -> Turn | None:
    if isinstance(entry, SaidEntry) and entry.source == "narrated":
        return Turn("user", f"[{entry.text}]", narrated=entry.text) if entry.text else None
    if isinstance(entry, SaidEntry):
        name = one_line(entry.name) or "Somebody"
        return Turn("user", f"{name}: {one_line(entry.text)}", Heard(name, entry.text)) if entry.text else None
    if isinstance(entry, LineEntry):
        return _line(entry, character, marks=marks)
    told = _told(entry, character)
    return Turn("user", f"[{told}]") if told else None


def _told(entry: Entry, character: str) -> str:
    """What happened without words; empty = nothing that the character should be told."""
    match entry:
        case SceneEntry():
            return f"The scene is now: {scene_text(entry.heading, entry.description)}"
        case WhisperEntry():
            return f"You alone come to know: {entry.text}"
        case JoinEntry() if entry.member != character:
            return f"{one_line(entry.name)} comes in."
        case LeaveEntry() if entry.member != character:
            return f"{one_line(entry.name)} leaves."
        case RollEntry():
            purpose = f" for {entry.purpose}" if entry.purpose else ""
            return one_line(f"{entry.name} rolls {entry.expression}{purpose}: {entry.total}.")
    return ""


def scene_text(heading: str, description: str) -> str:
    """Where and when we are, as one text."""
    return f"{heading}. {description}" if heading and description else heading or description


def _line(line: LineEntry, character: str, *, marks: bool) -> Turn | None:
    plain = line.heard_text
    if not plain:
        return None
    cut = "—" if line.state is LineState.CUT and any(item.heard == "part" for item in line.sentences) else ""
    if line.character != character:
        return Turn("user", f"{line.name}: {plain}{cut}", Heard(line.name, plain))
    text = joined(_marked(line.sentences)) if marks else plain
    return Turn("assistant", text + cut, Heard("", plain))


def _marked(sentences: Sequence[SentenceEntry]) -> Iterable[str]:
    emotion, manner = str(Emotion.NEUTRAL), str(Manner.PLAIN)
    for sentence in sentences:
        if sentence.struck or not sentence.heard_text:
            continue
        changed = (sentence.emotion, sentence.manner) != (emotion, manner)
        emotion, manner = sentence.emotion, sentence.manner
        voice = f" {manner}" if manner != Manner.PLAIN else ""
        yield f"[{emotion}{voice}] {sentence.heard_text}" if changed else sentence.heard_text
