"""Two directors at one machine, each in a browser of their own: whose draft it is, whose act is taken back, and whose lines wait."""

from __future__ import annotations

from collections.abc import AsyncIterator
from typing import Any

import pytest
import pytest_asyncio
from playwright.async_api import Browser, expect

from tests.acceptance.browser import need_browser, visiting
from tests.acceptance.conftest import SCRIPTED, spotless
from tests.acceptance.desk import directing, evening, said
from tests.acceptance.program import Program
from tests.acceptance.table import assert_whole, facts_of
from tests.acceptance.test_browser_page import write

pytestmark = [pytest.mark.browser, pytest.mark.asyncio(loop_scope="module"), pytest.mark.timeout(150)]

DRAFT = "The fire is warm"
"""In the first reply."""
CLAIM_S = 6.0
SETTINGS: dict[str, Any] = SCRIPTED | {"stage": {"auto_release_s": 0.0, "claim_s": CLAIM_S}}


@pytest_asyncio.fixture(scope="module", loop_scope="module")
async def house(tmp_path_factory: pytest.TempPathFactory) -> AsyncIterator[Program]:
    """A program whose drafts wait for ever, and whose claims do not."""
    need_browser()
    async with spotless(tmp_path_factory.mktemp("house"), SETTINGS) as program:
        yield program


@pytest.mark.nightly
async def test_two_operators_and_one_draft(house: Program, browser: Browser) -> None:
    """A name given at the desk is seen on the claim; a hand that rests lets go of it; everybody takes back their own."""
    session = await evening(house)
    async with directing(browser, house.url, session, "Gem") as gem, directing(browser, house.url, session, "") as dora:
        assert await gem.page.evaluate("localStorage['souffleur.operator']") != await dora.page.evaluate("localStorage['souffleur.operator']")
        await expect(dora.by("operator-name")).to_have_attribute("placeholder", "Director")
        await dora.by("operator-name").fill("Дора")
        await dora.by("operator-name").press("Enter")
        await expect(dora.by("connection-state")).to_have_attribute("data-state", "open")
        await said(house, session, "Mirelle, good evening!")
        line = await gem.draft(DRAFT)
        await dora.draft(DRAFT)
        await dora.keys("e")
        await expect(gem.by("held-claimed")).to_contain_text("Дора")
        await expect(dora.by("held-mine")).to_be_visible()
        await expect(gem.by("held-approve")).to_be_disabled()
        # She goes on writing for longer than a claim lasts, and it stays hers.
        for _ in range(int(CLAIM_S) + 2):
            await dora.page.keyboard.type("x")
            await dora.page.wait_for_timeout(1000)
            await expect(gem.by("held-claimed")).to_be_visible()
        # Her hand rests: it is free, and the other one decides.
        await expect(gem.by("held-claimed")).to_have_count(0, timeout=CLAIM_S * 3_000)
        await expect(gem.by("held-approve")).to_be_enabled()
        await gem.keys("Enter")
        await gem.becomes(line, "heard")
        await dora.keys("Escape", "Escape")
        # One key takes back one's own last act, and not the other's.
        await gem.writes("n", "You are now afraid.")
        await gem.done("note")
        await dora.keys("m")
        await expect(gem.by("cast-mirelle")).to_have_attribute("data-state", "muted")
        await gem.keys("u")
        await expect(gem.by("word-undone")).to_be_visible()
        await expect(dora.by("panel-notes")).not_to_contain_text("1")
        await expect(gem.by("cast-mirelle")).to_have_attribute("data-state", "muted")
        await dora.keys("u")
        await expect(gem.by("cast-mirelle")).not_to_have_attribute("data-state", "muted")
        facts = await facts_of(house.url, session)
        assert_whole(facts)
        [released] = [fact for fact in facts if fact["kind"] == "released"]
        silenced = [fact["by"] for fact in facts if fact["kind"] == "silenced"]
        assert released["by"]["name"] == "Gem"
        assert [by["name"] for by in silenced] == ["Дора", "Дора"]
        assert len({by["id"] for by in (*silenced, released["by"])}) == 2
        assert gem.visit.complaints == dora.visit.complaints == []


@pytest.mark.nightly
async def test_only_the_pages_players_wait(house: Program, browser: Browser) -> None:
    """Approval laid down for this page: its player is held, who comes over HTTP is answered at once; inherited again nobody waits."""
    session = await evening(house, mode="auto")
    async with directing(browser, house.url, session, "Gem") as gem, visiting(browser, house.url, prefs={"name": "Anna"}) as anna:
        await anna.sit_down(session)
        await gem.by("mode-scope").select_option("platform:page")
        switch = gem.by("mode-switch")
        await switch.get_by_text("Approve", exact=True).click()
        await expect(switch.get_by_role("radio", name="Approve")).to_be_checked()
        await said(house, session, "Mirelle, good evening!")
        lines = gem.page.locator("li[data-type=line]")
        await expect(lines).to_have_count(1, timeout=15_000)
        await expect(lines.first).to_have_attribute("data-state", "heard", timeout=20_000)
        await write(anna, "Mirelle, have you a room?")
        await expect(gem.by("held-approve")).to_be_enabled(timeout=20_000)
        line = str(await gem.card.get_attribute("data-line"))
        await gem.page.locator("body").press("Enter")
        await gem.becomes(line, "heard")
        await gem.by("mode-scope").select_option("character")
        await expect(switch.get_by_role("radio", name="Session")).to_be_checked()
        await gem.by("mode-scope").select_option("platform:page")
        await switch.get_by_text("Session", exact=True).click()
        await expect(switch.get_by_role("radio", name="Session")).to_be_checked()
        await write(anna, "Mirelle, what does it cost?")
        await expect(lines).to_have_count(3, timeout=15_000)
        await expect(lines.last).to_have_attribute("data-state", "heard", timeout=20_000)
        facts = await facts_of(house.url, session)
        modes = [fact["body"]["modes"] for fact in facts if fact["kind"] == "scene_set" and fact["body"].get("modes")]
        assert modes == [{"platform:page": "approve"}, {"platform:page": ""}]
        assert [fact["body"].get("mode", "auto") for fact in facts if fact["kind"] == "line_opened"] == ["auto", "approve", "auto"]
        assert gem.visit.complaints == anna.complaints == []
