"""One caller: a microphone in real time, ears with time stamps, and the same exchange over and over."""

from __future__ import annotations

import asyncio
import base64
import json
import random
import time
from collections.abc import Sequence
from dataclasses import dataclass, field
from typing import Any, Final

from bench.figures import frames_to_onset, grid_ms
from bench.script import FRAME_BYTES, FRAME_MS, HANG_OVER_MS, HEARING_RATE
from bench.wire import BINARY, TEXT, Wire, frame

SUBPROTOCOL: Final = "souffleur.pcm"
PATIENCE_S: Final = 3.0
"""A turn without sound for so long is a missing one."""
_FRAME_S: Final = FRAME_MS / 1000
_STOP_FRAMES: Final = HANG_OVER_MS // FRAME_MS
_LEAD_IN_FRAMES: Final = 15
_INTERRUPT_S: Final = 0.7
_INTERRUPT_SPREAD_S: Final = 0.1
"""The server's pieces are 100 ms long: interruptions fall anywhere between two of them."""
_DELTA: Final = b'{"type":"response.output_audio.delta"'
_FORMAT: Final = {"type": "audio/pcm", "rate": HEARING_RATE}
_CONFIGURE: Final = {"type": "session.update", "session": {"type": "realtime", "audio": {"input": {"format": _FORMAT}}}}


@dataclass(slots=True)
class Tally:
    """What all callers of a run have seen. Moments are monotonic seconds (uvloop's own clock has a grain of 1 ms)."""

    turns: list[tuple[float, float, float]] = field(default_factory=list)
    """(the last frame of the stop window written, first sound, how much later the detector's own windows end in ms)."""
    missing: list[float] = field(default_factory=list)
    """When the stop window of an unanswered turn was written."""
    interruptions: list[tuple[float, float, float]] = field(default_factory=list)
    """(the frame that confirms speech written, first frame of the speech written, last sound)."""
    lateness: list[tuple[float, float]] = field(default_factory=list)
    """(a frame was due, how late it was written)."""
    parts: list[tuple[float, dict[str, float]]] = field(default_factory=list)
    """(when a turn was told, its parts in ms as the program itself measured them)."""
    failures: list[str] = field(default_factory=list)


