"""What of a session may be shown to whom, where that cannot be told from a fact alone: drafts that wait, and corrections of what was heard."""

from __future__ import annotations

from collections.abc import Awaitable, Callable, Iterable
from typing import Final

from services.core.model.fact import Fact, Kind
from services.transcript.view import DIRECTOR, LineEntry, Reader, SaidEntry, SceneEntry, SentenceEntry, View, fold, redacted

_MEANWHILE: Final = 255
_JUDGED: Final = frozenset({Kind.CORRECTED, Kind.INSERTED})
"""Whether a player may see these depends on what they are about."""


class Sight:
    """A director's view of the session, kept from the moment that somebody needs it: a table that plays by itself never does."""

    def __init__(self, read: Callable[[], Awaitable[list[Fact]]]) -> None:
        """`read` gives all facts of the session."""
        self._read = read
        self.view: View | None = None
        self._meanwhile: list[Fact] = []
        self._drafts: dict[str, list[Fact]] = {}
        """Line that waits for approval -> its `line_opened` and the sentences of its newest attempt."""

    @staticmethod
    def needed(facts: Iterable[Fact]) -> bool:
        """These facts cannot be shown one by one."""
        return any(fact.kind in _JUDGED or _holds(fact) for fact in facts)

    async def open(self) -> View:
        """Begin to look, if nobody did."""
        return self.view or self.begin(await self._read())

    def begin(self, facts: list[Fact]) -> View:
        """Begin with these facts, the first ones of the session."""
        if self.view is None:
            self.view = fold(facts, DIRECTOR).advance(self._meanwhile)
            for fact in facts:
                self._draft(fact)
        return self.view

    def advance(self, fact: Fact) -> None:
        """Take one fact in."""
        if self.view is not None:
            self.view = self.view.advance([fact])
        else:
            # Only what may come between `read` being asked and its answer.
            self._meanwhile = [*self._meanwhile[-_MEANWHILE:], fact]
        self._draft(fact)

    def shown(self, fact: Fact, reader: Reader) -> Fact | None:
        """The fact as this reader may see it; None = not at all."""
        return redacted(fact, reader, self.view)

    def disclosed(self, fact: Fact) -> list[Fact]:
        """The facts of a line that were withheld until this one released it."""
        return self._drafts.pop(str(fact.body.get("line")), []) if fact.kind == Kind.RELEASED else []

    def _draft(self, fact: Fact) -> None:
        line = str(fact.body.get("line"))
        if fact.kind == Kind.LINE_OPENED and fact.body.get("mode") == "approve":
            self._drafts[line] = [fact]
        elif fact.kind == Kind.SENTENCE and (draft := self._drafts.get(line)) is not None:
            attempt = fact.body.get("attempt")
            self._drafts[line] = [known for known in draft if known.kind == Kind.LINE_OPENED or known.body.get("attempt") == attempt] + [fact]
        elif fact.kind == Kind.LINE_CLOSED:
            self._drafts.pop(line, None)

    @property
    def erased(self) -> frozenset[int]:
        """Facts whose words are gone. Whoever erases begins to look."""
        return frozenset() if self.view is None else self.view.state.ledger.erased

    def stands(self, sentence: int) -> bool:
        """It has been neither struck nor erased. Whoever strikes begins to look, so without a view nothing is."""
        if sentence in self.erased:
            return False
        entry = None if self.view is None else self.view.entry_of(sentence)
        return not (isinstance(entry, LineEntry) and any(item.seq == sentence and item.struck for item in entry.sentences))

    def sentence(self, seq: int) -> SentenceEntry | None:
        """A sentence of a line as it stands now; None if it is none, or nobody has begun to look."""
        entry = None if self.view is None else self.view.entry_of(seq)
        return next((item for item in entry.sentences if item.seq == seq), None) if isinstance(entry, LineEntry) else None

    def wording(self, target: int) -> str:
        """What stands there now; empty if it is nothing that was worded."""
        entry = None if self.view is None else self.view.entry_of(target)
        if isinstance(entry, SaidEntry):
            return entry.text
        if isinstance(entry, LineEntry):
            return next((sentence.text for sentence in entry.sentences if sentence.seq == target), entry.heard_text)
        if isinstance(entry, SceneEntry):
            return f"{entry.heading}\n{entry.description}".strip()
        return str(getattr(entry, "text", "") or "")


def _holds(fact: Fact) -> bool:
    """A line waits for approval, or is to."""
    if fact.kind not in (Kind.SCENE_SET, Kind.LINE_OPENED):
        return False
    return fact.body.get("mode") == "approve" or "approve" in dict(fact.body.get("modes") or {}).values()
