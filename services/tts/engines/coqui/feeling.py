"""What a feeling does to a Coqui voice that has no clip of it, and how loud each one is."""

from __future__ import annotations

from typing import Final

from services.core.model.prosody import Emotion, Manner
from services.tts.prosody import Shape

EMOTIONS: Final = {
    Emotion.JOY: Shape(rate=1.12, pitch=1.08, melody=1.15, gain_db=2.0),
    Emotion.SADNESS: Shape(rate=0.82, pitch=0.94, melody=0.90, gain_db=-4.0),
    Emotion.ANGER: Shape(rate=1.14, pitch=1.03, melody=1.20, gain_db=5.0),
    Emotion.FEAR: Shape(rate=1.20, pitch=1.10, melody=1.15, gain_db=-2.0),
    Emotion.DISGUST: Shape(rate=0.86, pitch=0.95, melody=1.05, gain_db=-1.5),
    Emotion.SURPRISE: Shape(rate=1.05, pitch=1.13, melody=1.20, gain_db=3.0),
    Emotion.TENDERNESS: Shape(rate=0.89, pitch=1.03, melody=0.95, gain_db=-4.5),
    Emotion.CONTEMPT: Shape(rate=0.91, pitch=0.93, melody=0.90, gain_db=1.0),
    Emotion.WEARINESS: Shape(rate=0.76, pitch=0.92, melody=0.85, gain_db=-6.0),
}
"""At full intensity. Pitch moves formants with it, so it stays small; `melody` is how freely tokens are chosen."""

MANNERS: Final = {
    Manner.WHISPER: Shape(rate=0.94, gain_db=-9.0),
    Manner.SHOUT: Shape(rate=0.96, pitch=1.06, melody=1.15, gain_db=7.0),
    Manner.SING_SONG: Shape(rate=0.84, pitch=1.04, melody=1.20),
    Manner.SARCASTIC: Shape(rate=0.86, pitch=0.97, melody=1.10),
}
