"""The page in a real browser, by keyboard and mouse: typing, languages, themes, banners, keys, reconnecting, phones, several people."""

from __future__ import annotations

import asyncio
import json
import re
from collections.abc import AsyncIterator
from contextlib import AsyncExitStack
from pathlib import Path
from typing import Any
from urllib.parse import urlsplit

import pytest
import pytest_asyncio
from playwright.async_api import Browser, Page, expect

from tests.acceptance.browser import HIGH, WIDE, Tape, Visit, need_browser, unheard, visiting
from tests.acceptance.conftest import need, saying, spotless
from tests.acceptance.player import RATE, player
from tests.acceptance.program import Program, running, started
from tests.acceptance.table import assert_whole, facts_of, is_fact, opened, seen
from tests.acceptance.test_barge_in import asking
from tests.acceptance.timing import promised

pytestmark = [pytest.mark.browser, pytest.mark.asyncio(loop_scope="module"), pytest.mark.timeout(120)]

REPLY = "[joy] Good evening, traveller. [neutral] The fire is warm and the ale is cold, so sit down with us for a while."
SPOKEN = "The fire is warm and the ale is cold, so sit down with us for a while."
LANGUAGES = Path(__file__).resolve().parents[2] / "admin_ui/src/app/i18n"
CONTROLS = {"back-button", "settings-button", "talk-button", "mute-button", "table-talk-button", "interrupt-button", "type-input"}
CONTROLS |= {"loudspeakers-button", "voices-button", "download-fountain", "download-txt"}
_PAUSE_MS = 100
"""Of silence between two words of a sentence, at most."""


def words_of(language: str) -> dict[str, Any]:
    """What the page says in a language."""
    found: dict[str, Any] = json.loads((LANGUAGES / f"{language}.json").read_text())
    return found


@pytest_asyncio.fixture(scope="module", loop_scope="module")
async def house(tmp_path_factory: pytest.TempPathFactory) -> AsyncIterator[Program]:
    """A program whose character says the same six seconds to everything, once it has said its greeting."""
    need_browser()
    async with spotless(tmp_path_factory.mktemp("house"), saying([REPLY])) as program:
        yield program


async def enter(visit: Visit, slug: str = "mirelle") -> str:
    """Choose a character on the first page; the id of the session that it opened."""
    await visit.go()
    await visit.page.get_by_test_id(f"character-card-{slug}").click()
    return await visit.connected()


async def write(visit: Visit, text: str) -> None:
    """Type into the box and press Enter."""
    await visit.page.get_by_test_id("type-input").fill(text)
    await visit.page.get_by_test_id("type-input").press("Enter")


async def test_typing_is_answered_and_the_screenplay_grows(house: Program, browser: Browser) -> None:
    """A chosen character greets; what is typed stands in the screenplay and is answered, with feeling and by a named engine; it can be taken away as a file."""
    async with visiting(browser, house.url) as visit:
        page = visit.page
        session = await enter(visit)
        await expect(page.get_by_test_id("line")).to_have_count(1)
        await write(visit, "A room for the night, please.")
        await expect(page.get_by_test_id("said")).to_contain_text("A room for the night, please.")
        answer = page.get_by_test_id("line").nth(1)
        await expect(answer).to_contain_text(SPOKEN)
        await expect(answer).to_contain_text(f"({words_of('en')['emotion']['joy']})")
        await expect(answer.get_by_test_id("spoken-word")).to_be_visible()
        await expect(answer).to_have_attribute("data-state", "heard", timeout=15_000)
        await expect(page.get_by_test_id("type-input")).to_have_value("")
        await expect(page.get_by_test_id("engine-badge")).to_have_attribute("data-engine", "scripted")
        assert await page.get_by_test_id("latency").get_attribute("data-ms") not in (None, "0")
        async with page.expect_download() as download:
            await page.get_by_test_id("download-fountain").click()
        text = Path(await (await download.value).path()).read_text()
        assert "A room for the night, please." in text
        assert SPOKEN in text
        facts = await facts_of(house.url, session)
        assert_whole(facts)
        assert await visit.facts() == facts
        assert visit.complaints == []


