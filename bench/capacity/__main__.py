"""`python -m bench.capacity`: measure what a table costs, simulate how turns queue, size deployments; writes docs/scaling.md.

A fresh program for each crowd of tables, a bit more than a minute each, nine by default.
"""

from __future__ import annotations

import argparse
import asyncio
import shlex
import sys
from collections.abc import Sequence
from dataclasses import replace
from pathlib import Path
from typing import Final

from bench import document
from bench.capacity import page
from bench.capacity.costs import Measurements, costs_of
from bench.capacity.length import Length, length_of
from bench.capacity.measuring import Crowd, Seen, seen, silero_share
from bench.capacity.sizing import Assumed

PAGE: Final = Path(__file__).resolve().parents[2] / "docs" / "scaling.md"
PARTS: Final = ("costs", "turns", "length", "queue", "assumed", "full", "sizes")
_COMPANY: Final = 3
_CORRECTIONS_PER_S: Final = 10.0


def main(argv: Sequence[str] | None = None) -> int:
    """Entry point."""
    options = _parser().parse_args(argv)
    command = shlex.join(["python", "-m", "bench.capacity", *(sys.argv[1:] if argv is None else argv)])
    stamp = document.stamp(command)
    length = length_of(document.PATH.read_text(encoding="utf-8"))
    found, grown = asyncio.run(_measured(options))
    for name, text in _parts(found, grown, length, Assumed(), stamp).items():
        sys.stdout.write(f"\n{name}\n\n{text}\n")
        if not options.no_write:
            PAGE.write_text(document.replaced(PAGE.read_text(encoding="utf-8"), name, text), encoding="utf-8")
    return 0


def _parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(prog="python -m bench.capacity", description=__doc__)
    parser.add_argument("--tables", type=int, default=20, help="while costs are told apart (default: 20)")
    parser.add_argument("--counts", type=_numbers, default=(5, 40), metavar="5,40", help="of tables, at which a turn is measured as well (default: 5,40)")
    parser.add_argument("--casts", type=_numbers, default=(4, 16), metavar="4,16", help="characters at the tables of further runs (default: 4,16)")
    parser.add_argument("--seconds", type=float, default=30.0, help="of each (default: 30)")
    parser.add_argument("--no-write", action="store_true", help="print only, leave docs/scaling.md as it is")
    return parser


def _numbers(text: str) -> tuple[int, ...]:
    return tuple(int(part) for part in text.split(",") if part)


async def _measured(options: argparse.Namespace) -> tuple[Measurements, list[Seen]]:
    """What the costs are made of, and every crowd that talked."""
    talking = Crowd(tables=options.tables)
    closed = replace(talking, talks=False, microphones=False)
    found = Measurements(
        silero=await asyncio.to_thread(silero_share),
        connected=await seen(closed, options.seconds),
        silent=await seen(replace(talking, talks=False), options.seconds),
        talking=await seen(talking, options.seconds),
        heard=await seen(replace(talking, people=_COMPANY), options.seconds),
        corrected=await seen(replace(closed, corrections_per_s=_CORRECTIONS_PER_S), options.seconds),
    )
    further = [replace(talking, tables=count) for count in options.counts] + [replace(talking, characters=count) for count in options.casts]
    grown = [await _if_it_can(crowd, options.seconds) for crowd in further]
    return found, [found.talking, *(one for one in grown if one is not None), found.heard]


async def _if_it_can(crowd: Crowd, seconds: float) -> Seen | None:
    try:
        return await seen(crowd, seconds)
    except (RuntimeError, TimeoutError) as error:
        # At this size it gives up; what was measured at the others is still to be told.
        sys.stderr.write(f"{crowd}: {error or 'nothing more was heard of it'}\n")
        return None


def _parts(found: Measurements, grown: Sequence[Seen], length: Length, assumed: Assumed, stamp: str) -> dict[str, str]:
    costs = costs_of(found, length)
    crowds = sorted(grown, key=lambda one: (one.crowd.characters, one.crowd.people, one.crowd.tables))
    texts = (
        f"{page.costs_part(costs)}\n\n{stamp}",
        page.turns_part(crowds, costs),
        page.length_part(length),
        page.queue_part(costs, assumed),
        page.assumed_part(assumed),
        page.full_part(costs, assumed),
        page.sizes_part(costs, assumed),
    )
    return dict(zip(PARTS, texts, strict=True))


if __name__ == "__main__":
    sys.exit(main())
