"""One speaker's hearing: audio in; onset, pause, resume and finals out. Synchronous up to the point where a call must be waited for."""

from __future__ import annotations

from collections.abc import Callable, Coroutine
from dataclasses import dataclass
from typing import Any, Final, Protocol

from ulid import ULID

from services.core.clock import Clock
from services.core.model.attachment import FinalHeard, HeardWord
from services.core.model.audio import HEARING_RATE, SAMPLE_BYTES
from services.core.model.speech import SkippedPhrase, TranscribeOpen
from services.gateway.hearing.pool import VadPool
from services.gateway.hearing.resample import AudioFormat, Resampler
from services.gateway.hearing.segmenter import Began, Hushed, Segmenter, Sensitivity, Step, WentOn
from services.gateway.hearing.utterance import Limits, Lost, Recogniser, Utterance

CLEARED: Final = "cleared"
"""Why an utterance is lost that the client threw away."""
OVER_MS: Final = 600_000
"""A silence that is longer than anything said: the speaker's own word that it is over."""

_CALLS: Final = 6
"""Utterances of one speaker that may be waiting for their finals at once."""
_BACKLOG_S: Final = 60
"""Audio that may be waiting to be judged."""
_STALLED_S: Final = 1.0
"""No audio for so long in the middle of speech is a pause."""
_LAG_MS: Final = 60
"""At most so much audio that was not judged yet is taken for silence when a pause is reported."""
_TAIL_MS: Final = 100
"""Sound of an endless track that a commit has overtaken: it begins nothing by itself."""
_KEPT_BYTES: Final = 2500 * HEARING_RATE // 1000 * SAMPLE_BYTES
"""The longest pre-roll, the windows that begin an utterance, and what was not judged yet."""


class Listener(Protocol):
    """Whom an ear tells."""

    def opening(self, utterance: str) -> TranscribeOpen:
        """What is known before the utterance is heard."""
        ...

    def onset(self, utterance: str, start_ms: int, *, manual: bool) -> None:
        """Speech has begun at `start_ms` of the connection's audio."""
        ...

    def paused(self, utterance: str, silence_ms: int) -> None:
        """Silence."""
        ...

    def resumed(self, utterance: str) -> None:
        """Speech went on."""
        ...

    def partial(self, utterance: str, text: str) -> None:
        """Text so far."""
        ...

    def final(self, final: FinalHeard) -> None:
        """The utterance's text."""
        ...

    def lost(self, utterance: str, reason: str) -> None:
        """Hearing failed."""
        ...

    def skipped(self, phrases: tuple[SkippedPhrase, ...]) -> None:
        """Phrases that the engine could not use."""
        ...

    def overflowed(self) -> None:
        """Audio was thrown away, since too much was waiting."""
        ...


@dataclass(frozen=True, slots=True, kw_only=True)
class Hearing:
    """What all ears of a process share."""

    pool: VadPool
    recogniser: Recogniser
    limits: Callable[[], Limits]
    clock: Clock


