"""The checker finds what is broken, and only that; a naive log does not pass it."""

from __future__ import annotations

import asyncio
import os
import signal
from collections.abc import Callable
from dataclasses import replace
from typing import Any

import pytest

from services.compose import redis_client
from services.core.model.fact import Author, Draft, Fact, LineState
from services.core.model.facts import Erased, LineClosed, LineOpened, Passed, Said
from services.transcript.erasing import tombstone
from services.transcript.store import Entry
from tests.chaos.closure import closure, unfinished
from tests.chaos.evidence import Correction, Evidence, Told
from tests.chaos.invariants import GONE, violations
from tests.chaos.naive import NaiveLog
from tests.chaos.table import heard_in
from tests.redis_server import running_redis
from tests.unit.services.transcript.drafts import AT_MS, corrected, draft, opened, said, sentence

DRAFTS = [
    said("u1"),
    opened("L"),
    sentence("L", 0, "Come in."),
    draft("L:close", LineClosed(line="L", state=LineState.HEARD, last_seq=3, offset=8)),
    corrected("c1", 3, "Sit down."),
]
FACTS: list[Fact] = [draft.at(seq) for seq, draft in enumerate(DRAFTS, 1)]
ENTRIES = [Entry(fact.seq, draft.key, fact.to_json()) for fact, draft in zip(FACTS, DRAFTS, strict=True)]
TOLD = [Told.of(fact.to_dict()) for fact in FACTS]
APPLIED = Correction(text="Sit down.", target=3, state="applied", seq=5)
CONFLICTED = Correction(text="No.", target=3, base=3, state="conflicted")
GOOD = Evidence(
    stream=ENTRIES[1:],
    archive=ENTRIES,
    asked={"u1": "Is there a room?"},
    acknowledged=[("u1", TOLD[0]), ("u1", TOLD[0])],
    shown={"ann": TOLD, "bob": TOLD},
    corrections={"c1": APPLIED, "c2": CONFLICTED},
    calm=[(0, 5)],
    deadline_s=120,
)


def _without(entries: list[Entry], seq: int) -> list[Entry]:
    return [entry for entry in entries if entry.seq != seq]


def _other(entry: Entry) -> Entry:
    return replace(entry, envelope=entry.envelope.replace("Come in.", "Go away."))


def _told(*drafts: Draft) -> list[Told]:
    return [Told.of(draft.at(seq).to_dict()) for seq, draft in enumerate(drafts, 1)]


def _and(*drafts: Draft) -> list[Entry]:
    return [*ENTRIES, *(Entry(seq, draft.key, draft.at(seq).to_json()) for seq, draft in enumerate(drafts, len(ENTRIES) + 1))]


def _line(line: str, turn: int, upto: int, *, character: str = "mirelle", answers: str = "p-1", retakes: str = "") -> Draft:
    return draft(f"{line}:open", LineOpened(line=line, character=character, turn=turn, base_seq=0, upto=upto, answers=answers, retakes=retakes))


def _spoken(line: str, turn: int, upto: int, **fields: str) -> list[Draft]:
    return [_line(line, turn, upto, **fields), _end(line, LineState.CUT)]


def _passed(turn: int, upto: int, reason: str = "stopped") -> Draft:
    return draft(f"pass:{turn}:{upto}:{reason}", Passed(turn=turn, reason=reason), cause=upto)


def _others(key: str, member: str, audience: tuple[str, ...] | None = None) -> Draft:
    body = Said(utterance=key, text="And for me?", whispered=audience is not None)
    return draft(key, body, by=Author("player", member, member), audience=audience)


def _shown_with(**fields: Any) -> Evidence:
    return replace(GOOD, shown={"ann": [*TOLD[:2], Told.of(FACTS[2].to_dict() | fields), *TOLD[3:]]})


