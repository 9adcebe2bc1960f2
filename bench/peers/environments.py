"""The environment of each system beside which we are measured, and one of the same kind for ourselves: made at first use, under .tools/peers."""

from __future__ import annotations

import json
import re
import subprocess
import sys
from dataclasses import dataclass
from pathlib import Path
from typing import Final

from manager.setup.environment import python_id, uv, uv_environment
from manager.setup.shell import ROOT, digest, run, tools_folder

_HERE: Final = Path(__file__).parent
_STAMP: Final = ".souffleur-setup.json"


@dataclass(frozen=True, slots=True)
class Peer:
    """One system."""

    name: str
    """Of its folder here and under .tools/peers."""
    title: str
    packages: tuple[str, ...]
    """Whose versions are told beside the figures."""
    imported: str
    """The statement whose time is the time of its import."""

    @property
    def folder(self) -> Path:
        """Of its environment."""
        return tools_folder() / "peers" / self.name

    @property
    def python(self) -> Path:
        """Its interpreter."""
        return self.folder / "bin" / "python"

    @property
    def lock(self) -> Path:
        """Everything that is installed, each in one version."""
        return _HERE / self.name / "requirements.txt"

    def versions(self) -> str:
        """Of the packages that matter, as the lock has them."""
        pins = dict(re.findall(r"^([\w.-]+)==([^\s;]+)", self.lock.read_text(encoding="utf-8"), re.MULTILINE))
        return ", ".join(f"{name} {pins[name]}" for name in self.packages)


PIPECAT: Final = Peer("pipecat", "Pipecat", ("pipecat-ai", "fastapi", "uvicorn", "websockets", "uvloop"), "import bench.peers.pipecat.server")
LIVEKIT: Final = Peer("livekit", "LiveKit Agents", ("livekit-agents", "livekit", "aiohttp", "uvloop"), "import bench.peers.livekit.server")
LITELLM: Final = Peer("litellm", "LiteLLM", ("litellm", "fastapi", "uvicorn"), "import litellm.proxy.proxy_server")


class Ourselves(Peer):
    """What `pip install souffleur` would bring: the lock file without extras and without what only developers need."""

    __slots__ = ()

    @property
    def lock(self) -> Path:
        """Written anew from uv.lock."""
        path = tools_folder() / "peers" / "souffleur.txt"
        path.parent.mkdir(exist_ok=True)
        command = [uv(), "export", "--quiet", "--frozen", "--no-dev", "--no-emit-project", "--no-hashes", "--no-header", "--no-annotate", "--output-file", path]
        subprocess.run([str(part) for part in command], check=True, stdout=subprocess.DEVNULL, env=uv_environment(), cwd=ROOT)
        return path

    def versions(self) -> str:
        """Told by the stamp of the page."""
        return ""


SOUFFLEUR: Final = Ourselves(
    "souffleur",
    "Souffleur",
    (),
    "import services.__main__\nfrom services.catalog import SERVICES\nfrom services.core.registry import load\nfor name in SERVICES: load(name, SERVICES)",
)


def ready(peer: Peer) -> bool:
    """Bring its environment up to date; False, with a line that says so, if that cannot be done."""
    stamp = peer.folder / _STAMP
    lock = peer.lock
    wanted = {"lock": digest([lock]), "python": python_id()}
    if stamp.is_file() and json.loads(stamp.read_text(encoding="utf-8")) == wanted:
        return True
    sys.stderr.write(f"Installing {peer.title} into .tools/peers/{peer.name} ...\n")
    program, env = uv(), uv_environment()
    into: list[str | Path] = [program, "pip", "install", "--quiet", "--compile-bytecode", "--no-deps", "--python", peer.python, "-r", lock]
    if run([program, "venv", "--quiet", "--clear", peer.folder], env=env) or run(into, env=env):
        sys.stderr.write(f"{peer.title} cannot be installed (is there a network?): the tables go without it.\n")
        return False
    stamp.write_text(json.dumps(wanted), encoding="utf-8")
    return True
