"""A tiny wrapper that becomes another program which ends with its parent: `python -I -S tether.py <parent pid> <program> <argument>...`.

Runs on the bare standard library and never imports anything of ours: it is on the way of every start.
On Linux the kernel signals the program when the thread that spawned it ends; elsewhere the next start finds the left-over by its pid file.
The signal is SIGINT: with nobody left to serve it there is nothing that the program should wait for.
"""

from __future__ import annotations

import ctypes
import os
import signal
import sys

_PR_SET_PDEATHSIG = 1


def main(arguments: list[str]) -> None:
    """Tie this process to its parent and become the program."""
    parent, program = int(arguments[0]), arguments[1]
    if sys.platform == "linux":
        libc = ctypes.CDLL(None, use_errno=True)
        if libc.prctl(_PR_SET_PDEATHSIG, int(signal.SIGINT), 0, 0, 0) != 0:
            sys.exit(f"cannot be tied to the parent process: {os.strerror(ctypes.get_errno())}")
        # A shell that starts us in the background has it ignored, and that would be inherited.
        signal.signal(signal.SIGINT, signal.SIG_DFL)
        if os.getppid() != parent:
            # The parent died before the tie was made: there is nobody to serve.
            sys.exit(0)
    os.execv(program, arguments[1:])  # noqa: S606 - the caller's program, no shell


if __name__ == "__main__":
    main(sys.argv[1:])
