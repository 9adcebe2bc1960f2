"""The archiver: copies what the log has into the archive, trims what is safe there, and brings a lost stream back."""

from __future__ import annotations

import asyncio
from types import TracebackType
from typing import Final, Self

import structlog

from services.core.errors import Conflict, DeadlineExceeded, SouffleurError
from services.core.telemetry import ARCHIVE_LAG
from services.transcript.archive import Archive
from services.transcript.log import TranscriptLog

BATCH: Final = 50
"""Facts in one transaction."""
KEEP: Final = 20_000
"""Archived facts that stay in the stream all the same, so that readers seldom need the archive."""

_TRIM_STEP: Final = 500
_RESTORE_PAGE: Final = 200
_LINGER_S: Final = 0.05
"""What is told within this time after a fact goes into the same transaction: each one is an fsync."""
_BACKOFF_S: Final = (0.1, 0.25, 0.5, 1.0, 2.0, 5.0)
_CLOSE_S: Final = 5.0

_log = structlog.get_logger(__name__)


class Archiver:
    """Works through the sessions it is notified of, in one task of its own, until it is closed (or left, as a context manager)."""

    def __init__(self, log: TranscriptLog, archive: Archive, *, keep: int = KEEP) -> None:
        """`keep` is how many archived facts per session stay in the stream."""
        self._log = log
        self._archive = archive
        self._keep = keep
        self._due: dict[str, None] = {}
        self._told = asyncio.Event()
        self._behind: dict[str, int] = {}
        """Facts of a session that are not archived, as far as was seen."""
        self._closed = False
        self._worker: asyncio.Task[None] | None = None

    async def __aenter__(self) -> Self:
        return self

    async def __aexit__(self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None) -> None:
        await self.close()

    async def close(self) -> None:
        """Stop, after a last attempt to archive what is due; what fails is still in the log and archived when its session is next owned."""
        self._closed = True
        if self._worker is not None:
            self._worker.cancel()
            await asyncio.wait([self._worker])
        try:
            async with asyncio.timeout(_CLOSE_S):
                for sid in list(self._due):
                    await self._copy(sid)
                    self._due.pop(sid, None)
        except (SouffleurError, TimeoutError, ValueError) as failure:
            _log.warning("archiver.left_behind", sessions=len(self._due), reason=type(failure).__name__)

    def notify(self, sid: str) -> None:
        """There are new facts in this session. Returns at once; needs a running loop."""
        self._due[sid] = None
        self._told.set()
        if self._worker is None and not self._closed:
            self._worker = asyncio.create_task(self._work(), name="archiver")

    async def settle(self, sid: str, timeout_s: float = 30.0) -> None:
        """Wait until every fact that is in the log now is archived. Raises `Unavailable`, or `DeadlineExceeded` after `timeout_s`."""
        try:
            async with asyncio.timeout(timeout_s):
                await self._copy(sid)
        except TimeoutError:
            raise DeadlineExceeded("the archive is behind") from None

    async def restore(self, sid: str) -> int:
        """Write archived facts that the stream lacks back into it, with their seq and key; how many.

        For the owner, after its claim and before its first append. Raises `Conflict` if stream and archive contradict each other.
        """
        written = 0
        mark = await self._archive.mark(sid)
        while (after := await self._log.newest(sid)) < mark:
            written += await self._log.restore(sid, await self._archive.entries(sid, after, mark, _RESTORE_PAGE))
        if written:
            _log.info("archiver.restored", session=sid, facts=written)
        return written

    async def _work(self) -> None:
        failures = 0
        while True:
            await self._told.wait()
            await asyncio.sleep(_BACKOFF_S[min(failures, len(_BACKOFF_S)) - 1] if failures else _LINGER_S)
            self._told.clear()
            failures = 0 if await self._round() else failures + 1

    async def _round(self) -> bool:
        """Every session that is due, once; those that failed stay due. True if none failed."""
        due = list(self._due)
        self._due.clear()
        failed = False
        for at, sid in enumerate(due):
            try:
                await self._copy(sid)
            except asyncio.CancelledError:
                self._due.update(dict.fromkeys(due[at:]))
                raise
            except SouffleurError as error:
                failed = True
                _log.error("archiver.failed", session=sid, code=error.code, detail=error.detail)
                self.notify(sid)
            except Exception:
                # Whatever is wrong with one session, the others are archived, and this one is tried again.
                failed = True
                _log.exception("archiver.failed", session=sid)
                self.notify(sid)
        return not failed

    async def _copy(self, sid: str) -> None:
        """Bring the archive up to the head of now. May run twice at once for a session: storing is idempotent."""
        head = await self._log.head(sid)
        start = mark = await self._archive.mark(sid)
        while mark < head:
            self._lags(sid, head - mark)
            reached = await self._archive.store(sid, await self._log.entries(sid, mark, limit=BATCH))
            if reached <= mark:
                raise Conflict(f"the archive cannot go on behind {mark}: it holds another fact there, or under the same key")
            mark = reached
        self._lags(sid, 0)
        self._log.archived(sid, mark)
        # Now and then only: trimming one entry after each fact would cost a command a fact.
        step = max(1, min(_TRIM_STEP, self._keep))
        if mark // step > start // step and mark > self._keep:
            await self._log.trim(sid, mark - self._keep + 1)

    def _lags(self, sid: str, facts: int) -> None:
        if facts:
            self._behind[sid] = facts
        else:
            self._behind.pop(sid, None)
        ARCHIVE_LAG.set(sum(self._behind.values()))
