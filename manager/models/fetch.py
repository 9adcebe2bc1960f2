"""Fetching one file: ranges, resume after a cut, a checksum before the file gets its name."""

from __future__ import annotations

import fcntl
import hashlib
import json
import os
import shutil
import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import BinaryIO, Final

import httpx2

from services.core.errors import SouffleurError, Unavailable

_CHUNK: Final = 256 * 1024
_TIMEOUT: Final = httpx2.Timeout(30.0, connect=8.0)
_TRIES_WITHOUT_PROGRESS: Final = 4
_PAUSE_S: Final = 1.0
_LOOK_S: Final = 0.2
_SPARE: Final = 200 * 1024 * 1024
"""Bytes that stay free on the disk."""
_PARTIAL: Final = 206
_RANGE_IS_WRONG: Final = 416

Progress = Callable[[int, int], None]
"""(bytes there, bytes in all; 0 = not known)."""


class ChecksumMismatch(SouffleurError):
    """What was downloaded is not what was published; it has been thrown away. Try again, or another mirror."""

    code = "checksum_mismatch"


class Cancelled(SouffleurError):
    """The download was stopped; the part that is there is kept."""

    code = "cancelled"


@dataclass(frozen=True, slots=True)
class Remote:
    """What the hub says about a file before it is fetched."""

    size: int = 0
    algorithm: str = ""
    """sha256, git (the hub's object id of small files), or empty: nothing to check against."""
    digest: str = ""
    tag: str = ""
    """Changes when the file changes."""


@dataclass(frozen=True, slots=True)
class _Watch:
    """Who looks on, and who may end it."""

    progress: Progress
    stop: threading.Event


def fetch(
    url: str, target: Path, *, sha256: str = "", progress: Progress | None = None, stop: threading.Event | None = None, pause_s: float = _PAUSE_S
) -> None:
    """Put the file at `url` at `target`, going on where an earlier attempt was cut.

    Where another process fetches the same, this one waits for it.
    Raises `Unavailable` when the server cannot be reached or refuses, `ChecksumMismatch`, or `Cancelled` when `stop` is set.
    """
    watch = _Watch(progress or _silent, stop or threading.Event())
    target.parent.mkdir(parents=True, exist_ok=True)
    with _alone(target, watch):
        # Whoever had it before may have brought it.
        if not target.is_file():
            _fetch(url, target, sha256, watch, pause_s)


def _fetch(url: str, target: Path, sha256: str, watch: _Watch, pause_s: float) -> None:
    with httpx2.Client(timeout=_TIMEOUT, headers={"User-Agent": "souffleur", "Accept-Encoding": "identity"}) as client:
        remote = _described(client, url)
        part = _part_for(target, remote)
        _room(target.parent, remote.size - part.stat().st_size)
        failures = 0
        while True:
            before = part.stat().st_size
            try:
                _receive(client, url, part, remote, watch)
                break
            except (httpx2.TransportError, OSError) as error:
                failures = 1 if part.stat().st_size > before else failures + 1
                if failures >= _TRIES_WITHOUT_PROGRESS:
                    raise Unavailable(
                        f"{url} broke off at {part.stat().st_size} bytes ({type(error).__name__}); the same command goes on from there"
                    ) from error
                if watch.stop.wait(pause_s):
                    raise Cancelled from None
    _check(part, Remote(algorithm="sha256", digest=sha256) if sha256 else remote, url)
    part.replace(target)
    _note_of(part).unlink(missing_ok=True)


@contextmanager
def _alone(target: Path, watch: _Watch) -> Iterator[None]:
    """Two that went on with one partial file would spoil it for both: `up` fetches behind the scenes what somebody may pull by hand."""
    path = target.with_name(f"{target.name}.lock")
    while True:
        with path.open("wb") as file:
            if _is_ours(file, path):
                try:
                    yield
                finally:
                    path.unlink(missing_ok=True)
                return
        if watch.stop.wait(_LOOK_S):
            raise Cancelled from None


def _is_ours(file: BinaryIO, path: Path) -> bool:
    """Locked, and not one that somebody has removed in leaving meanwhile."""
    try:
        fcntl.flock(file, fcntl.LOCK_EX | fcntl.LOCK_NB)
        return path.stat().st_ino == os.fstat(file.fileno()).st_ino
    except (BlockingIOError, FileNotFoundError):
        return False


