"""Words that a director erases are nowhere on the disk any more, whatever the program had made of them."""

from __future__ import annotations

from contextlib import suppress
from pathlib import Path
from typing import Any

import pytest

from tests.acceptance.program import Program, running
from tests.acceptance.table import api, facts_of, opened
from tests.waiting import until

pytestmark = [pytest.mark.timeout(180)]
WORD = "swordfish"
SETTINGS = {
    "stt": {"engine": "scripted"},
    "llm": {"chain": ["scripted"], "engines": {"scripted": {"replies": ["I shall keep that to myself, and nobody will ever hear it from me."]}}},
    "tts": {"engine": "scripted"},
    "summarizer": {"every_turns": 1},
}


def places(program: Program) -> list[str]:
    """Files of the program in which the word stands, however it is written."""
    found = []
    for path in program.data.rglob("*"):
        # A file that is being replaced may be gone by now.
        with suppress(FileNotFoundError, IsADirectoryError):
            found += [str(path.relative_to(program.data))] if WORD in path.read_bytes().decode("latin-1").casefold() else []
    return found


async def test_an_erased_secret_is_on_no_disk(tmp_path: Path) -> None:
    """Said, corrected, digested and remembered; then erased: no file has it, and everybody is told that it is gone. The session plays on."""
    async with running(tmp_path, SETTINGS) as program, api(program.url) as client:
        session = await opened(program.url, ["mirelle"])

        async def say(text: str) -> None:
            answer = await client.post(f"/api/sessions/{session}/messages", json={"text": text}, headers={"Accept": "text/event-stream"})
            assert "event: line_closed" in answer.text

        async def correct(**asked: Any) -> int:
            number = (await client.post(f"/api/sessions/{session}/corrections", json=asked)).raise_for_status().json()["id"]

            async def applied() -> bool:
                row = (await client.get(f"/api/sessions/{session}/corrections/{number}")).raise_for_status().json()
                assert row["state"] in {"pending", "applied"}, row
                return bool(row["state"] == "applied")

            await until(applied, what="the correction")
            return int((await client.get(f"/api/sessions/{session}/corrections/{number}")).json()["seq"])

        await say(f"I am Anselm {WORD.title()}, and I promise to bring 11 horses to Brackwater before midnight.")
        said = next(fact["seq"] for fact in await facts_of(program.url, session) if fact["kind"] == "said")
        await correct(kind="edit", target=said, text=f"I am Anselm {WORD.title()}, and I promise to bring 12 horses to Brackwater before midnight.")
        await until(lambda: _remembered(client), 60, "a memory of it")
        assert places(program)
        await correct(kind="erase", seqs=[said])
        await until(lambda: _gone(program), 60, f"no file that has it, not {places(program)}")
        facts = await facts_of(program.url, session)
        assert WORD.title() not in str(facts)
        assert [fact["seq"] for fact in facts] == list(range(1, len(facts) + 1))
        assert WORD.title() not in (await client.get(f"/api/sessions/{session}/screenplay")).raise_for_status().text
        await say("And what is for supper?")
        assert program.complaints() == []


async def _remembered(client: Any) -> bool:
    return WORD.title() in (await client.get("/api/memories", params={"character": "mirelle"})).raise_for_status().text


async def _gone(program: Program) -> bool:
    return not places(program)
