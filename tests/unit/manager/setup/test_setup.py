"""The set-up: when it works again, when it does nothing, and what it takes from the machine."""

from __future__ import annotations

import json
import subprocess
import sys
import tomllib
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import pytest

from manager.setup import environment, node, page, shell

_ROOT = Path(__file__).parents[4]


@pytest.fixture
def root(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A tree of this test's own."""
    for module, names in (
        (shell, {"ROOT": tmp_path, "VENV": tmp_path / ".venv", "TOOLS": tmp_path / ".tools"}),
        (environment, {"ROOT": tmp_path, "VENV": tmp_path / ".venv", "_STAMP": tmp_path / ".venv" / "stamp.json"}),
        (page, {"ROOT": tmp_path, "SOURCES": tmp_path / "admin_ui", "BUILT": tmp_path / "static", "_STAMP": tmp_path / "static" / ".sources"}),
    ):
        for name, value in names.items():
            monkeypatch.setattr(module, name, value)
    for name in ("uv.lock", "pyproject.toml"):
        (tmp_path / name).write_text(name)
    return tmp_path


class _Uv:
    """Stands for uv: notes what it was asked and makes what it would."""

    def __init__(self, root: Path, failing: frozenset[str] = frozenset()) -> None:
        self.root = root
        self.failing = failing
        self.asked: list[list[str]] = []
        self.env: dict[str, str] = {}

    def run(self, command: Sequence[object], *, env: dict[str, str] | None = None, cwd: Path | None = None) -> int:
        words = [str(word) for word in command]
        self.asked.append(words[1:])
        self.env = env or {}
        if "--all-extras" in words and self.failing:
            return 1
        if any(words[at + 1] in self.failing for at, word in enumerate(words) if word == "--extra"):
            return 1
        (self.root / ".venv" / "bin").mkdir(parents=True, exist_ok=True)
        (self.root / ".venv" / "bin" / "souffleur").touch()
        return 0


@pytest.fixture
def uv(root: Path, monkeypatch: pytest.MonkeyPatch) -> _Uv:
    """A uv on this machine that installs nothing."""
    stand_in = _Uv(root)
    monkeypatch.setattr(environment, "uv", lambda: Path("uv"))
    monkeypatch.setattr(environment, "run", stand_in.run)
    monkeypatch.setattr(shell, "run", stand_in.run)
    return stand_in


def test_the_lock_file_is_the_law(uv: _Uv) -> None:
    """Exactly the lock, with all extras, with this interpreter, and no interpreter is downloaded."""
    environment.ensure(dev=False)
    assert uv.asked == [["sync", "--locked", "--all-extras", "--no-dev"]]
    assert uv.env["UV_PYTHON"] == getattr(sys, "_base_executable", sys.executable)
    assert uv.env["UV_PYTHON_DOWNLOADS"] == "never"
    assert not [name for name in uv.env if "INDEX" in name and name.startswith("UV_")]


def test_it_does_nothing_when_nothing_changed(uv: _Uv) -> None:
    """The second call asks nobody."""
    environment.ensure(dev=False)
    environment.ensure(dev=False)
    assert len(uv.asked) == 1


def test_a_changed_lock_is_installed(uv: _Uv, root: Path) -> None:
    """Another lock file means another environment."""
    environment.ensure(dev=False)
    (root / "uv.lock").write_text("other")
    environment.ensure(dev=False)
    assert len(uv.asked) == 2


def test_development_packages_stay(uv: _Uv, root: Path) -> None:
    """Running the program after the tests does not take the tests' packages away, not even with a new lock."""
    environment.ensure(dev=True)
    environment.ensure(dev=False)
    assert uv.asked == [["sync", "--locked", "--all-extras", "--group", "dev"]]
    (root / "uv.lock").write_text("other")
    environment.ensure(dev=False)
    assert uv.asked[1] == uv.asked[0]


def test_a_part_without_a_wheel_is_left_out_and_said(uv: _Uv, root: Path, capsys: pytest.CaptureFixture[str]) -> None:
    """The rest is installed, and what is missed is named."""
    uv.failing = frozenset({"llama", "piper"})
    environment.ensure(dev=False)
    said = capsys.readouterr().out
    assert "Piper voices" in said
    assert "language models in this process" in said
    assert json.loads((root / ".venv" / "stamp.json").read_text())["missing"] == ["piper", "llama"]
    assert ["sync", "--locked", "--inexact", "--extra", "whisper", "--no-dev"] in uv.asked


def test_every_extra_of_the_project_is_known() -> None:
    """The list of optional parts is the one of pyproject.toml."""
    project = tomllib.loads((_ROOT / "pyproject.toml").read_text(encoding="utf-8"))
    assert set(environment._EXTRAS) == set(project["project"]["optional-dependencies"])


@pytest.fixture
def built(root: Path, monkeypatch: pytest.MonkeyPatch) -> list[list[str]]:
    """A page with a stand-in for npm that notes what it was asked and builds."""
    asked: list[list[str]] = []
    (root / "admin_ui" / "src").mkdir(parents=True)
    for name in ("package.json", "package-lock.json", "src/main.tsx"):
        (root / "admin_ui" / name).write_text(name)

    class Npm:
        def run(self, arguments: Sequence[str], cwd: Path) -> int:
            asked.append(list(arguments))
            target = root / ("admin_ui/node_modules/x" if arguments[0] == "ci" else "static/index.html")
            target.parent.mkdir(exist_ok=True)
            target.touch()
            return 0

    monkeypatch.setattr(node, "find", Npm)
    return asked


def test_the_page_is_built_once(built: list[list[str]], root: Path) -> None:
    """Built when it is not there, and again only when a source changed; what npm installed is no source."""
    page.ensure()
    page.ensure()
    assert built == [["ci"], ["run", "build"]]
    (root / "admin_ui" / "node_modules" / "y").touch()
    page.ensure()
    assert len(built) == 2
    (root / "admin_ui" / "src" / "main.tsx").write_text("other")
    page.ensure()
    assert built[2:] == [["run", "build"]]


def test_a_new_lock_of_the_page_is_installed(built: list[list[str]], root: Path) -> None:
    """Its packages follow its lock file."""
    page.ensure()
    (root / "admin_ui" / "package-lock.json").write_text("other")
    page.ensure()
    assert built[2:] == [["ci"], ["run", "build"]]


def test_a_tree_without_a_page_is_said(root: Path, capsys: pytest.CaptureFixture[str]) -> None:
    """Nothing is built, and not in silence; checking it is an error."""
    page.ensure()
    assert "admin_ui/package.json is missing" in capsys.readouterr().out
    with pytest.raises(shell.SetupFailed, match="admin_ui"):
        page.npm(["run", "lint"])


def test_a_build_that_fails_is_an_error(built: list[list[str]], monkeypatch: pytest.MonkeyPatch) -> None:
    """An exit status of the builder is not overlooked, and no stamp says that all is well."""

    class Failing:
        def run(self, arguments: Sequence[str], cwd: Path) -> int:
            (cwd / "node_modules").mkdir(exist_ok=True)
            return 1 if "build" in arguments else 0

    monkeypatch.setattr(node, "find", Failing)
    for _ in range(2):
        with pytest.raises(shell.SetupFailed, match="could not be built"):
            page.ensure()
    assert built == []


@pytest.mark.parametrize(("text", "version"), [("uv 0.13.8 (abc 2026-01-01)", (0, 13, 8)), ("v20.20.2", (20, 20, 2)), ("nonsense", ())])
def test_a_version_is_read_from_what_a_program_says(tmp_path: Path, text: str, version: tuple[int, ...]) -> None:
    """With or without a `v`, with or without a name before it."""
    program = tmp_path / "p"
    program.write_text(f"#!/bin/sh\necho '{text}'\n")
    program.chmod(0o755)
    assert shell.version_of([program]) == version


def test_a_program_that_fails_has_no_version(tmp_path: Path) -> None:
    """A shim that finds nothing behind itself, or a file that is no program, counts as absent."""
    program = tmp_path / "p"
    program.write_text("#!/bin/sh\necho 1.2.3; exit 127\n")
    program.chmod(0o755)
    assert shell.version_of([program]) == ()
    assert shell.version_of([tmp_path / "nothing"]) == ()


def test_a_home_that_cannot_be_written_needs_no_cache_there(root: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Caches go beside the private tools then."""
    monkeypatch.setenv("HOME", "/nowhere/at/all")
    monkeypatch.delenv("UV_CACHE_DIR", raising=False)
    assert shell.tool_environment()["UV_CACHE_DIR"] == str(root / ".tools" / "uv-cache")


def test_it_stands_on_the_standard_library() -> None:
    """The whole set-up can be imported by a bare interpreter, before anything is installed."""
    code = "import sys; import manager.setup.__main__; print(sorted({n.split('.')[0] for n in sys.modules} - set(sys.stdlib_module_names)))"
    answer = subprocess.run(
        [sys.executable, "-I", "-S", "-c", f"import sys; sys.path.insert(0, {str(_ROOT)!r}); {code}"], capture_output=True, text=True, check=True
    )
    assert answer.stdout.strip() == "['__main__', 'manager']"


def test_lock_files_with_private_addresses_are_refused(tmp_path: Path) -> None:
    """A local index, a file path and a mirror are each named with their line; public hosts pass."""
    script = _ROOT / ".ci" / "locks-are-public"

    def checked(name: str, text: str) -> subprocess.CompletedProcess[Any]:
        (tmp_path / name).write_text(text)
        return subprocess.run([sys.executable, script, tmp_path / name], capture_output=True, text=True, check=False)

    good = 'source = { registry = "https://pypi.org/simple" }\nsdist = { url = "https://files.pythonhosted.org/x.tar.gz" }\nsource = { editable = "." }\n'
    assert checked("uv.lock", good).returncode == 0
    for bad in (
        'source = { registry = "file:///opt/simple" }',
        'url = "http://10.0.0.1/x.whl"',
        'find-links = "/opt/wheels"',
        'url = "https://pypi.org.evil/x"',
    ):
        answer = checked("uv.lock", f"{good}{bad}\n")
        assert answer.returncode == 1
        assert f"{tmp_path / 'uv.lock'}:4" in answer.stderr
    assert checked("package-lock.json", '"resolved": "https://registry.npmjs.org/x/-/x-1.tgz"').returncode == 0
    assert checked("package-lock.json", '"resolved": "https://mirror.example/x/-/x-1.tgz"').returncode == 1
