"""The screenplay's editor in a real browser, and what its edits become in the transcript."""

from __future__ import annotations

from typing import Any

from playwright.async_api import Locator, expect

from tests.acceptance.browser import Visit
from tests.acceptance.program import Program
from tests.acceptance.table import Fact, api, facts_of, opened
from tests.waiting import until

QUESTION = "Is there a room for the night?"


async def told(house: Program, session: str, text: str) -> None:
    """Somebody types something, and is answered to the end."""
    async with api(house.url) as client:
        answer = await client.post(f"/api/sessions/{session}/messages", json={"text": text}, headers={"Accept": "text/event-stream"})
        answer.raise_for_status()


async def played(house: Program) -> str:
    """A session with a scene, a question and an answer of two sentences."""
    session = await opened(house.url, ["mirelle"], title="First night", scene={"heading": "INT. TAVERN – NIGHT", "description": "Rain on the roof."})
    await told(house, session, QUESTION)
    return session


async def corrected(house: Program, session: str, correction: dict[str, Any]) -> None:
    """Another director corrects something, by REST."""
    async with api(house.url) as client:
        answer = await client.post(f"/api/sessions/{session}/corrections", json=correction)
        answer.raise_for_status()
        told_of = answer.json()

        async def applied() -> bool:
            return bool((await client.get(f"/api/sessions/{session}/corrections/{told_of['id']}")).json()["state"] == "applied")

        await until(applied, what="the correction")


async def written(visit: Visit, session: str) -> None:
    """Open the editor and wait for the text."""
    await visit.go(f"screenplay/{session}")
    await expect(line(visit, QUESTION)).to_be_visible(timeout=20_000)


def line(visit: Visit, text: str) -> Locator:
    """The line of the document that holds these words."""
    return visit.page.locator(".cm-line", has_text=text).first


async def at_end_of(visit: Visit, text: str) -> None:
    """Put the cursor behind a line's last word."""
    await line(visit, text).click()
    await visit.page.keyboard.press("End")


async def leave(visit: Visit) -> None:
    """Go elsewhere: to the title."""
    await visit.page.keyboard.press("Control+Home")


async def fact(house: Program, session: str, kind: str) -> Fact:
    """The last fact of a kind, once there is one."""

    async def found() -> Fact | None:
        return next((one for one in reversed(await facts_of(house.url, session)) if one["kind"] == kind), None)

    result: Fact = await until(found, what=kind)
    return result


async def several(house: Program, session: str, kind: str, count: int) -> list[Fact]:
    """The facts of a kind, once there are so many."""

    async def found() -> list[Fact]:
        facts = await of(house, session, kind)
        return facts if len(facts) >= count else []

    result: list[Fact] = await until(found, what=f"{count} {kind}")
    return result


async def of(house: Program, session: str, kind: str) -> list[Fact]:
    """The facts of a kind."""
    return [one for one in await facts_of(house.url, session) if one["kind"] == kind]
