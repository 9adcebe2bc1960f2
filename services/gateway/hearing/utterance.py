"""One utterance: one call to the hearing service, repeated from the kept audio if it dies before it has answered."""

from __future__ import annotations

import asyncio
import contextlib
from collections.abc import Callable
from dataclasses import dataclass
from typing import Final, Protocol

import structlog

from services.core import tracing
from services.core.clock import Clock
from services.core.errors import DeadlineExceeded, EngineFailed, Overloaded, SouffleurError, Unavailable
from services.core.model.audio import HEARING_RATE, SAMPLE_BYTES
from services.core.model.speech import Final as Heard
from services.core.model.speech import Partial, SkippedPhrase, SpeechEvent, SttOpened, TranscribeOpen
from services.core.rpc.client import Stream

_BATCH_BYTES: Final = HEARING_RATE * 60 // 1000 * SAMPLE_BYTES
"""Sent as soon as so much is there."""
_LARGEST_BYTES: Final = HEARING_RATE * 200 // 1000 * SAMPLE_BYTES
"""Sent at once at most, after a delay."""
_AWAY: Final = (Unavailable, Overloaded)
"""A service that dies, starts or is full: asked again as long as the utterance lasts."""
_FAILURES: Final = 2
"""One that is there and fails is asked once more: the same audio would fail it for ever."""
_FIRST_PAUSE_S: Final = 0.1
_LONGEST_PAUSE_S: Final = 1.0

_log = structlog.get_logger(__name__)


class Recogniser(Protocol):
    """The hearing service as it is called here."""

    def transcribe(self, timeout_s: float) -> Stream[TranscribeOpen | bytes, SpeechEvent]:
        """One utterance."""
        ...


@dataclass(frozen=True, slots=True, kw_only=True)
class Limits:
    """Bounds of one utterance."""

    longest_s: float
    """Audio kept and sent; more is dropped."""
    final_timeout_s: float
    """From the end of the utterance to its final."""


@dataclass(frozen=True, slots=True)
class Lost:
    """Hearing failed."""

    reason: str
    """An error code, safe to show."""


class Utterance:
    """Takes audio without ever waiting; `run` sends it and returns what was heard."""

    def __init__(self, opening: TranscribeOpen, recogniser: Recogniser, limits: Limits, clock: Clock) -> None:
        """Nothing is sent before `run`."""
        self.id: Final = opening.utterance
        self.on_partial: Callable[[str], None] = lambda _: None
        self.on_skipped: Callable[[tuple[SkippedPhrase, ...]], None] = lambda _: None
        self.ended_at: float | None = None
        self.speech_ms: int | None = None
        """Set by whoever can tell speech from silence."""
        self._opening = opening
        self._recogniser = recogniser
        self._limits = limits
        self._clock = clock
        self._most = int(limits.longest_s * HEARING_RATE) * SAMPLE_BYTES
        # All of the utterance so far: what is still to be sent, and what every other attempt starts with.
        self._audio = bytearray()
        self._sent = 0
        self._wake = asyncio.Event()
        self._alarm: asyncio.Timeout | None = None
        self._dropped = False
        self._waits_for = ""
        """The error code of the call that is about to be repeated."""

    @property
    def audio_ms(self) -> int:
        """Audio taken so far."""
        return len(self._audio) * 1000 // (HEARING_RATE * SAMPLE_BYTES)

    @property
    def dropped(self) -> bool:
        """Nobody wants to know any more."""
        return self._dropped

    def feed(self, pcm: bytes) -> bool:
        """Take some audio; False if the utterance is as long as it may be."""
        room = self._most - len(self._audio)
        if room <= 0 or self.ended_at is not None:
            return False
        self._audio += pcm[:room]
        if len(self._audio) - self._sent >= _BATCH_BYTES:
            self._wake.set()
        return True

    def end(self) -> None:
        """It is over: the final is due."""
        if self.ended_at is None:
            self.ended_at = self._clock.now()
            self._wake.set()
            self._set_alarm()

    def drop(self) -> None:
        """Give it up at once."""
        if self._dropped:
            return
        self._dropped = True
        self._set_alarm()

    async def run(self) -> Heard | Lost:
        """What was heard. Never raises but for cancellation."""
        try:
            async with asyncio.timeout(None) as self._alarm:
                self._set_alarm()
                return await self._attempts()
        except TimeoutError:
            return Lost("dropped" if self._dropped else self._waits_for or DeadlineExceeded.code)
        except SouffleurError as error:
            return Lost(error.code)
        except Exception:
            _log.exception("hearing.failed", utterance=self.id)
            return Lost(SouffleurError.code)
        finally:
            self._alarm = None

    def _set_alarm(self) -> None:
        # One that has gone off can be set to no other time.
        if self._alarm is None or self._alarm.expired():
            return
        if self._dropped:
            self._alarm.reschedule(asyncio.get_running_loop().time())
        elif self.ended_at is not None:
            self._alarm.reschedule(asyncio.get_running_loop().time() + self._limits.final_timeout_s)

    async def _attempts(self) -> Heard:
        """Until there is an answer; how long that may take is the alarm's affair."""
        failures, pause_s = 0, _FIRST_PAUSE_S
        while True:
            try:
                return await self._attempt()
            except SouffleurError as error:
                failures += not isinstance(error, _AWAY)
                if not error.retryable or failures == _FAILURES:
                    raise
                if pause_s == _FIRST_PAUSE_S:
                    _log.warning("hearing.repeated", utterance=self.id, code=error.code)
                self._waits_for = error.code
            await asyncio.sleep(pause_s)
            pause_s, self._waits_for = min(pause_s * 2, _LONGEST_PAUSE_S), ""

    async def _attempt(self) -> Heard:
        with tracing.turn(self._opening.session, self.id):
            call = self._recogniser.transcribe(self._limits.longest_s * 2 + self._limits.final_timeout_s)
        pipe = asyncio.create_task(self._pipe(call), name="hearing-pipe")
        read = asyncio.create_task(self._read(call), name="hearing-read")
        try:
            await asyncio.wait({pipe, read}, return_when=asyncio.FIRST_COMPLETED)
            if not read.done():
                pipe.result()
            return await read
        finally:
            pipe.cancel()
            read.cancel()
            call.cancel()
            await asyncio.gather(pipe, read, return_exceptions=True)

    async def _read(self, call: Stream[TranscribeOpen | bytes, SpeechEvent]) -> Heard:
        async for event in call:
            if isinstance(event, Heard):
                return event
            if isinstance(event, Partial):
                self.on_partial(event.text)
            elif isinstance(event, SttOpened) and event.skipped:
                self.on_skipped(event.skipped)
        raise EngineFailed("the hearing call ended without a final")

    async def _pipe(self, call: Stream[TranscribeOpen | bytes, SpeechEvent]) -> None:
        # A call that has failed tells the reading side why; here that is only the end of the work.
        with contextlib.suppress(SouffleurError):
            await call.send(self._opening)
            self._sent = 0
            while True:
                waiting = len(self._audio) - self._sent
                if waiting >= _BATCH_BYTES or (waiting and self.ended_at is not None):
                    chunk = bytes(self._audio[self._sent : self._sent + _LARGEST_BYTES])
                    self._sent += len(chunk)
                    await call.send(chunk)
                elif self.ended_at is not None:
                    await call.finish()
                    return
                else:
                    self._wake.clear()
                    await self._wake.wait()
