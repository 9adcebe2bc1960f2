"""A whole spoken turn by a true XTTS of random weights, in a cloned voice with consent; and what becomes of one without."""

from __future__ import annotations

from collections.abc import AsyncIterator
from pathlib import Path

import psutil
import pytest
import pytest_asyncio

from tests.acceptance.conftest import SCRIPTED, need
from tests.acceptance.player import RATE, player, rms
from tests.acceptance.program import Program, running
from tests.acceptance.table import api, assert_whole, brisk, facts_of, heard, is_fact
from tests.making.coqui_models import clip, consented, make_coqui
from tests.making.prompts import prompts
from tests.waiting import until

pytestmark = [pytest.mark.nightly, pytest.mark.asyncio(loop_scope="module"), pytest.mark.timeout(400)]
COQUI = {"open_wait_s": 120.0, "threads": 1, "stall_timeout_s": 120.0}


@pytest_asyncio.fixture(scope="module", loop_scope="module")
async def table(tmp_path_factory: pytest.TempPathFactory) -> AsyncIterator[Program]:
    """`souffleur up` with Coqui as its voice, Mara's consent, and a recording that nobody allowed."""
    need("pocketsphinx", "espeakng_loader")
    folder: Path = tmp_path_factory.mktemp("coqui")
    make_coqui("xtts", folder / "models")
    consented(folder / "data", "mara", anger=330.0)
    stolen = folder / "data" / "voices" / "stolen"
    stolen.mkdir()
    (stolen / "neutral.wav").write_bytes(clip(200))
    async with running(folder, {**SCRIPTED, "models_dir": str(folder / "models"), "tts": {"engine": "coqui", "engines": {"coqui": COQUI}}}) as started:
        yield started
    assert started.complaints() == []


async def _loaded(program: Program) -> None:
    """The model is in memory: the status names the device."""

    async def ready() -> bool:
        async with api(program.url) as client:
            engines = (await client.get("/api/status")).json()["engines"]["tts"]["engines"]
        return any(engine["name"] == "coqui" and engine["remark"].startswith("on ") for engine in engines)

    await until(ready, 120, "the loaded model", 0.5)


def _workers(program: Program) -> list[psutil.Process]:
    return [child for child in psutil.Process(program.process.pid).children(recursive=True) if "worker.main" in " ".join(child.cmdline())]


async def _turn(program: Program, slug: str) -> tuple[str, list[str], bytes]:
    """Say something and hear the answer out: the line's state, the engines that spoke one after the other, and the sound."""
    phrase = next(prompt for prompt in prompts() if len(prompt.text.split()) == 2)
    async with player(program.websocket, f"npc/{slug}") as one:
        _, _, attached = await one.wait_for("souffleur.attached")
        await one.say(bytes(RATE // 5 * 2) + phrase.pcm(RATE))
        _, _, opened = await one.wait_for(is_fact("line_opened"), timeout_s=60)
        line = str(opened["fact"]["body"]["line"])
        _, _, closed = await one.wait_for(is_fact("line_closed", line=line), timeout_s=120)
        await one.wait_for("response.done")
        sound = heard(one, line)
        _, timed = one.of("souffleur.turn")[-1]
    facts = await facts_of(program.url, attached["session_id"])
    assert_whole(facts)
    after = [fact["body"]["to_engine"] for fact in facts if fact["kind"] == "degraded"]
    return str(closed["fact"]["body"]["state"]), [str(timed["tts_engine"]), *after], sound


async def test_a_cloned_voice_with_consent_carries_a_turn(table: Program) -> None:
    """Speech in, sound with energy out, heard to its end, by the worker process."""
    await _loaded(table)
    slug = await brisk(table.url, "Quill", extensions={"souffleur": {"language": "en", "voice": {"engine": "coqui", "name": "mara", "language": "en"}}})
    state, engines, sound = await _turn(table, slug)
    assert (state, engines) == ("heard", ["coqui"])
    assert rms(sound) > 300
    assert len(sound) / 2 / RATE > 0.5
    assert len(_workers(table)) == 1


async def test_a_voice_without_consent_is_replaced_and_the_table_hears_of_it(table: Program) -> None:
    """The turn goes on in another engine's voice, and a fact says so."""
    await _loaded(table)
    slug = await brisk(table.url, "Thief", extensions={"souffleur": {"language": "en", "voice": {"engine": "coqui", "name": "stolen", "language": "en"}}})
    state, engines, sound = await _turn(table, slug)
    assert (state, engines) == ("heard", ["coqui", "espeak"])
    assert rms(sound) > 300


async def test_the_worker_ends_with_a_program_that_is_killed(table: Program) -> None:
    """Without a word to it."""
    await _loaded(table)
    (worker,) = _workers(table)
    await table.kill()
    await until(lambda: not worker.is_running() or worker.status() == psutil.STATUS_ZOMBIE, 20, "the end of the worker")
