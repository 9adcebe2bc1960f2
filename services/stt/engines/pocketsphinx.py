"""pocketsphinx: excellent when the session's phrases are given, weak in free dictation, always there. Decodes in a child process."""

from __future__ import annotations

import asyncio
import contextlib
import json
import sys
from collections.abc import AsyncGenerator, AsyncIterator
from importlib.util import find_spec
from itertools import count
from pathlib import Path
from typing import Any, Final

import structlog
from pydantic import BaseModel, ConfigDict, Field, ValidationError

from services.core.errors import EngineFailed, EngineMissing, Overloaded, SettingsRejected
from services.core.model.speech import Final as FinalText
from services.core.model.speech import Partial, SkippedPhrase, SpeechEvent, SttEngineInfo, SttOpened, TranscribeOpen, Word
from services.core.settings import explain, scrubbed_environment

_HEADER_BYTES: Final = 9
_QUEUE: Final = 256
_DEATH_S: Final = 2.0
"""A process that was killed is gone by then."""
_REMARK: Final = "English only; with given phrases nearly all are right, in free dictation about six of ten words are wrong: typing is better then"

_log = structlog.get_logger(__name__)
_Frame = tuple[bytes, bytes]


class Options(BaseModel):
    """How long to wait for the child."""

    model_config = ConfigDict(frozen=True, extra="forbid")

    start_timeout_s: float = Field(20.0, gt=0, le=120)
    final_timeout_s: float = Field(15.0, gt=0, le=120)