async def test_three_languages_and_both_themes(house: Program, browser: Browser) -> None:
    """Everything on the table changes its language and its colours at once, stays readable, and is remembered."""
    async with visiting(browser, house.url, prefs={"language": ""}, locale="ru-RU", scheme="light") as visit:
        page = visit.page
        await enter(visit)
        talk = page.get_by_test_id("talk-button")
        await expect(talk).to_contain_text(words_of("ru")["talk"]["start"])
        await expect(page.locator("html")).to_have_attribute("data-theme", "light")
        await page.get_by_test_id("settings-button").click()
        for language in ("en", "zh", "ru"):
            await page.get_by_test_id("language-select").select_option(language)
            await expect(page.locator("html")).to_have_attribute("lang", language)
            await expect(talk).to_contain_text(words_of(language)["talk"]["start"])
            await expect(page.get_by_test_id("type-input")).to_have_attribute("placeholder", words_of(language)["type"]["placeholder"])
        grounds = set()
        for theme in ("dark", "light"):
            await page.get_by_text(words_of("ru")["prefs"][f"theme_{theme}"], exact=True).click()
            await expect(page.locator("html")).to_have_attribute("data-theme", theme)
            ink, ground = await page.get_by_test_id("settings-drawer").evaluate("(one) => [getComputedStyle(one).color, getComputedStyle(one).backgroundColor]")
            assert contrast(ink, ground) > 7
            grounds.add(ground)
        assert len(grounds) == 2
        await page.reload()
        assert await visit.connected()
        await expect(page.locator("html")).to_have_attribute("data-theme", "light")
        await expect(talk).to_contain_text(words_of("ru")["talk"]["start"])
        assert visit.complaints == []


def contrast(one: str, other: str) -> float:
    """By WCAG, of two `rgb(...)` colours."""

    def luminance(color: str) -> float:
        parts = [int(part) / 255 for part in re.findall(r"\d+", color)[:3]]
        red, green, blue = (part / 12.92 if part <= 0.04045 else ((part + 0.055) / 1.055) ** 2.4 for part in parts)
        return 0.2126 * red + 0.7152 * green + 0.0722 * blue

    low, high = sorted((luminance(one), luminance(other)))
    return (high + 0.05) / (low + 0.05)


async def test_weak_hearing_is_said_and_typing_comes_first(house: Program, browser: Browser) -> None:
    """Where only pocketsphinx listens, a banner says so on every page, and the box to type in comes before the talk button and has the focus."""
    async with visiting(browser, house.url) as visit:
        page = visit.page
        await visit.go()
        await expect(page.get_by_test_id("banner-stt_weak")).to_contain_text(words_of("en")["banner"]["stt_weak"])
        await enter(visit)
        await expect(page.get_by_test_id("banner-stt_weak")).to_be_visible()
        await expect(page.get_by_test_id("type-input")).to_be_focused()
        before = "(one) => Boolean(one.compareDocumentPosition(document.querySelector('[data-testid=talk-button]')) & Node.DOCUMENT_POSITION_FOLLOWING)"
        assert await page.get_by_test_id("type-input").evaluate(before)
        assert visit.complaints == []


async def test_escape_silences_the_character(house: Program, browser: Browser) -> None:
    """Esc, while the character speaks: silent within 200 ms, cut in the transcript where the page stopped, the rest struck through."""
    async with visiting(browser, house.url) as visit:
        page = visit.page
        session = await enter(visit)
        tape = Tape(visit)
        await visit.until("souffleurProbe.output.length > 100 && souffleurProbe.output.at(-1).level > 0.02")
        pressed = await page.evaluate("performance.now()")
        await page.keyboard.press("Escape")
        line = page.get_by_test_id("line")
        await expect(line).to_have_attribute("data-state", "cut")
        await tape.wind()
        # It may have stopped between two words, just before the key.
        assert -_PAUSE_MS < max(one["soundedAt"] for one in tape.output) - pressed < promised(200)
        facts = await facts_of(house.url, session)
        closed = next(fact["body"] for fact in facts if fact["kind"] == "line_closed")
        assert (closed["state"], closed["reason"], closed["basis"]) == ("cut", "stopped", "reported")
        assert await visit.unheard(closed["line"]) == unheard(facts, closed) != ""
        assert visit.complaints == []


