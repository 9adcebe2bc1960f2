"""The screenplay edited in a real browser while the table plays: what is changed in the text is a correction in the transcript."""

from __future__ import annotations

from collections.abc import AsyncIterator
from pathlib import Path

import pytest
import pytest_asyncio
from playwright.async_api import Browser, Dialog, Position, expect

from tests.acceptance.browser import need_browser, visiting
from tests.acceptance.conftest import REPLIES, saying, spotless
from tests.acceptance.editor import QUESTION, at_end_of, corrected, fact, leave, line, of, played, several, told, written
from tests.acceptance.program import Program
from tests.acceptance.table import api
from tests.waiting import until

pytestmark = [pytest.mark.browser, pytest.mark.asyncio(loop_scope="module"), pytest.mark.timeout(120)]

BEGINNINGS = {"fountain": b"title:", "txt": b"", "html": b"<!doctype html>", "pdf": b"%pdf-", "fdx": b"<?xml"}
"""How each kind of file begins, in small letters."""
WORDS: Position = {"x": 60, "y": 10}
"""Where a line has its words, and surely no badge."""


@pytest_asyncio.fixture(scope="module", loop_scope="module")
async def house(tmp_path_factory: pytest.TempPathFactory) -> AsyncIterator[Program]:
    """A program whose character's words are known."""
    need_browser()
    async with spotless(
        tmp_path_factory.mktemp("house"), saying(REPLIES[:1], 5, 1) | {"telemetry": {"grafana_url": "http://grafana.example:3000/"}}
    ) as program:
        yield program


async def test_what_is_changed_in_a_line_is_a_correction_as_the_cursor_leaves_it(house: Program, browser: Browser) -> None:
    """Pending, then applied; nothing before the cursor is gone; one undo brings the wording back."""
    session = await played(house)
    async with visiting(browser, house.url) as visit:
        await written(visit, session)
        await at_end_of(visit, QUESTION)
        await visit.page.keyboard.type(" For two.")
        await expect(visit.page.get_by_test_id("editor-progress")).to_have_attribute("data-state", "changed")
        assert await of(house, session, "corrected") == []
        await leave(visit)
        said = (await of(house, session, "said"))[0]
        body = (await fact(house, session, "corrected"))["body"]
        assert (body["target"], body["text"], body["base"]) == (said["seq"], f"{QUESTION} For two.", said["seq"])
        await expect(visit.page.get_by_test_id("editor-progress")).to_have_attribute("data-state", "applied")
        await expect(visit.page.locator("[data-badge=edited]")).to_have_count(1)
        await visit.page.get_by_test_id("editor-undo").click()
        await expect(line(visit, "For two.")).to_have_count(0)
        assert (await of(house, session, "corrected"))[-1]["body"]["text"] == QUESTION
        assert visit.complaints == []


@pytest.mark.nightly
async def test_a_feeling_is_changed_by_its_parenthetical_and_nothing_else_is(house: Program, browser: Browser) -> None:
    """The words stay, the sentence is felt otherwise; the cue cannot be typed into."""
    session = await played(house)
    sentence = (await of(house, session, "sentence"))[0]
    async with visiting(browser, house.url) as visit:
        await written(visit, session)
        await line(visit, "(joy").click()
        await visit.page.keyboard.press("Home")
        await visit.page.keyboard.press("Shift+End")
        await visit.page.keyboard.type("(fear 0.9, whisper)")
        await visit.page.keyboard.press("Control+Enter")
        body = (await fact(house, session, "corrected"))["body"]
        assert (body["target"], body["text"]) == (sentence["seq"], sentence["body"]["text"])
        assert (body["emotion"], body["intensity"], body["manner"]) == ("fear", 0.9, "whisper")
        await expect(visit.page.locator("[data-emotion=fear]")).to_have_count(1)
        await at_end_of(visit, "@Mirelle")
        await visit.page.keyboard.type("xyz")
        await leave(visit)
        await expect(line(visit, "@Mirelle")).not_to_contain_text("xyz")
        assert len(await of(house, session, "corrected")) == 1
        assert visit.complaints == []


