"""Interrupting at the page: from the microphone's first loud frame to the loudspeaker's last audible block, and what the transcript keeps."""

from __future__ import annotations

import asyncio
import logging
from collections.abc import AsyncIterator, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import pytest_asyncio
from playwright.async_api import Playwright

from tests.acceptance.browser import FRAME_MS, MIC_RATE, Spell, Tape, Visit, chromium, need_browser, recording, unheard, visiting
from tests.acceptance.conftest import saying, spotless
from tests.acceptance.player import speech_end_s
from tests.acceptance.program import Program
from tests.acceptance.table import facts_of, opened
from tests.acceptance.test_barge_in import asking, interrupting, words_in
from tests.acceptance.test_realtime_speech import chosen
from tests.acceptance.timing import STRICT, p95, promised

pytestmark = [pytest.mark.browser, pytest.mark.asyncio(loop_scope="module"), pytest.mark.timeout(240)]

BROWSERS, BARGE_INS = (2, 10) if STRICT else (2, 2)
LEAD_S = 1.0
BEFORE_S = 4.0
"""From the end of one phrase to the next, which falls into the reply to the first."""
COLD_S = 7.0
"""The same after the first phrase, when the recogniser is cold."""
REPLIES = [
    (
        "[joy] Good evening, traveller, and welcome to the oldest house on the whole of the river road. "
        "[neutral] The fire is warm and the ale is cold, so sit down with us for a while and tell us what you have seen on the way."
    ),
    (
        "[fear] Did you hear that, out there in the yard, between the stable and the old well? "
        "[anger] Somebody is at the back door again tonight, and I have had quite enough of it for one winter."
    ),
]
"""Some ten seconds each."""
_log = logging.getLogger(__name__)


@pytest_asyncio.fixture(scope="module", loop_scope="module")
async def talkative(tmp_path_factory: pytest.TempPathFactory) -> AsyncIterator[Program]:
    """A character whose every reply is long enough to be interrupted."""
    need_browser()
    async with spotless(tmp_path_factory.mktemp("talkative"), saying(REPLIES)) as program:
        yield program


@dataclass(slots=True, kw_only=True)
class Cut:
    """One interrupted line."""

    delay_ms: float
    """From the beginning of the first loud frame to the last audible block."""
    body: dict[str, Any]
    """Of its `line_closed`."""
    words_kept: int
    words_due: int
    """How many words had begun where the page stopped, by the voice's own marks."""
    stopped_ms: float
    reported_ms: float


def interruptions(count: int, first: int) -> list[bytes]:
    """Different voices' beginnings: phrases that last over a second, from `first` on."""
    long = [prompt.pcm(MIC_RATE) for prompt in chosen() if speech_end_s(prompt.pcm(MIC_RATE), MIC_RATE) > 1.0]
    return [long[(first + number) % len(long)] for number in range(count)]


def cut_of(down: Sequence[tuple[float, dict[str, Any]]], up: Sequence[tuple[float, dict[str, Any]]], tape: Tape, spell: Spell) -> Cut:
    """What `spell` did to the line that was speaking when it began."""
    frames = [frame for frame in tape.sent if spell.began < frame["capturedAt"] <= spell.ended]
    loudest = max(frame["level"] for frame in frames)
    began = next(frame["capturedAt"] for frame in frames if frame["level"] >= 0.1 * loudest) - FRAME_MS
    line = [mark for mark in tape.marks if mark["kind"] == "started" and mark["at"] < began][-1]["line"]
    facts = [event["fact"] for _, event in down if event["type"] == "souffleur.fact" and event["fact"]["body"].get("line") == line]
    closed = next(fact["body"] for fact in facts if fact["kind"] == "line_closed")
    sentence = next(fact["body"] for fact in facts if fact["seq"] == closed["last_seq"])
    stopped = next(mark for mark in tape.marks if mark["kind"] == "paused" and mark["line"] == line)
    marks = [mark for _, event in down if event["type"] == "souffleur.words" and event["seq"] == closed["last_seq"] for mark in event["marks"]]
    return Cut(
        delay_ms=max(one["soundedAt"] for one in tape.output if one["line"] == line) - began,
        body=closed,
        words_kept=words_in(sentence["text"], closed["offset"]),
        words_due=sum(mark["at_ms"] <= stopped["ms"] for mark in marks),
        stopped_ms=stopped["ms"],
        reported_ms=max(event["played_ms"] for _, event in up if event["type"] == "souffleur.played" and event["line_id"] == line),
    )


async def heard_out(visit: Visit, seconds: float) -> Tape:
    """Open the microphone and tape everything until the recording is over."""
    await visit.talk()
    tape = Tape(visit)
    begun = await visit.page.evaluate("performance.now()")
    await tape.until(f"performance.now() > {begun + seconds * 1000}", seconds + 30)
    return tape


