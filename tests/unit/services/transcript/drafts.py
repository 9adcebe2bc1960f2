"""Drafts for the tests of the transcript."""

from __future__ import annotations

from typing import Any

from services.core.model.fact import Author, Draft
from services.core.model.facts import Body, Corrected, Inserted, LineOpened, Released, Retconned, Said, Spoken, Struck, fields_of, kind_of

AT_MS = 1_750_000_000_123


def draft(key: str, body: Body, **fields: Any) -> Draft:
    """A draft of the kind that `body` belongs to."""
    return Draft(
        key=key, kind=kind_of(body), at_ms=fields.pop("at_ms", AT_MS), by=fields.pop("by", Author("stage", "s-1", "Stage")), body=fields_of(body), **fields
    )


def said(key: str, text: str = "Is there a room?", **fields: Any) -> Draft:
    """Something a player said; the key is the utterance."""
    return draft(key, Said(utterance=key, text=text), by=Author("player", "p-1", "Ann"), **fields)


def opened(line: str) -> Draft:
    """A line begins."""
    return draft(f"{line}:open", LineOpened(line=line, character="mirelle", turn=1, base_seq=1))


def sentence(line: str, index: int, text: str, attempt: int = 1) -> Draft:
    """A sentence of a line."""
    return draft(f"{line}:a{attempt}:s{index}", Spoken(line=line, attempt=attempt, index=index, text=text, tagged=f"[joy] {text}", emotion="joy"))


def released(line: str) -> Draft:
    """A held line may be spoken."""
    return draft(f"{line}:release", Released(line=line))


def inserted(key: str, after: int) -> Draft:
    """A line that the director adds to the past."""
    return draft(key, Inserted(after=after, block="line", text="I knew it.", member="mirelle"))


def corrected(key: str, target: int, text: str, emotion: str | None = None) -> Draft:
    """New wording."""
    return draft(key, Corrected(target=target, text=text, emotion=emotion))


def struck(key: str, *targets: int) -> Draft:
    """A strike."""
    return draft(key, Struck(targets=list(targets)))


def retconned(key: str, to: int) -> Draft:
    """A retcon."""
    return draft(key, Retconned(to=to))
