"""One line, from the first word thought to the last word heard: the only input and output of a turn.

Text never goes from the roleplay service to the voice: a sentence is appended to the transcript, and when it is durable the voice is told its seq.
"""

from __future__ import annotations

import asyncio
from contextlib import suppress
from typing import Any, Final, Protocol

import structlog

from services.core.errors import SouffleurError
from services.core.model.attachment import LineAudio, LineFlushed, LinePaused, LineResumed, LineWords
from services.core.model.audio import SAMPLE_BYTES, VOICE_RATE
from services.core.model.fact import Basis, Fact, LineState
from services.stage.attachments import Attachment
from services.stage.backstage import LINE_LONGEST_S, Backstage
from services.stage.degradation import Degradation
from services.stage.drafting import Drafting
from services.stage.playhead import Playhead, extent
from services.stage.speaking import Speaking

_GRACE_S: Final = 2.0
"""How long after its sound has ended a line waits for the report that it was played."""
_REPORT_SLACK_MS: Final = 60
_PIECE: Final = VOICE_RATE // 20
"""Samples of a chunk that are sent by themselves as soon as there is room for them: 50 ms, or a shorter lead."""
_HEAD_START_S: Final = 0.02
"""Of the call for the reply before the one for the voice, which has time until the first sentence is there."""
_GRAIN_S: Final = 0.001
"""A timer of the loop may come so much early; asking for as much more saves waking up for nothing, several times a piece."""

_log = structlog.get_logger(__name__)


class Host(Protocol):
    """The place, as a line needs it."""

    degradation: Degradation

    def line_started(self, line: Line) -> None:
        """The first sound or text went out."""
        ...

    def line_ended(self, line: Line) -> None:
        """The line has been closed by itself."""
        ...