async def test_deleted_is_struck_and_new_text_is_inserted_noted_or_whispered(house: Program, browser: Browser) -> None:
    """Between two blocks: an action, a speech, a note and a whisper; a sentence emptied is struck, and so is a whole line."""
    session = await played(house)
    said = (await of(house, session, "said"))[0]
    async with visiting(browser, house.url) as visit:
        await written(visit, session)
        await at_end_of(visit, QUESTION)
        for typed in (
            "",
            "",
            "A dog barks.",
            "",
            "@Mirelle",
            "(anger)",
            "Quiet!",
            "",
            "[[to Mirelle, once: be curt]]",
            "",
            "[[whisper to mirelle: the key is gone]]",
        ):
            await visit.page.keyboard.type(typed)
            await visit.page.keyboard.press("Enter")
        await leave(visit)
        await fact(house, session, "whispered")
        # Each is a correction of its own: the last of them may be there before the others.
        action, speech = (one["body"] for one in await several(house, session, "inserted", 2))
        assert (action["block"], action["text"], action["after"]) == ("action", "A dog barks.", said["seq"])
        assert (speech["block"], speech["text"], speech["member"], speech["emotion"]) == ("line", "Quiet!", "mirelle", "anger")
        assert speech["after"] == (await of(house, session, "inserted"))[0]["seq"]
        note = (await of(house, session, "noted"))[0]
        assert (note["body"]["text"], note["body"]["character"], note["body"]["scope"]) == ("be curt", "mirelle", "once")
        await expect(visit.page.get_by_test_id(f"card-{note['seq']}")).to_be_visible()
        text = await visit.page.get_by_test_id("screenplay-text").inner_text()
        assert text.index(QUESTION) < text.index("A dog barks.") < text.index("Quiet!") < text.index("Good evening, traveller.")

        first, second = await of(house, session, "sentence")
        await line(visit, first["body"]["text"]).click(click_count=3)
        await visit.page.keyboard.press("Delete")
        await leave(visit)
        assert (await fact(house, session, "struck"))["body"]["targets"] == [first["seq"]]
        await expect(visit.page.locator(".cm-struck")).to_have_text(first["body"]["text"])

        await line(visit, second["body"]["text"]).click(click_count=3)
        await visit.page.keyboard.press("Backspace")
        await leave(visit)
        await expect(visit.page.locator("[data-badge=struck]")).to_have_count(1)
        await visit.page.get_by_test_id(f"card-remove-{note['seq']}").click()
        await expect(visit.page.get_by_test_id(f"card-{note['seq']}")).to_have_count(0)
        assert visit.complaints == []


async def test_a_scene_is_reworded_where_it_stands_and_struck_when_it_is_deleted(house: Program, browser: Browser) -> None:
    """Heading and description are one fact: two edits, two corrections of the whole; emptied, it is struck."""
    session = await played(house)
    scene = (await of(house, session, "scene_set"))[0]["seq"]
    async with visiting(browser, house.url) as visit:
        await written(visit, session)
        await at_end_of(visit, "Rain on the roof.")
        await visit.page.keyboard.type(" Thunder.")
        await visit.page.keyboard.press("Control+Enter")
        first = await fact(house, session, "corrected")
        assert (first["body"]["target"], first["body"]["text"], first["body"]["base"]) == (scene, "INT. TAVERN – NIGHT\nRain on the roof. Thunder.", scene)
        await expect(visit.page.locator("[data-badge=edited]")).to_have_count(1)
        await line(visit, "INT. TAVERN").click(position=WORDS)
        await visit.page.keyboard.press("Home")
        await visit.page.keyboard.press("Shift+End")
        await visit.page.keyboard.type("EXT. YARD")
        await leave(visit)
        await expect(line(visit, ".EXT. YARD")).to_be_visible()

        async def reworded() -> bool:
            body = (await of(house, session, "corrected"))[-1]["body"]
            return (body["text"], body["base"]) == ("EXT. YARD\nRain on the roof. Thunder.", first["seq"])

        await until(reworded, what="the new heading")
        await expect(visit.page.get_by_test_id("editor-progress")).to_have_attribute("data-state", "applied")
        await line(visit, "EXT. YARD").click(position=WORDS)
        await visit.page.keyboard.press("Home")
        for key in ("Shift+ArrowDown", "Shift+ArrowDown", "Shift+End"):
            await visit.page.keyboard.press(key)
        await visit.page.keyboard.press("Delete")
        await leave(visit)
        assert (await fact(house, session, "struck"))["body"] == {"targets": [scene]}
        await expect(visit.page.locator(".cm-struck")).to_have_text(["EXT. YARD", "Rain on the roof. Thunder."])
        assert visit.complaints == []


