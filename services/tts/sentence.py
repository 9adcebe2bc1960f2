"""One sentence from an engine's pieces to paced-size frames: resampled, trimmed, levelled, limited, cut into frames."""

from __future__ import annotations

import asyncio
import math
from collections.abc import AsyncGenerator, Hashable, Iterator
from dataclasses import dataclass
from typing import Final

import numpy as np

from services.core.errors import EngineFailed
from services.core.model.audio import VOICE_FRAME_SAMPLES, VOICE_RATE
from services.core.model.voicing import SentenceDone, SpeechAudio, WordMark, WordMarks
from services.tts.edges import Edges, pause_ms
from services.tts.engine import EngineEvent, Mark, Samples, Sound
from services.tts.loudness import Calibration, Meter, gain, limited
from services.tts.resampling import ToVoiceRate
from services.tts.waiting import Late, Patience
from services.tts.words import proportional

FIRST_SOUND_S: Final = 8.0
"""How long an engine may take to its first sound (loading a voice included) before the next one is tried."""
NEXT_SOUND_S: Final = 8.0
PATIENCE_S: Final = 0.008
"""How long a sentence that already sounds is kept back so that its own loudness is known; a listener cannot notice it."""
NEW_VOICE_PATIENCE_S: Final = 0.05
"""The same for the first sentence of a voice: only a slow engine or a busy machine ever takes that long."""
ENOUGH_S: Final = 0.2
"""Audible sound from which a gain is fixed when an engine takes longer than that and its voice is new."""

_CHUNK: Final = 5 * VOICE_FRAME_SAMPLES
_SLICE_S: Final = 0.25

RenderedEvent = SpeechAudio | WordMarks | SentenceDone


@dataclass(frozen=True, slots=True, kw_only=True)
class Sentence:
    """What is to be said and how it is to end up."""

    seq: int
    text: str
    target_dbfs: float
    gain_db: float
    """Of the feeling and the voice's own volume; comes on top of the levelled loudness."""
    voice_key: tuple[Hashable, Hashable]
    """(voice, feeling): sentences with the same key are expected to be about equally loud; without one the voice's others tell."""


async def rendered(sentence: Sentence, source: AsyncGenerator[EngineEvent, None], calibration: Calibration) -> AsyncGenerator[RenderedEvent, None]:
    """Everything the engine makes of the sentence. Raises `EngineFailed` if it fails, stalls or stays silent; closing stops it."""
    now = asyncio.get_running_loop().time
    patience: Patience[EngineEvent] = Patience(source)
    work = _Work(sentence, calibration)
    grace_ends = math.inf
    try:
        while True:
            in_grace = work.sounding and not work.decided and now() < grace_ends
            limit = NEXT_SOUND_S if work.sounding else FIRST_SOUND_S
            try:
                event = await patience.within(grace_ends - now() if in_grace else limit)
            except Late:
                if not in_grace:
                    raise EngineFailed("the engine gave no sound in time") from None
            else:
                if event is None:
                    break
                work.take(event)
            if work.sounding:
                grace_ends = min(grace_ends, now() + (PATIENCE_S if work.known else NEW_VOICE_PATIENCE_S))
            if now() >= grace_ends:
                work.decide_early()
            for made in work.ready():
                yield made
                await asyncio.sleep(0)  # lets the reader send this before the next piece is worked on
        work.end()
        for made in work.ready(last=True):
            yield made
            await asyncio.sleep(0)
        yield SentenceDone(sentence.seq, work.sent)
    finally:
        await patience.close()


