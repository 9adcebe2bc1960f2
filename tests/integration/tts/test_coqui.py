"""The Coqui engine with a true XTTS of random weights, in the environment and process of its own."""

from __future__ import annotations

import asyncio
import json
import os
import signal
import subprocess
from collections.abc import AsyncIterator
from contextlib import aclosing
from pathlib import Path
from typing import Any

import numpy as np
import psutil
import pytest
import pytest_asyncio

from services.core.errors import ConsentMissing, EngineFailed, EngineMissing
from services.core.model.prosody import Emotion, Manner, Prosody, Voice
from services.core.settings import Settings
from services.core.voices import VoiceStore
from services.tts.engine import Samples, Sound
from services.tts.engines.coqui import engine as engine_module
from services.tts.engines.coqui.engine import Coqui
from tests.making.coqui_models import PYTHON, clip, consented, make_coqui
from tests.waiting import until

pytestmark = [pytest.mark.nightly, pytest.mark.asyncio(loop_scope="module"), pytest.mark.timeout(300)]
TEXT = "Good evening."
MARA = Voice(name="mara", language="en")


@pytest.fixture(scope="module")
def settings(tmp_path_factory: pytest.TempPathFactory) -> Settings:
    """A data folder with a tiny XTTS, Mara's voice in three feelings, and a clip that nobody allowed."""
    folder = tmp_path_factory.mktemp("coqui")
    made = Settings(data_dir=folder)
    make_coqui("xtts", made.models)
    consented(folder, "mara", anger=330.0, whisper=90.0)
    stolen = folder / "voices" / "stolen"
    stolen.mkdir()
    (stolen / "neutral.wav").write_bytes(clip(200))
    return made


def _engine(settings: Settings, **options: Any) -> Coqui:
    return Coqui(Coqui.Options.model_validate({"open_wait_s": 120.0, "threads": 1, **options}), settings)


@pytest_asyncio.fixture(scope="module", loop_scope="module")
async def engine(settings: Settings) -> AsyncIterator[Coqui]:
    """Open."""
    made = _engine(settings)
    await made.open()
    yield made
    await made.close()


async def _said(engine: Coqui, prosody: Prosody = Prosody(), voice: Voice = MARA, text: str = TEXT) -> tuple[Samples, list[Sound]]:  # noqa: B008 - frozen
    async with asyncio.timeout(100):
        pieces = [event async for event in engine.stream(text, prosody, voice) if isinstance(event, Sound)]
    return np.concatenate([piece.samples for piece in pieces]), pieces


async def test_a_sentence_comes_in_pieces_and_is_the_same_each_time(engine: Coqui) -> None:
    """Several sounds at one rate, none of them the whole; a second time the same samples."""
    whole, pieces = await _said(engine)
    again, _ = await _said(engine)
    assert len(pieces) >= 3
    assert {piece.rate for piece in pieces} == {24_000}
    assert max(piece.samples.size for piece in pieces) < whole.size * 0.7
    assert np.isfinite(whole).all()
    assert np.abs(whole).max() > 0.05
    assert np.array_equal(whole, again)


async def test_a_feeling_sounds_by_its_own_clip_and_more_of_it_sounds_more(engine: Coqui) -> None:
    """Anger and whisper have clips: same pace, other sound, nearer to neutral at little intensity. Joy has none: it is quicker."""
    neutral, _ = await _said(engine)
    anger, pieces = await _said(engine, Prosody(Emotion.ANGER, 1.0))
    trace, _ = await _said(engine, Prosody(Emotion.ANGER, 0.0))
    whisper, _ = await _said(engine, Prosody(Emotion.ANGER, 1.0, Manner.WHISPER))
    joy, quicker = await _said(engine, Prosody(Emotion.JOY, 1.0))
    assert neutral.size == anger.size == trace.size == whisper.size
    assert {piece.rate for piece in pieces} == {24_000}
    for one, two in ((neutral, anger), (anger, trace), (neutral, trace), (anger, whisper)):
        assert not np.allclose(one, two, atol=1e-3)
    assert joy.size / quicker[0].rate < neutral.size / 24_000 * 0.95


async def test_the_capabilities_name_the_voices_and_what_they_have_clips_of(engine: Coqui) -> None:
    """Clips without consent are not offered."""
    info = await engine.capabilities()
    assert info.ready
    assert info.cloning
    assert [(voice.name, voice.label) for voice in info.voices] == [("mara", "mara (anger, whisper)")]


async def test_a_voice_without_consent_is_not_cloned(engine: Coqui) -> None:
    """A typed error, and the next sentence is spoken as ever."""
    with pytest.raises(ConsentMissing):
        await _said(engine, voice=Voice(name="stolen", language="en"))
    assert (await _said(engine))[0].size


async def test_a_clip_that_is_not_the_one_of_the_record_is_not_cloned(engine: Coqui, settings: Settings) -> None:
    """Somebody put another recording in its place: the process that reads it compares."""
    voice = consented(settings.data_dir, "changed", 170.0)
    voice.clips["neutral"].path.write_bytes(clip(200))
    try:
        with pytest.raises(ConsentMissing):
            await _said(engine, voice=Voice(name="changed", language="en"))
    finally:
        VoiceStore(settings.data_dir / "voices").delete("changed")


