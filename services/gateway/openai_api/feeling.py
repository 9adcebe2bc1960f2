"""Free instructions for a voice to our own emotions and manners, where they name one."""

from __future__ import annotations

import re
from typing import Final

from services.core.model.prosody import Emotion, Manner, Prosody

_EMOTIONS: Final[dict[Emotion, str]] = {
    Emotion.JOY: "joy joyful joyfully happy happily cheerful cheerfully glad delighted excited excitedly upbeat merry",
    Emotion.SADNESS: "sadness sad sadly sorrow sorrowful mournful melancholy grief grieving",
    Emotion.ANGER: "anger angry angrily furious furiously rage irritated",
    Emotion.FEAR: "fear fearful fearfully afraid scared frightened nervous nervously anxious anxiously terrified",
    Emotion.DISGUST: "disgust disgusted revolted",
    Emotion.SURPRISE: "surprise surprised astonished amazed",
    Emotion.TENDERNESS: "tenderness tender tenderly gentle gently warm warmly soothing loving affectionate",
    Emotion.CONTEMPT: "contempt contemptuous disdainful scornful",
    Emotion.WEARINESS: "weariness weary wearily tired exhausted sleepy bored",
    Emotion.NEUTRAL: "neutral",
}
_MANNERS: Final[dict[Manner, str]] = {
    Manner.WHISPER: "whisper whispers whispering whispered",
    Manner.SHOUT: "shout shouts shouting yell yelling",
    Manner.SING_SONG: "sing-song singsong",
    Manner.SARCASTIC: "sarcastic sarcastically sarcasm ironic",
}
_EMOTION_OF: Final = {word: emotion for emotion, words in _EMOTIONS.items() for word in words.split()}
_MANNER_OF: Final = {word: manner for manner, words in _MANNERS.items() for word in words.split()}
_STRONG: Final = frozenset({"very", "extremely", "intensely", "furious", "furiously", "terrified", "delighted", "exhausted"})
_FAINT: Final = frozenset({"slightly", "mildly", "somewhat", "faintly"})
_NEGATIONS: Final = frozenset({"not", "no", "never", "without", "don't", "isn't"})


def feeling(instructions: str) -> Prosody:
    """The first emotion and the first manner that are named and not denied; neutral if none is."""
    words = []
    for clause in re.split(r"[,.;:!?\n]|\bbut\b", instructions.lower()):
        told = re.findall(r"[a-z'-]+", clause)
        denied = next((at for at, word in enumerate(told) if word in _NEGATIONS), len(told))
        words += told[:denied]
    emotion = next((_EMOTION_OF[word] for word in words if word in _EMOTION_OF), Emotion.NEUTRAL)
    manner = next((_MANNER_OF[word] for word in words if word in _MANNER_OF), Manner.PLAIN)
    intensity = 0.8 if _STRONG.intersection(words) else 0.3 if _FAINT.intersection(words) else 0.5
    return Prosody(emotion, intensity, manner)