def _end(line: str, state: LineState, last_seq: int = 0, offset: int = 0, after_ms: int = 0) -> Draft:
    return draft(f"{line}:close", LineClosed(line=line, state=state, last_seq=last_seq, offset=offset), at_ms=AT_MS + after_ms)


BROKEN: dict[str, tuple[str, Callable[[], Evidence]]] = {
    "an acknowledged fact is gone": ("I1 fact 1 (said) was acknowledged", lambda: replace(GOOD, archive=ENTRIES[1:])),
    "what was shown is gone": ("I1 fact 6 (corrected) was shown to ann", lambda: replace(GOOD, shown={"ann": [*TOLD, replace(TOLD[4], seq=6)]})),
    "shown as another one": ("I1 fact 3 was shown to ann", lambda: _shown_with(place="attic")),
    "shown as another one's": ("I1 fact 3 was shown to ann", lambda: _shown_with(by={"role": "player", "id": "p-2", "name": "Bob"})),
    "shown as a whisper": ("I1 fact 3 was shown to ann", lambda: _shown_with(audience=["p-1"])),
    "shown as of another time": ("I1 fact 3 was shown to ann", lambda: _shown_with(at="2025-06-15T15:06:41.123Z")),
    "a number was given twice": (
        "I1 fact 1 was acknowledged as said",
        lambda: replace(GOOD, acknowledged=[("u1", TOLD[0]), ("u2", replace(TOLD[0], body={"utterance": "u2"}))]),
    ),
    "a gap": ("I2 the archive's numbers", lambda: replace(GOOD, archive=_without(ENTRIES, 3))),
    "a gap inside": ("I2 the stream's numbers", lambda: replace(GOOD, stream=_without(ENTRIES, 3))),
    "the archive is behind": ("I2 the stream ends at 5, the archive at 4", lambda: replace(GOOD, archive=ENTRIES[:4])),
    "no stream": ("I2 the stream is empty", lambda: replace(GOOD, stream=())),
    "no archive": ("I2 the archive is empty", lambda: replace(GOOD, archive=())),
    "told out of order": ("I2 ann was told of 1 after 2", lambda: replace(GOOD, shown={"ann": [TOLD[1], TOLD[0], *TOLD[2:]]})),
    "told twice": ("I2 ann was told of 1 after 1", lambda: replace(GOOD, shown={"ann": [TOLD[0], *TOLD]})),
    "not told of the beginning": ("I2 bob was never told of 2 of 5 facts: 1, 2", lambda: replace(GOOD, shown={"ann": TOLD, "bob": TOLD[2:]})),
    "not told of something between": ("I2 bob was never told of 1 of 5 facts: 3", lambda: replace(GOOD, shown={"bob": [*TOLD[:2], *TOLD[3:]]})),
    "not told of the end": ("I2 ann was never told of 1 of 5 facts: 5", lambda: replace(GOOD, shown={"ann": TOLD[:4]})),
    "never told of anything": ("I2 ann was never told of 5 of 5 facts", lambda: replace(GOOD, shown={"ann": []})),
    "one key, two facts": ("I3 key u1 stands 2 times", lambda: replace(GOOD, archive=_and(said("u1")))),
    "one key, two answers": ("I3 key u1 was acknowledged as [1, 2]", lambda: replace(GOOD, acknowledged=[("u1", TOLD[0]), ("u1", TOLD[1])])),
    "one fact, two keys": (
        "I3 fact 1 was acknowledged to bob-7, u1",
        lambda: replace(GOOD, asked={**GOOD.asked, "bob-7": "And for me?"}, acknowledged=[("u1", TOLD[0]), ("bob-7", TOLD[0])]),
    ),
    "another one's fact": (
        "I3 key bob-7 was acknowledged with fact 1, which is another one's (u1)",
        lambda: replace(GOOD, asked={"bob-7": "Is there a room?"}, acknowledged=[("bob-7", TOLD[0])]),
    ),
    "a fact that nobody said": ("I3 key u1 was acknowledged with fact 2", lambda: replace(GOOD, acknowledged=[("u1", TOLD[1])])),
    "acknowledged with other words": ("I3 key u1 was acknowledged with fact 1, which has other words", lambda: replace(GOOD, asked={"u1": "Is there a fire?"})),
    "acknowledged and never asked": ("I3 key u1 was acknowledged with fact 1, which has other words", lambda: replace(GOOD, asked={})),
    "stream and archive differ": ("I4 stream and archive differ at 3", lambda: replace(GOOD, stream=[*ENTRIES[:2], _other(ENTRIES[2]), *ENTRIES[3:]])),
    "a line without an end": ("I5 line L was closed 0 times", lambda: replace(GOOD, archive=ENTRIES[:3])),
    "a line with two ends": ("I5 line L was closed 2 times", lambda: replace(GOOD, archive=_and(DRAFTS[3]))),
    "words behind the end": ("I5 sentence 6 stands behind the end", lambda: replace(GOOD, archive=_and(sentence("L", 1, "Sit.")))),
    "words of a line that nobody opened": ("I5 sentence 6 stands in line Z", lambda: replace(GOOD, archive=_and(sentence("Z", 0, "Hm.")))),
    "words before their line": (
        "I5 sentence 6 stands in line M",
        lambda: replace(GOOD, archive=_and(sentence("M", 0, "Hm."), _line("M", 0, 0), _end("M", LineState.CUT))),
    ),
    "passed, and then answered": (
        "I5 what was said at 6 has an end at 7 and another one at 8",
        lambda: replace(GOOD, archive=_and(said("u2"), _passed(6, 6), *_spoken("M", 6, 6))),
    ),
    "answered, and then passed": (
        "I5 what was said at 6 has an end at 7 and another one at 9",
        lambda: replace(GOOD, archive=_and(said("u2"), *_spoken("M", 6, 6), _passed(6, 6))),
    ),
    "passed twice": (
        "I5 what was said at 6 has an end at 7 and another one at 8",
        lambda: replace(GOOD, archive=_and(said("u2"), _passed(6, 6), _passed(6, 6, "owner_lost"))),
    ),
    "answered twice": (
        "I5 what was said at 6 has an end at 7 and another one at 9",
        lambda: replace(GOOD, archive=_and(said("u2"), *_spoken("M", 6, 6), *_spoken("N", 6, 6))),
    ),
    "answered twice, by two": (
        "I5 what was said at 6 has an end at 7 and another one at 9",
        lambda: replace(GOOD, archive=_and(said("u2"), *_spoken("M", 6, 6), *_spoken("N", 6, 6, character="quill", answers="p-2"))),
    ),
    "answered again with what came later": (
        "I5 what was said at 6 has an end at 8 and another one at 10",
        lambda: replace(GOOD, archive=_and(said("u2"), said("u3"), *_spoken("M", 6, 6), *_spoken("N", 6, 7))),
    ),
    "answered again with what came before": (
        "I5 what was said at 7 has an end at 8 and another one at 10",
        lambda: replace(GOOD, archive=_and(said("u2"), said("u3"), *_spoken("M", 6, 7), *_spoken("N", 7, 7))),
    ),
    "passed, and then said once more": (
        "I5 what was said at 6 has an end at 7 and another one at 8",
        lambda: replace(GOOD, archive=_and(said("u2"), _passed(6, 6), *_spoken("N", 6, 6, retakes="M"))),
    ),
    "once more, and in the place of another line": (
        "I5 what was said at 6 has an end at 7 and another one at 9",
        lambda: replace(GOOD, archive=_and(said("u2"), *_spoken("M", 6, 6), *_spoken("N", 6, 6, retakes="L"))),
    ),
    "a turn without an answer": ("I5 what was said at 6", lambda: replace(GOOD, archive=_and(said("u2")))),
    "an answer to others": (
        "I5 what was said at 6",
        lambda: replace(GOOD, archive=_and(said("u2"), said("u3"), _line("M", 7, 7), _end("M", LineState.CUT))),
    ),
    "an answer to those before": (
        "I5 what was said at 7",
        lambda: replace(GOOD, archive=_and(said("u2"), said("u3"), _line("M", 6, 6), _end("M", LineState.CUT))),
    ),
    "an answer elsewhere": (
        "I5 what was said at 6",
        lambda: replace(GOOD, archive=_and(said("u2", place="attic"), _line("M", 6, 6), _end("M", LineState.CUT))),
    ),
    "a line that nobody asked for": ("I5 what was said at 6", lambda: replace(GOOD, archive=_and(said("u2"), _line("M", 0, 0), _end("M", LineState.CUT)))),
    "others are passed": (
        "I5 what was said at 6",
        lambda: replace(GOOD, archive=_and(said("u2"), said("u3"), draft("p", Passed(turn=7, reason="stopped"), cause=7))),
    ),
    "lines come to nothing, and no fault is there": (
        "I5 1 of 2 lines that no fault has touched were aborted",
        lambda: replace(GOOD, archive=_and(said("u2"), _line("M", 6, 6), _end("M", LineState.ABORTED)), calm=[(0, 8)]),
    ),
    "a line that nobody ended in time": (
        "I5 line M took 136 s",
        lambda: replace(GOOD, archive=_and(said("u2"), _line("M", 6, 6), _end("M", LineState.CUT, after_ms=136_000))),
    ),
    "a correction without an end": ("I6 correction c1 is still pending", lambda: replace(GOOD, corrections={"c1": replace(APPLIED, state="pending")})),
    "an applied one that does not stand": (
        "I6 correction c9 is applied and stands 0",
        lambda: replace(GOOD, corrections={"c9": APPLIED}),
    ),
    "an applied one that stands elsewhere": (
        "I6 correction c1 is applied at 999 and stands at 5",
        lambda: replace(GOOD, corrections={"c1": replace(APPLIED, seq=999)}),
    ),
    "applied with other words": (
        "I6 correction c1 is applied at 5 with other words",
        lambda: replace(GOOD, corrections={"c1": replace(APPLIED, text="Stand up.")}),
    ),
    "applied to another fact": (
        "I6 correction c1 is applied at 5 with other words",
        lambda: replace(GOOD, corrections={"c1": replace(APPLIED, target=1)}),
    ),
    "words that were erased": ("I4 the words of 3 were erased and stand in the archive", lambda: replace(GOOD, archive=_and(draft("e", Erased(seqs=[3]))))),
    "words that were erased, in the stream": (
        "I4 the words of 3 were erased and stand in the stream",
        lambda: replace(GOOD, stream=ENTRIES[1:], archive=_and(draft("e", Erased(seqs=[3])))),
    ),
    "one that nobody knows any more": (
        "I6 correction c1 is gone, and nothing of it was erased",
        lambda: replace(GOOD, corrections={"c1": replace(APPLIED, state=GONE)}),
    ),
    "an erasure of something else": (
        "I6 correction e is applied at 6 with other words",
        lambda: replace(
            GOOD, archive=_and(draft("e", Erased(seqs=[1]))), corrections={"e": Correction(text="", target=3, erases=True, state="applied", seq=6)}
        ),
    ),
    "a refused one that stands": (
        "I6 correction c1 is conflicted and stands",
        lambda: replace(GOOD, corrections={"c1": replace(APPLIED, state="conflicted")}),
    ),
    "a conflict of one that rested on nothing": (
        "I6 correction c2 is conflicted, and rested on nothing",
        lambda: replace(GOOD, corrections={"c2": replace(CONFLICTED, base=0)}),
    ),
    "a conflict with nobody": (
        "I6 correction c2 is conflicted, and nobody else changed it",
        lambda: replace(GOOD, corrections={"c2": replace(CONFLICTED, target=1, base=1)}),
    ),
    "a conflict with what was known": (
        "I6 correction c2 is conflicted, and nobody else changed it",
        lambda: replace(GOOD, corrections={"c2": replace(CONFLICTED, base=5)}),
    ),
    "one that died of nothing": (
        "I6 correction c9 is dead, and nothing stood against it",
        lambda: replace(GOOD, corrections={"c9": Correction(text="No.", target=3, state="dead")}),
    ),
    "words that a player was not told of": (
        "I2 dora was never told of 1 of 1 facts: 1",
        lambda: replace(GOOD, players={"dora"}, shown={"dora": TOLD[1:]}),
    ),
    "other words for a player": (
        "I1 fact 1 was shown to dora as said and stands there as another one",
        lambda: replace(GOOD, players={"dora"}, shown={"dora": [replace(TOLD[0], body={**TOLD[0].body, "text": "No."}), *TOLD[1:]]}),
    ),
}