async def test_a_conflict_is_still_there_when_the_editor_was_left_and_the_page_loaded_anew(house: Program, browser: Browser) -> None:
    """Leaving sends what was typed; that somebody was faster is shown on coming back, and the browser asks before a reload."""
    session = await played(house)
    said = (await of(house, session, "said"))[0]
    async with visiting(browser, house.url) as visit:
        await written(visit, session)
        await at_end_of(visit, QUESTION)
        await visit.page.keyboard.type(" Mine.")
        await corrected(house, session, {"kind": "edit", "target": said["seq"], "base": said["seq"], "text": "Theirs."})
        await visit.page.evaluate("location.hash = '#/'")
        await expect(visit.page.get_by_test_id("screenplay-text")).to_have_count(0)
        await visit.page.evaluate(f"location.hash = '#/screenplay/{session}'")
        await expect(line(visit, "Theirs.")).to_be_visible()
        await expect(visit.page.get_by_test_id("conflict-mine")).to_have_text(f"{QUESTION} Mine.")
        asked: list[str] = []

        async def answer(dialog: Dialog) -> None:
            asked.append(dialog.type)
            await dialog.accept()

        visit.page.on("dialog", answer)
        await line(visit, "Theirs.").click()
        await visit.page.reload()
        assert asked == ["beforeunload"]
        await expect(visit.page.get_by_test_id("conflict-mine")).to_have_text(f"{QUESTION} Mine.")
        await expect(visit.page.get_by_test_id("conflict-theirs")).to_have_text("Theirs.")
        await visit.page.get_by_test_id("conflict-keep-mine").click()
        await expect(line(visit, f"{QUESTION} Mine.")).to_be_visible()
        await expect(visit.page.get_by_test_id("conflict")).to_have_count(0)
        assert [one["body"]["text"] for one in await of(house, session, "corrected")] == ["Theirs.", f"{QUESTION} Mine."]
        assert visit.complaints == []


@pytest.mark.parametrize("keep", [True, False], ids=["keep mine", "take theirs"])
async def test_a_conflict_shows_both_texts(house: Program, browser: Browser, *, keep: bool) -> None:
    """Another director was faster: nothing is overwritten until this one has decided."""
    session = await played(house)
    said = (await of(house, session, "said"))[0]
    async with visiting(browser, house.url) as visit:
        await written(visit, session)
        await at_end_of(visit, QUESTION)
        await visit.page.keyboard.type(" Mine.")
        await corrected(house, session, {"kind": "edit", "target": said["seq"], "base": said["seq"], "text": "Theirs."})
        await expect(line(visit, "Mine.")).to_be_visible()
        await leave(visit)
        await expect(visit.page.get_by_test_id("conflict-mine")).to_have_text(f"{QUESTION} Mine.")
        await expect(visit.page.get_by_test_id("conflict-theirs")).to_have_text("Theirs.")
        assert len(await of(house, session, "corrected")) == 1
        await visit.page.get_by_test_id("conflict-keep-mine" if keep else "conflict-take-theirs").click()
        await expect(visit.page.get_by_test_id("conflict")).to_have_count(0)
        await expect(line(visit, f"{QUESTION} Mine." if keep else "Theirs.")).to_be_visible()
        expected = ["Theirs.", f"{QUESTION} Mine."] if keep else ["Theirs."]
        await until(lambda: _texts(house, session, expected), what="the decision")
        assert visit.complaints == []


async def _texts(house: Program, session: str, expected: list[str]) -> bool:
    return [one["body"]["text"] for one in await of(house, session, "corrected")] == expected


@pytest.mark.nightly
async def test_live_facts_neither_move_the_cursor_nor_take_away_what_is_being_written(house: Program, browser: Browser) -> None:
    """While somebody types, the table plays on below and another director edits above."""
    session = await played(house)
    first = (await of(house, session, "sentence"))[0]
    async with visiting(browser, house.url) as visit:
        await written(visit, session)
        await at_end_of(visit, first["body"]["text"])
        await visit.page.keyboard.type(" Half a thou")
        said = (await of(house, session, "said"))[0]
        await corrected(house, session, {"kind": "edit", "target": said["seq"], "text": "Another question, which is longer than the first one?"})
        await expect(line(visit, "Another question")).to_be_visible()
        await told(house, session, "And a stable?")
        await expect(line(visit, "And a stable?")).to_have_count(1)
        await visit.page.keyboard.type("ght.")
        await leave(visit)

        async def mine() -> bool:
            return any(one["body"]["text"] == f"{first['body']['text']} Half a thought." for one in await of(house, session, "corrected"))

        await until(mine, what="the correction")
        assert visit.complaints == []


