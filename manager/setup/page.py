"""The page: built from admin_ui into the gateway's folder, again only when its sources changed."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from pathlib import Path

from manager.setup import node
from manager.setup.shell import ROOT, SetupFailed, digest, say

SOURCES = ROOT / "admin_ui"
BUILT = ROOT / "services" / "gateway" / "static"
_STAMP = BUILT / ".sources"
_NOT_SOURCES = {"node_modules", "dist", "coverage", "test-results", "playwright-report", ".vite"}


def ensure() -> None:
    """Build the page if it is not there or its sources changed since."""
    if not (SOURCES / "package.json").exists():
        say("There is no page to build in this tree (admin_ui/package.json is missing); the interfaces work without it.")
        return
    wanted = digest(sources())
    if (BUILT / "index.html").exists() and _STAMP.exists() and _STAMP.read_text(encoding="ascii").strip() == wanted:
        return
    installed(node_now := node.find())
    say("Building the page ...")
    if node_now.run(["run", "build"], SOURCES) != 0 or not (BUILT / "index.html").exists():
        raise SetupFailed("the page could not be built; the lines above say why")
    _STAMP.write_text(wanted, encoding="ascii")


def installed(node_now: node.Node) -> None:
    """The page's packages exactly as its lock file says, fetched only when that changed."""
    lock = SOURCES / "package-lock.json"
    if not lock.exists():
        raise SetupFailed("admin_ui has no package-lock.json")
    wanted = digest([lock, SOURCES / "package.json"])
    stamp = SOURCES / "node_modules" / ".souffleur"
    if stamp.exists() and stamp.read_text(encoding="ascii") == wanted:
        return
    say("Installing the page's packages ...")
    if node_now.run(["ci"], SOURCES) != 0:
        raise SetupFailed("the page's packages could not be installed: is there a network?")
    stamp.write_text(wanted, encoding="ascii")


def npm(arguments: Sequence[str]) -> int:
    """Run npm among the page's sources, its packages installed; the exit status."""
    if not (SOURCES / "package.json").exists():
        raise SetupFailed("admin_ui/package.json is missing: there is no page in this tree to check")
    node_now = node.find()
    installed(node_now)
    return node_now.run(arguments, SOURCES)


def sources() -> Iterator[Path]:
    """Every file that the page is built from."""
    waiting = [SOURCES]
    while waiting:
        for path in waiting.pop().iterdir():
            if path.name in _NOT_SOURCES:
                continue
            if path.is_dir():
                waiting.append(path)
            else:
                yield path