def test_what_is_whole_passes() -> None:
    """Trimmed and resent: both are allowed."""
    assert violations(GOOD) == []


def test_a_player_is_told_a_part() -> None:
    """Of facts that are the director's nothing, of others less than stands there."""
    part = replace(TOLD[3], body={name: value for name, value in TOLD[3].body.items() if name != "state"})
    assert violations(replace(GOOD, players={"dora"}, shown={"dora": [TOLD[0], part], "bob": TOLD})) == []


@pytest.mark.parametrize("name", BROKEN)
def test_what_is_broken_is_found(name: str) -> None:
    """And called by the promise that it breaks."""
    promise, evidence = BROKEN[name]
    found = violations(evidence())
    assert any(item.startswith(promise) for item in found), found


def test_erased_words_are_not_missed() -> None:
    """A tombstone keeps the number; what it said before is nobody's business any more."""
    archive = _and(erasure := draft("e1", Erased(seqs=[3, 5])))
    archive[2], archive[4] = tombstone(ENTRIES[2]), tombstone(ENTRIES[4])
    told = [*TOLD, Told.of(erasure.at(6).to_dict())]
    desk = {"c1": replace(APPLIED, state=GONE), "told:e1": Correction(text="", target=3, erases=True, state="applied", seq=6)}
    archive[5] = replace(archive[5], key="told:e1")
    assert violations(replace(GOOD, archive=archive, stream=archive[5:], shown={"ann": told}, corrections=desk)) == []