async def interrupting_player(playwright: Playwright, url: str, folder: Path, number: int) -> list[Cut]:
    """One browser: asks, and every further phrase falls into the reply to the one before."""
    session = await opened(url, ["mirelle"], phrases=[prompt.text for prompt in chosen()])
    phrases = interruptions(BARGE_INS, number * BARGE_INS)
    pieces: list[bytes | float] = [LEAD_S, asking().pcm(MIC_RATE), COLD_S, *(piece for phrase in phrases for piece in (phrase, BEFORE_S))]
    microphone = recording(folder / f"{session}.wav", pieces)
    async with chromium(playwright, microphone) as browser, visiting(browser, url) as visit:
        await visit.sit_down(session)
        tape = await heard_out(visit, microphone.stat().st_size / 2 / MIC_RATE)
        down, up = await visit.down(), await visit.up()
        tape.keep(folder / f"{session}.json", down)
        spells = tape.spells()
        assert len(spells) == BARGE_INS + 1
        cuts = [cut_of(down, up, tape, spell) for spell in spells[1:]]
        facts = await facts_of(url, session)
        for cut in cuts:
            assert await visit.unheard(cut.body["line"]) == unheard(facts, cut.body)
        assert visit.complaints == []
    return cuts


async def test_speech_silences_the_page_at_the_word_that_was_heard(talkative: Program, playwright: Playwright, tmp_path: Path) -> None:
    """From the first loud frame to the last audible block under 200 ms (p95); the transcript ends within one word of where the page stopped."""
    results = await asyncio.gather(*(interrupting_player(playwright, talkative.url, tmp_path, number) for number in range(BROWSERS)))
    cuts = [cut for part in results for cut in part]
    delays = [cut.delay_ms for cut in cuts]
    _log.info("barge-in ms: %s, p95 %.0f", [round(delay) for delay in delays], float(np.percentile(delays, 95)))
    assert len(cuts) == BROWSERS * BARGE_INS
    assert p95(delays) < promised(200), delays
    for cut in cuts:
        assert (cut.body["state"], cut.body["reason"], cut.body["basis"]) == ("cut", "barge_in", "reported")
        assert abs(cut.words_kept - cut.words_due) <= 1, cut
        assert abs(cut.reported_ms - cut.stopped_ms) <= promised(25), cut


@pytest.mark.nightly
async def test_a_cough_at_the_page_pauses_and_the_line_goes_on(talkative: Program, playwright: Playwright, tmp_path: Path) -> None:
    """200 ms of sound: the loudspeaker falls silent, goes on where it stopped, and the line is heard to its end."""
    session = await opened(talkative.url, ["mirelle"], phrases=[asking().text, interrupting().text])
    sound = interrupting().pcm(MIC_RATE)
    window = MIC_RATE // 100 * 2
    levels = [float(np.sqrt(np.mean(np.frombuffer(sound[at : at + window], "<i2").astype(float) ** 2))) for at in range(0, len(sound) - window, window)]
    start = next(index for index, level in enumerate(levels) if level > 0.1 * max(levels)) * window
    microphone = recording(tmp_path / "cough.wav", [LEAD_S, asking().pcm(MIC_RATE), COLD_S - 2, sound[start : start + MIC_RATE // 5 * 2], 1.0])
    async with chromium(playwright, microphone) as browser, visiting(browser, talkative.url) as visit:
        await visit.sit_down(session)
        await visit.talk()
        tape = Tape(visit)
        await tape.until("testWire.down.some(({ event: e }) => e.type === 'response.done')", 60)
        tape.keep(tmp_path / f"{session}.json", await visit.down())
        ask, cough = tape.spells()
        # What had come before the pause may be played out before the page is told of it.
        kinds = [mark["kind"] for mark in tape.marks if mark["kind"] not in ("starved", "drained")]
        assert kinds == ["started", "paused", "resumed"]
        paused, resumed = (next(mark for mark in tape.marks if mark["kind"] == kind) for kind in ("paused", "resumed"))
        assert cough.began < paused["at"] < cough.began + promised(300)
        assert 0 <= resumed["ms"] - paused["ms"] <= promised(25)
        sounded = [one["soundedAt"] for one in tape.output if one["level"] > 0.001]
        assert [at for at in sounded if paused["at"] + FRAME_MS < at < resumed["at"] - FRAME_MS] == []
        assert max(sounded) > resumed["at"] + 1000
        facts = await facts_of(talkative.url, session)
        closed = next(fact["body"] for fact in facts if fact["kind"] == "line_closed")
        assert (closed["state"], closed["basis"]) == ("heard", "reported")
        assert sum(fact["kind"] == "said" for fact in facts) == 1
        assert ask.ended < paused["at"]
        assert visit.complaints == []
    _log.info("cough: silent for %.0f ms", resumed["at"] - paused["at"])
