"""One line through engines that fail."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncGenerator
from typing import Any

import pytest

from services.core.clock import ManualClock
from services.core.errors import EngineFailed, TooLarge
from services.core.model.prosody import Emotion, Prosody, Voice
from services.core.model.voicing import SentenceDone, SentenceStarted, SpeakEvent, SpeakOpened, SpeechAudio, VoiceFellBack
from services.core.settings import Settings, overlaid
from services.tts import ensemble as ensemble_room
from services.tts.ensemble import Ensemble
from services.tts.line import Line, Script
from services.tts.loudness import Calibration
from services.tts.waiting import ahead
from tests.unit.services.tts.engines_in_hand import InHand

ANY_VOICE = Voice()
HAND = "tests.unit.services.tts.engines_in_hand:InHand"
SECOND = "tests.unit.services.tts.engines_in_hand:Second"


class _House:
    """An ensemble of two engines in hand, the second one as the only fall-back."""

    def __init__(self, monkeypatch: pytest.MonkeyPatch, first: dict[str, Any], second: dict[str, Any] | None = None) -> None:
        monkeypatch.setattr(ensemble_room, "FALLBACKS", (SECOND,))
        self.settings = overlaid(Settings(), {"tts": {"engine": HAND, "engines": {HAND: first, SECOND: second or {}}}})
        self.clock = ManualClock()
        self.ensemble = Ensemble(self.settings, self.clock)

    async def said(self, *texts: str, voice: Voice = ANY_VOICE) -> list[SpeakEvent]:
        events: list[SpeakEvent] = []
        await self.into(events, *texts, voice=voice)
        return events

    async def into(self, events: list[SpeakEvent], *texts: str, voice: Voice = ANY_VOICE) -> None:
        async def scripts() -> AsyncGenerator[Script, None]:
            for seq, text in enumerate(texts, start=1):
                yield Script(seq, text, Prosody(Emotion.JOY, 0.7))

        async with asyncio.timeout(10):
            async for event in Line(self.ensemble, Calibration(), self.settings, voice).speak(scripts()):
                events.append(event)  # noqa: PERF401 - kept when the line fails

    async def engine(self, name: str) -> InHand:
        found = await self.ensemble.engine(name)
        assert isinstance(found, InHand)
        return found


def _shape(events: list[SpeakEvent]) -> list[tuple[str, int]]:
    """Kinds and seqs, runs of audio as one."""
    found: list[tuple[str, int]] = []
    for event in events:
        item = (type(event).__name__, getattr(event, "seq", 0))
        if not found or found[-1] != item:
            found.append(item)
    return found


async def test_a_line_is_opened_once_and_its_sentences_come_in_order(monkeypatch: pytest.MonkeyPatch) -> None:
    """Opened, then for each sentence: started, sound, marks, done."""
    house = _House(monkeypatch, {})
    events = await house.said("Come in.", "Sit down.")
    assert _shape(events) == [
        ("SpeakOpened", 0),
        *[(kind, seq) for seq in (1, 2) for kind in ("SentenceStarted", "WordMarks", "SpeechAudio", "SentenceDone")],
    ]
    engine = await house.engine(HAND)
    assert [(text, prosody.emotion) for text, prosody, _ in engine.asked] == [("Come in.", Emotion.JOY), ("Sit down.", Emotion.JOY)]


async def test_the_next_sentence_is_made_before_this_one_has_been_taken(monkeypatch: pytest.MonkeyPatch) -> None:
    """A reader that stops at the first sound finds the second sentence made, but not the tenth: the lead is bounded."""
    house = _House(monkeypatch, {})
    begun: list[int] = []

    async def scripts() -> AsyncGenerator[Script, None]:
        for seq in range(1, 11):
            begun.append(seq)
            yield Script(seq, "Come in.", Prosody())

    line = Line(house.ensemble, Calibration(), house.settings, ANY_VOICE)
    async with asyncio.timeout(10), ahead(line.speak(scripts()), 16) as events:
        async for event in events:
            if isinstance(event, SpeechAudio):
                break
        settled, seen = 0, -1
        while settled < 50:
            await asyncio.sleep(0)
            settled, seen = (settled + 1, seen) if len(begun) == seen else (0, len(begun))
    assert 2 <= len(begun) < 5


@pytest.mark.parametrize("fault", ["fails_before", "raises_own"])
async def test_the_next_engine_speaks_when_one_fails_before_its_first_sound(monkeypatch: pytest.MonkeyPatch, fault: str) -> None:
    """The sentence is started once, told to have fallen back once, and the rest of the line stays with the second engine."""
    house = _House(monkeypatch, {fault: True})
    events = await house.said("Come in.", "Sit down.", voice=Voice(engine=HAND, name="mine", options='{"a": 1}'))
    assert [event for event in events if isinstance(event, SpeakOpened)] == [SpeakOpened(HAND)]
    assert [(event.from_engine, event.to_engine) for event in events if isinstance(event, VoiceFellBack)] == [(HAND, SECOND)]
    assert [event.seq for event in events if isinstance(event, SentenceStarted)] == [1, 2]
    assert [event.seq for event in events if isinstance(event, SentenceDone)] == [1, 2]
    assert len((await house.engine(HAND)).asked) == 1
    second = await house.engine(SECOND)
    assert [(voice.name, voice.options) for _, _, voice in second.asked] == [("", "{}")] * 2


async def test_the_text_never_stands_in_the_reason(monkeypatch: pytest.MonkeyPatch) -> None:
    """An engine's own message may hold what was said, so only its kind is passed on."""
    house = _House(monkeypatch, {"raises_own": True})
    (fell,) = [event for event in await house.said("my secret") if isinstance(event, VoiceFellBack)]
    assert "ZeroDivisionError" in fell.reason
    assert "secret" not in fell.reason