class _Work:
    """The state of one sentence under way."""

    def __init__(self, sentence: Sentence, calibration: Calibration) -> None:
        self._sentence = sentence
        self._calibration = calibration
        self._rate = ToVoiceRate()
        self._edges = Edges()
        self._meter = Meter()
        self._pieces: list[Samples] = []
        self._marks: list[Mark] = []
        self._marked = False
        self._gain: float | None = None
        self.known = calibration.known(sentence.voice_key) or calibration.known(sentence.voice_key[0])
        self._frame: Samples = np.zeros(0, np.float32)
        self.sent = 0

    @property
    def sounding(self) -> bool:
        return self._edges.audible

    @property
    def decided(self) -> bool:
        return self._gain is not None

    def take(self, event: EngineEvent) -> None:
        if isinstance(event, Mark):
            self._marks.append(event)
            self._marked = True
            return
        step = max(int(event.rate * _SLICE_S), 1)
        for start in range(0, event.samples.size, step):
            self._hear(self._rate.feed(Sound(event.samples[start : start + step], event.rate)))

    def end(self) -> None:
        """The engine is done: the exact gain if none was fixed, the fade and the pause."""
        self._hear(self._rate.finish())
        if not self._edges.audible:
            raise EngineFailed("the engine made no audible sound of the sentence")
        spoken = self._edges.finish(pause_ms(self._sentence.text))
        self._meter.hear(spoken)
        self._pieces.append(spoken)
        level = self._meter.level()
        for key in (self._sentence.voice_key, self._sentence.voice_key[0]):
            self._calibration.learn(key, level)
        if self._gain is None:
            self._fix(gain(level, None, self._sentence.target_dbfs, whole=True))
        if not self._marked:
            length = self.sent + self._frame.size + sum(piece.size for piece in self._pieces)
            voiced = max(length / VOICE_RATE - pause_ms(self._sentence.text) / 1000, 0.0)
            self._marks = proportional(self._sentence.text, voiced, self._edges.trimmed / VOICE_RATE)

    def decide_early(self) -> None:
        """Fix the gain on what is known, unless that is still too little."""
        if self._gain is not None:
            return
        level = self._meter.level()
        if self.known is not None or level.seconds >= ENOUGH_S:
            self._fix(gain(level, self.known, self._sentence.target_dbfs, whole=False))

    def ready(self, *, last: bool = False) -> Iterator[RenderedEvent]:
        """Frames and marks that may leave."""
        if self._gain is None:
            return
        if self._marks:
            yield WordMarks(self._sentence.seq, tuple(self._placed(mark) for mark in self._marks))
            self._marks = []
        for piece in self._pieces:
            self._frame = np.concatenate((self._frame, limited(piece * np.float32(self._gain))))
            while self._frame.size >= _CHUNK:
                yield self._cut(_CHUNK)
        self._pieces = []
        if last and self._frame.size % VOICE_FRAME_SAMPLES:
            missing = VOICE_FRAME_SAMPLES - self._frame.size % VOICE_FRAME_SAMPLES
            self._frame = np.concatenate((self._frame, np.zeros(missing, np.float32)))
        whole = self._frame.size // VOICE_FRAME_SAMPLES * VOICE_FRAME_SAMPLES
        if whole:
            yield self._cut(whole)

    def _hear(self, samples: Samples) -> None:
        piece = self._edges.feed(samples)
        if piece.size:
            self._meter.hear(piece)
            self._pieces.append(piece)

    def _fix(self, level_gain: float) -> None:
        self._gain = level_gain * 10 ** (self._sentence.gain_db / 20)

    def _cut(self, count: int) -> SpeechAudio:
        samples, self._frame = self._frame[:count], self._frame[count:]
        offset, self.sent = self.sent, self.sent + count
        return SpeechAudio(self._sentence.seq, np.round(samples * 32767.0).astype("<i2").tobytes(), offset)

    def _placed(self, mark: Mark) -> WordMark:
        return WordMark(mark.start, mark.end, max(round(mark.at_s * VOICE_RATE) - self._edges.trimmed, 0))


def silence(seq: int, ms: int) -> Iterator[RenderedEvent]:
    """A sentence with nothing to say in it ("...") is a pause."""
    frames = max(VOICE_RATE * ms // 1000 // VOICE_FRAME_SAMPLES, 1)
    for start in range(0, frames * VOICE_FRAME_SAMPLES, _CHUNK):
        count = min(_CHUNK, frames * VOICE_FRAME_SAMPLES - start)
        yield SpeechAudio(seq, bytes(2 * count), start)
    yield SentenceDone(seq, frames * VOICE_FRAME_SAMPLES)