@pytest.mark.nightly
async def test_a_held_line_says_so_and_everything_is_done_by_keyboard(house: Program, browser: Browser) -> None:
    """From the address to an applied correction without a mouse; the badge goes when the line is released."""
    session = await played(house)
    async with api(house.url) as client, visiting(browser, house.url) as visit:
        (await client.post(f"/api/sessions/{session}/acts", json={"kind": "mode", "text": "approve"})).raise_for_status()
        await written(visit, session)
        (await client.post(f"/api/sessions/{session}/messages", json={"text": "Hello?"})).raise_for_status()
        await expect(visit.page.locator("[data-badge=held]")).to_have_count(1)
        text = visit.page.get_by_test_id("screenplay-text")
        for _ in range(30):
            await visit.page.keyboard.press("Tab")
            if await text.evaluate("(element) => document.activeElement === element"):
                break
        await expect(text).to_be_focused()
        await visit.page.keyboard.press("Control+f")
        await visit.page.keyboard.type("Hello")
        await visit.page.keyboard.press("Enter")
        await visit.page.keyboard.press("Escape")
        await visit.page.keyboard.press("End")
        await visit.page.keyboard.type(" Anybody?")
        await visit.page.keyboard.press("Control+Enter")
        assert (await fact(house, session, "corrected"))["body"]["text"] == "Hello? Anybody?"
        await visit.page.keyboard.press("Control+Alt+z")
        await expect(line(visit, "Anybody?")).to_have_count(0)
        opened_line = (await of(house, session, "line_opened"))[-1]["body"]["line"]
        (await client.post(f"/api/sessions/{session}/acts", json={"kind": "release", "line": opened_line})).raise_for_status()
        await expect(visit.page.locator("[data-badge=held]")).to_have_count(0)
        assert visit.complaints == []


@pytest.mark.nightly
async def test_what_was_deleted_can_be_undone_until_the_cursor_moves_on(house: Program, browser: Browser) -> None:
    """Everything deleted, and brought back: nothing was struck. Deleted, and left: what can be struck is."""
    session = await played(house)
    async with visiting(browser, house.url) as visit:
        await written(visit, session)
        await at_end_of(visit, QUESTION)
        await visit.page.keyboard.press("Control+a")
        await visit.page.keyboard.press("Delete")
        await expect(line(visit, QUESTION)).to_have_count(0)
        await expect(line(visit, "INT. TAVERN")).to_have_count(0)
        await expect(line(visit, "First night")).to_have_count(1)
        await visit.page.keyboard.press("Control+z")
        await expect(line(visit, QUESTION)).to_be_visible()
        await leave(visit)
        await expect(visit.page.get_by_test_id("editor-progress")).to_have_attribute("data-state", "none")
        assert await of(house, session, "struck") == []
        await visit.page.keyboard.press("Control+a")
        await visit.page.keyboard.press("Delete")
        await leave(visit)
        await expect(visit.page.locator("[data-badge=struck]")).to_have_count(3)
        targets = {target for one in await of(house, session, "struck") for target in one["body"]["targets"]}
        expected = [*await of(house, session, "scene_set"), *await of(house, session, "said"), *await of(house, session, "line_opened")]
        assert targets == {one["seq"] for one in expected}
        assert visit.complaints == []


@pytest.mark.nightly
async def test_a_retcon_takes_the_line_and_not_what_somebody_is_writing_in_it(house: Program, browser: Browser) -> None:
    """The words stay before the writer's eyes, and can be put where the line was."""
    session = await played(house)
    first = (await of(house, session, "sentence"))[0]
    said = (await of(house, session, "said"))[0]
    async with visiting(browser, house.url) as visit:
        await written(visit, session)
        await at_end_of(visit, first["body"]["text"])
        await visit.page.keyboard.type(" Dear to me.")
        await corrected(house, session, {"kind": "retcon", "to": said["seq"]})
        await expect(visit.page.get_by_test_id("conflict-mine")).to_contain_text("Dear to me.")
        await visit.page.get_by_test_id("conflict-keep-mine").click()
        body = (await fact(house, session, "inserted"))["body"]
        assert (body["after"], body["block"], body["member"]) == (said["seq"], "line", "mirelle")
        assert "Dear to me." in body["text"]
        await expect(line(visit, "Dear to me.")).to_be_visible()
        await expect(visit.page.get_by_test_id("conflict")).to_have_count(0)
        assert visit.complaints == []


