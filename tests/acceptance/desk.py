"""A director behind a real browser: the desk of a session, worked by keyboard as far as a hand would."""

from __future__ import annotations

from collections.abc import AsyncIterator, Mapping
from contextlib import asynccontextmanager
from dataclasses import dataclass
from typing import Any

from playwright.async_api import Browser, Locator, Page, expect

from tests.acceptance.browser import WIDE, Visit, visiting
from tests.acceptance.program import Program
from tests.acceptance.table import Fact, api, opened


@dataclass(slots=True)
class Desk:
    """An open desk."""

    visit: Visit

    @property
    def page(self) -> Page:
        """Where it is shown."""
        return self.visit.page

    def by(self, name: str) -> Locator:
        """One of its controls."""
        return self.page.get_by_test_id(name)

    async def keys(self, *keys: str) -> None:
        """Pressed one after the other."""
        for key in keys:
            await self.page.keyboard.press(key)

    async def writes(self, key: str, text: str) -> None:
        """Take up a tool by its key, write, send, and let go of the field."""
        await self.page.keyboard.press(key)
        await self.page.keyboard.type(text)
        await self.keys("Enter", "Escape")

    @property
    def card(self) -> Locator:
        """The draft at hand."""
        return self.page.locator("article[data-testid^=held-]")

    async def draft(self, text: str) -> str:
        """Wait until the draft at hand is whole and says this; its line."""
        await expect(self.by("held-words")).to_contain_text(text, timeout=20_000)
        await expect(self.card.locator(".chip", has_text="being written")).to_have_count(0)
        return await self.card.get_attribute("data-line") or ""

    def line(self, name: str) -> Locator:
        """A line in the transcript."""
        return self.page.locator(f"li[data-line='{name}']")

    async def becomes(self, name: str, state: str) -> None:
        """Wait for a line's state."""
        await expect(self.line(name)).to_have_attribute("data-state", state, timeout=20_000)

    async def done(self, kind: str, state: str = "applied") -> None:
        """Wait for what became of the last text act."""
        last = self.by("last-deed")
        await expect(last).to_have_attribute("data-kind", kind)
        await expect(last).to_have_attribute("data-state", state, timeout=10_000)


@asynccontextmanager
async def directing(browser: Browser, url: str, session: str, name: str, *, prefs: Mapping[str, Any] | None = None, **screen: Any) -> AsyncIterator[Desk]:
    """A director sits down at the desk."""
    async with visiting(browser, url, prefs={"name": name, **(prefs or {})}, **screen) as visit:
        await visit.go(f"desk/{session}")
        await visit.page.locator("[data-testid=connection-state][data-state=open]").wait_for(state="attached", timeout=20_000)
        await visit.page.get_by_test_id("cast-mirelle").wait_for(state="attached")
        yield Desk(visit)


async def evening(house: Program, **fields: Any) -> str:
    """A session of Mirelle and Yaroglav whose lines need approval."""
    return await opened(house.url, ["mirelle", "yaroglav"], title="First night", **({"mode": "approve"} | fields))


async def spoken(visit: Visit, line: str, facts: list[Fact]) -> str:
    """The words of the sentences whose sound reached a page."""
    sounded = {event["seq"] for _, event in await visit.down("souffleur.audio") if event["line_id"] == line}
    return " ".join(fact["body"]["text"] for fact in facts if fact["kind"] == "sentence" and fact["seq"] in sounded)


async def said(house: Program, session: str, text: str) -> None:
    """Somebody types; the answer is not waited for."""
    async with api(house.url) as client:
        (await client.post(f"/api/sessions/{session}/messages", json={"text": text})).raise_for_status()


async def fits(page: Page) -> None:
    """Nothing can be scrolled sideways."""
    wide = await page.locator("html").evaluate("(one) => [one.scrollWidth, one.clientWidth]")
    assert wide[0] <= wide[1] <= WIDE
