"""Debian's Prometheus scrapes a live table with the configuration that we ship, and every query of every dashboard has something to show."""

from __future__ import annotations

import asyncio
import math
import shutil
import socket
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from pathlib import Path
from typing import Any

import httpx2
import pytest

from grafana.writing import queries, texts
from tests.acceptance.conftest import REPLIES, SCRIPTED, need
from tests.acceptance.player import RATE, Player, player
from tests.acceptance.program import Program, running
from tests.acceptance.table import api, brisk, is_fact, opened, seen
from tests.making.prompts import prompts
from tests.waiting import until

pytestmark = pytest.mark.timeout(300)
_SHIPPED = Path(__file__).parents[2] / "deploy" / "prometheus"
_LEAD = bytes(RATE // 5 * 2)
_KEY = "sk-canary-0123456789abcdefghijkl"
_CANARY = "Theodolind's copper lantern"
_SETTINGS: dict[str, Any] = {
    **SCRIPTED,
    "llm": {
        "chain": ["absent", "scripted"],
        "engines": {
            "absent": {"kind": "openai", "base_url": "http://127.0.0.1:9/v1", "model": "none", "api_key": _KEY},
            "scripted": {"replies": REPLIES, "first_ms": 20, "token_ms": 5},
        },
        "prices": {"scripted": [1.0, 2.0]},
    },
}
"""The first engine cannot be reached, so that somebody stands in for it, once and again."""


@asynccontextmanager
async def _prometheus(folder: Path, target: str) -> AsyncIterator[httpx2.AsyncClient]:
    """Prometheus with our configuration, pointed at `target` and told to look every second."""
    shutil.copytree(_SHIPPED, folder)
    config = (_SHIPPED / "prometheus.yml").read_text(encoding="utf-8")
    assert "127.0.0.1:8765" in config
    config = config.replace("127.0.0.1:8765", target).replace("scrape_interval: 5s", "scrape_interval: 1s")
    (folder / "prometheus.yml").write_text(config, encoding="utf-8")
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        port = probe.getsockname()[1]
    arguments = [f"--config.file={folder}/prometheus.yml", f"--storage.tsdb.path={folder}/data", f"--web.listen-address=127.0.0.1:{port}"]
    with (folder / "log.txt").open("wb") as log:
        process = await asyncio.create_subprocess_exec(str(shutil.which("prometheus")), *arguments, stdout=log, stderr=log)
    try:
        async with httpx2.AsyncClient(base_url=f"http://127.0.0.1:{port}", trust_env=False, timeout=10) as client:
            yield client
    finally:
        process.terminate()
        await process.wait()


async def _up(client: httpx2.AsyncClient) -> bool:
    try:
        targets = (await client.get("/api/v1/targets")).json()["data"]["activeTargets"]
    except (httpx2.HTTPError, ValueError):
        return False
    return bool(targets) and all(target["health"] == "up" for target in targets)


async def _answer(client: httpx2.AsyncClient, expr: str) -> list[float]:
    """The finite values of now."""
    answer = await client.get("/api/v1/query", params={"query": expr.replace("$__rate_interval", "5m")})
    assert answer.status_code == 200, answer.text
    values = [float(item["value"][1]) for item in answer.json()["data"]["result"]]
    return [value for value in values if math.isfinite(value)]


async def _evening(program: Program, session: str, one: Player) -> None:
    """A typed turn, a spoken one that a listener plays and breaks into, a held reply that is released, a note."""
    start = len(one.events)
    await _type(one, _CANARY)
    _, _, _ = await one.wait_for("response.done", after=start)
    start = len(one.events)
    await one.say(_LEAD + _prompt().pcm(RATE))
    await one.wait_for("response.output_audio.delta", after=start)
    line = seen(one, "line_opened", start)[-1]["body"]["line"]
    await one.connection.send({"type": "souffleur.played", "line_id": line, "played_ms": 120})
    cut = len(one.events)
    await one.say(_LEAD + _prompt().pcm(RATE))
    await one.wait_for(is_fact("line_closed", line=line), after=start)
    await one.wait_for("response.done", after=cut)
    async with api(program.url) as client:
        noted = await client.post(f"/api/sessions/{session}/corrections", json={"kind": "note", "text": f"Think of {_CANARY}.", "scope": "once"})
        assert noted.status_code == 202, noted.text
        await _approved(client, session, one)


async def _approved(client: httpx2.AsyncClient, session: str, one: Player) -> None:
    acts = f"/api/sessions/{session}/acts"
    assert (await client.post(acts, json={"kind": "mode", "text": "approve"})).is_success
    start = len(one.events)
    answer = await client.post(f"/api/sessions/{session}/messages", json={"text": "What now?"})
    assert answer.status_code == 202, answer.text

    async def held() -> str:
        facts = (await client.get(f"/api/sessions/{session}/facts", params={"after": answer.json()["fact"]["seq"], "limit": 500})).json()["items"]
        opened_lines = [fact["body"]["line"] for fact in facts if fact["kind"] == "line_opened" and fact["body"]["mode"] == "approve"]
        told = {fact["body"]["line"] for fact in facts if fact["kind"] == "sentence"}
        return str(opened_lines[-1]) if opened_lines and opened_lines[-1] in told else ""

    line = await until(held, what="a held reply")
    released = await client.post(acts, json={"kind": "release", "line": line})
    assert released.is_success, released.text
    await one.wait_for(is_fact("line_closed", line=line), after=start)
    assert (await client.post(acts, json={"kind": "mode", "text": "auto"})).is_success


def _prompt() -> Any:
    return next(prompt for prompt in prompts() if 5 <= len(prompt.text.split()) <= 9)


async def _type(one: Player, text: str) -> None:
    item: Any = {"type": "message", "role": "user", "content": [{"type": "input_text", "text": text}]}
    await one.connection.conversation.item.create(item=item)
    await one.connection.response.create()


@pytest.mark.nightly
async def test_every_query_of_every_dashboard_has_data(tmp_path: Path) -> None:
    """Twice the same evening, the second one under the eyes of Prometheus: everything grows. No word of it is in the metrics."""
    if shutil.which("prometheus") is None:
        pytest.skip("needs Debian's package prometheus")
    need("pocketsphinx", "espeakng_loader")
    async with running(tmp_path / "house", _SETTINGS) as program:
        session = await opened(program.url, [await brisk(program.url)])
        configured = {"audio": {"input": {"transcription": {"model": "default", "prompt": _prompt().text}}}}
        async with player(program.websocket, "npc/any", session=configured, query={"session": session}) as one:
            await _evening(program, session, one)
            async with _prometheus(tmp_path / "prometheus", program.url.removeprefix("http://")) as client:
                await until(lambda: _up(client), 30, "the target", 0.2)
                await until(lambda: _answer(client, "souffleur_turns_total"), 30, "the first samples", 0.2)
                await _evening(program, session, one)
                await _all_answered(client)
                rules = (await client.get("/api/v1/rules")).json()["data"]["groups"]
                assert {rule["health"] for group in rules for rule in group["rules"]} <= {"ok", "unknown"}
        async with api(program.url) as http:
            metrics = (await http.get("/metrics")).text
            everything = [metrics, (await http.get("/api/logs", params={"limit": 500})).text, program.log.read_text(encoding="utf-8")]
    for words in (_CANARY, "Theodolind", "traveller", "What now", "few words"):
        assert words not in metrics
    assert len(everything[1]) > 1000
    for words in (_CANARY, _KEY, _KEY.removeprefix("sk-")):
        assert not [text[:60] for text in everything if words in text]


async def _all_answered(client: httpx2.AsyncClient) -> None:
    wanted = {(f"{name}: {title}", expr) for name, text in texts().items() for title, expr in queries(text)}

    async def missing() -> list[tuple[str, str]]:
        return sorted([one for one in wanted if not await _answer(client, one[1])])

    try:
        await until(lambda: _none(missing), 30, "an answer to every query", 0.5)
    except TimeoutError:
        assert await missing() == []


async def _none(missing: Any) -> bool:
    return not await missing()