def test_a_conflict_with_an_erasure_is_one() -> None:
    """Nothing is left of the words that it rested on."""
    archive = _and(erasure := draft("e1", Erased(seqs=[1])))
    archive[0] = tombstone(ENTRIES[0])
    told = [*TOLD, Told.of(erasure.at(6).to_dict())]
    desk = {"c1": APPLIED, "c2": replace(CONFLICTED, target=1, base=1)}
    assert violations(replace(GOOD, archive=archive, stream=archive[1:], shown={"ann": told}, corrections=desk)) == []


def test_a_line_answers_several_words() -> None:
    """From those that name its turn to the last ones that it was opened for; of an older version, whatever stood behind the first."""
    assert list(closure(_told(said("u1"), said("u2"), _line("L", 1, 2), _end("L", LineState.ABORTED)))) == []
    assert list(closure(_told(said("u1"), said("u2"), _line("L", 1, 0), _end("L", LineState.ABORTED)))) == []
    assert list(closure(_told(said("u1"), said("u2"), draft("p", Passed(turn=1, reason="owner_lost"), cause=2)))) == []


def test_a_line_that_is_said_once_more_is_the_same_answer() -> None:
    """Refused, taken back or reworded, as often as anybody likes; one that was refused before it was opened leaves nothing but its name."""
    again = [*_spoken("M", 1, 1), *_spoken("N", 1, 1, retakes="M"), *_spoken("O", 1, 2, retakes="N")]
    assert list(closure(_told(said("u1"), said("u2"), *again))) == []
    assert list(closure(_told(said("u1"), *_spoken("M", 1, 1), *_spoken("O", 1, 1, retakes="N")))) == []


