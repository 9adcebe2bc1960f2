"""The set-up: `python3 -m manager.setup [env|page|coqui|npm|buf]`. Needs Python 3.11 and a network the first time, nothing else."""

from __future__ import annotations

import argparse
import os
import shutil
import sys

from manager.setup import coqui, environment, node, page
from manager.setup.shell import SetupFailed, say

_OLDEST = (3, 11)
_CANDIDATES = ("python3.11", "python3.13", "python3.12")


def main() -> int:
    """Run the step that was asked for; without one, all that `make up` needs."""
    _good_python()
    parser = argparse.ArgumentParser(prog="python3 -m manager.setup", description=__doc__)
    parser.add_argument("--dev", action="store_true", help="with what tests and checks need")
    parser.add_argument("step", nargs="?", default="all", choices=["all", "env", "page", "coqui", "npm", "buf"])
    parser.add_argument("rest", nargs=argparse.REMAINDER, help="arguments for npm (in admin_ui) or buf")
    options = parser.parse_args()
    try:
        if options.step in ("all", "env"):
            environment.ensure(dev=options.dev)
        if options.step in ("all", "page"):
            page.ensure()
        if options.step == "coqui":
            coqui.ensure()
        if options.step == "npm":
            return page.npm(options.rest)
        if options.step == "buf":
            return node.buf(options.rest)
    except SetupFailed as failure:
        say(f"set-up failed: {failure}")
        return 1
    except KeyboardInterrupt:
        return 130
    return 0


def _good_python() -> None:
    """Go on in a newer interpreter if this one is too old."""
    if sys.version_info >= _OLDEST:
        return
    for name in _CANDIDATES:
        found = shutil.which(name)
        if found:
            os.execv(found, [found, "-m", "manager.setup", *sys.argv[1:]])  # noqa: S606 - the same command, another interpreter
    sys.stderr.write("Souffleur needs Python 3.11 or newer; this is {}.{}.\n".format(*sys.version_info[:2]))
    sys.exit(1)


if __name__ == "__main__":
    sys.exit(main())
