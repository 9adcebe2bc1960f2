"""What a caller says, in frames of 20 ms: a tone for detectors that know loudness, words for those that know voices."""

from __future__ import annotations

from typing import Final

import numpy as np
import soxr

from bench.script import ENERGY, FRAME_BYTES, FRAME_MS, HEARING_RATE, SPEECH_MS, speech_frame
from services.tts.engine import Samples
from services.tts.engines.espeak_library import Library, Manner

_WORDS: Final = "Good evening."
_QUIET: Final = 0.02
"""Of the loudest sample: what is below it at either end is not said."""
_PEAK: Final = 0.7


def said(vad: str) -> tuple[bytes, ...]:
    """One utterance for a detector of this kind. Raises `EngineMissing` where a voice is wanted and none can be made."""
    return (speech_frame(),) * (SPEECH_MS // FRAME_MS) if vad == ENERGY else _spoken()


def _spoken() -> tuple[bytes, ...]:
    """By eSpeak NG, the same samples in every process, the first time; its last sound is where a frame ends."""
    library = Library.shared()
    pieces: list[Samples] = []

    def take(samples: Samples, _: object) -> bool:
        pieces.append(samples)
        return True

    library.speak(_WORDS, Manner(voice="en-us"), take)
    sound = soxr.resample(np.concatenate(pieces), library.rate, HEARING_RATE)
    level = np.abs(sound)
    loud = np.flatnonzero(level > _QUIET * level.max())
    sound = sound[loud[0] : loud[-1] + 1] * (_PEAK / level.max() * 32767)
    pcm = np.concatenate((np.zeros(-len(sound) % (FRAME_BYTES // 2)), sound)).astype("<i2").tobytes()
    return tuple(pcm[at : at + FRAME_BYTES] for at in range(0, len(pcm), FRAME_BYTES))
