"""Instructions in plain words."""

from __future__ import annotations

import pytest

from services.core.model.prosody import Emotion, Manner, Prosody
from services.gateway.openai_api.feeling import feeling


@pytest.mark.parametrize(
    ("instructions", "prosody"),
    [
        ("", Prosody()),
        ("Speak in a cheerful and positive tone.", Prosody(Emotion.JOY)),
        ("Whisper, very sadly", Prosody(Emotion.SADNESS, 0.8, Manner.WHISPER)),
        ("slightly nervous", Prosody(Emotion.FEAR, 0.3)),
        ("Do not sound angry, be gentle", Prosody(Emotion.TENDERNESS)),
        ("SHOUTING furiously!", Prosody(Emotion.ANGER, 0.8, Manner.SHOUT)),
        ("like a pirate", Prosody()),
    ],
)
def test_the_first_feeling_that_is_named_and_not_denied(instructions: str, prosody: Prosody) -> None:
    """What is not understood changes nothing."""
    assert feeling(instructions) == prosody
