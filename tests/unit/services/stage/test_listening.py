"""Utterances that overlap: what was said first is not lost to what is said next."""

from __future__ import annotations

from services.core.model.attachment import FinalHeard, Onset, Paused, Refused, SpeechSeen, UtteranceEnded
from services.core.model.fact import Kind
from services.core.settings import Settings, StageSettings
from services.stage.listening import _UNFINISHED
from tests.unit.services.stage.table import received, table

OVER_MS = 600_000


async def test_a_pause_ends_what_the_client_owns() -> None:
    """Nobody but the client knows that a held key was let go: it says so with a pause, and the text may follow after the next onset."""
    async with table() as at:
        ann = await at.sit(hears=False)
        hear = at.session.listening.heard
        hear(ann, Onset("u1", manual=True))
        hear(ann, Paused("u1", OVER_MS))
        assert received(ann)[-1] == UtteranceEnded("u1")
        hear(ann, Onset("u2", manual=True))
        hear(ann, FinalHeard("u1", "first words"))
        hear(ann, Paused("u2", OVER_MS))
        hear(ann, FinalHeard("u2", "second words"))
        await at.until(lambda: len(at.bodies(Kind.SAID)) == 2)
        assert [body["text"] for body in at.bodies(Kind.SAID)] == ["first words", "second words"]
        assert not [value for value in received(ann) if isinstance(value, Refused)]


async def test_an_onset_finishes_what_was_said_before_it_and_loses_nothing() -> None:
    """Whoever begins anew has finished: the text of what came before is waited for."""
    async with table() as at:
        ann = await at.sit(hears=False)
        hear = at.session.listening.heard
        hear(ann, Onset("u1"))
        hear(ann, Onset("u2"))
        told = received(ann)
        assert UtteranceEnded("u1") in told
        assert SpeechSeen(ann.participant, speaking=False) not in told
        hear(ann, FinalHeard("u1", "first words"))
        hear(ann, FinalHeard("u2", "second words"))
        await at.until(lambda: len(at.bodies(Kind.SAID)) == 2)


async def test_texts_that_do_not_come_are_bounded_in_number_and_time() -> None:
    """Beyond so many nothing new is begun, and each is given up when its time is over."""
    async with table(settings=Settings.model_validate({"stt": {"final_timeout_s": 0.1}, "stage": StageSettings()})) as at:
        ann = await at.sit(hears=False)
        hear = at.session.listening.heard
        for number in range(_UNFINISHED + 1):
            hear(ann, Onset(f"u{number}", manual=True))
            hear(ann, Paused(f"u{number}", OVER_MS))
        refusals = [value for value in received(ann) if isinstance(value, Refused)]
        assert [(refusal.code, refusal.ref) for refusal in refusals] == [("overloaded", f"u{_UNFINISHED}"), ("not_found", f"u{_UNFINISHED}")]
        await at.until(lambda: not at.session.listening.anybody(""))
        assert not at.bodies(Kind.SAID)
