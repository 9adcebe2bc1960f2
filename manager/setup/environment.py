"""The Python environment in .venv, exactly as the lock file says."""

from __future__ import annotations

import json
import shutil
import ssl
import sys
import sysconfig
from pathlib import Path

from manager.setup.shell import ROOT, VENV, digest, must, run, say, tool_environment, tools_folder, version_of

UV_VERSION = "0.13.8"
"""Installed privately where the machine has no uv of its own."""
_OLDEST_UV = (0, 9)
_STAMP = VENV / ".souffleur-setup.json"
_EXTRAS = {
    "whisper": "hearing by Whisper",
    "pocketsphinx": "hearing by pocketsphinx",
    "espeak": "the eSpeak voice",
    "piper": "Piper voices",
    "llama": "language models in this process",
    "postgres": "PostgreSQL",
    "otlp": "traces",
    "memory": "recall by meaning",
    "webrtc": "calls by WebRTC",
}
"""Extras of pyproject.toml and what is missed without them; all of them may fail to install on a platform without a wheel."""


def ensure(*, dev: bool) -> None:
    """Bring .venv up to date. Does nothing when it is; development packages that are there stay."""
    stamp = _stamp()
    dev = dev or bool(stamp.get("dev"))
    wanted = {"lock": digest([ROOT / "uv.lock", ROOT / "pyproject.toml"]), "python": python_id(), "root": str(ROOT), "dev": dev}
    if {name: stamp.get(name) for name in wanted} == wanted and (VENV / "bin" / "souffleur").exists():
        return
    program = uv()
    env = uv_environment()
    groups = ["--group", "dev"] if dev else ["--no-dev"]
    say("Installing the Python packages of the lock file into .venv ...")
    missing: list[str] = []
    if run([program, "sync", "--locked", "--all-extras", *groups], env=env) != 0:
        missing = _one_by_one(program, groups, env)
    _STAMP.write_text(json.dumps({**wanted, "missing": missing}), encoding="utf-8")
    for extra in missing:
        say(f"Not available on this platform: {_EXTRAS[extra]} (extra {extra!r}). Going on without it.")


def uv_install(target: Path, requirement: str) -> None:
    """Put a tool that is not a dependency of the program into a folder of its own."""
    must([uv(), "pip", "install", "--quiet", "--target", target, requirement], f"cannot install {requirement}: is there a network?", env=uv_environment())


def _one_by_one(uv: Path, groups: list[str], env: dict[str, str]) -> list[str]:
    say("Not everything can be installed on this platform; trying the optional parts one by one.")
    must([uv, "sync", "--locked", *groups], "the packages that the program cannot do without did not install; the lines above say why", env=env)
    return [extra for extra in _EXTRAS if run([uv, "sync", "--locked", "--inexact", "--extra", extra, *groups], env=env) != 0]


def uv() -> Path:
    """A uv that is new enough: the machine's, else a private one."""
    own = shutil.which("uv")
    if own is not None and version_of([own, "--version"]) >= _OLDEST_UV:
        return Path(own)
    folder = tools_folder() / "uv"
    private = folder / "bin" / "uv"
    if version_of([private, "--version"]) >= _OLDEST_UV:
        return private
    say("Getting uv, which installs the rest ...")
    advice = "python3 -m venv does not work here; on Debian and Ubuntu: apt-get install python3-venv"
    must([_interpreter(), "-m", "venv", "--clear", folder], advice)
    must(
        [folder / "bin" / "python", "-m", "pip", "install", "--quiet", "--disable-pip-version-check", f"uv=={UV_VERSION}"],
        "cannot install uv: is there a network?",
    )
    return private


def uv_environment() -> dict[str, str]:
    """What uv is run with."""
    env = tool_environment()
    # This very interpreter: what people started is what they get, and nothing is downloaded behind their back.
    if _system_certificates():
        # A company's own authority stands in the system's store, not in uv's.
        env.setdefault("UV_SYSTEM_CERTS", "true")
    env.update(UV_PYTHON=_interpreter(), UV_PYTHON_DOWNLOADS="never", UV_PROJECT_ENVIRONMENT=str(VENV))
    return env


def _system_certificates() -> bool:
    paths = ssl.get_default_verify_paths()
    return paths.cafile is not None or (paths.capath is not None and any(Path(paths.capath).iterdir()))


def _interpreter() -> str:
    # Of a virtual environment its base: .venv must not be built upon itself.
    return str(getattr(sys, "_base_executable", None) or sys.executable)


def python_id() -> str:
    """This interpreter and platform, in a word."""
    return f"{sys.implementation.name}-{'.'.join(str(part) for part in sys.version_info[:3])}-{sysconfig.get_platform()}"


def _stamp() -> dict[str, object]:
    try:
        found = json.loads(_STAMP.read_text(encoding="utf-8"))
    except (OSError, ValueError):
        return {}
    return found if isinstance(found, dict) else {}