class PocketsphinxEngine:
    """One child process, several utterances side by side; a child that died is started again by the next utterance."""

    def __init__(self, options: dict[str, Any], models: Path) -> None:
        """The model is part of the package; `models` is not used."""
        del models
        try:
            self._options = Options(**options)
        except ValidationError as error:
            raise SettingsRejected(f"stt.engines.pocketsphinx: {explain(error)}") from None
        self._child: asyncio.subprocess.Process | None = None
        self._reader: asyncio.Task[None] | None = None
        self._starting = asyncio.Lock()
        self._numbers = count(1)
        self._answers: dict[int, asyncio.Queue[_Frame]] = {}
        self._spoke_at = 0.0
        """When the child was last heard of, on the loop's clock."""

    def info(self) -> SttEngineInfo:
        """Ready when the package is installed."""
        ready = find_spec("pocketsphinx") is not None
        remark = _REMARK if ready else "the package pocketsphinx is not installed (no wheel for Python 3.12)"
        return SttEngineInfo("pocketsphinx", ready=ready, remark=remark, partials=True, word_times=True, grammar=True, dictation=False, languages=("en",))

    async def open(self) -> None:
        """Start the child and wait until its model is loaded."""
        if find_spec("pocketsphinx") is None:
            raise EngineMissing("pocketsphinx is not installed: pip install 'souffleur[pocketsphinx]'")
        async with self._starting:
            # Its output ends before its death is reported: a child that nobody reads from any more answers nothing.
            if self._child is not None and self._reader is not None and not self._reader.done():
                return
            await self._stop()
            child = await asyncio.create_subprocess_exec(
                sys.executable,
                "-m",
                "services.stt.engines.pocketsphinx_worker",
                stdin=asyncio.subprocess.PIPE,
                stdout=asyncio.subprocess.PIPE,
                stderr=asyncio.subprocess.DEVNULL,
                env=scrubbed_environment(),
                cwd=Path(__file__).parents[3],
                start_new_session=True,
            )
            ready: asyncio.Queue[_Frame] = asyncio.Queue(_QUEUE)
            self._answers = {0: ready}
            self._child = child
            self._reader = asyncio.create_task(self._read(child), name="pocketsphinx")
            try:
                async with asyncio.timeout(self._options.start_timeout_s):
                    kind, _ = await ready.get()
            except TimeoutError:
                kind = b"X"
            if kind != b"O":
                await self._stop()
                raise EngineFailed("pocketsphinx did not start")

    async def close(self) -> None:
        """End the child."""
        async with self._starting:
            await self._stop()

    async def _stop(self) -> None:
        child, self._child = self._child, None
        if child is None:
            return
        if child.stdin is not None:
            child.stdin.close()
        try:
            async with asyncio.timeout(_DEATH_S):
                await child.wait()
        except TimeoutError:
            child.kill()
            await child.wait()
        if self._reader is not None:
            await asyncio.gather(self._reader, return_exceptions=True)

    async def _read(self, child: asyncio.subprocess.Process) -> None:
        if child.stdout is None:
            raise EngineFailed("the decoder process has no output")
        with contextlib.suppress(asyncio.IncompleteReadError):
            while True:
                header = await child.stdout.readexactly(_HEADER_BYTES)
                kind, number, length = header[:1], int.from_bytes(header[1:5]), int.from_bytes(header[5:9])
                payload = await child.stdout.readexactly(length)
                self._spoke_at = asyncio.get_running_loop().time()
                queue = self._answers.get(number)
                if queue is not None:
                    _put(queue, (kind, payload))
        for queue in self._answers.values():
            _put(queue, (b"X", b"the decoder process ended"))

    async def transcribe(self, opening: TranscribeOpen, audio: AsyncIterator[bytes]) -> AsyncGenerator[SpeechEvent]:
        """True streaming: a partial whenever the hypothesis changes."""
        await self.open()
        number = next(self._numbers)
        answers = self._answers[number] = asyncio.Queue(_QUEUE)
        sending: asyncio.Task[None] | None = None
        finished = False
        try:
            # From here on the child may have a decoder for it, which it keeps until it is told that this is over.
            await self._send(b"O", number, json.dumps({"phrases": list(opening.phrases)}).encode())
            sending = asyncio.create_task(self._pipe(number, audio), name="pocketsphinx-audio")
            while not finished:
                kind, payload = await self._answer(answers, sending)
                event = _event(kind, payload)
                finished = isinstance(event, FinalText)
                if opening.partials or not isinstance(event, Partial):
                    yield event
        finally:
            self._answers.pop(number, None)
            if sending is not None:
                sending.cancel()
                await asyncio.gather(sending, return_exceptions=True)
            if not finished:
                # A child that is gone has nothing to cancel.
                with contextlib.suppress(EngineFailed):
                    await self._send(b"C", number, b"")

    async def _answer(self, answers: asyncio.Queue[_Frame], sending: asyncio.Task[None]) -> _Frame:
        """The child's next frame. While audio is coming it may take as long as it takes; after its end there is a deadline."""
        getting = asyncio.ensure_future(answers.get())
        try:
            if not sending.done():
                await asyncio.wait((getting, sending), return_when=asyncio.FIRST_COMPLETED)
            if sending.done() and not sending.cancelled() and (error := sending.exception()) is not None:
                raise error
            async with asyncio.timeout(self._options.final_timeout_s if sending.done() else None):
                return await getting
        except TimeoutError:
            await self._doubt()
            raise EngineFailed("pocketsphinx did not answer in time") from None
        finally:
            getting.cancel()

    async def _doubt(self) -> None:
        """Somebody has waited in vain. A child that has told nobody anything meanwhile hangs: the next utterance gets another one."""
        silent_s = asyncio.get_running_loop().time() - self._spoke_at
        if self._child is None or self._reader is None or self._child.returncode is not None or silent_s < self._options.final_timeout_s:
            return
        _log.error("pocketsphinx.hangs", silent_s=round(silent_s, 1))
        self._child.kill()
        # Its death is known when nothing more comes from it.
        await asyncio.wait([self._reader], timeout=_DEATH_S)

    async def _pipe(self, number: int, audio: AsyncIterator[bytes]) -> None:
        async for chunk in audio:
            await self._send(b"A", number, chunk)
        await self._send(b"E", number, b"")

    async def _send(self, kind: bytes, number: int, payload: bytes) -> None:
        child = self._child
        if child is None or child.stdin is None:
            raise EngineFailed("the decoder process is not running")
        try:
            child.stdin.write(kind + number.to_bytes(4) + len(payload).to_bytes(4) + payload)
            await child.stdin.drain()
        except (BrokenPipeError, ConnectionResetError) as error:
            raise EngineFailed("the decoder process ended") from error


def _put(queue: asyncio.Queue[_Frame], frame: _Frame) -> None:
    """Partials may be lost when nobody reads; a final or a failure may not."""
    if queue.full():
        queue.get_nowait()
    queue.put_nowait(frame)


def _event(kind: bytes, payload: bytes) -> SpeechEvent:
    if kind == b"O":
        return SttOpened("pocketsphinx", tuple(SkippedPhrase(*item) for item in json.loads(payload)["skipped"]))
    if kind == b"P":
        return Partial(payload.decode())
    if kind == b"F":
        final = json.loads(payload)
        return FinalText(final["text"], tuple(Word(*word) for word in final["words"]), language="en", engine="pocketsphinx")
    if payload == b"busy":
        raise Overloaded("all decoders are in use")
    _log.warning("pocketsphinx.failed")
    raise EngineFailed("pocketsphinx could not decode this utterance")
