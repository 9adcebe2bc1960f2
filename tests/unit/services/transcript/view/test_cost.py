"""What a view costs, counted in work done and not in seconds."""

from __future__ import annotations

import time

from services.core.model import facts as bodies
from services.transcript.view import DIRECTOR, Reader, fold
from tests.unit.services.transcript.story import Story


def long_session(turns: int) -> Story:
    story = Story()
    story.join("mirelle")
    for number in range(turns):
        story.say("What is that?")
        story.speak(f"l{number}", "A sentence of usual length, more or less.", "And one more.")
    return story


def test_advance_shares_what_did_not_change() -> None:
    """One more fact on a long session makes one new chunk; all the others are the same objects."""
    story = long_session(400)
    for reader in (DIRECTOR, Reader("character", "mirelle"), Reader("player", "ann")):
        before = fold(story.facts, reader)
        more = Story()
        more.add(bodies.Said(utterance="u", text="one more"), seq=len(story.facts) + 1)
        after = before.advance(more.facts)
        shared = sum(one is other for one, other in zip(before.visible.chunks, after.visible.chunks, strict=False))
        assert len(after.entries) == len(before.entries) + 1
        assert shared >= len(before.visible.chunks) - 1 > 5


def test_ten_thousand_facts_fold_within_a_second() -> None:
    """A generous bound: it takes about a tenth of that, even with a retcon at the end."""
    story = long_session(2000)
    story.add(bodies.Retconned(to=len(story.facts) - 5))
    assert len(story.facts) > 10_000
    for reader in (DIRECTOR, Reader("character", "mirelle")):
        began = time.process_time()
        view = fold(story.facts, reader)
        assert time.process_time() - began < 1
        assert len(view.entries) > 3_900
