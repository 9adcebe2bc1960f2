"""The run file."""

from __future__ import annotations

from pathlib import Path

from manager import runfile

_RUN = runfile.Run(pid=1, url="http://127.0.0.1:1", redis_url="unix:///s", services=["stt"], started_at=1.5)


def test_what_is_left_is_read(tmp_path: Path) -> None:
    """The run comes back whole, and only its owner may read it."""
    runfile.write(tmp_path / "run", _RUN)
    assert runfile.read(tmp_path / "run") == _RUN
    assert (tmp_path / "run" / "souffleur.json").stat().st_mode & 0o077 == 0
    runfile.remove(tmp_path / "run")
    assert runfile.read(tmp_path / "run") is None


def test_a_damaged_file_is_no_run(tmp_path: Path) -> None:
    """Half a file, or one of another version, counts as none."""
    for text in ("{", "[]", '{"pid": 1}'):
        (tmp_path / "souffleur.json").write_text(text)
        assert runfile.read(tmp_path) is None
