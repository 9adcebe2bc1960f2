"""The environment of the Coqui voices: which torch goes into it, when it is made again, and what its lock may hold."""

from __future__ import annotations

import platform
import re
import sys
from collections.abc import Sequence
from pathlib import Path

import pytest

from manager.setup import coqui, shell
from manager.setup.shell import SetupFailed


class _Uv:
    """Stands for uv: notes what it was asked; what holds a word of `failing` fails."""

    def __init__(self) -> None:
        self.asked: list[list[str]] = []
        self.failing = ""

    def run(self, command: Sequence[object], *, env: dict[str, str] | None = None, cwd: Path | None = None) -> int:
        words = [str(word) for word in command]
        self.asked.append(words)
        if "venv" in words:
            Path(words[-1]).mkdir(parents=True, exist_ok=True)
        return 1 if self.failing and self.failing in words else 0

    @property
    def torches(self) -> list[list[str]]:
        """What came behind each request for torch."""
        return [words[words.index(word) :] for words in self.asked for word in words if word.startswith("torch==")]


@pytest.fixture
def uv(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> _Uv:
    """A machine with Linux on x86_64, without a GPU, that keeps no wheels of its own."""
    stand_in = _Uv()
    lock = tmp_path / "coqui.txt"
    lock.write_text("six==1.17.0")
    for module, name, value in (
        (shell, "ROOT", tmp_path),
        (shell, "TOOLS", tmp_path / ".tools"),
        (shell, "run", stand_in.run),
        (coqui, "ROOT", tmp_path),
        (coqui, "LOCK", lock),
        (coqui, "run", stand_in.run),
        (coqui, "uv", lambda: Path("uv")),
        (coqui, "_cuda", lambda: False),
        (platform, "machine", lambda: "x86_64"),
        (sys, "platform", "linux"),
    ):
        monkeypatch.setattr(module, name, value)
    for name in ("UV_FIND_LINKS", "PIP_FIND_LINKS"):
        monkeypatch.delenv(name, raising=False)
    return stand_in


def test_it_is_made_once(uv: _Uv) -> None:
    """A whole lock, with checksums and without what it does not name; a second call asks nobody."""
    coqui.ensure()
    (locked,) = [words for words in uv.asked if "-r" in words]
    assert {"--no-deps", "--require-hashes"} <= set(locked)
    count = len(uv.asked)
    coqui.ensure()
    assert len(uv.asked) == count


def test_without_a_gpu_torch_comes_without_cuda_and_with_one_as_it_is(uv: _Uv, monkeypatch: pytest.MonkeyPatch) -> None:
    """And a GPU that was put in makes it anew."""
    coqui.ensure()
    assert uv.torches == [[f"torch=={coqui.TORCH}+cpu", "--index", "https://download.pytorch.org/whl/cpu"]]
    uv.asked.clear()
    monkeypatch.setattr(coqui, "_cuda", lambda: True)
    coqui.ensure()
    assert uv.torches == [[f"torch=={coqui.TORCH}"]]


def test_what_cannot_be_had_is_tried_elsewhere(uv: _Uv, monkeypatch: pytest.MonkeyPatch) -> None:
    """The machine's own wheels first, then torch's index, then PyPI; nothing anywhere is a failure that says so, and leaves no stamp."""
    monkeypatch.setenv("PIP_FIND_LINKS", "/wheels")
    uv.failing = f"torch=={coqui.TORCH}+cpu"
    coqui.ensure()
    assert [words[0] for words in uv.torches] == [f"torch=={coqui.TORCH}+cpu"] * 2 + [f"torch=={coqui.TORCH}"]
    uv.failing = "-r"
    coqui.LOCK.write_text("six==1.16.0")
    for _ in range(2):
        with pytest.raises(SetupFailed):
            coqui.ensure()


def test_the_lock_has_a_checksum_for_everything_and_names_no_host() -> None:
    """It installs the same anywhere."""
    text = Path(coqui.__file__).with_name("coqui.txt").read_text(encoding="utf-8")
    packages = re.split(r"\n(?=\S)", text.strip())
    assert len(packages) > 50
    assert all(re.match(r"[a-z0-9._-]+==\S+", package) and "--hash=sha256:" in package for package in packages)
    assert not re.search(r"://|--index|--find-links|\bfile:", text)
    assert not [package for package in packages if package.startswith(("torch==", "nvidia-", "triton"))]
    assert all(f"\n{wanted}" in f"\n{text}" for wanted in ("coqui-tts==0.28.0", "six==", "torchaudio==2.11.0", "torchcodec==0.17.0"))
