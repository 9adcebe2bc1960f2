"""A player behind a real headless Chromium: a recording as its microphone, the page's probe and its socket as evidence."""

from __future__ import annotations

import json
import shutil
import wave
from collections.abc import AsyncIterator, Iterable, Mapping, Sequence
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import pytest
from playwright.async_api import Browser, ConsoleMessage, Page, Playwright, Request, Response, async_playwright

from tests.acceptance.table import Fact
from tests.waiting import until

MIC_RATE = 48000
WIDE, HIGH = 390, 844
"""A phone's screen."""
_STATIC = Path(__file__).resolve().parents[2] / "services" / "gateway" / "static"
_NAMES = ("chromium", "chromium-browser", "google-chrome", "google-chrome-stable")
_FLAGS = (
    "--no-sandbox",
    "--disable-gpu",
    "--disable-dev-shm-usage",
    "--disable-background-networking",
    "--disable-component-update",
    "--disable-domain-reliability",
    "--disable-sync",
    "--no-first-run",
    "--disable-background-timer-throttling",
    "--disable-backgrounding-occluded-windows",
    "--disable-renderer-backgrounding",
    "--autoplay-policy=no-user-gesture-required",
    "--use-fake-ui-for-media-stream",
    "--use-fake-device-for-media-stream",
)
_TAP = """(() => {
  const wire = { down: [], up: [], voice: [] }
  const Native = window.WebSocket
  window.WebSocket = class extends Native {
    constructor(...given) {
      super(...given)
      this.addEventListener('message', (message) => {
        const at = performance.now()
        if (typeof message.data === 'string') wire.down.push({ at, event: JSON.parse(message.data) })
        else wire.down.push({ at, event: { type: 'frame', bytes: message.data.byteLength } })
      })
    }
    send(data) {
      if (typeof data === 'string') wire.up.push({ at: performance.now(), event: JSON.parse(data) })
      else wire.voice.push(new Int16Array(data).some((one) => Math.abs(one) > 600))
      super.send(data)
    }
  }
  Object.defineProperty(window, 'testWire', { value: wire })
})()"""
"""Notes every event of the page's socket with the page's clock, and which frames of the microphone are loud; it changes nothing."""
FRAME_MS = 20
_LOUD = 0.01
"""RMS of a microphone frame that holds speech, of 1."""


def need_browser() -> str:
    """The browser's path; skips where there is none, or no built page."""
    if not (_STATIC / "index.html").is_file():
        pytest.skip("the page is not built (make page)")
    path = next((found for name in _NAMES if (found := shutil.which(name))), None)
    if path is None:
        pytest.skip("no Chromium on PATH")
    return path


def recording(path: Path, pieces: Iterable[bytes | float]) -> Path:
    """One WAV for a whole session: PCM16 at `MIC_RATE`, and seconds of silence in between."""
    with wave.open(str(path), "wb") as file:
        file.setnchannels(1)
        file.setsampwidth(2)
        file.setframerate(MIC_RATE)
        for piece in pieces:
            file.writeframes(piece if isinstance(piece, bytes) else bytes(round(piece * MIC_RATE) * 2))
    return path


@asynccontextmanager
async def chromium(playwright: Playwright, microphone: Path | None = None) -> AsyncIterator[Browser]:
    """One browser process; the recording plays once, from the moment at which the page opens the microphone."""
    flags = [*_FLAGS, *([f"--use-file-for-fake-audio-capture={microphone}%noloop"] if microphone else [])]
    browser = await playwright.chromium.launch(executable_path=need_browser(), headless=True, args=flags)
    try:
        yield browser
    finally:
        await browser.close()


@dataclass(frozen=True, slots=True)
class Spell:
    """A stretch of sound in the microphone's frames, on the page's clock in ms."""

    began: float
    ended: float


