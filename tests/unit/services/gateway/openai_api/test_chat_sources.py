"""The words of a completion in a session: the line that answers, as far as it may be told."""

from __future__ import annotations

from services.core.model import facts as bodies
from services.core.model.fact import Author, Fact
from services.gateway.openai_api.chat_sources import _Line


def _told(*given: bodies.Body) -> str:
    line = _Line()
    by = Author("character", "mirelle")
    facts = (Fact(seq=seq, kind=bodies.kind_of(body), at_ms=0, by=by, body=bodies.fields_of(body)) for seq, body in enumerate(given, 1))
    return "".join(map(line.take, facts))


def test_of_a_held_line_written_anew_only_the_newest_words_are_told() -> None:
    """In other words, or for others than it was drafted for: never both."""
    attempts = [bodies.Spoken(line="l", attempt=attempt, index=0, text=text, tagged=text) for attempt, text in ((1, "Go."), (2, "Come in."))]
    assert _told(bodies.LineOpened(line="l", character="mirelle", turn=1, base_seq=0, mode="approve"), *attempts, bodies.Released(line="l")) == "Come in."
    assert _told(bodies.LineOpened(line="l", character="mirelle", turn=1, base_seq=0), *attempts[:1]) == "Go."