class Caller:
    """`connect`, then `begin` at a moment of its own; it talks until `finish`."""

    def __init__(
        self,
        url: str,
        tally: Tally,
        speech: Sequence[bytes],
        *,
        binary: bool,
        interrupts: bool,
        dice: random.Random,
        rest_s: float = 0.0,
        earliest_s: float = 0.0,
        talks: bool = True,
    ) -> None:
        """`url` is the realtime address; `speech` what is said each time, in frames.

        `interrupts`: every reply is cut short by the next utterance; `rest_s`: at least, from a reply's beginning to it; `earliest_s`: what is
        heard sooner behind the end of an utterance is no answer to it; without `talks` there is a microphone and silence before it.
        """
        self._loop = asyncio.get_running_loop()
        self._tally = tally
        self._interrupts = interrupts
        self._dice = dice
        self._rest_s = rest_s
        self._earliest_s = earliest_s
        self._talks = talks
        self._binary = binary
        self._wire = Wire(url, SUBPROTOCOL if binary else "", self._take, self._failed)
        self._speech = [self._packed(pcm) for pcm in speech]
        self._silence = self._packed(bytes(FRAME_BYTES))
        self._configured = self._loop.create_future()
        self._timer: asyncio.TimerHandle | None = None
        self._began_at = 0.0
        self._frames = 0
        self._talk_from = _LEAD_IN_FRAMES if talks else -1
        """Frame with which the next speech begins; -1 = not yet known."""
        self._talk_at = float("inf")
        self._spoken_at = 0.0
        self._onset_at = 0.0
        self._onset_frame = -1
        self._stop_frame = -1
        self._stopped_at = 0.0
        self._awaited = False
        self._stale = False
        """What is heard may still be the answer to what was said before: this turn counts as a missing one."""
        self._first_sound = self._last_sound = 0.0
        self._finished: asyncio.Future[None] | None = None

    async def connect(self) -> None:
        """Join a new session. Raises `ConnectionError`."""
        await self._wire.connect()
        async with asyncio.timeout(30):
            await self._configured

    def begin(self, at: float) -> None:
        """The microphone is on from `at` (monotonic seconds)."""
        self._began_at = at
        self._timer = self._loop.call_at(at, self._tick)

    def finish(self) -> asyncio.Future[None]:
        """Say nothing new; done when no answer is owed any more. The microphone stays on."""
        self._finished = self._loop.create_future()
        return self._finished

    def close(self) -> None:
        """Hang up."""
        if self._timer is not None:
            self._timer.cancel()
        self._wire.close()

    def _packed(self, pcm: bytes) -> bytes:
        if self._binary:
            return frame(BINARY, pcm)
        return frame(TEXT, json.dumps({"type": "input_audio_buffer.append", "audio": base64.b64encode(pcm).decode()}).encode())

    def _frames_to_onset(self, speech_start_ms: int) -> int:
        """How many frames have been written when the detector is sure that this is speech."""
        return frames_to_onset(speech_start_ms)

    # The microphone.

    def _tick(self) -> None:
        due = self._began_at + self._frames * _FRAME_S
        if self._talk_from < 0 and time.monotonic() >= self._talk_at and self._finished is None:
            self._talk_from, self._talk_at = self._frames, float("inf")
        spoken = self._frames - self._talk_from
        talking = self._talk_from >= 0 and 0 <= spoken < len(self._speech)
        now = time.monotonic()
        self._wire.send(self._speech[spoken] if talking else self._silence)
        self._tally.lateness.append((due, now - due))
        if talking and spoken == 0:
            self._spoken_at = now
            self._onset_frame = self._frames_to_onset(self._frames * FRAME_MS) - 1
            self._stop_frame = self._frames + len(self._speech) + _STOP_FRAMES - 1
        if self._frames == self._onset_frame:
            self._onset_at = now
        if self._frames == self._stop_frame:
            self._talk_from, self._talk_at = -1, float("inf")
            self._stopped_at, self._awaited, self._stale = now, True, False
        elif self._awaited and now - self._stopped_at > PATIENCE_S:
            self._tally.missing.append(self._stopped_at)
            self._again(now)
        self._frames += 1
        if self._finished is not None and not self._finished.done() and not self._awaited and self._stop_frame < self._frames:
            self._finished.set_result(None)
        self._timer = self._loop.call_at(self._began_at + self._frames * _FRAME_S, self._tick)

    def _again(self, at: float) -> None:
        self._awaited, self._talk_at = False, at

    # The ears.

    def _take(self, kind: int, payload: bytes) -> None:
        if kind == BINARY or payload.startswith(_DELTA):
            self._hear(time.monotonic())
        else:
            self._event(json.loads(payload))

    def _hear(self, now: float) -> bool:
        """Is it the first sound of the answer that is waited for?"""
        self._last_sound = now
        if not self._awaited or self._stale:
            return False
        if now - self._stopped_at < self._earliest_s:
            # The model cannot have said a sentence by now: an answer that was given up comes late, and nobody knows where it ends.
            self._stale = True
            return False
        self._awaited, self._first_sound = False, now
        speech_end_ms = (self._stop_frame - _STOP_FRAMES + 1) * FRAME_MS
        self._tally.turns.append((self._stopped_at, now, grid_ms(speech_end_ms)))
        if self._interrupts:
            self._talk_at = now + _INTERRUPT_S + self._dice.uniform(0, _INTERRUPT_SPREAD_S)
        return True

    def _event(self, event: dict[str, Any]) -> None:
        match event["type"]:
            case "session.created":
                self._wire.send(frame(TEXT, json.dumps(_CONFIGURE).encode()))
            case "session.updated":
                if not self._configured.done():
                    self._configured.set_result(None)
            case "souffleur.turn" if self._talks and "llm_ttft" in event["ms"]:
                # Told twice: at the first sound, and whole at the end.
                self._tally.parts.append((time.monotonic(), event["ms"]))
            case "response.done":
                self._done(str(event["response"]["status"]))
            case "error":
                self._tally.failures.append(json.dumps(event["error"]))

    def _done(self, status: str) -> None:
        if not self._talks:
            return
        if status != ("cancelled" if self._interrupts else "completed") and self._finished is None:
            self._tally.failures.append(f"a response was {status}")
        if not self._interrupts:
            if self._awaited:
                # An earlier one's; the answer to what was said last is still to come, or missing.
                return
            self._again(max(time.monotonic(), self._first_sound + self._rest_s))
        elif status == "cancelled":
            self._tally.interruptions.append((self._onset_at, self._spoken_at, self._last_sound))

    def _failed(self, reason: str) -> None:
        self._tally.failures.append(reason)
        if not self._configured.done():
            self._configured.set_exception(ConnectionError(reason))