async def test_a_missing_engine_is_passed_over_when_the_line_opens(monkeypatch: pytest.MonkeyPatch) -> None:
    """The line opens with the one that speaks, and says who should have."""
    house = _House(monkeypatch, {"missing": True})
    events = await house.said("Come in.")
    assert events[:2] == [SpeakOpened(SECOND), VoiceFellBack(HAND, SECOND, "not here")]


async def test_a_failure_after_the_first_sound_ends_the_line(monkeypatch: pytest.MonkeyPatch) -> None:
    """Half a sentence in one voice is never continued in another."""
    house = _House(monkeypatch, {"fails_after": True})
    monkeypatch.setattr("services.tts.sentence.NEW_VOICE_PATIENCE_S", 0.0)
    events: list[SpeakEvent] = []
    with pytest.raises(EngineFailed):
        await house.into(events, "Come in.")
    assert any(isinstance(event, SpeechAudio) for event in events)
    assert not any(isinstance(event, VoiceFellBack | SentenceDone) for event in events)


async def test_a_failed_engine_rests_for_a_while(monkeypatch: pytest.MonkeyPatch) -> None:
    """The next lines do not wait for it again; later it is tried once more."""
    house = _House(monkeypatch, {"fails_before": True})
    await house.said("One.")
    events = await house.said("Two.")
    assert events[0] == SpeakOpened(SECOND)
    assert len((await house.engine(HAND)).asked) == 1
    house.clock.advance(ensemble_room.REST_S + 0.1)
    await house.said("Three.")
    assert len((await house.engine(HAND)).asked) == 2


async def test_when_every_engine_fails_the_line_fails(monkeypatch: pytest.MonkeyPatch) -> None:
    """The error is the last engine's."""
    house = _House(monkeypatch, {"fails_before": True}, {"fails_before": True})
    with pytest.raises(EngineFailed, match="before"):
        await house.said("Come in.")


async def test_an_engine_that_only_a_card_names_is_never_loaded(monkeypatch: pytest.MonkeyPatch) -> None:
    """A card cannot have a module imported; the configured voice speaks and the line says so."""
    house = _House(monkeypatch, {})
    events = await house.said("Come in.", voice=Voice(engine="antigravity:geohash"))
    assert events[0] == SpeakOpened(HAND)
    assert [(event.from_engine, event.to_engine) for event in events if isinstance(event, VoiceFellBack)] == [("unknown", HAND)]


async def test_marks_of_feeling_and_markup_never_reach_the_engine(monkeypatch: pytest.MonkeyPatch) -> None:
    """The engine gets inert text; listeners of the line see the sentence as it stands."""
    house = _House(monkeypatch, {})
    events = await house.said("[joy] Come <break time='9s'/>in.")
    (text,) = [text for text, _, _ in (await house.engine(HAND)).asked]
    assert text.split() == ["Come", "in."]
    assert [event.text for event in events if isinstance(event, SentenceStarted)] == ["[joy] Come <break time='9s'/>in."]


async def test_a_sentence_without_letters_is_a_pause_and_asks_no_engine(monkeypatch: pytest.MonkeyPatch) -> None:
    """An ellipsis lasts, so that it counts as heard."""
    house = _House(monkeypatch, {})
    events = await house.said("...")
    assert isinstance(events[-1], SentenceDone)
    assert events[-1].samples > 0
    assert (await house.engine(HAND)).asked == []


async def test_an_endless_sentence_is_refused(monkeypatch: pytest.MonkeyPatch) -> None:
    """2,000 code points are the limit."""
    house = _House(monkeypatch, {})
    with pytest.raises(TooLarge):
        await house.said("a" * 2001)
