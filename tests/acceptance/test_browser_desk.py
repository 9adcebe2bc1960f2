"""The director's desk in a real browser: drafts held and reworded, steering, panic, conflicts; every step by keyboard."""

from __future__ import annotations

from collections.abc import AsyncIterator
from pathlib import Path
from typing import Any

import pytest
import pytest_asyncio
from playwright.async_api import Browser, Playwright, expect

from tests.acceptance.browser import HIGH, MIC_RATE, WIDE, chromium, need_browser, recording, visiting
from tests.acceptance.conftest import REPLIES, SCRIPTED, spotless
from tests.acceptance.desk import Desk, directing, evening, fits, said, spoken
from tests.acceptance.program import Program, running
from tests.acceptance.table import api, assert_whole, brisk, facts_of, opened
from tests.acceptance.test_barge_in import asking, interrupting
from tests.acceptance.test_browser_page import write
from tests.making.prompts import words
from tests.waiting import until

pytestmark = [pytest.mark.browser, pytest.mark.asyncio(loop_scope="module"), pytest.mark.timeout(150)]

DRAFT = "The fire is warm"
"""In the first reply."""
SECOND = "Somebody is at the back door"
WORDS = "No rooms tonight. Try the stable."
SETTINGS: dict[str, Any] = SCRIPTED | {"stage": {"auto_release_s": 0.0}}


@pytest_asyncio.fixture(scope="module", loop_scope="module")
async def house(tmp_path_factory: pytest.TempPathFactory) -> AsyncIterator[Program]:
    """A program whose drafts wait for ever."""
    need_browser()
    async with spotless(tmp_path_factory.mktemp("house"), SETTINGS) as program:
        yield program


async def test_an_evening_with_two_directors_and_a_player_by_voice(house: Program, playwright: Playwright, browser: Browser, tmp_path: Path) -> None:
    """Hold, claim, edit, and the edited words are heard; a note; a retcon; panic and resume: no hand touches a mouse at the desk."""
    session = await evening(house, phrases=[asking().text])
    microphone = recording(tmp_path / "anna.wav", [1.5, asking().pcm(MIC_RATE), 3.0])
    async with (
        chromium(playwright, microphone) as loud,
        visiting(loud, house.url, prefs={"name": "Anna"}) as anna,
        directing(browser, house.url, session, "Gem") as gem,
        directing(browser, house.url, session, "Dora") as dora,
    ):
        await anna.sit_down(session)
        await anna.talk()
        # Hold, claim, edit.
        line = await gem.draft(DRAFT)
        assert await dora.draft(DRAFT) == line
        await expect(anna.page.get_by_test_id("screenplay")).not_to_contain_text(DRAFT)
        await gem.keys("e")
        await expect(dora.by("held-claimed")).to_be_visible()
        await dora.keys("Enter")
        await expect(dora.by("word-others_claim")).to_be_visible()
        await expect(gem.by("held-text-0")).to_be_focused()
        await gem.keys("Control+a")
        await gem.page.keyboard.type(WORDS)
        await gem.keys("Tab", "Tab", "Tab", "Control+a", "Delete", "Enter")
        await gem.becomes(line, "heard")
        await expect(anna.page.locator(f"[data-line='{line}']")).to_have_attribute("data-state", "heard", timeout=15_000)
        await expect(anna.page.locator(f"[data-line='{line}']")).to_contain_text(WORDS)
        facts = await facts_of(house.url, session)
        assert await spoken(anna, line, facts) == WORDS
        assert DRAFT not in await anna.page.get_by_test_id("screenplay").inner_text()
        assert words(asking().text) in {words(fact["body"]["text"]) for fact in facts if fact["kind"] == "said"}
        # A note, taken back and given again.
        await gem.writes("n", "You are now afraid.")
        await gem.done("note")
        await expect(dora.by("panel-notes")).to_contain_text("1")
        await gem.keys("u")
        await expect(gem.by("word-undone")).to_be_visible()
        await expect(dora.by("panel-notes")).not_to_contain_text("1")
        await gem.writes("n", "You are now afraid.")
        await gem.done("note")
        # Approve by the other director.
        await write(anna, "Mirelle, what was that noise?")
        second = await dora.draft(SECOND)
        await dora.keys("Enter")
        await dora.becomes(second, "heard")
        # Back to the first question: everything after it goes, on every page.
        entries = gem.page.locator("li[data-type=said]")
        await gem.keys("ArrowUp", "ArrowUp", "ArrowUp", "ArrowUp")
        await expect(entries.first).to_be_focused()
        await gem.keys("c")
        await expect(gem.by("retcon-yes")).to_be_focused()
        await gem.keys("Enter")
        await gem.done("retcon")
        for lines in (gem.page.get_by_test_id("line"), dora.page.get_by_test_id("line"), anna.page.get_by_test_id("line")):
            await expect(lines).to_have_count(0)
        # Panic: nobody answers, at no desk and at no page; one key later they do.
        await gem.keys("Escape", "p")
        await expect(dora.by("desk-halted")).to_be_visible()
        await write(anna, "Is anybody there?")
        await expect(gem.page.locator("li[data-type=said]").last).to_contain_text("Is anybody there?")
        # Asked for an answer, the stage has nobody to give it.
        await anna.until_down("e.type === 'error'")
        await expect(gem.page.get_by_test_id("line")).to_have_count(0)
        await dora.keys("p")
        await expect(gem.by("desk-panic")).to_be_visible()
        await write(anna, "Mirelle, are you well?")
        third = await gem.draft("The bridge is gone")
        await gem.keys("Enter")
        await gem.becomes(third, "heard")
        facts = await facts_of(house.url, session)
        assert_whole(facts)
        assert [fact["body"]["on"] for fact in facts if fact["kind"] == "silenced"] == [True, False]
        for visit in (anna, gem.visit, dora.visit):
            assert visit.complaints == []


