"""Long sessions are folded where nobody waits for it."""

from __future__ import annotations

import threading

import pytest

from services.core.model import facts as bodies
from services.transcript.view import DIRECTOR, View, advanced, fold
from tests.unit.services.transcript.story import Story


@pytest.fixture
def threads(monkeypatch: pytest.MonkeyPatch) -> list[int]:
    """In which threads views were moved forward."""
    found: list[int] = []
    advance = View.advance

    def watched(self: View, facts: object) -> View:
        found.append(threading.get_ident())
        return advance(self, facts)  # type: ignore[arg-type]

    monkeypatch.setattr(View, "advance", watched)
    return found


async def test_little_is_folded_here_and_much_elsewhere(threads: list[int]) -> None:
    """A turn at once; a whole session, and what rewrites the past of one, in a thread. It comes to the same."""
    here, story = threading.get_ident(), Story()
    for number in range(300):
        story.say(f"Word {number}.")
    view = await advanced(View(DIRECTOR), story.facts)
    assert threads.pop() != here
    story.say("One more.")
    view = await advanced(view, story.facts[-1:])
    assert threads.pop() == here
    story.add(bodies.Struck(targets=[5]))
    view = await advanced(view, story.facts[-1:])
    assert threads.pop() != here
    assert view.entries == fold(story.facts, DIRECTOR).entries
