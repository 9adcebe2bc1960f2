"""What happens around a line's first sound, in which order."""

from __future__ import annotations

import asyncio
from typing import Any

import pytest

from services.core.model.attachment import LineAudio, TextSaid, TurnTimed
from services.core.model.audio import SAMPLE_BYTES, VOICE_RATE
from services.core.model.fact import Kind
from services.core.model.voicing import Say, SpeakOpen
from services.core.settings import Settings, StageSettings
from tests.unit.services.stage.table import Mind, Mouth, received, table


async def test_the_voice_is_opened_while_the_character_thinks(monkeypatch: pytest.MonkeyPatch) -> None:
    """Finding and loading a voice takes no time of the first sentence's, and each line opens it once."""
    sent: list[Any] = []
    send = Mouth.send

    async def recorded(self: Mouth, value: SpeakOpen | Say) -> None:
        sent.append(value)
        await send(self, value)

    monkeypatch.setattr(Mouth, "send", recorded)
    gate = asyncio.Event()
    async with table(mind=Mind(gate=gate)) as at:
        ann = await at.sit()
        at.session.say(ann, TextSaid("m1", "Good evening"))
        await at.until(lambda: sent)
        assert not at.bodies(Kind.SENTENCE)
        gate.set()
        await at.closed()
    assert [type(value) for value in sent] == [SpeakOpen, Say, Say]


async def test_the_first_sound_is_told_before_the_turn_s_times() -> None:
    """What is only of interest must not stand before what is waited for."""
    async with table() as at:
        ann = await at.sit()
        at.session.say(ann, TextSaid("m1", "Good evening"))
        await at.closed()
        told = [type(value) for value in received(ann) if isinstance(value, LineAudio | TurnTimed)]
    assert told[:2] == [LineAudio, TurnTimed]


@pytest.mark.parametrize("lead_s", [0.04, 0.3, 1.0])
async def test_sound_comes_whatever_lead_it_is_given(lead_s: float, monkeypatch: pytest.MonkeyPatch) -> None:
    """Also where a voice makes longer chunks than that."""
    monkeypatch.setattr(Mouth, "chunk_ms", 100)
    async with table(settings=Settings(stage=StageSettings(lead_s=lead_s))) as at:
        ann = await at.sit()
        at.session.say(ann, TextSaid("m1", "Good evening"))
        assert (await at.closed())["state"] == "heard"
        pieces = [len(value.pcm) // SAMPLE_BYTES for value in received(ann) if isinstance(value, LineAudio)]
    assert sum(pieces) > 0
    assert max(pieces) <= lead_s * VOICE_RATE