async def test_a_draft_is_rejected_with_a_reason_and_steered(house: Program, browser: Browser) -> None:
    """One key and a number make another draft that knows why; a steer does the same; without a draft it is a note for one line."""
    session = await evening(house)
    async with directing(browser, house.url, session, "Gem") as gem:
        await said(house, session, "Mirelle, good evening!")
        first = await gem.card.get_attribute("data-line", timeout=20_000)
        await expect(gem.by("held-approve")).to_be_enabled()
        await gem.keys("r")
        await expect(gem.by("reject-reason")).to_be_focused()
        await gem.keys("2")
        await gem.becomes(str(first), "rejected")
        await expect(gem.card).not_to_have_attribute("data-line", str(first), timeout=20_000)
        second = str(await gem.card.get_attribute("data-line"))
        await expect(gem.by("held-approve")).to_be_enabled()
        await gem.keys("Shift+A")
        await gem.becomes(second, "rejected")
        await expect(gem.card).not_to_have_attribute("data-line", second, timeout=20_000)
        third = str(await gem.card.get_attribute("data-line"))
        await expect(gem.by("held-approve")).to_be_enabled()
        await gem.keys("Enter")
        await gem.becomes(third, "heard")
        await gem.keys("Shift+S")
        await gem.done("note")
        reasons = [fact["body"]["reason"] for fact in await facts_of(house.url, session) if fact["kind"] == "rejected"]
        assert [reason.split()[0] for reason in reasons] == ["It", "Say"]
        note = [fact["body"] for fact in await facts_of(house.url, session) if fact["kind"] == "noted"][-1]
        assert (note["character"], note["scope"], note["text"].split()[0]) == ("mirelle", "once", "Stall")
        assert gem.visit.complaints == []


@pytest.mark.nightly
async def test_a_wording_that_changed_meanwhile_is_a_conflict_with_both_texts(house: Program, browser: Browser) -> None:
    """The director sees what stands and what was meant, and decides."""
    session = await evening(house, mode="auto")
    async with directing(browser, house.url, session, "Gem") as gem:
        await said(house, session, "Merell, good evening!")
        await expect(gem.page.get_by_test_id("line")).to_have_attribute("data-state", "heard", timeout=20_000)
        [target] = [fact["seq"] for fact in await facts_of(house.url, session) if fact["kind"] == "said"]
        await gem.keys("ArrowUp", "ArrowUp", "e")
        await expect(gem.by("edit-text")).to_be_focused()
        async with api(house.url) as client:
            other = {"kind": "edit", "target": target, "text": "Mirelle, good day!"}
            (await client.post(f"/api/sessions/{session}/corrections", json=other)).raise_for_status()

        async def changed() -> bool:
            return any(fact["kind"] == "corrected" for fact in await facts_of(house.url, session))

        await until(changed, what="the other director's edit")
        await gem.keys("Control+a")
        await gem.page.keyboard.type("Mirelle, good evening!")
        await gem.keys("Enter")
        # What was seen when the edit began is its base.
        await gem.done("edit", "conflicted")
        await expect(gem.by("conflict").first).to_contain_text("Mirelle, good day!")
        await expect(gem.by("conflict").first).to_contain_text("Mirelle, good evening!")
        await gem.by("conflict-mine").first.press("Enter")
        await gem.done("edit")
        await expect(gem.page.locator("li[data-type=said]")).to_contain_text("Mirelle, good evening!")
        assert gem.visit.complaints == []


