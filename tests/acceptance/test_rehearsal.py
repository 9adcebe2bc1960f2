"""A recorded evening once more: `souffleur rehearse` beside the running program, and the log in a terminal."""

from __future__ import annotations

import asyncio
import json
import sys
from collections.abc import AsyncIterator
from pathlib import Path
from typing import Any

import pytest
import pytest_asyncio

from tests.acceptance.conftest import SCRIPTED
from tests.acceptance.program import Program, running, scrubbed
from tests.acceptance.table import api, brisk, facts_of, opened
from tests.waiting import until

pytestmark = [pytest.mark.asyncio(loop_scope="module"), pytest.mark.timeout(180)]
_REPLIES = ["[joy] Come in, come in!", "The ferry leaves at dawn. [sadness] Nobody takes it any more.", "Never & again."]
_SAID = ["Good evening.", "When does the ferry leave?", "<script>alert('boo')</script> Will you row?"]
_SETTINGS: dict[str, Any] = {
    **SCRIPTED,
    "llm": {
        "chain": ["scripted"],
        "engines": {
            "scripted": {"replies": _REPLIES},
            "other": {"kind": "scripted", "replies": ["The ferry leaves at noon."]},
            "mirror": {"kind": "scripted", "echo": True},
        },
    },
    "stt": {"engine": "scripted"},
    "tts": {"engine": "scripted"},
}


@pytest_asyncio.fixture(scope="module", loop_scope="module")
async def house(tmp_path_factory: pytest.TempPathFactory) -> AsyncIterator[Program]:
    async with running(tmp_path_factory.mktemp("rehearsal"), _SETTINGS) as program:
        yield program


@pytest_asyncio.fixture(scope="module", loop_scope="module")
async def recorded(house: Program) -> str:
    """A session of three turns with Quill, whose card has no greeting."""
    session = await opened(house.url, [await brisk(house.url, first_mes="")])
    async with api(house.url) as client:
        for count, text in enumerate(_SAID, 1):
            assert (await client.post(f"/api/sessions/{session}/messages", json={"text": text})).status_code == 202

            async def answered(wanted: int = count) -> bool:
                return len([fact for fact in await facts_of(house.url, session) if fact["kind"] == "line_closed"]) == wanted

            await until(answered, what="the answer")
    return session


async def _souffleur(house: Program, *arguments: str) -> tuple[int, str, str]:
    """Run it in the program's folder, as its owner would."""
    folder = house.data.parent
    command = [str(Path(sys.executable).parent / "souffleur"), arguments[0], "--data", str(house.data), "--config", str(folder / "souffleur.toml")]
    process = await asyncio.create_subprocess_exec(
        *command, *arguments[1:], stdout=asyncio.subprocess.PIPE, stderr=asyncio.subprocess.PIPE, env=scrubbed() | {"COLUMNS": "160"}, cwd=folder
    )
    async with asyncio.timeout(60):
        out, err = await process.communicate()
    return process.returncode or 0, out.decode(), err.decode()


def _flat(text: str) -> str:
    """A table's text without its frame and its line breaks."""
    return " ".join(" ".join(part.split()) for part in text.replace("│", " ").split())


async def test_a_note_changes_the_replies_and_nothing_is_written(house: Program, recorded: str, tmp_path: Path) -> None:
    """Asked of a model that answers with its prompt: the note stands in it, and the past up to each line, and no more."""
    before = await facts_of(house.url, recorded)
    page = tmp_path / "page.html"
    status, out, err = await _souffleur(house, "rehearse", recorded, "--model", "mirror", "--note", "You are afraid of the river.", "--out", str(page))
    assert status == 0, err
    assert "3 lines rehearsed, 3 answered differently" in _flat(out)
    text = page.read_text(encoding="utf-8")
    rows = text.split("<tr>")[2:]
    assert len(rows) == 3
    assert all("You are afraid of the river." in _words(row) for row in rows)
    assert "When does the ferry leave" not in _words(rows[0])
    assert "The ferry leaves at dawn" in _words(rows[2]).partition("mirror")[0]
    assert await facts_of(house.url, recorded) == before


