"""Fetching a file, against a real HTTP server: ranges, resume, checksums, and every way it may go wrong."""

from __future__ import annotations

import fcntl
import hashlib
import random
import socket
import threading
from collections.abc import Iterator
from pathlib import Path

import pytest

from manager.models import fetch as fetch_module
from manager.models.fetch import Cancelled, ChecksumMismatch, fetch
from services.core.errors import Unavailable
from tests.unit.manager.models.hub import Hub, serving

_PATH = "/repo/resolve/1/model.bin"
_CONTENT = random.Random(7).randbytes(1_500_000)


@pytest.fixture
def hub() -> Iterator[Hub]:
    """A hub with one file."""
    with serving() as hub:
        hub.files[_PATH] = _CONTENT
        yield hub


def _gets(hub: Hub) -> list[str]:
    """The ranges that were asked for."""
    return [wanted for method, path, wanted in hub.asked if method == "GET" and path.startswith("/cdn")]


def test_a_file_arrives_whole(hub: Hub, tmp_path: Path) -> None:
    """It takes its name only at the end, its folders are made, and nothing else is left."""
    seen: list[tuple[int, int]] = []
    fetch(hub.url + _PATH, tmp_path / "a" / "model.bin", progress=lambda have, total: seen.append((have, total)))
    assert (tmp_path / "a" / "model.bin").read_bytes() == _CONTENT
    assert seen[-1] == (len(_CONTENT), len(_CONTENT))
    assert [path.name for path in (tmp_path / "a").iterdir()] == ["model.bin"]


def test_a_cut_is_resumed_where_it_broke_off(hub: Hub, tmp_path: Path) -> None:
    """Only what is missing is asked for again, as often as it takes."""
    hub.cut_after = [500_000, 400_000]
    fetch(hub.url + _PATH, tmp_path / "model.bin", pause_s=0)
    assert (tmp_path / "model.bin").read_bytes() == _CONTENT
    assert _gets(hub) == ["", "bytes=500000-", "bytes=900000-"]


def test_a_later_run_goes_on_with_the_part(hub: Hub, tmp_path: Path) -> None:
    """A download that was given up goes on in the next run of the program."""
    hub.cut_after = [600_000, 0, 0, 0, 0]
    with pytest.raises(Unavailable, match="broke off at 600000"):
        fetch(hub.url + _PATH, tmp_path / "model.bin", pause_s=0)
    assert not (tmp_path / "model.bin").exists()
    hub.cut_after.clear()
    hub.asked.clear()
    fetch(hub.url + _PATH, tmp_path / "model.bin")
    assert _gets(hub) == ["bytes=600000-"]
    assert (tmp_path / "model.bin").read_bytes() == _CONTENT


def test_a_server_without_ranges_starts_over(hub: Hub, tmp_path: Path) -> None:
    """An answer with the whole file is not appended to the part."""
    hub.ranges = False
    hub.cut_after = [600_000]
    fetch(hub.url + _PATH, tmp_path / "model.bin", pause_s=0)
    assert (tmp_path / "model.bin").read_bytes() == _CONTENT


def test_a_part_of_another_file_is_not_gone_on_with(hub: Hub, tmp_path: Path) -> None:
    """When the file at the hub changed meanwhile, the old part is thrown away."""
    hub.cut_after = [600_000, 0, 0, 0, 0]
    with pytest.raises(Unavailable):
        fetch(hub.url + _PATH, tmp_path / "model.bin", pause_s=0)
    hub.cut_after.clear()
    hub.asked.clear()
    hub.files[_PATH] = _CONTENT[::-1]
    fetch(hub.url + _PATH, tmp_path / "model.bin")
    assert (tmp_path / "model.bin").read_bytes() == _CONTENT[::-1]
    assert _gets(hub) == [""]


def test_a_whole_part_is_not_fetched_again(hub: Hub, tmp_path: Path) -> None:
    """A run that ended between the last byte and the new name costs nothing."""
    hub.cut_after = [len(_CONTENT)]
    fetch(hub.url + _PATH, tmp_path / "first")
    hub.cut_after = [600_000, 0, 0, 0, 0]
    with pytest.raises(Unavailable):
        fetch(hub.url + _PATH, tmp_path / "model.bin", pause_s=0)
    (tmp_path / "model.bin.part").write_bytes(_CONTENT)
    hub.asked.clear()
    fetch(hub.url + _PATH, tmp_path / "model.bin")
    assert _gets(hub) == []
    assert (tmp_path / "model.bin").read_bytes() == _CONTENT


def test_a_bad_checksum_is_thrown_away(hub: Hub, tmp_path: Path) -> None:
    """What is not what the hub published never gets the name, and does not stay as a part either."""
    hub.lies[_PATH] = _CONTENT[:-1] + b"\0"
    with pytest.raises(ChecksumMismatch):
        fetch(hub.url + _PATH, tmp_path / "model.bin")
    assert list(tmp_path.iterdir()) == []