async def test_everything_a_director_writes_reaches_the_session(house: Program, browser: Browser) -> None:
    """Whisper, puppet with a feeling, narration, one's own words to a character, scene, dice; mute, next, mode and teleprompter: each by its key or button."""
    session = await evening(house, mode="auto")
    async with directing(browser, house.url, session, "Gem") as gem:
        await gem.keys("Shift+2")
        await expect(gem.by("current-character")).not_to_contain_text("Mirelle")
        await gem.keys("Shift+1")
        await gem.writes("w", "The purse is empty.")
        await gem.done("whisper")
        await gem.keys("v")
        await gem.by("puppet-emotion").select_option("fear")
        await gem.by("puppet-input").fill("Close the shutters, quickly.")
        await gem.keys("Enter", "Escape")
        puppet = gem.page.locator("li[data-type=line]").first
        await expect(puppet).to_contain_text("Close the shutters, quickly.")
        await expect(puppet.get_by_test_id("line-author")).to_be_visible()
        await expect(puppet).to_have_attribute("data-state", "heard", timeout=15_000)
        await gem.writes("t", "A wind blows the candles out.")
        await expect(gem.by("narration")).to_contain_text("A wind blows the candles out.")
        await gem.keys("g")
        await gem.by("scene-heading").fill("EXT. YARD – NIGHT")
        await gem.by("scene-input").fill("Mud and moonlight.")
        await gem.by("scene-input").press("Enter")
        await gem.done("scene")
        await gem.keys("Escape")
        await gem.writes("d", "2d6+3")
        await expect(gem.page.locator("li[data-type=rolled]")).to_contain_text("2d6+3")
        await gem.writes("b", "Who put out the light?")
        await expect(gem.page.locator("li[data-type=line]")).to_have_count(2, timeout=15_000)
        await expect(gem.page.locator("li[data-type=line]").last).to_have_attribute("data-state", "heard", timeout=20_000)
        await gem.keys("m")
        await expect(gem.by("cast-mirelle")).to_have_attribute("data-state", "muted")
        await gem.keys("u")
        await expect(gem.by("cast-mirelle")).not_to_have_attribute("data-state", "muted")
        await gem.keys("o")
        await expect(gem.by("mode-mirelle")).to_have_value("approve")
        await gem.by("prompt-yaroglav").press("Enter")
        await expect(gem.by("prompt-yaroglav")).to_have_attribute("aria-pressed", "true")
        await gem.keys("2")
        await expect(gem.page.locator("li[data-type=line]")).to_have_count(3, timeout=15_000)
        facts = await facts_of(house.url, session)
        by = {fact["kind"]: fact for fact in facts}
        assert by["whispered"]["body"] == {"character": "mirelle", "text": "The purse is empty."}
        assert [fact["body"]["source"] for fact in facts if fact["kind"] == "said"] == ["narrated", "typed"]
        [sentence] = [fact["body"] for fact in facts if fact["kind"] == "sentence" and fact["by"]["role"] == "director"]
        assert (sentence["text"], sentence["emotion"]) == ("Close the shutters, quickly.", "fear")
        assert by["scene_set"]["body"]["deliveries"] == {"yaroglav": "teleprompter"}
        assert [fact["body"]["character"] for fact in facts if fact["kind"] == "line_opened"] == ["mirelle", "mirelle", "yaroglav"]
        assert gem.visit.complaints == []


