"""The pace of the large speech models on this machine's GPU: their true shapes with random weights, which cost what true weights cost and say nothing.

Without a GPU the tiny shapes run on the processor instead: that shows that the measurement works, and nothing else.
"""

from __future__ import annotations

import asyncio
import subprocess
import tempfile
import time
from contextlib import aclosing
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Final

import numpy as np

from bench.figures import number, spread, table
from services.core.model.prosody import Prosody, Voice
from services.core.settings import Settings
from services.tts.engine import Sound
from services.tts.engines.coqui.engine import ENVIRONMENT, Coqui
from tests.making.coqui_models import consented, make_coqui
from tests.making.tiny_whisper import TINY, Shape, make_tiny_whisper

LARGE_V3: Final = Shape(width=1280, layers=32, heads=20, mels=128)
_SENTENCE: Final = "The innkeeper lowers her voice: nobody has crossed the bridge since the first snow."
_SHORT: Final = "Good evening."
_TOGETHER: Final = 4
_CLIP_S: Final = 5.5


@dataclass(frozen=True, slots=True)
class Spoken:
    """One sentence."""

    first_s: float
    whole_s: float
    audio_s: float


async def coqui_table(runs: int) -> str:
    """Both tables. Raises `FileNotFoundError` without `make coqui`."""
    gpu = _gpu()
    with tempfile.TemporaryDirectory(prefix="souffleur-bench-") as folder:
        return f"{await xtts_table(Path(folder), runs, gpu=gpu)}\n\n{await asyncio.to_thread(whisper_table, Path(folder), runs, gpu=gpu)}"


async def xtts_table(folder: Path, runs: int, *, gpu: bool) -> str:
    """First sound and pace of a sentence, alone and with others at the same time, through the engine and its process."""
    if not ENVIRONMENT.exists():
        raise FileNotFoundError("there is no Coqui environment: `make coqui` makes it")
    settings = Settings(data_dir=folder)
    await asyncio.to_thread(make_coqui, "large-xtts" if gpu else "xtts", settings.models)
    await asyncio.to_thread(consented, folder, "mara")
    engine = Coqui(Coqui.Options(voice="mara", open_wait_s=600, start_timeout_s=600, stall_timeout_s=300), settings)
    try:
        began = time.perf_counter()
        await engine.open()
        loaded = time.perf_counter() - began
        shape, device = ("30 layers, 1024 wide" if gpu else "tiny", (await engine.capabilities()).remark.removeprefix("on "))
        sentence = _SENTENCE if gpu else _SHORT
        # The first sentence also makes the clip's latents and wakes the device.
        await _spoken(engine, sentence)
        alone = [await _spoken(engine, sentence) for _ in range(runs)]
        crowds = [await asyncio.gather(*(_spoken(engine, sentence) for _ in range(_TOGETHER))) for _ in range(runs)]
    finally:
        await engine.close()
    rows = [_row("1", alone), _row(str(_TOGETHER), [one for crowd in crowds for one in crowd])]
    head = f"XTTS ({shape}) on {device}; libraries and model loaded in {number(loaded)} s."
    return f"{head}\n\n{table(('sentences at once', 'first sound, ms', 'time of each, % of its audio'), rows)}"


def whisper_table(folder: Path, runs: int, *, gpu: bool, small: Shape = TINY) -> str:
    """One greedy pass over a clip of 5.5 s; `small` is the shape where there is no GPU."""
    from faster_whisper import WhisperModel

    made = make_tiny_whisper(folder / "whisper", shape=LARGE_V3 if gpu else small)
    head = f"faster-whisper ({'large-v3 shape, float16 on the GPU' if gpu else 'tiny shape, int8 on the processor'}), a clip of {_CLIP_S} s, greedy, 25 tokens."
    try:
        model: Any = WhisperModel(str(made), device="cuda" if gpu else "cpu", compute_type="float16" if gpu else "int8", local_files_only=True)
        took = [_pass(model) for _ in range(runs + 1)][1:]
    except RuntimeError as error:
        # CTranslate2 finds its CUDA libraries by itself, or does not.
        return f"{head} Not measured: {error}"
    return (
        f"{head}\n\n{table(('pass, ms', '% of the clip'), [[str(spread([1000 * one for one in took])), str(spread([100 * one / _CLIP_S for one in took]))]])}"
    )


async def _spoken(engine: Coqui, sentence: str) -> Spoken:
    began = time.perf_counter()
    first, audio = 0.0, 0.0
    async with aclosing(engine.stream(sentence, Prosody(), Voice(language="en"))) as events:
        async for event in events:
            if isinstance(event, Sound):
                first = first or time.perf_counter() - began
                audio += event.samples.size / event.rate
    return Spoken(first, time.perf_counter() - began, audio)


def _row(name: str, spoken: list[Spoken]) -> list[str]:
    return [name, str(spread([1000 * one.first_s for one in spoken])), str(spread([100 * one.whole_s / one.audio_s for one in spoken]))]


def _pass(model: Any) -> float:
    samples = (np.random.default_rng(3).standard_normal(round(_CLIP_S * 16_000)) * 0.1).astype(np.float32)
    began = time.perf_counter()
    # Without the thresholds random weights would be decoded again and again; CTranslate2 halves the limit.
    segments, _ = model.transcribe(
        samples,
        language="en",
        beam_size=1,
        temperature=0.0,
        max_new_tokens=50,
        without_timestamps=True,
        compression_ratio_threshold=None,
        log_prob_threshold=None,
        no_speech_threshold=None,
    )
    list(segments)
    return time.perf_counter() - began


def _gpu() -> bool:
    """Asked in the environment that would use it."""
    python = ENVIRONMENT / "bin" / "python"
    if not python.exists():
        return False
    asked = subprocess.run([str(python), "-I", "-c", "import torch; print(torch.cuda.is_available())"], capture_output=True, text=True, timeout=120, check=True)
    return asked.stdout.strip() == "True"
