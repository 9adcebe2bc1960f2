"""What happens around a line's first sound, in which order."""

from __future__ import annotations

import asyncio
from typing import Any

import pytest

from services.core.model.attachment import LineAudio, TextSaid, TurnTimed
from services.core.model.fact import Kind
from services.core.model.voicing import Say, SpeakOpen
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