async def test_every_control_is_reached_by_keyboard(house: Program, browser: Browser) -> None:
    """Tab visits every control of the table, each shows its focus, and Shift+Tab goes back the same way; the settings open and close by keys."""
    async with visiting(browser, house.url) as visit:
        page = visit.page
        await enter(visit)
        await expect(page.get_by_test_id("line")).to_have_count(1)
        await page.keyboard.press("Escape")
        await page.evaluate("document.activeElement.blur()")
        forth = await tabbed(page, "Tab", 40)
        assert CONTROLS - {name for name, _ in forth} == set()
        assert [name for name, visible in forth if not visible] == []
        ahead = [name for name, _ in await tabbed(page, "Tab", 6)]
        assert [name for name, _ in await tabbed(page, "Shift+Tab", 5)] == ahead[-2::-1]
        await page.get_by_test_id("settings-button").focus()
        await page.keyboard.press("Enter")
        await expect(page.get_by_test_id("settings-drawer")).to_be_visible()
        for _ in range(30):
            await page.keyboard.press("Tab")
            inside = "document.activeElement === document.body || document.querySelector('[data-testid=settings-drawer]').contains(document.activeElement)"
            assert await page.evaluate(inside), "the focus stays in the open drawer"
        await page.keyboard.press("Escape")
        await expect(page.get_by_test_id("settings-drawer")).to_have_count(0)
        await expect(page.get_by_test_id("settings-button")).to_be_focused()
        await page.keyboard.press("/")
        await expect(page.get_by_test_id("type-input")).to_be_focused()
        assert visit.complaints == []


async def tabbed(page: Page, key: str, times: int) -> list[tuple[str, bool]]:
    """(control, whether its focus is seen), in the order in which the key reaches them."""
    found = []
    for _ in range(times):
        await page.keyboard.press(key)
        name, visible = await page.evaluate(
            """() => {
              const one = document.activeElement
              if (one === null || one === document.body) return ['', true]
              const looks = [one, one.closest('label')].filter((each) => each !== null).map((each) => getComputedStyle(each))
              const outlined = looks.some((look) => look.outlineStyle !== 'none' && parseFloat(look.outlineWidth) > 0)
              return [one.dataset.testid ?? one.getAttribute('aria-label') ?? one.tagName, outlined]
            }"""
        )
        found.append((name, visible))
    return found


async def test_the_page_comes_back_after_the_server_did(browser: Browser, tmp_path: Path) -> None:
    """Stopped and started on the same port: the page says so, comes back to its session as the same person, and sends what was typed meanwhile, once."""
    need("pocketsphinx", "espeakng_loader")
    settings = saying(["[joy] Yes, yes."])
    async with AsyncExitStack() as stack:
        first = await started(tmp_path, settings)
        stack.push_async_callback(first.stop)
        visit = await stack.enter_async_context(visiting(browser, first.url))
        page, state = visit.page, visit.page.get_by_test_id("connection-state")
        session = await enter(visit)
        # What is typed before the greeting stands is answered by it.
        await expect(page.get_by_test_id("line")).to_have_count(1)
        await write(visit, "Before the fall.")
        await expect(page.get_by_test_id("line").nth(1)).to_have_attribute("data-state", "heard", timeout=20_000)
        me = await visit.probe("participant")
        visit.deaf = True
        await first.stop()
        await expect(state).to_have_attribute("data-state", re.compile("waiting|connecting"))
        await write(visit, "While nobody listened.")
        await expect(page.get_by_text("While nobody listened.")).to_be_visible()
        second = await stack.enter_async_context(running(tmp_path, settings, port=urlsplit(first.url).port or 0))
        assert second.url == first.url
        await expect(state).to_have_attribute("data-state", "open", timeout=20_000)
        visit.deaf = False
        await expect(page.get_by_test_id("line")).to_have_count(3, timeout=10_000)
        await expect(page.get_by_test_id("line").nth(2)).to_have_attribute("data-state", "heard", timeout=20_000)
        assert (await visit.probe("session"), await visit.probe("participant")) == (session, me)
        await expect(page.get_by_test_id("said")).to_have_count(2)
        facts = await facts_of(second.url, session)
        assert_whole(facts)
        assert [fact["body"]["text"] for fact in facts if fact["kind"] == "said"] == ["Before the fall.", "While nobody listened."]
        assert {fact["by"]["id"] for fact in facts if fact["kind"] == "said"} == {me}
        assert [fact["seq"] for fact in await visit.facts()] == [fact["seq"] for fact in facts]
        assert visit.complaints == []
        assert second.complaints() == []