@pytest.mark.nightly
async def test_a_correction_that_is_refused_can_be_sent_again_or_dropped(house: Program, browser: Browser) -> None:
    """A feeling that nobody knows: what was typed stays until somebody decides."""
    session = await played(house)
    async with visiting(browser, house.url) as visit:
        await written(visit, session)
        await at_end_of(visit, "(joy")
        await visit.page.keyboard.press("Shift+Home")
        await visit.page.keyboard.type("(jealousy)")
        visit.deaf = True
        await visit.page.keyboard.press("Control+Enter")
        await expect(visit.page.get_by_test_id("correction-failed")).to_be_visible()
        visit.deaf = False
        await expect(line(visit, "jealousy")).to_be_visible()
        await visit.page.get_by_test_id("conflict-take-theirs").click()
        await expect(line(visit, "(joy")).to_be_visible()
        assert await of(house, session, "corrected") == []
        assert visit.complaints == []


async def test_follow_search_jump_figures_and_downloads(house: Program, browser: Browser, tmp_path: Path) -> None:
    """It stays at the end until somebody scrolls up; search finds; the figures of each line stand beside it; files come."""
    session = await played(house)
    for number in range(8):
        await told(house, session, f"Question number {number}?")
    async with visiting(browser, house.url) as visit:
        await visit.go(f"screenplay/{session}")
        await expect(line(visit, "Question number 7?")).to_be_in_viewport()
        await told(house, session, "The last one?")
        await expect(line(visit, "The last one?")).to_be_in_viewport()
        await visit.page.locator(".cm-scroller").hover()
        await visit.page.mouse.wheel(0, -4000)
        await expect(visit.page.get_by_test_id("editor-jump")).to_be_visible()
        await expect(visit.page.get_by_test_id("editor-follow")).to_have_attribute("aria-pressed", "false")
        await visit.page.get_by_test_id("editor-jump").click()
        await expect(line(visit, "The last one?")).to_be_in_viewport()
        await visit.page.get_by_test_id("editor-search").click()
        await visit.page.keyboard.type("number 3")
        await visit.page.keyboard.press("Enter")
        await expect(line(visit, "Question number 3?")).to_be_in_viewport()
        await visit.page.keyboard.press("Escape")
        await visit.page.get_by_test_id("figures-button").click()
        await expect(visit.page.get_by_test_id("turn-figure")).to_have_count(10)
        await expect(visit.page.get_by_test_id("figure-turns")).to_contain_text("10")
        closed = (await of(house, session, "line_closed"))[0]
        bar = visit.page.locator(f"[data-testid=turn-figure][data-line='{closed['body']['line']}']")
        await expect(visit.page.get_by_test_id("grafana-table")).to_have_attribute("href", "http://grafana.example:3000/d/souffleur-table")
        assert set(closed["body"]["ms"]) >= {"llm_ttft", "first_sentence"}
        await expect(bar.locator("[data-part=llm_ttft]")).to_have_count(1)
        await visit.page.keyboard.press("Escape")
        for form, beginning in BEGINNINGS.items():
            async with visit.page.expect_download() as download:
                await visit.page.get_by_test_id(f"download-{form}").click()
            path = tmp_path / form
            await (await download.value).save_as(path)
            content = path.read_bytes()
            assert content.lower().startswith(beginning), content[:80]
            assert form == "pdf" or QUESTION.encode() in content
        assert visit.complaints == []


@pytest.mark.nightly
async def test_the_logs_are_searched_filtered_and_followed(house: Program, browser: Browser) -> None:
    """A full-text query, a level, a session; new entries come by themselves; every field can be read."""
    async with visiting(browser, house.url) as visit:
        await visit.go("logs")
        entries = visit.page.get_by_test_id("log-entry")
        await expect(entries.first).to_be_visible()
        await expect(visit.page.get_by_test_id("logs-follow")).to_have_attribute("data-feed", "live")
        await entries.first.get_by_role("button").click()
        await expect(visit.page.get_by_test_id("log-fields")).to_be_visible()
        await visit.page.get_by_test_id("logs-query").fill("nothing-has-this-word")
        await expect(entries).to_have_count(0)
        await visit.page.get_by_test_id("logs-clear").click()
        await expect(entries.first).to_be_visible()
        await visit.page.get_by_test_id("logs-level").select_option("critical")
        await expect(entries).to_have_count(0)
        await visit.page.get_by_test_id("logs-clear").click()
        session = await played(house)
        await visit.page.get_by_test_id("logs-session").fill(session)
        await visit.page.get_by_test_id("logs-query").fill("resolved")
        await expect(visit.page.get_by_test_id("logs-follow")).to_have_attribute("data-feed", "live")
        await expect(entries).to_have_count(0)
        await corrected(house, session, {"kind": "note", "text": "Be curt"})
        await expect(entries).to_have_count(1)
        assert visit.complaints == []
