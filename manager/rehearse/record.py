"""What was recorded: each thing that a player said, and what was answered."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from services.core.errors import InvalidRequest, NotFound
from services.core.model.fact import Fact
from services.transcript.view import DIRECTOR, LineEntry, SaidEntry, View, fold


@dataclass(frozen=True, slots=True, kw_only=True)
class Cue:
    """Something that a player said, and the reply of then."""

    seq: int
    """Of the fact: the transcript is folded up to here."""
    speaker: str
    text: str
    character: str
    """Slug of who answered, or is asked now."""
    name: str
    reply: str
    """As it was heard, with its emotions; empty = nobody answered."""


def cues(facts: Sequence[Fact], character: str = "") -> list[Cue]:
    """In order, those that stand. With `character` all of them are for this one, else each for whoever answered.

    Raises `NotFound` if the character is not in the session, `InvalidRequest` if nobody said anything.
    """
    view = fold(list(facts), DIRECTOR)
    if character and (character not in view.members or view.members[character].role != "character"):
        raise NotFound(f"{character} is not in this session; there is {', '.join(_cast(view)) or 'nobody'}")
    said = [entry for entry in view.entries if isinstance(entry, SaidEntry) and _asked(entry)]
    if all(entry.struck for entry in said):
        raise InvalidRequest("nobody said anything in this session")
    lines = [entry for entry in view.entries if isinstance(entry, LineEntry) and entry.mode in ("auto", "approve") and not entry.inserted]
    found = []
    for entry, following in zip(said, [*said[1:], None], strict=True):
        if entry.struck:
            # What answered it belongs to nobody else, though.
            continue
        answers = [line for line in lines if entry.seq < line.seq and (following is None or line.seq < following.seq)]
        mine = [line for line in answers if character in ("", line.character)]
        slug = character or (mine[0].character if mine else "")
        if slug:
            reply = " ".join(shown for line in mine if line.character == slug and (shown := _heard(line)))
            found.append(Cue(seq=entry.seq, speaker=entry.name, text=entry.text, character=slug, name=view.members[slug].name or slug, reply=reply))
    if not found:
        raise InvalidRequest("no character answered in this session; name one with --character")
    return found


def _asked(entry: SaidEntry) -> bool:
    return not entry.inserted and entry.source in ("voice", "typed")


def _cast(view: View) -> list[str]:
    return [member.member for member in view.members.values() if member.role == "character"]


def _heard(line: LineEntry) -> str:
    return " ".join(spoken(sentence.emotion, sentence.heard_text) for sentence in line.sentences if sentence.heard_text and not sentence.struck)


def spoken(emotion: str, text: str) -> str:
    """A sentence as the comparison shows it."""
    return text if emotion in ("", "neutral") else f"[{emotion}] {text}"