@pytest.mark.nightly
async def test_the_past_is_taken_again_added_to_and_struck(house: Program, browser: Browser) -> None:
    """Once more with a direction; an action behind it; a stroke; what a rewording taught is pinned; a secret is opened; the line is large to be read out."""
    ours = {"language": "en", "secrets": [{"id": "s1", "text": "She forged the will."}]}
    slug = await brisk(house.url, "Sable", extensions={"souffleur": ours})
    session = await opened(house.url, ["mirelle", slug], mode="approve")
    async with directing(browser, house.url, session, "Gem") as gem:
        await said(house, session, "Mirelle, good evening!")
        await expect(gem.by("held-approve")).to_be_enabled(timeout=20_000)
        first = str(await gem.card.get_attribute("data-line"))
        await gem.keys("e", "Control+a")
        await gem.page.keyboard.type("Come back tomorrow.")
        await gem.keys("Enter")
        await gem.becomes(first, "heard")
        await gem.keys("ArrowUp", "t")
        await expect(gem.by("retake-direction")).to_be_focused()
        await gem.page.keyboard.type("colder")
        await gem.keys("Enter")
        await expect(gem.by("held-approve")).to_be_enabled(timeout=20_000)
        await gem.keys("y")
        await expect(gem.by("prompter-line")).to_be_visible()
        await gem.keys("ArrowLeft", "Escape")
        await expect(gem.by("prompter")).to_have_count(0)
        second = str(await gem.card.get_attribute("data-line"))
        await gem.keys("Enter")
        await gem.becomes(second, "heard")
        await gem.by("panel-advice").press("Enter")
        await gem.by("advice-pin").first.press("Enter")
        await gem.done("decide")
        await gem.by("panel-notes").press("Enter")
        await gem.by(f"reveal-{slug}-s1").press("Enter")
        await gem.done("reveal")
        await gem.keys("ArrowUp", "i")
        await expect(gem.by("insert-text")).to_be_focused()
        await gem.page.keyboard.type("Thunder.")
        await gem.keys("Enter")
        await gem.done("insert")
        await expect(gem.by("narration")).to_contain_text("Thunder.")
        await gem.keys("ArrowUp", "x")
        await gem.done("strike")
        await expect(gem.by("narration")).to_have_css("text-decoration-line", "line-through")
        facts = await facts_of(house.url, session)
        opening = {fact["body"]["line"]: fact for fact in facts if fact["kind"] == "line_opened"}
        [inserted] = [fact for fact in facts if fact["kind"] == "inserted"]
        assert opening[second]["body"]["retakes"] == first
        assert [fact["body"]["targets"] for fact in facts if fact["kind"] == "struck"] == [[opening[first]["seq"]], [inserted["seq"]]]
        assert {"recommendation_decided", "revealed"} <= {fact["kind"] for fact in facts}
        assert gem.visit.complaints == []


@pytest.mark.nightly
async def test_the_directors_own_microphone_narrates_and_speaks_as_a_character(house: Program, playwright: Playwright, tmp_path: Path) -> None:
    """Held keys: the words of one are narration that nobody answers, of the other a character's line in its own voice."""
    session = await evening(house, mode="auto", phrases=[asking().text, interrupting().text])
    microphone = recording(tmp_path / "gem.wav", [2.0, asking().pcm(MIC_RATE), 5.0, interrupting().pcm(MIC_RATE), 5.0])
    async with chromium(playwright, microphone) as loud, directing(loud, house.url, session, "Gem") as gem:
        await gem.page.keyboard.down("Space")
        await expect(gem.by("own-voice")).to_have_attribute("data-role", "narrator")
        await gem.visit.spoken()
        await gem.page.keyboard.up("Space")
        await expect(gem.by("narration")).to_have_count(1, timeout=15_000)
        await gem.page.keyboard.down("c")
        await expect(gem.by("own-voice")).to_have_attribute("data-role", "character")
        await gem.visit.spoken()
        await gem.page.keyboard.up("c")
        line = gem.page.locator("li[data-type=line]")
        await expect(line).to_have_attribute("data-state", "heard", timeout=25_000)
        facts = await facts_of(house.url, session)
        [narrated] = [fact["body"] for fact in facts if fact["kind"] == "said"]
        assert narrated["source"] == "narrated"
        assert words(narrated["text"]) == words(asking().text)
        voiced = " ".join(fact["body"]["text"] for fact in facts if fact["kind"] == "sentence")
        assert words(voiced) == words(interrupting().text)
        assert {fact["by"]["role"] for fact in facts if fact["kind"] == "sentence"} == {"director"}
        assert gem.visit.complaints == []


