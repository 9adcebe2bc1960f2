"""What every step of the set-up does with other programs and folders."""

from __future__ import annotations

import hashlib
import os
import subprocess
import sys
from collections.abc import Iterable, Mapping, Sequence
from pathlib import Path

ROOT = Path(__file__).resolve().parents[2]
VENV = ROOT / ".venv"
TOOLS = ROOT / ".tools"
"""Private copies of uv and Node where the machine has none; ignored by git, safe to delete."""


class SetupFailed(Exception):
    """Something that the set-up cannot do without did not work; the text says what to do."""


def say(text: str) -> None:
    """Tell the person."""
    sys.stdout.write(f"{text}\n")
    sys.stdout.flush()


def run(command: Sequence[str | Path], *, env: Mapping[str, str] | None = None, cwd: Path = ROOT) -> int:
    """Run a program with its output shown; its exit status."""
    return subprocess.run([str(part) for part in command], cwd=cwd, env=dict(env) if env is not None else None, check=False).returncode  # noqa: S603 - our own tools


def must(command: Sequence[str | Path], why: str, *, env: Mapping[str, str] | None = None, cwd: Path = ROOT) -> None:
    """Run a program that has to succeed; `why` is what to tell when it does not."""
    if run(command, env=env, cwd=cwd) != 0:
        raise SetupFailed(why)


def version_of(command: Sequence[str | Path]) -> tuple[int, ...]:
    """The first version number that a program prints; empty if it does not run."""
    try:
        answer = subprocess.run([str(part) for part in command], capture_output=True, text=True, timeout=30, check=False)  # noqa: S603 - our own tools
    except (OSError, subprocess.TimeoutExpired):
        return ()
    if answer.returncode != 0:
        return ()
    for word in answer.stdout.replace("v", " ").split():
        parts = word.split(".")
        if len(parts) > 1 and all(part.isdigit() for part in parts):
            return tuple(int(part) for part in parts)
    return ()


def tools_folder() -> Path:
    """The folder of private tools, made if needed."""
    TOOLS.mkdir(exist_ok=True)
    (TOOLS / ".gitignore").write_text("*\n", encoding="utf-8")
    return TOOLS


def digest(files: Iterable[Path]) -> str:
    """One checksum over names and contents."""
    total = hashlib.sha256()
    for path in sorted(files):
        total.update(str(path.relative_to(ROOT)).encode() + b"\0")
        total.update(hashlib.sha256(path.read_bytes()).digest())
    return total.hexdigest()


def tool_environment() -> dict[str, str]:
    """This environment for uv and npm: caches in the tools folder where the home folder cannot be written."""
    env = dict(os.environ)
    env.pop("VIRTUAL_ENV", None)
    home = Path(env.get("HOME") or "/")
    if not os.access(home, os.W_OK):
        env.setdefault("UV_CACHE_DIR", str(tools_folder() / "uv-cache"))
        env.setdefault("npm_config_cache", str(tools_folder() / "npm-cache"))
    return env
