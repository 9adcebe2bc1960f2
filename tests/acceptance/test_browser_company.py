"""A microphone for the whole table, whose turn it is, and who goes where: set in real browsers."""

from __future__ import annotations

import pytest
from playwright.async_api import Browser, expect

from tests.acceptance.browser import Visit, visiting
from tests.acceptance.desk import directing
from tests.acceptance.program import Program
from tests.acceptance.table import facts_of, opened
from tests.waiting import until

pytestmark = [pytest.mark.browser, pytest.mark.asyncio(loop_scope="module"), pytest.mark.timeout(120)]


@pytest.mark.nightly
async def test_a_room_is_declared_has_its_turn_and_goes_elsewhere(program: Program, browser: Browser) -> None:
    """Four people at the page's microphone; the desk's key has a character speak to them; then the desk sends them to the cellar."""
    session = await opened(program.url, ["mirelle", "yaroglav"])
    async with visiting(browser, program.url, prefs={"name": "The table"}) as table, directing(browser, program.url, session, "Gem") as desk:
        await table.sit_down(session)
        await table.page.get_by_test_id("heads-select").select_option("4")
        member = ""

        async def sits(heads: int, place: str) -> bool:
            nonlocal member
            joined = [fact for fact in await facts_of(program.url, session) if fact["kind"] == "joined" and fact["by"]["name"] == "The table"]
            member = str(joined[-1]["body"]["member"]) if joined else ""
            return bool(joined) and (joined[-1]["body"]["head_count"], joined[-1]["place"]) == (heads, place)

        await until(lambda: sits(4, ""), what="four at the table")
        await desk.by("next-yaroglav").click()
        await expect(desk.page.locator("li[data-line]").first).to_have_attribute("data-state", "heard", timeout=20_000)
        spoken = [fact["by"]["id"] for fact in await facts_of(program.url, session) if fact["kind"] == "line_opened"]
        assert spoken == ["yaroglav"]
        await desk.by(f"place-{member}").fill("cellar")
        await desk.by(f"place-{member}").press("Enter")
        await until(lambda: sits(4, "cellar"), what="the cellar")
        # The desk goes along: what is narrated is heard there.
        await expect(desk.by("desk-place")).to_have_value("cellar")
        await desk.by("tool-narrate").click()
        await desk.by("narrate-input").fill("Water drips from the ceiling.")
        await desk.by("compose-send").click()
        await expect(table.page.get_by_text("Water drips from the ceiling.")).to_be_visible()
        await desk.by("desk-place").select_option("")
        await expect(desk.by("desk-place")).to_have_value("")


async def test_what_players_type_to_each_other_is_for_no_character(program: Program, browser: Browser) -> None:
    """Two pages at one table: words for a human are answered by nobody, and once it is said why; words for a character are answered by that one."""
    session = await opened(program.url, ["mirelle", "yaroglav"])
    async with visiting(browser, program.url, prefs={"name": "Ann"}) as ann, visiting(browser, program.url, prefs={"name": "Bob"}) as bob:
        for player in (ann, bob):
            await player.sit_down(session)
        await until(lambda: _count(program.url, session, "joined", 4), what="both at the table")
        await _types(ann, "Bob, pass the salt.")
        await until(lambda: _count(program.url, session, "passed", 1), what="words that nobody answers")
        await expect(ann.page.get_by_test_id("notice-not_addressed")).to_contain_text("call a character by name")
        await _types(bob, "Yaroglav, who are you?")
        await expect(bob.page.get_by_test_id("line")).to_have_attribute("data-state", "heard", timeout=20_000)
        assert [fact["by"]["id"] for fact in await facts_of(program.url, session) if fact["kind"] == "line_opened"] == ["yaroglav"]


async def _types(player: Visit, text: str) -> None:
    await player.page.get_by_test_id("type-input").fill(text)
    await player.page.get_by_test_id("type-input").press("Enter")


async def _count(url: str, session: str, kind: str, count: int) -> bool:
    return [fact["kind"] for fact in await facts_of(url, session)].count(kind) == count