class Line:
    """Runs as one task (`run`); `pause`, `resume` and `cut` act at once."""

    def __init__(self, drafting: Drafting, backstage: Backstage, host: Host) -> None:
        """Nothing happens before `run`. The words come from `drafting`, which runs by itself."""
        self.order = order = drafting.order
        self.timing = order.timing
        self.drafting = drafting
        self._backstage = backstage
        self._clock = backstage.clock
        self._host = host
        self._playhead = Playhead(lead_s := backstage.settings().stage.lead_s)
        self._piece = min(_PIECE, int(lead_s * VOICE_RATE))
        self._speaking = Speaking(order, backstage, host.degradation, self._tell, self._show)
        self._spoken = self._speaking.sentences
        self._shown: Fact | None = None
        """The last sentence that went out as text."""
        self._listened = False
        self._changed = asyncio.Event()
        self._gate = asyncio.Event()
        self._gate.set()
        self.started = False
        self.heard_to = (0, 0)
        """Where it was cut: (seq of the last sentence of which anything was heard, code points of it)."""
        self._keeps_words = False
        self.task: asyncio.Task[None] | None = None
        self._patience = asyncio.timeout(None)
        self._ends_by = 0.0
        self._parts: list[asyncio.Task[Any]] = []

    @property
    def opened(self) -> bool:
        """It is in the transcript."""
        return self.drafting.opened

    @property
    def _voiced(self) -> bool:
        """Somebody says it; else it is shown."""
        return self._listened and not self._speaking.lost

    # What the floor asks for.

    def pause(self) -> None:
        """Send nothing more for now."""
        self._gate.clear()
        self._playhead.pause(self._clock.now())
        self._tell(LinePaused(self.order.line))

    def resume(self) -> None:
        """Go on where it stopped."""
        self._playhead.resume(self._clock.now())
        self._gate.set()
        self._changed.set()
        self._tell(LineResumed(self.order.line))

    def cut(self, reason: str, interrupter: Attachment | None = None, *, keeps_words: bool = False) -> None:
        """End it here and now: what was heard so far is what was said. With `keeps_words` the reply goes on for somebody else."""
        if self.drafting.closed:
            return
        self._keeps_words = keeps_words
        self._tell(LineFlushed(self.order.line))
        last, basis = self._heard(interrupter)
        self.heard_to = last
        self.drafting.close(LineState.CUT, last, basis, reason)
        # The task may not have begun, and then it would never clean up.
        self._stop_words()
        if self.task is not None:
            self.task.cancel()
        # Each part at once: one that is just being woken up would otherwise do one more thing for a line that is over.
        for part in self._parts:
            part.cancel()

    def played(self) -> None:
        """Some listener reported its position."""
        self._changed.set()

    def is_saying(self, seq: int) -> bool:
        """Was this sentence given to the voice, and not heard to its end?"""
        sentence = self._spoken.get(seq)
        last, offset = self._heard(None)[0]
        return sentence is not None and not (seq < last or (seq == last and offset >= len(sentence.text)))

    # The line itself.

    async def run(self) -> None:
        """Think, write, speak, close. Whatever goes wrong ends this line, never the session."""
        try:
            self._ends_by = asyncio.get_running_loop().time() + LINE_LONGEST_S
            async with asyncio.timeout(self._backstage.line_timeout_s) as self._patience:
                basis = await self._perform()
        except TimeoutError:
            self._give_up("deadline_exceeded")
        except SouffleurError as error:
            self._give_up(error.code)
        except Exception:
            _log.exception("line.failed", line=self.order.line)
            self._give_up("internal")
        else:
            self._complete(basis)
        finally:
            self._stop_words()
        self._host.line_ended(self)

    def _stop_words(self) -> None:
        self.drafting.stop(feed=not self._keeps_words)

    async def _perform(self) -> Basis:
        self._listened = self.order.delivery == "voice" and bool(self._listeners())
        try:
            async with asyncio.TaskGroup() as group:
                playing = group.create_task(self._play(), name="play")
                self._parts += (group.create_task(self._speak(), name="speak"), playing)
                if not self.drafting.begun:
                    self._parts.append(group.create_task(self.drafting.run(), name="think"))
        except ExceptionGroup as group_of:
            raise group_of.exceptions[0] from None
        return playing.result()

    async def _speak(self) -> None:
        """Durable sentences -> the voice, or straight to the readers where nobody listens."""
        voice: asyncio.Task[None] | None = None
        if self._voiced:
            with suppress(TimeoutError):
                # The call for the reply is on its way just now, and everybody waits for that one.
                async with asyncio.timeout(_HEAD_START_S):
                    await self.drafting.answered.wait()
            voice = asyncio.create_task(self._speaking.run(), name="voice")
            self._parts.append(voice)
        try:
            while (future := await self.drafting.sentences.get()) is not None:
                fact = await future
                if not self._backstage.sight.stands(fact.seq):
                    continue
                if self._voiced:
                    await self._speaking.say(fact)
                else:
                    await self._show(fact)
            if voice is not None:
                await self._speaking.end()
                await voice
        finally:
            if voice is not None:
                voice.cancel()
        await self._speaking.audio.put(None)

    async def _play(self) -> Basis:
        """Sound to the listeners, at most the lead ahead of play."""
        line_samples = 0
        while (item := await self._speaking.audio.get()) is not None:
            chunk, take = item
            sentence, rest = self._spoken[chunk.seq], chunk.pcm
            while rest:
                samples = await self._room(len(rest) // SAMPLE_BYTES)
                if sentence.take != take:
                    # It is being said anew; nobody has heard anything of this.
                    break
                if not sentence.begun:
                    sentence.begun = True
                    self._go_on()
                piece, rest = rest[: samples * SAMPLE_BYTES], rest[samples * SAMPLE_BYTES :]
                now = self._clock.now()
                self._playhead.advance(samples, now)
                # The sound first: whatever else is told at its beginning must not stand before it in the listeners' queues.
                self._tell(LineAudio(self.order.line, chunk.seq, piece, line_samples))
                self._begin(now)
                line_samples += samples
        if not self._playhead.sent:
            return Basis.DELIVERED
        return await self._play_out()

    def _go_on(self) -> None:
        """Another sentence is heard: what takes long is its sound, and not somebody who does not answer."""
        if not self._patience.expired():
            self._patience.reschedule(min(asyncio.get_running_loop().time() + self._backstage.line_timeout_s, self._ends_by))

    async def _room(self, wanted: int) -> int:
        """Wait until some of `wanted` samples may be sent; how many. In pieces, since a whole chunk would leave a listener with a third of the lead."""
        least = min(wanted, self._piece)
        while True:
            await self._gate.wait()
            now = self._clock.now()
            delay = self._playhead.wait_s(least, now)
            if delay <= 0:
                room = self._playhead.room(now)
                return wanted if wanted <= room else max(least, room // self._piece * self._piece)
            await self._pause_for(delay + _GRAIN_S)

    async def _pause_for(self, delay_s: float) -> None:
        """Until something changes, `delay_s` at the longest."""
        self._changed.clear()
        # Several times a second for every voice: no scope of cancellation is worth it here.
        timer = asyncio.get_running_loop().call_later(delay_s, self._changed.set)
        try:
            await self._changed.wait()
        finally:
            timer.cancel()

    async def _play_out(self) -> Basis:
        """Wait until the last sample was heard: as reported, else as the clock says; never past the sound's length and a grace."""
        reporters = [listener for listener in self._audience() if listener.reports_playback]
        total_ms = self._playhead.sent * 1000 // VOICE_RATE
        overdue_s = 0.0
        while True:
            await self._gate.wait()
            now = self._clock.now()
            if any(listener.played_ms.get(self.order.line, 0) >= total_ms - _REPORT_SLACK_MS for listener in reporters):
                return Basis.REPORTED
            remaining = self._playhead.remaining_s(now)
            # Whoever's connection has ended meanwhile may still sit there, and reports nothing any more.
            reported = any(listener in self._backstage.attachments for listener in reporters)
            if remaining <= 0 and (not reported or overdue_s >= _GRACE_S):
                return Basis.ESTIMATED
            await self._pause_for(remaining if remaining > 0 else _GRACE_S - overdue_s)
            if remaining <= 0:
                overdue_s += self._clock.now() - now

    # The end.

    def _complete(self, basis: Basis) -> None:
        last = self._delivered
        # What was struck in the last moment is passed over by the voice.
        said = [sentence for sentence in self._spoken.values() if sentence.start >= 0 or not self._voiced]
        if said:
            final = max(said, key=lambda sentence: sentence.seq)
            last = max(last, (final.seq, self._length(final.seq, final.text)))
        if last == (0, 0):
            self.drafting.close(LineState.ABORTED, last, Basis.DELIVERED, self.drafting.failure or "no_words")
        elif self.drafting.failure:
            self.drafting.close(LineState.CUT, last, basis, self.drafting.failure)
        else:
            self.drafting.close(LineState.HEARD, last, basis, "")

    def _give_up(self, reason: str) -> None:
        last, basis = self._heard(None)
        self._tell(LineFlushed(self.order.line))
        self.drafting.close(LineState.CUT if last[0] else LineState.ABORTED, last, basis, reason)

    def _heard(self, interrupter: Attachment | None) -> tuple[tuple[int, int], Basis]:
        """How far the line was heard, and how we know."""
        if not self._playhead.sent:
            return self._delivered, Basis.DELIVERED
        line = self.order.line
        estimate = self._playhead.position(self._clock.now())
        listeners = self._audience()
        if interrupter is not None and interrupter.reports_playback and any(listener is interrupter for listener in listeners):
            played, basis = self._reported(interrupter), Basis.REPORTED
        else:
            reported = [self._reported(listener) for listener in listeners if listener.reports_playback and line in listener.played_ms]
            estimated = any(not listener.reports_playback for listener in listeners) or not reported
            played = max([*reported, estimate] if estimated else reported)
            basis = Basis.ESTIMATED if estimated else Basis.REPORTED
        in_order = sorted((sentence for sentence in self._spoken.values() if sentence.start >= 0), key=lambda sentence: sentence.start)
        # After a voice that failed half way comes text.
        return max(extent(in_order, min(played, self._playhead.sent)), self._delivered), basis

    def _reported(self, listener: Attachment) -> int:
        return listener.played_ms.get(self.order.line, 0) * VOICE_RATE // 1000

    def _begin(self, now: float) -> None:
        if not self.started:
            self.started = True
            self.timing.first_audio = now
            self._host.line_started(self)

    async def _show(self, fact: Fact) -> None:
        """It goes out as text."""
        await self._gate.wait()
        self._begin(self._clock.now())
        if self._shown is None or self._shown.seq < fact.seq:
            # When the voice is lost, what it has left unsaid and what comes after that go out side by side.
            self._shown = fact

    @property
    def _delivered(self) -> tuple[int, int]:
        """How far it went out as text."""
        return (0, 0) if self._shown is None else (self._shown.seq, self._length(self._shown.seq, str(self._shown.body["text"])))

    def _length(self, seq: int, text: str) -> int:
        """Of a sentence as it stands now: it may have been given other words, while it was held or after it was heard."""
        return len(self._backstage.sight.wording(seq) or text)

    def _listeners(self) -> list[Attachment]:
        """Those whom the line is for. Whoever comes in later is told neither its words nor its end, and so has nothing of its sound."""
        return [listener for listener in self._backstage.listeners(self.order.place, self.order.audience) if listener.hears]

    def _audience(self) -> list[Attachment]:
        """Those whose hearing counts: a director's monitor does not."""
        return [listener for listener in self._listeners() if not listener.monitor]

    def _tell(self, value: LineAudio | LineWords | LinePaused | LineResumed | LineFlushed) -> None:
        for listener in self._listeners():
            listener.deliver(value)
