"""One line, from the first word thought to the last word heard: the only input and output of a turn.

Text never goes from the roleplay service to the voice: a sentence is appended to the transcript, and when it is durable the voice is told its seq.
"""

from __future__ import annotations

import asyncio
import contextlib
from typing import Any, Final, Protocol

import structlog

from services.core.errors import SouffleurError
from services.core.model.attachment import LineAudio, LineFlushed, LinePaused, LineResumed, LineWord, LineWords
from services.core.model.audio import SAMPLE_BYTES, VOICE_RATE
from services.core.model.fact import Basis, Fact, LineState
from services.core.model.voicing import Say, SentenceDone, SentenceStarted, SpeakEvent, SpeakOpen, SpeakOpened, SpeechAudio, VoiceFellBack, WordMarks
from services.core.rpc.client import Stream
from services.stage.attachments import Attachment
from services.stage.backstage import Backstage
from services.stage.drafting import Drafting
from services.stage.playhead import Playhead, SpokenSentence, extent

_GRACE_S: Final = 2.0
"""How long after its sound has ended a line waits for the report that it was played."""
_REPORT_SLACK_MS: Final = 60
_PIECE: Final = VOICE_RATE // 20
"""Samples of a chunk that are sent by themselves as soon as there is room for them: 50 ms."""
_GRAIN_S: Final = 0.001
"""A timer of the loop may come so much early; asking for as much more saves waking up for nothing, several times a piece."""
_CHUNKS: Final = 256
"""Voice made ahead of play, in chunks of 20 to 100 ms; the voice waits when it is full."""

_log = structlog.get_logger(__name__)