@dataclass
class Visit:
    """One open page, and everything it had to complain about; without slots, since the driver hangs its handlers on the instance."""

    page: Page
    url: str
    complaints: list[str] = field(default_factory=list)
    deaf: bool = False
    """The server is down on purpose: network errors are no news."""

    def watch(self) -> None:
        self.page.on("console", self._console)
        self.page.on("pageerror", lambda error: self.complaints.append(f"uncaught: {error}"))
        self.page.on("requestfailed", self._failed)
        self.page.on("response", self._answered)

    def _console(self, message: ConsoleMessage) -> None:
        if message.type in ("error", "warning") and not self.deaf:
            self.complaints.append(f"console {message.type}: {message.text}")

    def _failed(self, request: Request) -> None:
        # A request that the page itself took back is no failure.
        if not self.deaf and "ERR_ABORTED" not in (request.failure or ""):
            self.complaints.append(f"failed: {request.method} {request.url} {request.failure}")

    def _answered(self, response: Response) -> None:
        if response.status >= 400 and not self.deaf:
            self.complaints.append(f"{response.status}: {response.request.method} {response.url}")

    async def go(self, hash_: str = "") -> None:
        """Open the page, with a raw microphone."""
        await self.page.goto(f"{self.url}/?rawmic=1#/{hash_}")

    async def connected(self) -> str:
        """Wait for the table to stand; the session's id."""
        await self.page.locator("[data-testid=connection-state][data-state=open]").wait_for(state="attached", timeout=20_000)
        return str(await self.page.evaluate("souffleurProbe.session"))

    async def sit_down(self, session: str) -> None:
        """Choose an earlier session in the list, as anybody would."""
        await self.go()
        await self.page.get_by_test_id(f"session-{session}").click()
        assert await self.connected() == session

    async def talk(self) -> None:
        """Open the microphone and wait for its first frames."""
        await self.page.get_by_test_id("talk-button").click()
        await self.until("souffleurProbe.micOpen")

    async def spoken(self, pause_ms: int = 1000) -> None:
        """Wait until the microphone has sent words and as much silence behind them, from now on."""
        since = await self.page.evaluate("testWire.voice.length")
        sent = f"testWire.voice.slice({since})"
        await self.until(f"{sent}.includes(true) && {sent}.length - {sent}.lastIndexOf(true) > {pause_ms // FRAME_MS}")

    async def down(self, kind: str = "") -> list[tuple[float, dict[str, Any]]]:
        """(page time in ms, event) from the server, of one type or all."""
        return await self._wire("down", kind)

    async def up(self, kind: str = "") -> list[tuple[float, dict[str, Any]]]:
        """(page time in ms, event) from the page."""
        return await self._wire("up", kind)

    async def _wire(self, way: str, kind: str) -> list[tuple[float, dict[str, Any]]]:
        wanted = json.dumps(kind)
        found = await self.page.evaluate(f"testWire.{way}.filter((one) => {wanted} === '' || one.event.type === {wanted})")
        return [(one["at"], one["event"]) for one in found]

    async def until(self, condition: str, timeout_s: float = 20.0, every_s: float = 0.1) -> None:
        """Wait until a JavaScript expression is true; the page's CSP forbids the driver's own way of waiting, which evaluates text in the page."""
        await until(lambda: self.page.evaluate(f"Boolean({condition})"), timeout_s, condition, every_s)

    async def until_down(self, condition: str, timeout_s: float = 20.0) -> None:
        """Wait for an event `e` from the server for which the JavaScript `condition` holds."""
        await self.until(f"testWire.down.some(({{ event: e }}) => {condition})", timeout_s)

    async def facts(self, kind: str = "") -> list[dict[str, Any]]:
        """The facts that the page was told."""
        found = [event["fact"] for _, event in await self.down("souffleur.fact")]
        return [fact for fact in found if not kind or fact["kind"] == kind]

    async def unheard(self, line: str) -> str:
        """What the screenplay shows of a line as struck through."""
        found = await self.page.locator(f"[data-line='{line}'] [data-testid=unheard]").all_text_contents()
        return " ".join(text.strip() for text in found)

    async def probe(self, name: str) -> Any:
        """One member of the page's own probe."""
        return await self.page.evaluate(f"souffleurProbe.{name}")


