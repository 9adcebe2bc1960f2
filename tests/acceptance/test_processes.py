"""`souffleur up --processes`: one that dies is started again, and nothing outlives the program."""

from __future__ import annotations

import asyncio
import json
import signal
from collections.abc import AsyncIterator
from contextlib import suppress
from pathlib import Path

import httpx2
import psutil
import pytest
import pytest_asyncio

from services.catalog import SERVICES
from tests.acceptance.conftest import need, saying
from tests.acceptance.program import SOUFFLEUR, Program, running, scrubbed
from tests.acceptance.table import api, assert_whole, facts_of, opened
from tests.acceptance.timing import promised
from tests.waiting import until

pytestmark = [pytest.mark.asyncio(loop_scope="module"), pytest.mark.timeout(120)]
GONE_S = 15.0
RECOVERED_S = 10.0


@pytest_asyncio.fixture(scope="module", loop_scope="module")
async def house(tmp_path_factory: pytest.TempPathFactory) -> AsyncIterator[Program]:
    """Every service in a process of its own."""
    need("pocketsphinx", "espeakng_loader")
    async with running(tmp_path_factory.mktemp("house"), saying(["Good evening, traveller."]), options=["--processes"]) as program:
        yield program


def children(program: Program) -> dict[str, psutil.Process]:
    """The services by name."""
    found = {}
    for child in psutil.Process(program.process.pid).children():
        # One that is just ending has no command any more.
        with suppress(psutil.NoSuchProcess):
            command = child.cmdline()
            if "services" in command:
                found[command[-1]] = child
    return found


async def answered(program: Program, sid: str, text: str) -> bool:
    """Something is said and answered."""
    async with api(program.url) as client:
        answer = await client.post(f"/api/sessions/{sid}/messages", json={"text": text, "message_id": text.lower()}, headers={"Accept": "text/event-stream"})
        return answer.is_success and '"heard"' in answer.text


async def test_every_service_is_a_process(house: Program) -> None:
    """And a turn goes through all of them."""
    assert set(children(house)) == set(SERVICES)
    assert await answered(house, await opened(house.url, ["mirelle"]), "hello")


@pytest.mark.parametrize("service", ["llm", "stage", *(pytest.param(name, marks=pytest.mark.nightly) for name in ("tts", "gateway"))])
async def test_a_service_that_dies_is_back_and_the_session_goes_on(house: Program, service: str) -> None:
    """Killed hard: within ten seconds the next turn is answered, in the same session and without a gap."""
    sid = await opened(house.url, ["mirelle"])
    assert await answered(house, sid, "before")
    victim = children(house)[service]
    victim.kill()

    async def is_back() -> bool:
        again = children(house).get(service)
        return again is not None and again.pid != victim.pid

    await until(is_back, promised(RECOVERED_S), f"another {service}")
    attempts = 0

    async def plays() -> bool:
        nonlocal attempts
        attempts += 1
        try:
            return await answered(house, sid, f"after-{attempts}")
        except httpx2.HTTPError:
            return False

    await until(plays, promised(RECOVERED_S), "an answer")
    assert_whole(await facts_of(house.url, sid))


async def test_the_program_knows_its_processes(house: Program) -> None:
    """`ps` shows the process of each service."""
    command = [str(SOUFFLEUR), "ps", "--json", "--data", str(house.data), "--config", str(house.data.parent / "souffleur.toml")]
    asked = await asyncio.create_subprocess_exec(*command, stdout=asyncio.subprocess.PIPE, env=scrubbed())
    output, _ = await asked.communicate()
    told = {row["name"]: row["pid"] for row in json.loads(output)["services"]}
    assert {name: told[name] for name in SERVICES} == {name: child.pid for name, child in children(house).items()}


@pytest.mark.nightly
@pytest.mark.parametrize("end", [signal.SIGTERM, signal.SIGKILL])
async def test_nothing_outlives_the_program(tmp_path: Path, end: signal.Signals) -> None:
    """Asked to end or killed: its services and its store end, too."""
    need("pocketsphinx", "espeakng_loader")
    async with running(tmp_path, saying(["Good evening."]), options=["--processes"]) as program:
        family = psutil.Process(program.process.pid).children(recursive=True)
        assert len(family) > len(SERVICES)
        program.process.send_signal(end)

        async def gone() -> bool:
            return not any(child.is_running() and child.status() != psutil.STATUS_ZOMBIE for child in family)

        await until(gone, GONE_S, "the end of all processes")
        if end == signal.SIGTERM:
            assert await program.process.wait() == 0
            assert program.complaints() == []