class Host(Protocol):
    """The place, as a line needs it."""

    def line_started(self, line: Line) -> None:
        """The first sound or text went out."""
        ...

    def line_ended(self, line: Line) -> None:
        """The line has been closed by itself."""
        ...

    def fell_back(self, part: str, from_engine: str, to_engine: str, reason: str) -> None:
        """An engine failed and another one went on."""
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
        self._playhead = Playhead(backstage.settings().stage.lead_s)
        self._audio: asyncio.Queue[SpeechAudio | None] = asyncio.Queue(_CHUNKS)
        self._spoken: dict[int, SpokenSentence] = {}
        self._shown: Fact | None = None
        """The last sentence that went out as text."""
        self._stream: Stream[SpeakOpen | Say, SpeakEvent] | None = None
        self._voiced = False
        self._changed = asyncio.Event()
        self._gate = asyncio.Event()
        self._gate.set()
        self.started = False
        self.heard_to = (0, 0)
        """Where it was cut: (seq of the last sentence of which anything was heard, code points of it)."""
        self._keeps_words = False
        self.task: asyncio.Task[None] | None = None
        self._parts: list[asyncio.Task[Any]] = []

    @property
    def opened(self) -> bool:
        """It is in the transcript."""
        return self.drafting.opened

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
            async with asyncio.timeout(self._backstage.line_timeout_s):
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
            if self._stream is not None:
                self._stream.cancel()
            self._stop_words()
        self._host.line_ended(self)

    def _stop_words(self) -> None:
        self.drafting.stop(feed=not self._keeps_words)

    async def _perform(self) -> Basis:
        self._voiced = self.order.delivery == "voice" and bool(self._listeners())
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
        receiving: asyncio.Task[None] | None = None
        if self._voiced:
            self._stream = self._backstage.voices.speak(self._backstage.line_timeout_s)
            receiving = asyncio.create_task(self._receive(self._stream), name="voice")
            self._parts.append(receiving)
        try:
            if self._stream is not None:
                await self._open_voice(self._stream)
            while (future := await self.drafting.sentences.get()) is not None:
                fact = await future
                if not self._backstage.sight.stands(fact.seq):
                    continue
                if self._stream is not None and self._voiced:
                    await self._say(self._stream, fact)
                else:
                    await self._gate.wait()
                    self._deliver(fact)
            if receiving is not None and self._stream is not None:
                await self._finish_voice(self._stream, receiving)
        finally:
            if receiving is not None:
                receiving.cancel()
        await self._audio.put(None)

    async def _open_voice(self, stream: Stream[SpeakOpen | Say, SpeakEvent]) -> None:
        """While the character thinks: its voice is then ready when the first sentence is."""
        try:
            await stream.send(SpeakOpen(self._backstage.session, self.order.line, self.order.seat.voice()))
        except SouffleurError as error:
            self._voice_lost(error)

    async def _say(self, stream: Stream[SpeakOpen | Say, SpeakEvent], fact: Fact) -> None:
        try:
            self._spoken[fact.seq] = SpokenSentence(fact.seq, str(fact.body["text"]), -1)
            await stream.send(Say(fact.seq))
        except SouffleurError as error:
            self._voice_lost(error)
            await self._gate.wait()
            self._deliver(fact)

    async def _finish_voice(self, stream: Stream[SpeakOpen | Say, SpeakEvent], receiving: asyncio.Task[None]) -> None:
        with contextlib.suppress(SouffleurError):
            # A voice that has failed has said so to `_receive` already.
            await stream.finish()
        await receiving

    async def _receive(self, stream: Stream[SpeakOpen | Say, SpeakEvent]) -> None:
        """The voice's events: sound to the queue, marks to the listeners."""
        total = 0
        try:
            async for event in stream:
                match event:
                    case SpeakOpened():
                        self.timing.tts_engine = event.engine
                    case SentenceStarted() if event.seq in self._spoken:
                        self._spoken[event.seq].text, self._spoken[event.seq].start = event.text, total
                    case SpeechAudio() if event.seq in self._spoken:
                        samples = len(event.pcm) // SAMPLE_BYTES
                        total += samples
                        self._spoken[event.seq].samples += samples
                        await self._audio.put(event)
                    case WordMarks() if event.seq in self._spoken:
                        self._mark(self._spoken[event.seq], event)
                    case SentenceDone() if event.seq in self._spoken:
                        self._spoken[event.seq].done = True
                    case VoiceFellBack():
                        self._host.fell_back("tts", event.from_engine, event.to_engine, event.reason)
                    case _:
                        pass
        except SouffleurError as error:
            self._voice_lost(error)

    def _voice_lost(self, error: SouffleurError) -> None:
        """The line goes on as text."""
        if self._voiced:
            self._voiced = False
            self._host.fell_back("tts", self.timing.tts_engine or "voice", "text", error.code)

    def _mark(self, sentence: SpokenSentence, marks: WordMarks) -> None:
        sentence.marks.extend(marks.marks)
        words = tuple(LineWord(mark.start, mark.end, sentence.start + mark.at_samples) for mark in marks.marks)
        self._tell(LineWords(self.order.line, sentence.seq, words))

    async def _play(self) -> Basis:
        """Sound to the listeners, at most the lead ahead of play."""
        line_samples = 0
        while (chunk := await self._audio.get()) is not None:
            rest = chunk.pcm
            while rest:
                samples = await self._room(len(rest) // SAMPLE_BYTES)
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

    async def _room(self, wanted: int) -> int:
        """Wait until some of `wanted` samples may be sent; how many. In pieces, since a whole chunk would leave a listener with a third of the lead."""
        least = min(wanted, _PIECE)
        while True:
            await self._gate.wait()
            now = self._clock.now()
            delay = self._playhead.wait_s(least, now)
            if delay <= 0:
                room = self._playhead.room(now)
                return wanted if wanted <= room else max(least, room // _PIECE * _PIECE)
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
        if interrupter is not None and interrupter.hears and interrupter.reports_playback and not interrupter.monitor:
            played, basis = self._reported(interrupter), Basis.REPORTED
        else:
            listeners = self._audience()
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

    def _deliver(self, fact: Fact) -> None:
        self._begin(self._clock.now())
        self._shown = fact

    @property
    def _delivered(self) -> tuple[int, int]:
        """How far it went out as text."""
        return (0, 0) if self._shown is None else (self._shown.seq, self._length(self._shown.seq, str(self._shown.body["text"])))

    def _length(self, seq: int, text: str) -> int:
        """Of a sentence as it stands now: it may have been given other words, while it was held or after it was heard."""
        return len(self._backstage.sight.wording(seq) or text)

    def _listeners(self) -> list[Attachment]:
        order = self.order
        return [listener for listener in self._backstage.listeners(order.place, order.audience if order.whispered else None) if listener.hears]

    def _audience(self) -> list[Attachment]:
        """Those whose hearing counts: a director's monitor does not."""
        return [listener for listener in self._listeners() if not listener.monitor]

    def _tell(self, value: LineAudio | LineWords | LinePaused | LineResumed | LineFlushed) -> None:
        for listener in self._listeners():
            listener.deliver(value)