def test_turns_that_wait_at_once_may_cover_each_others_words() -> None:
    """Bob adds to his, for another character, behind Ann's; or they whisper: each turn has an end of its own all the same."""
    between = [_others("u1", "bob"), _others("u2", "ann"), _others("u3", "bob")]
    bobs, anns = _spoken("M", 1, 3, answers="bob"), _spoken("N", 2, 2, character="quill", answers="ann")
    assert list(closure(_told(*between, *bobs, *anns))) == []
    assert list(closure(_told(*between, *anns, *bobs))) == []
    assert list(closure(_told(*between, *bobs, _passed(2, 2)))) == []
    assert list(closure(_told(*between, _passed(2, 2), _passed(1, 3)))) == []
    whisper = _others("u2", "bob", ("bob", "mirelle"))
    assert list(closure(_told(between[0], whisper, between[2], *bobs, *_spoken("N", 2, 2, answers="bob")))) == []


def test_narration_wants_no_end() -> None:
    """Nobody answers it, and a turn that covers it ends nothing twice."""
    narrated = draft("n", Said(utterance="n", text="Night falls.", source="narrated"))
    assert list(closure(_told(narrated))) == []
    assert list(closure(_told(said("u1"), narrated, said("u2"), _passed(1, 2), _passed(2, 3, "owner_lost")))) == []