class Ear:
    """Hands-free, or manual where the client owns the utterance."""

    def __init__(
        self,
        hearing: Hearing,
        listener: Listener,
        spawn: Callable[[Coroutine[Any, Any, None]], object],
        sensitivity: Sensitivity,
        *,
        endless: bool = False,
    ) -> None:
        """`spawn` starts a task under the connection's group. `endless`: audio comes whether anybody speaks or not, so that it begins nothing by coming."""
        self._hearing = hearing
        self._listener = listener
        self._spawn = spawn
        self._format = AudioFormat()
        self._resampler = Resampler(self._format)
        self._source = hearing.pool.source(self._judged)
        self._segmenter = Segmenter(sensitivity, self._source.window_ms)
        self._manual = False
        self._endless = endless
        self._kept = bytearray()
        """Of an endless track in manual mode: what a next utterance may begin with."""
        self._listens_from = 0.0
        self._deaf = False
        self._spoiled = False
        """The manual utterance has failed; the rest of it is let go by until it is committed."""
        self._rest = bytearray()
        self._fed_ms = 0.0
        self._fed_at = 0.0
        self._fresh = True
        """The next audio does not follow on what was judged last."""
        self._open: Utterance | None = None
        self._silent_since: float | None = None
        """When the pause began that the open utterance is in."""
        self._pending: dict[str, Utterance] = {}

    @property
    def fed_ms(self) -> int:
        """Audio received so far; the scale of `audio_start_ms` and `audio_end_ms`."""
        return int(self._fed_ms)

    @property
    def utterance(self) -> str:
        """The one that is open, or empty."""
        return self._open.id if self._open is not None else ""

    @property
    def silence_ms(self) -> int | None:
        """How long the open utterance has been in a pause; None = it goes on, or there is none."""
        if self._open is None or self._silent_since is None:
            return None
        return int((self._hearing.clock.now() - self._silent_since) * 1000)

    @property
    def pending(self) -> bool:
        """Finals are due."""
        return bool(self._pending)

    def set_format(self, audio: AudioFormat) -> None:
        """Audio comes in this format from now on."""
        if audio != self._format:
            self._format = audio
            self._resampler = Resampler(audio)

    def set_sensitivity(self, sensitivity: Sensitivity) -> None:
        """When speech begins and pauses from now on."""
        self._segmenter.tune(sensitivity)

    def set_manual(self, manual: bool) -> None:  # noqa: FBT001
        """Who owns the utterance: the client, or the voice activity."""
        if manual != self._manual:
            self.clear()
            self._manual = manual

    def set_deaf(self, deaf: bool) -> None:  # noqa: FBT001
        """While deaf, nothing is listened to or sent anywhere."""
        if deaf and not self._deaf:
            self.clear()
        self._deaf = deaf

    def feed(self, data: bytes) -> None:
        """Some audio of the connection. Raises `InvalidRequest` for half a sample."""
        self._fed_at = self._hearing.clock.now()
        pcm = self._resampler.feed(data)
        before_ms = self._fed_ms
        self._fed_ms += len(data) / self._format.sample_bytes / self._format.rate * 1000
        if self._deaf or self._spoiled:
            return
        if self._manual and (self._open is not None or not self._endless):
            self._take(pcm)
            return
        if self._manual:
            self._kept += pcm
            del self._kept[:-_KEPT_BYTES]
            if self._fed_ms <= self._listens_from:
                return
        if self._fresh:
            self._fresh = False
            self._segmenter.restart(int(before_ms))
        if len(self._source.waiting) * self._source.window_ms > _BACKLOG_S * 1000:
            self._segmenter.skip(int(self._fed_ms) - int(before_ms))
            self._listener.overflowed()
            return
        if self._rest or len(pcm) % self._source.window_bytes:
            self._rest += pcm
            whole = len(self._rest) // self._source.window_bytes * self._source.window_bytes
            pcm = bytes(self._rest[:whole])
            del self._rest[:whole]
        if pcm:
            self._source.push(pcm)

    def commit(self) -> str:
        """End the manual utterance; its id, or empty if there is none."""
        self._spoiled = False
        if not self._manual:
            return ""
        self._overtaken()
        if self._open is None and (begun := self._segmenter.hasten()) is not None:
            self._found(begun)
        if self._open is None:
            self._forget()
            return ""
        self._open.feed(self._resampler.flush())
        return self.end(self._open.id)

    def hush(self) -> str:
        """Hands-free: take the speaker's word that they have finished, and tell it; the utterance's id, or empty."""
        if self._open is not None and not self._manual:
            self._segmenter.hush()
            self._paused(self._open.id, OVER_MS)
        return self.utterance

    def end(self, utterance: str) -> str:
        """This utterance is over, if it is the one that is open: its final is due. The id, or empty."""
        if self._open is None or self._open.id != utterance:
            return ""
        ended, self._open = self._open, None
        if not self._manual:
            ended.speech_ms = self._segmenter.speech_ms
        self._segmenter.end()
        ended.end()
        return ended.id

    def clear(self) -> None:
        """Throw away what has not been committed; an open utterance is lost (`cleared`)."""
        self._spoiled = False
        self._resampler.flush()
        self._overtaken()
        self._forget()
        dropped, self._open = self._open, None
        if dropped is not None:
            dropped.drop()
            self._listener.lost(dropped.id, CLEARED)

    def close(self) -> None:
        """The connection is gone."""
        self._source.close()
        for utterance in self._pending.values():
            utterance.drop()

    def tick(self) -> None:
        """Called a few times a second: speech whose audio has stopped coming is a pause."""
        silent_s = self._hearing.clock.now() - self._fed_at
        if self._open is not None and not self._manual and self._segmenter.talking and silent_s >= _STALLED_S:
            self._segmenter.hush()
            self._paused(self._open.id, int(silent_s * 1000))

    def _overtaken(self) -> None:
        """An endless track: what the client's word has overtaken would begin an utterance that nobody ends."""
        if self._manual and self._endless:
            self._listens_from = self._fed_ms + _TAIL_MS

    def _forget(self) -> None:
        """What comes next follows on nothing."""
        self._fresh = True
        self._rest.clear()
        self._kept.clear()
        self._source.reset()
        self._segmenter.end()

    def _take(self, pcm: bytes) -> None:
        if self._open is None and pcm:
            self._begin(b"", self.fed_ms - len(pcm) * 1000 // (HEARING_RATE * SAMPLE_BYTES), manual=True)
        if self._open is not None and not self._open.feed(pcm):
            self._listener.overflowed()

    def _judged(self, window: bytes, probability: float) -> None:
        for step in self._segmenter.push(window, probability):
            self._step(step)

    def _step(self, step: Step) -> None:
        if isinstance(step, Began) and self._manual:
            self._found(step)
        elif isinstance(step, Began):
            self._begin(step.audio, step.start_ms, manual=False)
        elif self._open is None:
            # Hearing has failed in the middle of speech: what is left of it is let go by, or every window would begin another call.
            if isinstance(step, Hushed):
                self._segmenter.end()
        elif isinstance(step, Hushed):
            lag = min(max(self.fed_ms - self._segmenter.position_ms, 0), _LAG_MS)
            self._paused(self._open.id, step.silence_ms + lag)
        elif isinstance(step, WentOn):
            self._silent_since = None
            self._listener.resumed(self._open.id)
        else:
            self._open.feed(step.audio)

    def _found(self, began: Began) -> None:
        """Where speech begins on an endless track: from here on all of it belongs to the utterance, until the client commits it."""
        size = (self.fed_ms - began.start_ms + _TAIL_MS) * HEARING_RATE // 1000 * SAMPLE_BYTES
        audio = bytes(self._kept[-size:])
        self._forget()
        self._begin(audio, self.fed_ms - len(audio) * 1000 // (HEARING_RATE * SAMPLE_BYTES), manual=True)

    def _paused(self, utterance: str, silence_ms: int) -> None:
        self._silent_since = self._hearing.clock.now() - silence_ms / 1000
        self._listener.paused(utterance, silence_ms)

    def _begin(self, audio: bytes, start_ms: int, *, manual: bool) -> None:
        name = str(ULID())
        self._listener.onset(name, max(0, start_ms), manual=manual)
        utterance = Utterance(self._listener.opening(name), self._hearing.recogniser, self._hearing.limits(), self._hearing.clock)
        utterance.on_partial = lambda text: self._listener.partial(name, text)
        utterance.on_skipped = self._listener.skipped
        utterance.feed(audio)
        self._open = utterance
        self._silent_since = None
        self._pending[name] = utterance
        self._spawn(self._hear(utterance))

    async def _hear(self, utterance: Utterance) -> None:
        # A service that answers nobody must not gather calls without bound: this one is given up before it is made.
        heard = await utterance.run() if len(self._pending) <= _CALLS else Lost("overloaded")
        del self._pending[utterance.id]
        if self._open is utterance:
            # The call has ended before the utterance has.
            self._open = None
            utterance.speech_ms = utterance.audio_ms
            self._spoiled = self._manual
        if utterance.dropped:
            return
        if isinstance(heard, Lost):
            self._listener.lost(utterance.id, heard.reason)
            return
        ended = utterance.ended_at
        self._listener.final(
            FinalHeard(
                utterance=utterance.id,
                text=heard.text.strip(),
                words=tuple(HeardWord(word.text, word.start_s, word.end_s, word.confidence) for word in heard.words),
                confidence=heard.confidence,
                language=heard.language,
                engine=heard.engine,
                speech_ms=utterance.audio_ms if utterance.speech_ms is None else utterance.speech_ms,
                stt_ms=0 if ended is None else round((self._hearing.clock.now() - ended) * 1000),
            ),
        )
