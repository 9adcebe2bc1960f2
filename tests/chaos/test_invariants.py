"""The checker finds what is broken, and only that; a naive log does not pass it."""

from __future__ import annotations

import asyncio
import os
import signal
from collections.abc import Callable
from dataclasses import replace

import pytest

from services.compose import redis_client
from services.core.model.fact import Fact, LineState
from services.core.model.facts import Erased, LineClosed
from services.transcript.store import Entry
from tests.chaos.invariants import Correction, Evidence, Told, violations
from tests.chaos.naive import NaiveLog
from tests.redis_server import running_redis
from tests.unit.services.transcript.drafts import draft, opened, said, sentence, struck

DRAFTS = [
    said("u1"),
    opened("L"),
    sentence("L", 0, "Come in."),
    draft("L:close", LineClosed(line="L", state=LineState.HEARD, last_seq=3, offset=8)),
    struck("c1", 3),
]
FACTS: list[Fact] = [draft.at(seq) for seq, draft in enumerate(DRAFTS, 1)]
ENTRIES = [Entry(fact.seq, draft.key, fact.to_json()) for fact, draft in zip(FACTS, DRAFTS, strict=True)]
TOLD = [Told.of(fact.to_dict()) for fact in FACTS]
GOOD = Evidence(
    stream=ENTRIES[1:],
    archive=ENTRIES,
    acknowledged=[("u1", TOLD[0]), ("u1", TOLD[0])],
    shown={"ann": TOLD, "bob": TOLD[2:]},
    corrections={"c1": Correction(state="applied", seq=5), "c2": Correction(state="conflicted")},
)


def _without(entries: list[Entry], seq: int) -> list[Entry]:
    return [entry for entry in entries if entry.seq != seq]


def _other(entry: Entry) -> Entry:
    return replace(entry, envelope=entry.envelope.replace("Come in.", "Go away."))


BROKEN: dict[str, tuple[str, Callable[[], Evidence]]] = {
    "an acknowledged fact is gone": ("I1", lambda: replace(GOOD, archive=ENTRIES[1:], stream=())),
    "what was shown is gone": ("I1", lambda: replace(GOOD, shown={"ann": [*TOLD, replace(TOLD[4], seq=6)]})),
    "a number was given twice": ("I1", lambda: replace(GOOD, acknowledged=[("u1", TOLD[0]), ("u2", replace(TOLD[0], body={"utterance": "u2"}))])),
    "a gap": ("I2", lambda: replace(GOOD, archive=_without(ENTRIES, 3), stream=())),
    "a gap inside": ("I2", lambda: replace(GOOD, stream=_without(ENTRIES, 3))),
    "the archive is behind": ("I2", lambda: replace(GOOD, archive=ENTRIES[:4], shown={}, corrections={})),
    "told out of order": ("I2", lambda: replace(GOOD, shown={"ann": [TOLD[1], TOLD[0]]})),
    "told twice": ("I2", lambda: replace(GOOD, shown={"ann": [TOLD[0], TOLD[0]]})),
    "one key, two facts": ("I3", lambda: replace(GOOD, archive=[*ENTRIES, Entry(6, "u1", said("u1").at(6).to_json())], stream=())),
    "one key, two answers": ("I3", lambda: replace(GOOD, acknowledged=[("u1", TOLD[0]), ("u1", TOLD[1])])),
    "stream and archive differ": ("I4", lambda: replace(GOOD, stream=[*ENTRIES[:2], _other(ENTRIES[2]), *ENTRIES[3:]])),
    "a line without an end": ("I5", lambda: replace(GOOD, archive=ENTRIES[:3], stream=(), shown={}, corrections={})),
    "a line with two ends": ("I5", lambda: replace(GOOD, archive=[*ENTRIES, Entry(6, "L:close2", DRAFTS[3].at(6).to_json())], stream=())),
    "words behind the end": ("I5", lambda: replace(GOOD, archive=[*ENTRIES, Entry(6, "x", sentence("L", 1, "Sit.").at(6).to_json())], stream=())),
    "a turn without an answer": ("I5", lambda: replace(GOOD, archive=[*ENTRIES, Entry(6, "u2", said("u2").at(6).to_json())], stream=())),
    "a correction without an end": ("I6", lambda: replace(GOOD, corrections={"c1": Correction(state="pending")})),
    "an applied one that does not stand": ("I6", lambda: replace(GOOD, corrections={"c9": Correction(state="applied", seq=5)})),
    "a refused one that stands": ("I6", lambda: replace(GOOD, corrections={"c1": Correction(state="dead")})),
}


def test_what_is_whole_passes() -> None:
    """Trimmed, resent, shown in part: all of that is allowed."""
    assert violations(GOOD) == []


@pytest.mark.parametrize("name", BROKEN)
def test_what_is_broken_is_found(name: str) -> None:
    """And called by the promise that it breaks."""
    promise, evidence = BROKEN[name]
    found = violations(evidence())
    assert any(item.startswith(promise) for item in found), found


def test_erased_words_are_not_missed() -> None:
    """A tombstone keeps the number; what it said before is nobody's business any more."""
    tombstone = replace(ENTRIES[2], envelope=ENTRIES[2].envelope.replace("Come in.", ""))
    erased = draft("e1", Erased(seqs=[3]))
    archive = [*ENTRIES[:2], tombstone, *ENTRIES[3:], Entry(6, "e1", erased.at(6).to_json())]
    assert violations(replace(GOOD, archive=archive, stream=archive[3:])) == []


async def test_a_naive_log_does_not_pass() -> None:
    """Its store stands still for a moment, and then it dies itself: some words stand twice, others not at all."""
    with running_redis(fsync="always") as server:
        store = redis_client(server.url)
        log = NaiveLog(store)
        writing = asyncio.create_task(log.write())

        async def talk(until: Callable[[], bool]) -> None:
            async with asyncio.timeout(30):
                while not until():
                    await log.say(f"u{len(log.acknowledged)}", "A word.")
                    await asyncio.sleep(0.001)

        await talk(lambda: log.written >= 50)
        os.kill(server.pid, signal.SIGSTOP)
        failures = log.failures
        await talk(lambda: log.failures > failures)
        os.kill(server.pid, signal.SIGCONT)
        await talk(lambda: log.written >= 100)
        os.kill(server.pid, signal.SIGSTOP)
        await talk(lambda: log.waiting > 10)
        writing.cancel()
        await asyncio.gather(writing, return_exceptions=True)
        os.kill(server.pid, signal.SIGCONT)
        await log.archive()
        await store.aclose()
    found = violations(log.evidence())
    assert {item[:2] for item in found} >= {"I1", "I3"}