@dataclass
class Tape:
    """What the probe saw at the worklets, kept beyond the length of its rings; times are the page's, in ms."""

    visit: Visit
    sent: list[dict[str, Any]] = field(default_factory=list)
    """Microphone frames of 20 ms."""
    output: list[dict[str, Any]] = field(default_factory=list)
    """What the loudspeaker put out, about every 21 ms while it sounds."""
    marks: list[dict[str, Any]] = field(default_factory=list)
    """Started, drained, starved, paused, resumed, flushed."""

    async def wind(self) -> None:
        """Fetch what is new."""
        for name, kept in (("sent", self.sent), ("output", self.output), ("marks", self.marks)):
            since = kept[-1]["at"] if kept else -1
            kept.extend(await self.visit.page.evaluate(f"souffleurProbe.{name}.filter((one) => one.at > {since})"))

    def keep(self, path: Path, down: list[tuple[float, dict[str, Any]]]) -> None:
        """Leave the evidence beside the test's other files."""
        path.write_text(json.dumps({"sent": self.sent, "output": self.output, "marks": self.marks, "down": down}))

    async def until(self, condition: str, timeout_s: float) -> None:
        """Wind on until a JavaScript expression is true in the page."""

        async def there() -> bool:
            await self.wind()
            return bool(await self.visit.page.evaluate(f"Boolean({condition})"))

        await until(there, timeout_s, condition, 1.0)

    def spells(self, apart_ms: float = 1500.0) -> list[Spell]:
        """Stretches of speech in the microphone: frames above a floor, joined where less than `apart_ms` lies between them."""
        found: list[Spell] = []
        for frame in self.sent:
            if frame["level"] < _LOUD:
                continue
            at = frame["capturedAt"]
            if found and at - found[-1].ended < apart_ms:
                found[-1] = Spell(found[-1].began, at)
            else:
                found.append(Spell(at - FRAME_MS, at))
        return found

    def true_end(self, spell: Spell, floor: float = 0.01) -> float:
        """Where its last sound is: above `floor` of its loudest frame, 40 dB down; the recordings fade to nothing."""
        frames = [frame for frame in self.sent if spell.began < frame["capturedAt"] < spell.ended + 500]
        loudest = max(frame["level"] for frame in frames)
        return max(float(frame["capturedAt"]) for frame in frames if frame["level"] > floor * loudest)


@asynccontextmanager
async def visiting(
    browser: Browser, url: str, *, prefs: Mapping[str, Any] | None = None, width: int = 1280, height: int = 800, scheme: Any = "dark", locale: str = "en-GB"
) -> AsyncIterator[Visit]:
    """A fresh browser profile with these preferences of the page."""
    context = await browser.new_context(viewport={"width": width, "height": height}, color_scheme=scheme, locale=locale, permissions=["microphone"])
    try:
        await context.add_init_script(_TAP)
        stored = json.dumps(json.dumps({"language": "en", "loudspeakers": False, **(prefs or {})}))
        await context.add_init_script(f"if (localStorage.getItem('souffleur.prefs') === null) localStorage.setItem('souffleur.prefs', {stored})")
        visit = Visit(await context.new_page(), url)
        visit.watch()
        yield visit
    finally:
        await context.close()


@asynccontextmanager
async def playing() -> AsyncIterator[Playwright]:
    """The driver behind all browsers."""
    need_browser()
    async with async_playwright() as playwright:
        yield playwright


def unheard(facts: Sequence[Fact], closed: Mapping[str, Any]) -> str:
    """The words of a line, by the body of its `line_closed`, that nobody heard."""
    sentences = [(fact["seq"], fact["body"]["text"]) for fact in facts if fact["kind"] == "sentence" and fact["body"]["line"] == closed["line"]]
    cut = closed["last_seq"]
    return " ".join((text[closed["offset"] :] if seq == cut else text).strip() for seq, text in sentences if seq >= cut).strip()
