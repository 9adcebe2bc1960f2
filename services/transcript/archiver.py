"""The archiver: copies what the log has into the archive, trims what is safe there, and brings a lost stream back."""

from __future__ import annotations

import asyncio
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager, suppress
from types import TracebackType
from typing import Final, Self

import structlog

from services.core.ending import goes_on
from services.core.errors import Conflict, DeadlineExceeded, SouffleurError
from services.core.telemetry import ARCHIVE_LAG
from services.transcript.archive import Archive
from services.transcript.database import is_away
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
        self._failures: dict[str, int] = {}
        """Sessions that could not be archived, and how often in a row."""
        self._resting: dict[str, asyncio.TimerHandle] = {}
        """They are left alone for a while, and are due again then."""
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
        for sid in list(self._resting):
            self._rested(sid)
        with suppress(TimeoutError):
            async with asyncio.timeout(_CLOSE_S):
                for sid in list(self._due):
                    await self._last(sid)
        if self._due:
            _log.warning("archiver.left_behind", sessions=len(self._due))

    async def _last(self, sid: str) -> None:
        try:
            await self._copy(sid)
            del self._due[sid]
        except (SouffleurError, ValueError) as error:
            _tell("archiver.failed", error, [sid])

    def notify(self, sid: str) -> None:
        """There are new facts in this session. Returns at once; needs a running loop."""
        if sid in self._resting:
            return
        self._due[sid] = None
        self._told.set()
        if (self._worker is None or self._worker.done()) and not self._closed:
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

    async def keep(self, sid: str) -> bool:
        """Archive what the owner was acknowledged and the store may not have any more; whether there was anything. Raises `Unavailable`.

        For an owner that gives the session up: it has the last copy.
        """
        if not self._log.kept(sid):
            return False
        mark = await self._archive.mark(sid)
        while entries := self._log.kept(sid, mark)[:BATCH]:
            if entries[0].seq != mark + 1:
                # Behind a gap nothing can be given back, and others may come to stand there.
                _log.error("archiver.gap", session=sid, archived=mark, kept=entries[0].seq)
                break
            mark = (await self._archive.store_all({sid: entries}))[sid]
            self._note(sid, entries, mark)
        return True

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
        loop = asyncio.get_running_loop()
        ended = -_PACE_S
        while goes_on():
            await self._told.wait()
            await asyncio.sleep(max(_LINGER_S, ended + _PACE_S - loop.time()))
            self._told.clear()
            await self._round()
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

    async def _round(self) -> None:
        """Every session that is due, once; those that failed are due again after a while."""
        due = list(self._due)
        self._due.clear()
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

    @contextmanager
    def _surviving(self, *sids: str) -> Iterator[None]:
        """Whatever is wrong with these sessions, the others are archived, and these are tried again."""
        try:
            yield
        except Exception as error:
            _tell("archiver.failed", error, sids)
            self._again(sids)

    def _again(self, sids: Sequence[str]) -> None:
        """Each at its own pace: one that nobody will ever take keeps no other waiting."""
        loop = asyncio.get_running_loop()
        for sid in sids:
            self._marks.pop(sid, None)
            failed = self._failures.get(sid, 0)
            self._failures[sid] = failed + 1
            if sid not in self._resting:
                self._resting[sid] = loop.call_later(_BACKOFF_S[min(failed, len(_BACKOFF_S) - 1)], self._rested, sid)

    def _rested(self, sid: str) -> None:
        self._resting.pop(sid).cancel()
        self.notify(sid)

    async def _store(self, found: Mapping[str, list[Entry]]) -> None:
        """All of it in one transaction; if that breaks, each session for itself, for one of them may be the reason."""
        marks: dict[str, int] = {}
        try:
            marks = await self._archive.store_all(found)
        except Exception as error:
            if len(found) > 1 and not is_away(error):
                _tell("archiver.parted", error, list(found))
                for sid, entries in found.items():
                    await self._store({sid: entries})
            else:
                _tell("archiver.failed", error, list(found))
                self._again(list(found))
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
            self._failures.pop(sid, None)
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
        """The archive has it up to `mark`, so less of it needs to be in the stream. Raises `Conflict` if that is no further than before."""
        start = self._note(sid, entries, mark)
        # Now and then only: trimming one entry after each fact would cost a command a fact.
        step = max(1, min(_TRIM_STEP, self._keep))
        if mark // step > start // step and mark > self._keep:
            await self._log.trim(sid, mark - self._keep + 1)
        self._failures.pop(sid, None)

    def _note(self, sid: str, entries: Sequence[Entry], mark: int) -> int:
        """As `_reached`, for this process alone; how far the archive was before."""
        # Where this copy began; another one of the same session may be further by now.
        start = entries[0].seq - 1
        if mark <= start:
            raise Conflict(f"the archive cannot go on behind {start}: it holds another fact there, or under the same key")
        self._marks[sid] = max(mark, self._marks.get(sid, 0))
        self._lags(sid, 0)
        self._log.archived(sid, mark)
        return start

    def _lags(self, sid: str, facts: int) -> None:
        if facts:
            self._behind[sid] = facts
        else:
            self._behind.pop(sid, None)
        ARCHIVE_LAG.set(sum(self._behind.values()))


def _tell(happened: str, error: Exception, sids: Sequence[str]) -> None:
    """Of what this program expects to fail, without where in it."""
    if isinstance(error, SouffleurError):
        _log.error(happened, session=sids[0], sessions=len(sids), code=error.code, detail=error.detail)
    else:
        _log.error(happened, session=sids[0], sessions=len(sids), exc_info=error)