def _words(row: str) -> str:
    return " ".join(row.replace("<ins>", "").replace("</ins>", "").replace("<del>", "").replace("</del>", "").split())


async def test_differences_are_marked_and_everything_is_escaped(house: Program, recorded: str, tmp_path: Path) -> None:
    """Another engine: what was then, what is now, word for word; no script gets into the page."""
    page = tmp_path / "page.html"
    status, out, _ = await _souffleur(house, "rehearse", recorded, "--model", "other", "--note", "<img src=x onerror=boo()>", "--out", str(page))
    assert status == 0
    assert "[sadness]" in out
    text = page.read_text(encoding="utf-8")
    assert "The ferry leaves at <ins>noon.</ins>" in text
    assert "The ferry leaves at <del>dawn. [sadness] Nobody takes it any more.</del>" in text
    assert "&lt;script&gt;alert(&#x27;boo&#x27;)&lt;/script&gt; Will you row?" in text
    assert "note: &lt;img src=x onerror=boo()&gt;" in text
    assert "<script" not in text
    assert "<img" not in text
    assert "default-src 'none'" in text


async def test_another_character_plays_the_part(house: Program, recorded: str, tmp_path: Path) -> None:
    """From the catalogue, or from a card's file: its description is in the prompt, Quill's is not."""
    other = await brisk(house.url, "Mordecai", description="{{char}} collects clocks.")
    page = tmp_path / "page.html"
    status, _, err = await _souffleur(house, "rehearse", recorded, "--model", "mirror", "--character", other, "--out", str(page))
    assert status == 0, err
    assert "collects clocks" in _words(page.read_text(encoding="utf-8"))
    assert "answers in a few words" not in _words(page.read_text(encoding="utf-8"))
    card = tmp_path / "card.json"
    card.write_text(json.dumps({"spec": "chara_card_v3", "data": {"name": "Ottoline", "description": "{{char}} hates water."}}), encoding="utf-8")
    status, _, err = await _souffleur(house, "rehearse", recorded, "--model", "mirror", "--card", str(card), "--out", str(page))
    assert status == 0, err
    assert "hates water" in _words(page.read_text(encoding="utf-8"))


@pytest.mark.parametrize(
    ("arguments", "told"),
    [
        (("no-such-session",), "no session"),
        (("SESSION", "--model", "hal9000"), "no engine is called hal9000; there is "),
        (("SESSION", "--character", "nobody-at-all"), "no character of that name"),
        (("SESSION", "--card", "/dev/null"), "cannot be read as a card"),
    ],
)
async def test_what_cannot_be_is_told_in_a_line(house: Program, recorded: str, arguments: tuple[str, ...], told: str) -> None:
    status, out, err = await _souffleur(house, "rehearse", *(recorded if item == "SESSION" else item for item in arguments))
    assert status == 1
    assert out == ""
    assert "Traceback" not in err
    assert told in err


async def test_the_log_is_searched_and_followed(house: Program, recorded: str) -> None:
    """Words and levels; nothing found is status 1."""
    status, out, _ = await _souffleur(house, "logs", "service.started", "--json")
    assert status == 0
    entries = [json.loads(line) for line in out.splitlines()]
    assert {"stage", "llm", "tts", "stt"} <= {entry["service"] for entry in entries}
    assert [entry["id"] for entry in entries] == sorted(entry["id"] for entry in entries)
    status, out, _ = await _souffleur(house, "logs", "gateway.serving")
    assert status == 0
    assert "gateway.serving" in out
    assert (await _souffleur(house, "logs", "there is no such entry"))[0] == 1
    status, out, _ = await _souffleur(house, "logs", "-n", "5000", "--json")
    for words in (*_SAID, "ferry", "Nobody takes it"):
        assert words not in out