def _described(client: httpx2.Client, url: str) -> Remote:
    try:
        # The hub answers for the file itself with a redirect; the place it points to knows nothing of checksums.
        answer = client.head(url)
        final = answer if not answer.is_redirect else client.head(url, follow_redirects=True)
    except (httpx2.TransportError, OSError) as error:
        raise Unavailable(f"{url} cannot be reached ({type(error).__name__})") from error
    if final.is_error:
        raise Unavailable(f"{url}: HTTP {final.status_code}")
    linked = answer.headers.get("x-linked-etag", "").strip('"')
    own = answer.headers.get("etag", "").removeprefix("W/").strip('"')
    size = int(answer.headers.get("x-linked-size") or final.headers.get("content-length") or 0)
    if _is_hex(linked, 64):
        return Remote(size, "sha256", linked, linked)
    if _is_hex(own, 64):
        return Remote(size, "sha256", own, own)
    if _is_hex(own, 40):
        return Remote(size, "git", own, own)
    return Remote(size, "", "", own)


def _part_for(target: Path, remote: Remote) -> Path:
    """The partial file to go on with; emptied if it is the beginning of something else."""
    part = target.with_name(f"{target.name}.part")
    note = _note_of(part)
    try:
        known = json.loads(note.read_text(encoding="utf-8"))
    except (OSError, ValueError):
        known = None
    wanted = {"size": remote.size, "tag": remote.tag}
    if known != wanted or not part.exists() or (remote.size and part.stat().st_size > remote.size):
        part.write_bytes(b"")
        note.write_text(json.dumps(wanted), encoding="utf-8")
    return part


def _note_of(part: Path) -> Path:
    return part.with_name(f"{part.name}.json")


def _room(folder: Path, needed: int) -> None:
    free = shutil.disk_usage(folder).free
    if needed > 0 and free < needed + _SPARE:
        raise Unavailable(f"{folder} has {free // 1_000_000} MB free, {(needed + _SPARE) // 1_000_000} MB are needed")


def _receive(client: httpx2.Client, url: str, part: Path, remote: Remote, watch: _Watch) -> None:
    have = part.stat().st_size
    if remote.size and have == remote.size:
        watch.progress(have, remote.size)
        return
    headers = {"Range": f"bytes={have}-"} if have else {}
    with client.stream("GET", url, headers=headers, follow_redirects=True) as answer:
        if answer.status_code == _RANGE_IS_WRONG:
            part.write_bytes(b"")
            raise httpx2.RemoteProtocolError("the server does not know this range")
        if answer.is_error:
            raise Unavailable(f"{url}: HTTP {answer.status_code}")
        goes_on = answer.status_code == _PARTIAL and answer.headers.get("content-range", "").startswith(f"bytes {have}-")
        with part.open("ab" if goes_on else "wb") as file:
            have = have if goes_on else 0
            # As it comes, not gathered into pieces of one size: a cut then loses nothing that had arrived.
            for chunk in answer.iter_raw():
                if watch.stop.is_set():
                    raise Cancelled
                file.write(chunk)
                have += len(chunk)
                if remote.size and have > remote.size:
                    raise Unavailable(f"{url} sends more than the {remote.size} bytes it announced")
                watch.progress(have, remote.size)
    if remote.size and have < remote.size:
        raise httpx2.RemoteProtocolError("cut short")


def _check(part: Path, wanted: Remote, url: str) -> None:
    if not wanted.algorithm:
        return
    digest = hashlib.sha256() if wanted.algorithm == "sha256" else hashlib.sha1(f"blob {part.stat().st_size}\0".encode(), usedforsecurity=False)
    with part.open("rb") as file:
        while chunk := file.read(_CHUNK):
            digest.update(chunk)
    if digest.hexdigest() != wanted.digest.lower():
        part.unlink()
        _note_of(part).unlink(missing_ok=True)
        raise ChecksumMismatch(f"{url} does not have its published checksum; what was downloaded has been thrown away")


def _is_hex(text: str, length: int) -> bool:
    return len(text) == length and all(letter in "0123456789abcdefABCDEF" for letter in text)


def _silent(have: int, total: int) -> None:
    del have, total
