"""The archiver: copies what the log has into the archive, trims what is safe there, and brings a lost stream back."""

from __future__ import annotations

import asyncio
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from types import TracebackType
from typing import Final, Self

import structlog

from services.core.ending import goes_on
from services.core.errors import Conflict, DeadlineExceeded, SouffleurError, Unavailable
from services.core.telemetry import ARCHIVE_LAG
from services.transcript.archive import Archive
from services.transcript.erasing import erased_by
from services.transcript.log import TranscriptLog
from services.transcript.store import Entry

BATCH: Final = 50
"""Facts of one session that are copied at a time."""
KEEP: Final = 20_000
"""Archived facts that stay in the stream all the same, so that readers seldom need the archive."""

_TRIM_STEP: Final = 500
_RESTORE_PAGE: Final = 200
_TOGETHER: Final = 500
"""About as many facts go into one transaction, of whatever sessions."""
_LINGER_S: Final = 0.05
"""What is told within this time after a fact goes into the same transaction: each one is an fsync."""
_PACE_S: Final = 0.5
"""While facts keep coming, so much lies between two rounds: the archive is a little later then, and a turn costs it two rounds and not seven."""
_MARKS: Final = 4096
"""Sessions of which it is remembered how far they are archived."""
_BACKOFF_S: Final = (0.1, 0.25, 0.5, 1.0, 2.0, 5.0)
_CLOSE_S: Final = 5.0
_REWRITES: Final = 60
"""Rounds of `_PACE_S`: a file that is being written just now must be written once more."""

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
        self._more: set[str] = set()
        """Sessions of which there may be more than was read."""
        self._marks: dict[str, int] = {}
        """How far a session was archived when it was last looked at; it may be further by now, never less."""
        self._failed = False
        """Something of this round has."""
        self._rewrites = _REWRITES
        """How often the store is still asked whether its file, which had what was erased, has been written anew; somebody may have died over it."""
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
                # Often the last word about a session: nothing is remembered of it.
                self._marks.pop(sid, None)
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
        if erased := await self._archive.erased(sid):
            # A store that lost its last moments may have what had been taken out of it.
            await self._log.bury(sid, erased)
            self._rewrites = _REWRITES
        if written:
            _log.info("archiver.restored", session=sid, facts=written)
        return written

    async def _work(self) -> None:
        failures = 0
        loop = asyncio.get_running_loop()
        ended = -_PACE_S
        while goes_on():
            await self._told.wait()
            linger = max(_LINGER_S, ended + _PACE_S - loop.time())
            await asyncio.sleep(_BACKOFF_S[min(failures, len(_BACKOFF_S)) - 1] if failures else linger)
            self._told.clear()
            failures = 0 if await self._round() else failures + 1
            ended = loop.time()
            await self._rewrite()

    async def _rewrite(self) -> None:
        if not self._rewrites:
            return
        self._rewrites -= 1
        reason = "the store is writing it for something else"
        try:
            if await self._log.rewritten():
                self._rewrites = 0
                return
        except SouffleurError as error:
            reason = error.detail
        if self._rewrites:
            self._told.set()
        else:
            _log.warning("archiver.file_not_rewritten", reason=reason)

    async def _round(self) -> bool:
        """Every session that is due, once; those that failed stay due. True if none failed."""
        due = list(self._due)
        self._due.clear()
        self._failed = False
        found: dict[str, list[Entry]] = {}
        try:
            for sid in due:
                with self._surviving(sid):
                    if entries := await self._read(sid):
                        found[sid] = entries
                if sum(map(len, found.values())) >= _TOGETHER or (found and sid == due[-1]):
                    await self._store(found)
                    found = {}
        except asyncio.CancelledError:
            self._due.update(dict.fromkeys(due))
            raise
        return not self._failed

    @contextmanager
    def _surviving(self, *sids: str) -> Iterator[None]:
        """Whatever is wrong with these sessions, the others are archived, and these are tried again."""
        try:
            yield
        except SouffleurError as error:
            _log.error("archiver.failed", session=sids[0], sessions=len(sids), code=error.code, detail=error.detail)
            self._again(sids)
        except Exception:
            _log.exception("archiver.failed", session=sids[0], sessions=len(sids))
            self._again(sids)

    def _again(self, sids: Sequence[str]) -> None:
        self._failed = True
        for sid in sids:
            self._marks.pop(sid, None)
            self.notify(sid)

    async def _store(self, found: Mapping[str, list[Entry]]) -> None:
        """All of it in one transaction; if that breaks, each session for itself, for one of them may be the reason."""
        marks: dict[str, int] = {}
        try:
            marks = await self._archive.store_all(found)
        except Unavailable as error:
            _log.error("archiver.failed", sessions=len(found), code=error.code, detail=error.detail)
            self._again(list(found))
        except Exception:
            if len(found) == 1:
                _log.exception("archiver.failed", session=next(iter(found)))
                self._again(list(found))
            else:
                _log.exception("archiver.parted", sessions=len(found))
                for sid, entries in found.items():
                    await self._store({sid: entries})
        for sid, mark in marks.items():
            with self._surviving(sid):
                await self._reached(sid, found[sid], mark)
                if sid in self._more:
                    self.notify(sid)

    async def _copy(self, sid: str) -> None:
        """Bring the archive up to the head of now. May run twice at once for a session: storing is idempotent."""
        head = await self._log.head(sid)
        mark = self._marks.get(sid, -1)
        while mark < head and (entries := await self._read(sid)):
            mark = (await self._archive.store_all({sid: entries}))[sid]
            await self._reached(sid, entries, mark)

    async def _read(self, sid: str) -> list[Entry]:
        """The next facts that the archive lacks."""
        mark = self._marks.get(sid)
        if mark is None:
            if len(self._marks) >= _MARKS:
                self._marks.clear()
            mark = self._marks[sid] = await self._archive.mark(sid)
        page = await self._log.entries(sid, mark, limit=BATCH)
        entries = await self._upto_erasure(sid, page)
        (self._more.add if len(entries) < len(page) or len(page) == BATCH else self._more.discard)(sid)
        self._lags(sid, len(page))
        if not entries:
            self._log.archived(sid, mark)
        return entries

    async def _upto_erasure(self, sid: str, entries: list[Entry]) -> list[Entry]:
        """What can be archived at once. Before an erasure is, what it erases is archived, and then gone from the stream: so nothing of it is ever forgotten."""
        for at, entry in enumerate(entries):
            if seqs := erased_by(entry):
                if at:
                    return entries[:at]
                await self._log.bury(sid, max(seqs))
                self._rewrites = _REWRITES
                return entries[:1]
        return entries

    async def _reached(self, sid: str, entries: Sequence[Entry], mark: int) -> None:
        """The archive has it up to `mark`. Raises `Conflict` if that is no further than before."""
        # Where this copy began; another one of the same session may be further by now.
        start = entries[0].seq - 1
        if mark <= start:
            raise Conflict(f"the archive cannot go on behind {start}: it holds another fact there, or under the same key")
        self._marks[sid] = max(mark, self._marks.get(sid, 0))
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
