"""The environments of the systems beside us."""

from __future__ import annotations

import re
from pathlib import Path

import pytest

from bench.peers import environments
from bench.peers.environments import LITELLM, LIVEKIT, PIPECAT, Peer, ready
from bench.peers.size import disk_mib

PEERS = pytest.mark.parametrize("peer", [PIPECAT, LIVEKIT, LITELLM], ids=lambda peer: peer.name)


@PEERS
def test_every_package_is_locked_in_one_version(peer: Peer) -> None:
    """And those that are told beside the figures are among them."""
    lines = [line for line in peer.lock.read_text(encoding="utf-8").splitlines() if line and not line.startswith("#")]
    assert all(re.match(r"[\w.-]+(\[[\w,-]+\])?==\d", line) for line in lines)
    assert all(re.fullmatch(r"\S+ \d\S*", told) for told in peer.versions().split(", "))


@PEERS
def test_the_lock_keeps_what_was_asked_for(peer: Peer) -> None:
    """requirements.in names versions; requirements.txt has the same."""
    locked = peer.lock.read_text(encoding="utf-8")
    asked = re.findall(r"^([\w.-]+)(?:\[\w+\])?==(\S+)", peer.lock.with_suffix(".in").read_text(encoding="utf-8"), re.MULTILINE)
    assert asked
    for name, version in asked:
        assert re.search(rf"^{re.escape(name)}==+{re.escape(version)}( ;|$)", locked, re.MULTILINE), name


def test_without_a_network_it_says_so(monkeypatch: pytest.MonkeyPatch, tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    """The tables go without it; the next time it is tried again."""
    monkeypatch.setattr(environments, "tools_folder", lambda: tmp_path)
    monkeypatch.setattr(environments, "run", lambda *_, **__: 1)
    assert not ready(PIPECAT)
    assert "cannot be installed" in capsys.readouterr().err
    assert not ready(PIPECAT)


def test_a_file_with_two_names_takes_its_room_once(tmp_path: Path) -> None:
    """As `du` counts."""
    (tmp_path / "one").write_bytes(bytes(2**20))
    (tmp_path / "two").hardlink_to(tmp_path / "one")
    assert disk_mib([tmp_path]) == pytest.approx(1.0, abs=0.05)