@pytest.mark.nightly
async def test_a_character_from_one_sentence_comes_on_stage_and_leaves(house: Program, browser: Browser) -> None:
    """The sentence becomes a card, the card is corrected, saved, and in the scene; a click sends it off again."""
    session = await evening(house)
    async with directing(browser, house.url, session, "Gem") as gem:
        await gem.by("panel-character").press("Enter")
        await gem.by("sketch-sentence").fill("A nervous ferryman named Odo who owes money to everyone")
        await gem.by("sketch-draft").press("Enter")
        await expect(gem.by("sketch")).to_be_visible(timeout=30_000)
        await gem.by("sketch-name").fill("Odo")
        await gem.by("sketch-save").press("Enter")
        await expect(gem.by("cast-odo")).to_be_visible(timeout=15_000)
        await gem.by("leave-odo").press("Enter")
        await expect(gem.by("cast-odo")).to_have_count(0)
        await gem.by("bring-in").select_option("odo")
        await expect(gem.by("cast-odo")).to_be_visible()
        assert gem.visit.complaints == []


async def test_the_desk_on_a_phone_in_both_themes(house: Program, browser: Browser) -> None:
    """Nothing scrolls sideways; a draft is approved with the thumb; silence is one tap away in every part."""
    session = await evening(house)
    async with directing(browser, house.url, session, "Gem", width=WIDE, height=HIGH, scheme="light") as gem:
        await said(house, session, "Mirelle, good evening!")
        await expect(gem.by("held-approve")).to_be_enabled(timeout=20_000)
        for part in ("cast", "panels", "live"):
            await gem.by(f"part-{part}").click()
            await expect(gem.by("desk-panic")).to_be_in_viewport(ratio=1)
            await fits(gem.page)
        line = str(await gem.card.get_attribute("data-line"))
        await gem.by("held-approve").click()
        await gem.becomes(line, "heard")
        await gem.by("desk-panic").click()
        await expect(gem.by("desk-resume")).to_be_visible()
        await gem.by("desk-resume").click()
        await expect(gem.by("desk-panic")).to_be_visible()
        assert gem.visit.complaints == []


@pytest.mark.nightly
async def test_what_waits_is_released_by_itself_and_heard_in_private_before(tmp_path: Path, browser: Browser) -> None:
    """The timer is shown and stands still while somebody works on the draft; the preview is heard by nobody else."""
    settings = SETTINGS | {"stage": {"auto_release_s": 4.0}}
    async with running(tmp_path, settings) as program:
        session = await evening(program)
        async with directing(browser, program.url, session, "Gem") as gem:
            await said(program, session, "Mirelle, good evening!")
            line = await gem.draft(REPLIES[0].split("] ")[1].split(" [")[0])
            await expect(gem.by("held-countdown")).to_be_visible()
            await gem.keys("e")
            await expect(gem.by("held-countdown")).to_have_count(0)
            await gem.keys("Escape")
            await expect(gem.by("held-countdown")).to_be_visible()
            async with gem.page.expect_response(lambda response: response.url.endswith("/v1/audio/speech")) as answered:
                await gem.keys("l")
            assert (await answered.value).status == 200
            await gem.becomes(line, "heard")
            assert gem.visit.complaints == []


@pytest.mark.nightly
async def test_the_desk_is_found_and_explains_its_keys(house: Program, browser: Browser) -> None:
    """From the list of sessions and from the table there is a way to it; a question mark shows every key, an R on another layout rejects all the same."""
    session = await evening(house)
    async with visiting(browser, house.url) as visit:
        await visit.go()
        await visit.page.get_by_test_id(f"desk-{session}").click()
        await expect(visit.page.get_by_test_id("desk")).to_be_visible()
        await visit.page.keyboard.press("?")
        await expect(visit.page.get_by_test_id("key-help")).to_be_visible()
        await visit.page.keyboard.press("Escape")
        await expect(visit.page.get_by_test_id("key-help")).to_have_count(0)
        await visit.page.get_by_test_id("table-link").click()
        await visit.connected()
        await visit.page.get_by_test_id("desk-link").click()
        await expect(visit.page.get_by_test_id("desk")).to_be_visible()
        desk = Desk(visit)
        await said(house, session, "Mirelle, good evening!")
        await expect(desk.by("held-approve")).to_be_enabled(timeout=20_000)
        await visit.page.evaluate("window.dispatchEvent(new KeyboardEvent('keydown', { key: 'к', code: 'KeyR', bubbles: true }))")
        await expect(desk.by("reject-reason")).to_be_focused()
        assert visit.complaints == []
