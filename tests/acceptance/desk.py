"""A director behind a real browser: the desk of a session, worked by keyboard as far as a hand would."""

from __future__ import annotations

from collections.abc import AsyncIterator, Mapping
from contextlib import asynccontextmanager
from dataclasses import dataclass
from typing import Any

from playwright.async_api import Browser, Locator, Page, expect

from tests.acceptance.browser import Visit, visiting


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