@pytest.mark.parametrize("language", ["ru", *(pytest.param(name, marks=pytest.mark.nightly) for name in ("en", "zh"))])
async def test_a_phone_needs_no_sideways_scrolling(house: Program, browser: Browser, language: str) -> None:
    """At 390 pixels nothing is wider than the screen: first page, table, settings, character, scene; and every control of the table is on it."""
    async with visiting(browser, house.url, prefs={"language": language}, width=WIDE, height=HIGH) as visit:
        page = visit.page
        await visit.go()
        await expect(page.get_by_test_id("character-card-mirelle")).to_be_visible()
        await fits(page)
        await page.get_by_test_id("scene-button").click()
        await fits(page, "[data-testid=scene-sheet]")
        await page.keyboard.press("Escape")
        await page.get_by_test_id("edit-mirelle").click()
        await expect(page.get_by_test_id("save-character")).to_be_visible()
        await fits(page)
        await page.get_by_test_id("back-button").click()
        await page.get_by_test_id("character-card-mirelle").click()
        await visit.connected()
        await expect(page.get_by_test_id("line")).to_have_count(1)
        await fits(page)
        for control in sorted(CONTROLS):
            box = await page.get_by_test_id(control).bounding_box()
            assert box is not None, control
            assert box["x"] >= 0, control
            assert box["x"] + box["width"] <= WIDE, control
            assert box["y"] + box["height"] <= HIGH, control
        await page.get_by_test_id("settings-button").click()
        for tab in ("browser", "house", "engines"):
            tabs = page.get_by_test_id("settings-drawer").locator("fieldset").first
            await tabs.get_by_text(words_of(language)["settings"][f"tab_{tab}"], exact=True).click()
            await fits(page, "[data-testid=settings-drawer]")
        assert visit.complaints == []


async def fits(page: Page, inside: str = "html") -> None:
    """Neither the page nor `inside` can be scrolled sideways."""
    await page.wait_for_load_state("networkidle")
    for selector in {"html", inside}:
        wide = await page.locator(selector).first.evaluate("(one) => [one.scrollWidth, one.clientWidth]")
        assert wide[0] <= wide[1] <= WIDE, selector


async def test_two_clients_and_the_page_share_one_table(house: Program, browser: Browser) -> None:
    """One speaks, one types, one sits at the page: everybody is told the same facts, and the page shows everybody's words under their names."""
    session = await opened(house.url, ["mirelle"], phrases=[asking().text])
    query = {"session": session}
    async with (
        visiting(browser, house.url, prefs={"name": "Cleo"}) as visit,
        player(house.websocket, "npc/mirelle", query=query | {"name": "Ann"}) as ann,
        player(house.websocket, "npc/mirelle", query=query | {"name": "Bob"}, mic=False) as bob,
    ):
        page = visit.page
        await visit.sit_down(session)
        await ann.wait_for(is_fact("joined", name="Cleo"))
        await ann.say(bytes(RATE // 5 * 2) + asking().pcm(RATE))
        await expect(page.get_by_test_id("said").filter(has_text="Ann")).to_contain_text(asking().text, timeout=15_000)
        await bob.connection.conversation.item.create(
            item={"type": "message", "role": "user", "content": [{"type": "input_text", "text": "Bob waves from the stairs."}]}
        )
        await expect(page.get_by_test_id("said").filter(has_text="Bob")).to_contain_text("Bob waves from the stairs.")
        await write(visit, "Mirelle, who are all these people?")
        for one in (ann, bob):
            await one.wait_for(is_fact("said", text="Mirelle, who are all these people?"))
        await expect(page.get_by_test_id("line").last).to_have_attribute("data-state", "heard", timeout=20_000)
        facts = await facts_of(house.url, session)
        last = facts[-1]["seq"]
        await asyncio.gather(*(one.wait_for(lambda event: event.get("fact", {}).get("seq") == last) for one in (ann, bob)))
        assert await visit.facts() == seen(bob) == seen(ann) == facts
        assert_whole(facts)
        by = {fact["body"]["text"]: fact["by"]["name"] for fact in facts if fact["kind"] == "said"}
        assert by == {asking().text: "Ann", "Bob waves from the stairs.": "Bob", "Mirelle, who are all these people?": "Cleo"}
        assert visit.complaints == []
