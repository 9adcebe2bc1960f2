"""The environment of the Coqui voices: coqui-tts and torch, apart from the program's own because of their two gigabytes."""

from __future__ import annotations

import json
import platform
import shutil
import sys
from pathlib import Path

from manager.setup.environment import python_id, uv, uv_environment
from manager.setup.shell import ROOT, SetupFailed, digest, must, run, say, tools_folder

TORCH = "2.13.0"
LOCK = ROOT / "manager" / "setup" / "coqui.txt"
"""Everything but torch, with checksums; of coqui.in, which says how."""
_CPU_INDEX = "https://download.pytorch.org/whl/cpu"
_NEEDED_BYTES = 4 * 1024**3
_PROOF = """
import sys
sys.path.insert(0, sys.argv[1])
from worker import libraries
libraries.ready("auto", 0)
import TTS.tts.models.vits, TTS.tts.models.xtts
"""


def ensure() -> None:
    """Bring it up to date; does nothing when it is."""
    folder = tools_folder() / "coqui"
    stamp = folder / ".souffleur-setup.json"
    wanted = {"lock": digest([LOCK]), "torch": TORCH, "python": python_id(), "cuda": _cuda()}
    if stamp.is_file() and json.loads(stamp.read_text(encoding="utf-8")) == wanted:
        return
    if shutil.disk_usage(ROOT).free < _NEEDED_BYTES:
        raise SetupFailed("the Coqui environment needs 4 GB of disk")
    program, env = uv(), uv_environment()
    # People's own folders of wheels count for uv, too, which knows them by another name than pip.
    if env.get("PIP_FIND_LINKS"):
        env.setdefault("UV_FIND_LINKS", env["PIP_FIND_LINKS"])
    say("Installing the Coqui voices into .tools/coqui (about 2 GB, with CUDA about 6) ...")
    must([program, "venv", "--quiet", "--clear", folder], "cannot make the environment of the Coqui voices", env=env)
    python = folder / "bin" / "python"
    into: list[str | Path] = [program, "pip", "install", "--quiet", "--python", python]
    # The lock is whole: what it does not name is not wanted, such as the CUDA libraries of torchaudio.
    must([*into, "--no-deps", "--require-hashes", "-r", LOCK], "cannot install coqui-tts: is there a network?", env=env)
    _torch(into, env)
    must([python, "-I", "-c", _PROOF, ROOT / "services" / "tts" / "engines" / "coqui"], "coqui-tts was installed, but does not start; the lines above say why")
    stamp.write_text(json.dumps(wanted), encoding="utf-8")
    say("The Coqui voices are installed. Put a model (config.json, model.pth, ...) into a folder under models/coqui of the data folder.")


def _torch(into: list[str | Path], env: dict[str, str]) -> None:
    """The build for this machine: with CUDA where there is a GPU of NVIDIA's, else without, which is 3 GB less."""
    small = not _cuda() and sys.platform == "linux" and platform.machine() == "x86_64"
    tries: list[list[str]] = []
    if small and env.get("UV_FIND_LINKS"):
        tries.append([f"torch=={TORCH}+cpu"])
    if small:
        tries.append([f"torch=={TORCH}+cpu", "--index", _CPU_INDEX])
    tries.append([f"torch=={TORCH}"])
    if not any(run([*into, *attempt], env=env) == 0 for attempt in tries):
        raise SetupFailed("cannot install torch: is there a network?")


def _cuda() -> bool:
    return Path("/dev/nvidiactl").exists() or shutil.which("nvidia-smi") is not None