def test_a_pinned_checksum_is_stronger_than_the_hubs(hub: Hub, tmp_path: Path) -> None:
    """A hub that announces the checksum of a wrong file does not get it past the catalogue's."""
    with pytest.raises(ChecksumMismatch):
        fetch(hub.url + _PATH, tmp_path / "model.bin", sha256="0" * 64)
    fetch(hub.url + _PATH, tmp_path / "model.bin", sha256=hashlib.sha256(_CONTENT).hexdigest())
    assert (tmp_path / "model.bin").exists()


def test_a_mirror_without_checksums_will_do(hub: Hub, tmp_path: Path) -> None:
    """Its size is what it says when it is asked for the file."""
    hub.checksums = False
    fetch(hub.url + _PATH, tmp_path / "model.bin", sha256=hashlib.sha256(_CONTENT).hexdigest())
    assert (tmp_path / "model.bin").read_bytes() == _CONTENT


def test_a_longer_file_than_announced_is_refused(hub: Hub, tmp_path: Path) -> None:
    """A server that keeps sending does not fill the disk."""
    hub.lies[_PATH] = _CONTENT * 2
    with pytest.raises(Unavailable, match="more than"):
        fetch(hub.url + _PATH, tmp_path / "model.bin")
    assert not (tmp_path / "model.bin").exists()


def test_a_full_disk_is_said_before(hub: Hub, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """What does not fit is not begun."""
    monkeypatch.setattr(fetch_module, "_SPARE", 10**18)
    with pytest.raises(Unavailable, match="MB free"):
        fetch(hub.url + _PATH, tmp_path / "model.bin")
    assert _gets(hub) == []


def test_a_missing_file_is_said(hub: Hub, tmp_path: Path) -> None:
    """What the hub does not have is an error with its address."""
    with pytest.raises(Unavailable, match="HTTP 404"):
        fetch(f"{hub.url}/nothing", tmp_path / "model.bin")


def test_no_network_is_said(tmp_path: Path) -> None:
    """A hub that is not there is an error with its address, at once."""
    with socket.create_server(("127.0.0.1", 0)) as gone:
        port = gone.getsockname()[1]
    with pytest.raises(Unavailable, match="cannot be reached"):
        fetch(f"http://127.0.0.1:{port}/x", tmp_path / "model.bin")


def test_a_download_can_be_stopped(hub: Hub, tmp_path: Path) -> None:
    """It ends between two pieces and keeps its part for the next time."""
    stop = threading.Event()

    def first_piece(have: int, total: int) -> None:
        assert have < total
        stop.set()

    with pytest.raises(Cancelled):
        fetch(hub.url + _PATH, tmp_path / "model.bin", progress=first_piece, stop=stop)
    assert 0 < (tmp_path / "model.bin.part").stat().st_size < len(_CONTENT)


def test_the_hubs_object_id_of_small_files_is_checked(hub: Hub, tmp_path: Path) -> None:
    """Small files carry a git object id instead; it is understood."""
    path = tmp_path / "part"
    path.write_bytes(b"hello\n")
    fetch_module._check(path, fetch_module.Remote(algorithm="git", digest="ce013625030ba8dba906f756967f9e9ca394464a"), "u")
    with pytest.raises(ChecksumMismatch):
        fetch_module._check(path, fetch_module.Remote(algorithm="git", digest="0" * 40), "u")


@pytest.mark.parametrize("checksums", [True, False])
def test_two_who_fetch_the_same_do_not_spoil_it(hub: Hub, tmp_path: Path, checksums: bool) -> None:  # noqa: FBT001
    """One waits for the other and finds it there; it is fetched once."""
    hub.checksums = checksums
    began, go_on = threading.Event(), threading.Event()

    def slowly(have: int, total: int) -> None:
        del have, total
        began.set()
        assert go_on.wait(10)

    target = tmp_path / "model.bin"
    first = threading.Thread(target=fetch, args=(hub.url + _PATH, target), kwargs={"progress": slowly})
    second = threading.Thread(target=fetch, args=(hub.url + _PATH, target))
    first.start()
    assert began.wait(10)
    second.start()
    second.join(0.5)
    go_on.set()
    for thread in (first, second):
        thread.join(10)
        assert not thread.is_alive()
    assert target.read_bytes() == _CONTENT
    assert _gets(hub) == [""]
    assert [path.name for path in tmp_path.iterdir()] == ["model.bin"]


def test_waiting_for_another_one_can_be_given_up(hub: Hub, tmp_path: Path) -> None:
    """The program that is told to end does not wait for somebody else's download."""
    stop = threading.Event()
    stop.set()
    with (tmp_path / "model.bin.lock").open("wb") as held:
        fcntl.flock(held, fcntl.LOCK_EX)
        with pytest.raises(Cancelled):
            fetch(hub.url + _PATH, tmp_path / "model.bin", stop=stop)
    assert not hub.asked
