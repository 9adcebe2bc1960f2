"""Facts for tests, written down as briefly as they are told."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from services.core.model import facts as bodies
from services.core.model.fact import Author, Fact

STAGE = Author("stage")


class Story:
    """Collects facts with dense seqs; every method returns the seq it wrote."""

    def __init__(self) -> None:
        self.facts: list[Fact] = []

    def add(self, body: bodies.Body, *, by: Author = STAGE, audience: Sequence[str] | None = None, place: str = "", seq: int | None = None) -> int:
        number = len(self.facts) + 1 if seq is None else seq
        fact = Fact(
            seq=number,
            kind=bodies.kind_of(body),
            at_ms=1_700_000_000_000 + number,
            by=by,
            place=place,
            audience=None if audience is None else tuple(audience),
            body=bodies.fields_of(body),
        )
        self.facts.append(fact)
        return number

    def join(self, member: str, role: str = "character", name: str = "", **rest: Any) -> int:
        return self.add(bodies.Joined(member=member, role=role, name=name or member.title(), card={"name": member} if role == "character" else {}), **rest)

    def leave(self, member: str) -> int:
        return self.add(bodies.Left(member=member))

    def say(self, text: str, member: str = "ann", audience: Sequence[str] | None = None) -> int:
        return self.add(bodies.Said(utterance=f"u{len(self.facts)}", text=text), by=Author("player", member, member.title()), audience=audience)

    def open(self, line: str, character: str = "mirelle", *, mode: str = "auto", base_seq: int = 0, audience: Sequence[str] | None = None) -> int:
        opened = bodies.LineOpened(line=line, character=character, turn=0, base_seq=base_seq, mode=mode)
        return self.add(opened, by=Author("character", character), audience=audience)

    def sentence(self, line: str, text: str, *, attempt: int = 1, emotion: str = "neutral", audience: Sequence[str] | None = None) -> int:
        spoken = bodies.Spoken(line=line, attempt=attempt, index=0, text=text, tagged=f"[{emotion}] {text}", emotion=emotion)
        return self.add(spoken, audience=audience)

    def close(self, line: str, state: str = "heard", last_seq: int = 0, offset: int = 0) -> int:
        return self.add(bodies.LineClosed(line=line, state=state, last_seq=last_seq, offset=offset))

    def speak(self, line: str, *texts: str, character: str = "mirelle", audience: Sequence[str] | None = None) -> list[int]:
        """A whole line, heard to its end; returns the seqs of its sentences."""
        self.open(line, character, audience=audience)
        seqs = [self.sentence(line, text, audience=audience) for text in texts]
        self.close(line, "heard", seqs[-1], len(texts[-1]))
        return seqs

    def note(self, text: str, **fields: Any) -> int:
        return self.add(bodies.Noted(text=text, **fields), by=Author("director", "gm"))

    def insert(self, after: int, text: str, *, block: str = "said", member: str = "", audience: Sequence[str] | None = None, **feeling: Any) -> int:
        """The director adds to the past."""
        body = bodies.Inserted(after=after, block=block, text=text, member=member, **feeling)
        return self.add(body, by=Author("director", "gm"), audience=audience)