async def test_a_language_or_a_voice_that_is_not_there_is_missing(engine: Coqui) -> None:
    """So that the next engine of the chain speaks, and this one is not put to rest."""
    for voice, text in ((Voice(language="en"), TEXT), (Voice(name="nobody", language="en"), TEXT), (MARA, "Добрий вечір")):
        with pytest.raises(EngineMissing):
            await _said(engine, voice=Voice(name=voice.name, language="uk") if text != TEXT else voice, text=text)


async def test_a_closed_stream_stops_the_model_within_one_piece(engine: Coqui, settings: Settings) -> None:
    """The process goes idle, without having made the rest of a long text, and the next sentence is whole."""
    async with aclosing(engine.stream(" ".join(["Good evening, traveller."] * 40), Prosody(), MARA)) as stream:
        async with asyncio.timeout(100):
            await anext(stream)
    # The model's own step is the smallest unit: the answer to the cancellation comes after at most one.
    await until(lambda: not engine._worker._answers, 30, "the worker's word that it has stopped")
    assert (await _said(engine))[0].size


async def test_two_sentences_at_once_are_what_each_would_be_alone(engine: Coqui) -> None:
    """They share the model and nothing else."""
    alone = [(await _said(engine, prosody))[0] for prosody in (Prosody(), Prosody(Emotion.ANGER, 1.0))]
    together = await asyncio.gather(_said(engine), _said(engine, Prosody(Emotion.ANGER, 1.0)))
    for one, (two, _) in zip(alone, together, strict=True):
        assert np.allclose(one, two, atol=1e-4)


async def test_a_worker_that_dies_fails_its_sentence_and_comes_back(settings: Settings) -> None:
    """Killed in the middle: a typed error at once, a pause, then it speaks again."""
    engine = _engine(settings)
    try:
        await engine.open()
        async with aclosing(engine.stream(TEXT, Prosody(), MARA)) as stream:
            async with asyncio.timeout(100):
                await anext(stream)
            assert engine._worker.pid is not None
            os.kill(engine._worker.pid, signal.SIGKILL)
            with pytest.raises(EngineFailed):
                async for _ in stream:
                    pass

        async def again() -> bool:
            try:
                return bool((await _said(engine))[0].size)
            except EngineFailed:
                return False

        assert await until(again, 100, "a sentence after the restart", 0.3)
    finally:
        await engine.close()


async def test_a_worker_that_stalls_is_ended(settings: Settings) -> None:
    """Stopped by a signal it owes an answer and says nothing: its sentence fails after the limit and it is gone."""
    engine = _engine(settings, stall_timeout_s=8.0)
    try:
        await engine.open()
        pid = engine._worker.pid
        assert pid is not None
        os.kill(pid, signal.SIGSTOP)
        with pytest.raises(EngineFailed):
            await _said(engine)
        await until(lambda: not psutil.pid_exists(pid), 10, "the end of the stalled worker")
    finally:
        await engine.close()


async def test_the_worker_ends_with_its_parent(settings: Settings) -> None:
    """Whose pipe ends without a word when it is killed."""
    engine = _engine(settings)
    try:
        await engine.open()
        pid, child = engine._worker.pid, engine._worker._child
        assert pid is not None
        assert child is not None
        assert child.stdin is not None
        child.stdin.close()
        await until(lambda: engine._worker.pid is None, 10, "the end of the worker")
    finally:
        await engine.close()


async def test_a_model_that_loads_slowly_does_not_hold_a_line_up(settings: Settings) -> None:
    """The first call says so at once; a later one finds it ready."""
    engine = _engine(settings, open_wait_s=0.0)

    async def ready() -> bool:
        try:
            await engine.open()
        except EngineFailed:
            return False
        return True

    try:
        with pytest.raises(EngineFailed):
            await engine.open()
        assert await until(ready, 100, "the loaded model", 0.1)
    finally:
        await engine.close()


async def test_tokens_and_samples_are_the_librarys(settings: Settings) -> None:
    """Its own stream costs more with every piece; the worker's costs the same for each, and is the same sound, spoken slowly too."""
    command = [str(PYTHON), "-I", str(Path(__file__).with_name("same_as_library.py")), str(Path(engine_module.__file__).parent)]
    command.append(str(settings.models / "coqui" / "tiny-xtts"))
    done = await asyncio.to_thread(subprocess.run, command, capture_output=True, text=True, timeout=200, check=False)
    assert done.returncode == 0, done.stderr
    differs = json.loads(done.stdout.splitlines()[-1])
    assert differs["latents"] < 1e-3
    assert set(differs["sounds"]) == {"1.0", "1.3"}
    for sound in differs["sounds"].values():
        assert sound["frames"] < 1e-4
        assert sound["samples"] < 1e-4
        assert sound["level"] > 0.05
        assert sound["sizes"][0] == sound["sizes"][1] > 0


async def test_the_gpu_is_used_where_there_is_one(engine: Coqui) -> None:
    """And named: the status shows where the voice runs."""
    asked = [str(PYTHON), "-I", "-c", "import torch; print(torch.cuda.get_device_name() if torch.cuda.is_available() else 'cpu')"]
    done = await asyncio.to_thread(subprocess.run, asked, capture_output=True, text=True, timeout=100, check=True)
    assert (await engine.capabilities()).remark == f"on {done.stdout.strip()}"