def test_whoever_waits_for_rest_waits_for_what_may_still_come() -> None:
    """A turn that has ended twice is at rest."""
    facts = _told(said("u1"), said("u2"), _passed(1, 1), *_spoken("M", 1, 1))
    assert list(unfinished(facts)) == ["I5 what was said at 2 was neither answered nor passed"]
    assert list(unfinished(_told(said("u1"), _line("M", 1, 1)))) == ["I5 line M was closed 0 times"]


def test_a_line_that_a_fault_has_touched_may_come_to_nothing() -> None:
    """It begins before the calm, or ends behind it."""
    archive = _and(said("u2"), _line("M", 6, 6), _end("M", LineState.ABORTED))
    told = [Told.of(Fact.from_json(entry.envelope).to_dict()) for entry in archive]
    for calm in ([(0, 7)], [(7, 8)], [(0, 5), (7, 8)]):
        assert violations(replace(GOOD, archive=archive, stream=archive, shown={"ann": told}, calm=calm)) == []


@pytest.mark.parametrize(
    ("end", "heard"),
    [
        (_end("L", LineState.HEARD, 3, 8), True),
        (_end("L", LineState.CUT, 3, 2), True),
        (_end("L", LineState.CUT), False),
        (_end("L", LineState.ABORTED), False),
        (_end("L", LineState.REJECTED), False),
        (_end("M", LineState.HEARD, 3, 8), False),
    ],
    ids=["heard", "cut behind its first words", "cut before", "aborted", "rejected", "another line"],
)
def test_an_answer_is_one_of_which_something_is_heard(end: Draft, *, heard: bool) -> None:
    """That a line is over says nothing; and it must be the line of those words."""
    facts = _told(said("u1"), _line("L", 1, 1), sentence("L", 0, "Come in."), end)
    assert heard_in(facts, "u1") == (4 if heard else 0)
    assert heard_in(facts, "u2") == 0


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
        await log.read()
        await talk(lambda: log.written >= 100)
        await log.read()
        await log.correct("c1")
        os.kill(server.pid, signal.SIGSTOP)
        await talk(lambda: log.waiting > 10)
        writing.cancel()
        await asyncio.gather(writing, return_exceptions=True)
        os.kill(server.pid, signal.SIGCONT)
        await log.archive()
        evidence = await log.evidence()
        await store.aclose()
    found = violations(evidence)
    assert {item[:2] for item in found} == {"I1", "I2", "I3", "I5", "I6"}
    assert any(item.startswith("I2 reader was never told of") for item in found)
