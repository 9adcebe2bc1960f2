"""Real human speech: the voice prompts of Debian's asterisk-core-sounds-en-wav, with their texts from asterisk-core-sounds-en."""

from __future__ import annotations

import gzip
import re
import wave
from dataclasses import dataclass
from functools import cache
from pathlib import Path

import numpy as np
import pytest
import soxr

_SOUNDS = Path("/usr/share/asterisk/sounds/en_US_f_Allison")
_TEXTS = Path("/usr/share/doc/asterisk-core-sounds-en/core-sounds-en.txt.gz")
REASON = "needs Debian's asterisk-core-sounds-en and asterisk-core-sounds-en-wav"


@dataclass(frozen=True)
class Prompt:
    """One recorded phrase."""

    name: str
    text: str
    path: Path

    def pcm(self, rate: int = 16000) -> bytes:
        """Mono PCM16 at `rate`, from the 8 kHz recording."""
        with wave.open(str(self.path)) as file:
            assert (file.getnchannels(), file.getsampwidth(), file.getframerate()) == (1, 2, 8000)
            samples = np.frombuffer(file.readframes(file.getnframes()), dtype="<i2")
        return bytes(np.asarray(soxr.resample(samples, 8000, rate, quality="HQ"), dtype="<i2").tobytes())


def words(text: str) -> str:
    """Lower case, no punctuation: for comparing texts."""
    return " ".join(re.findall(r"[a-z0-9']+", text.lower()))


@cache
def prompts() -> tuple[Prompt, ...]:
    """Every usable phrase of two or more words, in a fixed order; skips the test where the packages are absent."""
    if not _TEXTS.exists() or not _SOUNDS.is_dir():
        pytest.skip(REASON)
    found = []
    for line in gzip.decompress(_TEXTS.read_bytes()).decode("utf-8", "replace").splitlines():
        name, _, text = line.partition(":")
        text = text.strip()
        path = _SOUNDS / f"{name.strip()}.wav"
        plain = not re.search(r"[\[\]()<>0-9]", text)
        if text and plain and len(text.split()) >= 2 and path.exists():
            found.append(Prompt(name.strip(), text, path))
    return tuple(found)
