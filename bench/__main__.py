"""`python -m bench [section ...]`: measure, print the tables, and write them into docs/benchmarks.md. `--help` lists the sections."""

from __future__ import annotations

import argparse
import asyncio
import shlex
import sys
from collections.abc import Awaitable, Callable, Mapping, Sequence
from typing import Any

import uvloop

from bench import document
from bench.adviser import adviser_table
from bench.coqui import coqui_table
from bench.corrections import corrections_table
from bench.growth import growth_table
from bench.idle import idle_table
from bench.imports import imports_table
from bench.memory import SESSIONS as WEIGHED
from bench.memory import memory_tables
from bench.overhead import Plan, Row, barge_in_table, measured, overhead_tables, plans
from bench.peers.relay import relay_peers_table
from bench.peers.voice import SESSIONS, peers_tables, silero_table
from bench.profile import SESSIONS as PROFILED
from bench.profile import profile_tables
from bench.relay import STREAMS, relay_table
from bench.relay_profile import relay_profile_tables
from bench.start import start_table

_SECTIONS = ("overhead", "barge-in", "start", "imports", "adviser", "corrections", "relay", "growth", "idle")
_ASKED_FOR = ("coqui", "peers", "peers-silero", "relay-peers", "profile", "relay-profile", "memory")
"""Only when named: they need environments of their own, the first a GPU to mean something, the profiles the right to look into another process."""
_USUAL = (1, 10, 50)
_INTERRUPTED = (1, 10)


def main(argv: Sequence[str] | None = None) -> int:
    """Entry point."""
    options = _parser().parse_args(argv)
    uvloop.run(_run(options, shlex.join(["python", "-m", "bench", *(sys.argv[1:] if argv is None else argv)])))
    return 0


def _parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(prog="python -m bench", description=__doc__)
    parser.add_argument("sections", nargs="*", metavar="section", help=f"{', '.join(_SECTIONS)}: all of these if none is named; {', '.join(_ASKED_FOR)}")
    sizes = (("overhead", _USUAL), ("barge-in", _INTERRUPTED), ("peers", SESSIONS), ("relay-peers", STREAMS))
    usual = ", ".join(f"{name}: {','.join(map(str, numbers))}" for name, numbers in sizes)
    parser.add_argument("--sessions", type=_numbers, metavar="1,10,50", help=f"callers or streams at the same time, one row each (default: {usual})")
    parser.add_argument("--seconds", type=float, default=10.0, help="that are counted in each run (default: 10)")
    parser.add_argument("--runs", type=int, default=3, help="of each row; the tables show medians and ranges (default: 3)")
    parser.add_argument("--urgent", action="store_true", help="go before everybody else on the machine (needs root)")
    parser.add_argument("--no-write", action="store_true", help="print only, leave docs/benchmarks.md as it is")
    return parser


def _numbers(text: str) -> list[int]:
    numbers = sorted({int(part) for part in text.split(",")})
    if not numbers or numbers[0] < 1:
        raise argparse.ArgumentTypeError("numbers of sessions are positive")
    return numbers


async def _run(options: argparse.Namespace, command: str) -> None:
    sections = options.sections or list(_SECTIONS)
    if unknown := set(sections) - {*_SECTIONS, *_ASKED_FOR}:
        sys.exit(f"unknown: {', '.join(sorted(unknown))}; known: {', '.join((*_SECTIONS, *_ASKED_FOR))}")
    for section in sections:
        stamp = await asyncio.to_thread(document.stamp, command)
        text = f"{await _MEASURED[section](options)}\n\n{stamp}"
        print(f"\n{section}\n\n{text}\n", flush=True)
        if not options.no_write:
            document.write(section, text)


async def _overhead(options: argparse.Namespace) -> str:
    return overhead_tables([await _row(plan) for plan in plans(options.sessions or _USUAL, options.seconds, options.runs, urgent=options.urgent)])


async def _barge_in(options: argparse.Namespace) -> str:
    common: dict[str, Any] = {"seconds": options.seconds, "runs": options.runs, "interrupts": True, "urgent": options.urgent}
    return barge_in_table([await _row(Plan(sessions=count, **common)) for count in options.sessions or _INTERRUPTED])


async def _row(plan: Plan) -> Row:
    wire, kind = "PCM" if plan.binary else "JSON", ", interrupted" if plan.interrupts else ""
    sys.stderr.write(f"{plan.runs} x {plan.seconds:.0f} s, {plan.sessions} sessions, {wire}, {plan.token_ms:.0f} ms a token{kind}\n")
    return await measured(plan)


_MEASURED: Mapping[str, Callable[[argparse.Namespace], Awaitable[str]]] = {
    "overhead": _overhead,
    "barge-in": _barge_in,
    "start": lambda options: start_table(options.runs),
    "imports": lambda options: imports_table(options.runs),
    "adviser": lambda options: adviser_table(options.runs),
    "corrections": lambda options: corrections_table(options.runs, urgent=options.urgent),
    "relay": lambda options: relay_table(options.seconds, options.runs, urgent=options.urgent),
    "growth": lambda _: growth_table(),
    "idle": lambda _: idle_table(),
    "coqui": lambda options: coqui_table(options.runs),
    "peers": lambda options: peers_tables(options.sessions or SESSIONS, options.seconds, options.runs, urgent=options.urgent),
    "peers-silero": lambda options: silero_table(options.sessions or SESSIONS, options.seconds, options.runs, urgent=options.urgent),
    "relay-peers": lambda options: relay_peers_table(options.sessions or STREAMS, options.seconds, options.runs, urgent=options.urgent),
    "profile": lambda options: profile_tables(options.sessions or PROFILED, options.seconds, urgent=options.urgent),
    "relay-profile": lambda options: relay_profile_tables(options.seconds, urgent=options.urgent),
    "memory": lambda options: memory_tables((options.sessions or (WEIGHED,))[-1], options.seconds),
}


if __name__ == "__main__":
    sys.exit(main())
