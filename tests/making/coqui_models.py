"""Coqui models for tests, made in the environment of `make coqui`, and clips with consent to clone; skips where that environment is absent."""

from __future__ import annotations

import io
import subprocess
import wave
from pathlib import Path
from typing import Final

import numpy as np
import pytest

from services.core.voices import Consent, ConsentedVoice, VoiceStore

ROOT: Final = Path(__file__).parents[2]
PYTHON: Final = ROOT / ".tools" / "coqui" / "bin" / "python"
CONSENT: Final = Consent("Mara Muster", "2026-01-02T10:00:00+01:00", "I allow this table to clone my voice for its game.")


def make_coqui(kind: str, models: Path) -> Path:
    """Write the model `tiny-<kind>` (xtts or vits) where the engine looks, unless it is there. Skips the calling test without `make coqui`."""
    if not PYTHON.exists():
        pytest.skip("the Coqui environment is not installed (`make coqui`)")
    folder = models / "coqui" / f"tiny-{kind}"
    if not (folder / "config.json").exists():
        command = [str(PYTHON), "-I", str(Path(__file__).with_name("tiny_coqui.py")), kind, str(folder)]
        made = subprocess.run(command, capture_output=True, text=True, timeout=240, check=False)
        assert made.returncode == 0, made.stderr
    return folder


def clip(hertz: float, seconds: float = 3.0, rate: int = 22_050) -> bytes:
    """A WAV file that hums: as good as speech for weights that were never trained."""
    times = np.arange(round(seconds * rate)) / rate
    hum = 0.3 * np.sin(2 * np.pi * hertz * times) * (1 + 0.5 * np.sin(2 * np.pi * 3 * times))
    samples = hum + 0.02 * np.random.default_rng(round(hertz)).standard_normal(times.size)
    target = io.BytesIO()
    with wave.open(target, "wb") as file:
        file.setnchannels(1)
        file.setsampwidth(2)
        file.setframerate(rate)
        file.writeframes(np.round(samples.clip(-1, 1) * 32_000).astype("<i2").tobytes())
    return target.getvalue()


def consented(data_dir: Path, name: str = "mara", neutral: float = 150.0, **feelings: float) -> ConsentedVoice:
    """A voice in the store of a data folder: a neutral clip and one of each feeling, at the pitches given."""
    clips = {"neutral": clip(neutral), **{feeling: clip(hertz) for feeling, hertz in feelings.items()}}
    return VoiceStore(data_dir / "voices").add(name, "en", CONSENT, clips)
