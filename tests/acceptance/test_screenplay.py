"""The screenplay of a running table, edited in a text editor: what was changed there is what the table knows from then on."""

from __future__ import annotations

import asyncio
import io
import sys
from pathlib import Path
from typing import Any

import httpx2
import pytest
from pypdf import PdfReader

from tests.acceptance.conftest import need
from tests.acceptance.program import Program, running, scrubbed
from tests.acceptance.table import opened
from tests.waiting import until

pytestmark = [pytest.mark.asyncio(loop_scope="module"), pytest.mark.timeout(180)]
_SETTINGS = {
    "llm": {"chain": ["scripted"], "engines": {"scripted": {"replies": ["[joy] Good evening. The fire is warm."], "first_ms": 0, "token_ms": 0}}},
    "tts": {"engine": "espeak"},
}


async def _told(http: httpx2.AsyncClient, session: str) -> int:
    """Something is said and answered; the head."""
    answer = await http.post(f"/api/sessions/{session}/messages", json={"text": "Helo, is there a rom?"})
    assert answer.status_code == 202, answer.text

    async def closed() -> int:
        items = (await http.get(f"/api/sessions/{session}/facts", params={"limit": 500})).json()["items"]
        return int(items[-1]["seq"]) if items[-1]["kind"] == "line_closed" else 0

    head: int = await until(closed, what="the answer")
    return head


async def _applied(http: httpx2.AsyncClient, session: str, ids: list[str]) -> list[dict[str, Any]]:
    async def done() -> list[dict[str, Any]]:
        rows = [dict((await http.get(f"/api/sessions/{session}/corrections/{one}")).json()) for one in ids]
        return [] if any(row["state"] == "pending" for row in rows) else rows

    rows: list[dict[str, Any]] = await until(done, what="the corrections' end")
    return rows


async def test_put_and_editor(tmp_path: Path) -> None:
    """By REST and from the command line: words, feelings, insertions and strikes are applied; a change of what was changed meanwhile is a conflict."""
    need("espeakng_loader")
    async with running(tmp_path, _SETTINGS) as program, httpx2.AsyncClient(base_url=program.url, timeout=20, trust_env=False) as http:
        session = await opened(program.url, ["mirelle"], title="Ночь")
        head = await _told(http, session)
        page = f"/api/sessions/{session}/screenplay"
        document = (await http.get(page)).text
        edited = document.replace("Helo, is there a rom?", "Hello, is there a room?").replace("(joy 0.6)", "(fear 0.9, whisper)").rstrip()
        edited += "\n\n!The candle goes out.\n\n@Mirelle\n(anger)\nWho is there?\n\n[[to Mirelle, once: You are afraid.]]\n"
        answer = await http.put(page, content=edited.encode(), headers={"If-Match": f'"{head}"', "Content-Type": "text/plain"})
        assert answer.status_code == 202, answer.text
        assert answer.json()["refused"] == []
        rows = await _applied(http, session, [row["id"] for row in answer.json()["corrections"]])
        assert {row["state"] for row in rows} == {"applied"}
        now = (await http.get(page)).text
        for words in ("Hello, is there a room?", "(fear 0.9, whisper)", "!The candle goes out.", "Who is there?", "to mirelle, once: You are afraid."):
            assert words in now
        assert now.index("The candle goes out.") < now.index("Who is there?")
        late = document.replace("Helo, is there a rom?", "Late.")
        stale = await http.put(page, content=late.encode(), headers={"If-Match": f'"{head}"', "Content-Type": "text/plain"})
        (row,) = await _applied(http, session, [row["id"] for row in stale.json()["corrections"]])
        assert (row["state"], row["current"]) == ("conflicted", "Hello, is there a room?")
        await _by_editor(program, session, tmp_path)
        assert "The candle burns." in (await http.get(page)).text
        printed = await http.get(page, params={"format": "pdf"})
        text = "".join(one.extract_text() for one in PdfReader(io.BytesIO(printed.content)).pages)
        assert "Ночь" in text
        assert "The candle burns." in text
    assert program.complaints() == []


async def _by_editor(program: Program, session: str, folder: Path) -> None:
    """`souffleur screenplay edit` with an editor that knows what it wants."""
    script = folder / "editor.py"
    script.write_text("import pathlib, sys\np = pathlib.Path(sys.argv[1])\np.write_text(p.read_text().replace('goes out', 'burns'))\n")
    environment = scrubbed() | {"EDITOR": f"{sys.executable} {script}", "TMPDIR": str(folder)}
    environment.pop("VISUAL", None)
    command = (str(Path(sys.executable).parent / "souffleur"), "screenplay", "--data", str(program.data), "edit", session)
    process = await asyncio.create_subprocess_exec(*command, env=environment, cwd=folder, stdout=asyncio.subprocess.PIPE, stderr=asyncio.subprocess.STDOUT)
    async with asyncio.timeout(40):
        said = (await process.communicate())[0].decode()
    assert process.returncode == 0, said
    assert "applied" in said
    assert list(folder.glob("souffleur-*")) == []
