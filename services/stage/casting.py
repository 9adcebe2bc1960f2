"""Who answers: called by name before the director's choice before talkativeness. Pure; it is given everyone present."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Final

from services.stage.naming import Called, called

SILENCED: Final = "muted"
NOT_ADDRESSED: Final = "not_addressed"
NAMED: Final = "named"
ALWAYS, NEVER = "always", "never"
"""Policies for wake names; any other goes by the head count."""


@dataclass(frozen=True, slots=True)
class Candidate:
    """A character that could answer."""

    slug: str
    name: str
    nickname: str = ""
    talkativeness: float = 0.5
    """0 to 1, from the card."""
    silent: bool = False
    """The director has muted it: it answers nothing, whoever names it."""
    aliases: tuple[str, ...] = ()
    """Whatever else it is called, from the card."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Circle:
    """Who is there when something is said, besides the characters."""

    humans: int = 1
    """Heads present in the place."""
    others: tuple[str, ...] = ()
    """Names of the other participants: words that call one of them are not for a character."""
    room: bool = False
    """It came from a microphone for several heads: nobody knows who spoke, so a name is needed in any case."""
    wake_name: str = "auto"
    """auto: a name is needed as soon as there are two heads; always or never."""
    engaged: str = ""
    """The character that has just answered the speaker."""
    last: str = ""
    """The character that spoke last."""

    @property
    def needs_name(self) -> bool:
        """Only words with a name are for a character."""
        return self.room or self.wake_name == ALWAYS or (self.wake_name != NEVER and self.humans > 1)


@dataclass(frozen=True, slots=True)
class Choice:
    """Who answers, or why nobody does."""

    character: str = ""
    reason: str = ""
    """addressed, named, due, asked, alone, continued, talkative; or for nobody: no_character, muted, not_addressed."""


def choose(text: str, candidates: Sequence[Candidate], circle: Circle, *, asked: str = "", addressed: str = "", due: str = "") -> Choice:
    """Decide who answers `text`.

    `addressed` is whom the speaker has picked, and beats every name; `due` is whose turn the director has made it, which a name that is called
    beats, and one that is only mentioned does not; `asked` is the client's choice.
    With one human somebody always answers; with two or more, or by a room's microphone, a character answers when it is addressed.
    """
    everybody, candidates = candidates, [candidate for candidate in candidates if not candidate.silent]
    if not candidates:
        return Choice(reason=SILENCED if everybody else "no_character")
    if any(candidate.slug == addressed for candidate in candidates):
        return Choice(addressed, "addressed")
    named = first_named(text, candidates)
    human = _human(text, circle.others)
    if any(candidate.slug == due for candidate in candidates) and (named is None or named.mentioned or (human is not None and human < named)):
        return Choice(due, "due")
    if human is not None and not human.mentioned and (named is None or human < named):
        return Choice(reason=NOT_ADDRESSED)
    if named is not None:
        return Choice(named.who, NAMED)
    return _unnamed(candidates, circle, asked)


def _unnamed(candidates: Sequence[Candidate], circle: Circle, asked: str) -> Choice:
    if asked:
        known = {candidate.slug for candidate in candidates}
        return Choice(asked, "asked") if asked in known else Choice(reason="no_character")
    if not circle.needs_name:
        return most_inclined(candidates, circle.last)
    if not circle.room and circle.wake_name != ALWAYS and any(candidate.slug == circle.engaged for candidate in candidates):
        return Choice(circle.engaged, "continued")
    return Choice(reason=NOT_ADDRESSED)


def most_inclined(candidates: Sequence[Candidate], last: str = "") -> Choice:
    """Who speaks when nobody is named: the only one, the one who is in conversation, or the most talkative."""
    if len(candidates) == 1:
        return Choice(candidates[0].slug, "alone")
    if any(candidate.slug == last for candidate in candidates):
        return Choice(last, "continued")
    return Choice(max(candidates, key=lambda candidate: candidate.talkativeness).slug, "talkative")


def first_named(text: str, candidates: Sequence[Candidate]) -> Called | None:
    """The character that `text` calls, else the first one that it mentions."""
    people = [(candidate.slug, [name for name in (candidate.nickname, candidate.name, *candidate.aliases) if name]) for candidate in candidates]
    return next(iter(called(text, people)), None)


def _human(text: str, names: Sequence[str]) -> Called | None:
    return next(iter(called(text, [(name, [name]) for name in names])), None)
