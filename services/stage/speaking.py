"""The voice of one line: a call to the voice service, and another one for what was not said if that dies."""

from __future__ import annotations

import asyncio
import contextlib
from collections.abc import Awaitable, Callable
from itertools import count
from typing import Final

import structlog

from services.core.errors import SouffleurError, Unavailable
from services.core.model.attachment import LineWord, LineWords
from services.core.model.audio import SAMPLE_BYTES
from services.core.model.fact import Fact
from services.core.model.voicing import Say, SentenceDone, SentenceStarted, SpeakEvent, SpeakOpen, SpeakOpened, SpeechAudio, VoiceFellBack, WordMarks
from services.core.rpc.client import Stream
from services.stage import patience
from services.stage.backstage import LINE_LONGEST_S, Backstage
from services.stage.degradation import Degradation
from services.stage.fallbacks import TEXT
from services.stage.order import Order
from services.stage.playhead import SpokenSentence

_CHUNKS: Final = 256
"""Voice made ahead of play, in chunks of 20 to 100 ms; the voice waits when it is full."""
_ANSWERED: Final = 2
"""Calls that were answered and died: the next one would as well."""

_log = structlog.get_logger(__name__)


class Speaking:
    """Runs as one task (`run`) beside the line, which gives it sentences and plays what comes of them."""

    def __init__(
        self,
        order: Order,
        backstage: Backstage,
        degradation: Degradation,
        tell: Callable[[LineWords], None],
        as_text: Callable[[Fact], Awaitable[None]],
    ) -> None:
        """Nothing is opened before `run`. `as_text` gets what nobody could say."""
        self.lost = False
        """There is no voice: the rest of the line goes out as text."""
        self.sentences: dict[int, SpokenSentence] = {}
        self.audio: asyncio.Queue[tuple[SpeechAudio, int] | None] = asyncio.Queue(_CHUNKS)
        """Sound, and the take of its sentence that it is of; None = the end."""
        self._order = order
        self._backstage = backstage
        self._degradation = degradation
        self._tell = tell
        self._as_text = as_text
        self._facts: list[Fact] = []
        self._ready: Stream[SpeakOpen | Say, SpeakEvent] | None = None
        """Takes sentences: it has been given all that there were before."""
        self._ended = False
        self._answered = 0
        self._engine = ""
        """Whose sound it is."""
        self._total = 0
        """Samples of the line so far."""

    async def say(self, fact: Fact) -> None:
        """The next sentence."""
        self._facts.append(fact)
        self.sentences[fact.seq] = SpokenSentence(fact.seq, str(fact.body["text"]), -1)
        if self._ready is not None:
            with contextlib.suppress(SouffleurError):
                # A call that has died has said so to `run`, which sees to it that the sentence is said.
                await self._ready.send(Say(fact.seq))

    async def end(self) -> None:
        """That was the last one."""
        self._ended = True
        if self._ready is not None:
            with contextlib.suppress(SouffleurError):
                await self._ready.finish()

    async def run(self) -> None:
        """Until all is said, or nobody is there to say it."""
        pauses = iter(patience.PAUSES_S)
        for number in count():
            error = await self._call()
            if error is None or self._is_over():
                return
            self._take_back()
            pause_s = next(pauses, None)
            if pause_s is None or not self._worth_another_call(error, number):
                await self._give_up(error)
                return
            _log.warning("voice.asked_again", line=self._order.line, code=error.code)
            await asyncio.sleep(pause_s)

    def _is_over(self) -> bool:
        """Everything was said that stands."""
        return self._ended and all(sentence.done or not self._backstage.sight.stands(sentence.seq) for sentence in self.sentences.values())

    def _worth_another_call(self, error: SouffleurError, number: int) -> bool:
        if self._ended and not any(map(self._is_left, self._facts)):
            # It died in the middle of the last sentence, and that has been heard in part.
            return False
        return self._answered < _ANSWERED and patience.worth_asking_again(error, number)

    async def _call(self) -> SouffleurError | None:
        """One call to its end; what it failed with. It is opened while the character thinks: the voice is ready when the first sentence is."""
        try:
            stream = self._backstage.voices.speak(LINE_LONGEST_S)
            try:
                await stream.send(SpeakOpen(self._backstage.session, self._order.line, self._order.seat.voice()))
                await self._catch_up(stream)
                async for event in stream:
                    await self._take(event)
            finally:
                self._ready = None
                stream.cancel()
        except SouffleurError as error:
            return error
        return None if self._ended else Unavailable("the voice service ended the call")

    async def _catch_up(self, stream: Stream[SpeakOpen | Say, SpeakEvent]) -> None:
        """Give it what there is to say by now; whatever comes after that is given to it by `say`."""
        given = 0
        while given < len(self._facts):
            fact, given = self._facts[given], given + 1
            if self._is_left(fact):
                await stream.send(Say(fact.seq))
        self._ready = stream
        if self._ended:
            await stream.finish()

    def _is_left(self, fact: Fact) -> bool:
        """Nobody has heard anything of it, and it still stands."""
        sentence = self.sentences[fact.seq]
        return not (sentence.done or sentence.begun) and self._backstage.sight.stands(fact.seq)

    def _take_back(self) -> None:
        """A sentence of which only a part came is not to be played if that has not begun: it is said anew. Otherwise it stays without its end."""
        for sentence in self.sentences.values():
            if not (sentence.done or sentence.begun):
                self._total -= sentence.samples
                sentence.take_back()

    async def _take(self, event: SpeakEvent) -> None:
        match event:
            case SpeakOpened():
                self._answered += 1
                self._order.timing.tts_engine = self._engine = event.engine
            case SentenceStarted() if event.seq in self.sentences:
                self.sentences[event.seq].text, self.sentences[event.seq].start = event.text, self._total
            case SpeechAudio() if event.seq in self.sentences:
                sentence, samples = self.sentences[event.seq], len(event.pcm) // SAMPLE_BYTES
                self._total += samples
                sentence.samples += samples
                await self.audio.put((event, sentence.take))
            case WordMarks() if event.seq in self.sentences:
                self._mark(self.sentences[event.seq], event)
            case SentenceDone() if event.seq in self.sentences:
                self.sentences[event.seq].done = True
                self._degradation.went_on("tts", self._engine, self._order.seat.member)
            case VoiceFellBack():
                self._engine = event.to_engine
                self._degradation.fell_back("tts", event.from_engine, event.to_engine, event.reason, self._order.seat.member)
            case _:
                pass

    def _mark(self, sentence: SpokenSentence, marks: WordMarks) -> None:
        # Listeners keep what they were told of an earlier take: it begins at the same sample.
        fresh = [mark for mark in marks.marks if mark.start >= sentence.marked_to]
        sentence.marks.extend(marks.marks)
        if fresh:
            sentence.marked_to = fresh[-1].end
            words = tuple(LineWord(mark.start, mark.end, sentence.start + mark.at_samples) for mark in fresh)
            self._tell(LineWords(self._order.line, sentence.seq, words))

    async def _give_up(self, error: SouffleurError) -> None:
        """The line goes on as text."""
        self.lost = True
        self._degradation.fell_back("tts", self._engine or "voice", TEXT, error.code)
        for fact in self._facts:
            if self._is_left(fact):
                await self._as_text(fact)
