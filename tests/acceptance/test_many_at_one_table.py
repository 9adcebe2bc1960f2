"""Three people and three characters at one table, by voice: who said what, who answers, who hears it, and never two voices at once."""

from __future__ import annotations

import asyncio
import json
from collections.abc import AsyncIterator, Sequence
from contextlib import asynccontextmanager
from dataclasses import dataclass
from itertools import pairwise
from typing import Any

import pytest
import pytest_asyncio

from tests.acceptance.conftest import saying, spotless
from tests.acceptance.player import RATE, Player, player, rms
from tests.acceptance.program import Program
from tests.acceptance.table import api, assert_whole, brisk, facts_of, heard, is_fact, opened, seen
from tests.making.prompts import prompts, words
from tests.waiting import until

pytestmark = [pytest.mark.asyncio(loop_scope="module"), pytest.mark.timeout(240)]
CAST = ("agent", "star", "comedian")
TO_AGENT, TO_STAR, TO_COMEDIAN = "agent logged in", "press star to cancel", "comedian mail mailbox"
"""Recorded phrases, each with the name of a character."""
TO_NOBODY, MORE, SECRET, ALONE = "all circuits are busy now", "one moment please", "message deleted", "invalid choice"
SAFETY = "something is terribly wrong"
PHRASES = (TO_AGENT, TO_STAR, TO_COMEDIAN, TO_NOBODY, MORE, SECRET, ALONE, SAFETY)
LEAD = bytes(RATE // 5 * 2)
_OF_A_LINE = frozenset({"line_opened", "sentence", "line_closed"})


@pytest_asyncio.fixture(scope="module", loop_scope="module")
async def house(tmp_path_factory: pytest.TempPathFactory) -> AsyncIterator[Program]:
    """Real hearing and real voices; characters of few words."""
    settings = saying(["[joy] Well met.", "[neutral] Not now, please."]) | {"stage": {"address_window_s": 30}}
    async with spotless(tmp_path_factory.mktemp("house"), settings) as started:
        assert [await brisk(started.url, name.title()) for name in CAST] == list(CAST)
        yield started


def speech(text: str) -> bytes:
    """A recorded phrase."""
    return LEAD + next(prompt for prompt in prompts() if words(prompt.text) == text).pcm(RATE)


def configured() -> dict[str, Any]:
    return {"audio": {"input": {"transcription": {"model": "default", "prompt": "\n".join(PHRASES)}}}}


@dataclass(slots=True)
class Table:
    """Ann, Bob and Cleo, who are players and no more."""

    url: str
    session: str
    people: dict[str, Player]
    ids: dict[str, str]

    async def facts(self, kind: str = "") -> list[dict[str, Any]]:
        return [fact for fact in await facts_of(self.url, self.session) if not kind or fact["kind"] == kind]

    async def act(self, kind: str, **fields: Any) -> None:
        """The director's."""
        async with api(self.url) as client:
            (await client.post(f"/api/sessions/{self.session}/acts", json={"kind": kind, **fields})).raise_for_status()

    async def lines(self, count: int) -> list[dict[str, Any]]:
        """The first `count` lines, when all of them are over."""
        async with asyncio.timeout(20):
            while len(closed := await self.facts("line_closed")) < count:
                await asyncio.sleep(0.05)
        assert len(closed) == count
        return closed


@asynccontextmanager
async def table(program: Program) -> AsyncIterator[Table]:
    """A new session with all of them in it, each of whom knows that the others are there."""
    session = await opened(program.url, CAST, safety_words=[SAFETY])

    def seat(name: str) -> Any:
        return player(program.websocket, "npc/agent", session=configured(), query={"session": session, "name": name, "role": "player"})

    async with seat("Ann") as ann, seat("Bob") as bob, seat("Cleo") as cleo:
        people = {"Ann": ann, "Bob": bob, "Cleo": cleo}
        for someone in people.values():
            for name in people:
                await someone.wait_for(is_fact("joined", name=name))
        ids = {name: str(someone.of("souffleur.attached")[0][1]["participant"]) for name, someone in people.items()}
        yield Table(program.url, session, people, ids)


def sounds(one: Player) -> list[str]:
    """The lines that somebody heard, in the order in which their sound came; a line stands twice if another voice came between."""
    deltas = [event["response_id"].removeprefix("resp_") for _, event in one.of("response.output_audio.delta")]
    return [line for before, line in pairwise(["", *deltas]) if line != before]


async def configure(one: Player, **fields: Any) -> None:
    await one.connection.send_raw(json.dumps({"type": "souffleur.configure", **fields}))


async def _aloud(one: Table) -> None:
    """Two speak at once, one to a character; that one goes on without the name; then two call different characters in one breath."""
    ann, bob, cleo = one.people.values()
    await asyncio.gather(bob.say(speech(TO_NOBODY)), ann.say(speech(TO_AGENT)))
    await one.lines(1)
    await ann.say(speech(MORE))
    await one.lines(2)
    await asyncio.gather(bob.say(speech(TO_STAR)), cleo.say(speech(TO_COMEDIAN)))
    closed = await one.lines(4)
    said = [(fact["by"]["name"], words(fact["body"]["text"])) for fact in await one.facts("said")]
    assert sorted(said[:2]) == [("Ann", TO_AGENT), ("Bob", TO_NOBODY)]
    assert said[2] == ("Ann", MORE)
    assert sorted(said[3:]) == [("Bob", TO_STAR), ("Cleo", TO_COMEDIAN)]
    answered = {fact["body"]["line"]: (fact["body"]["character"], fact["body"]["answers"]) for fact in await one.facts("line_opened")}
    by_name = {member: name for name, member in one.ids.items()}
    pairs = [(character, by_name[participant]) for character, participant in answered.values()]
    assert pairs[:2] == [("agent", "Ann"), ("agent", "Ann")]
    assert sorted(pairs[2:]) == [("comedian", "Cleo"), ("star", "Bob")]
    assert [fact["body"]["state"] for fact in closed] == ["heard"] * 4
    for someone in one.people.values():
        assert sounds(someone) == list(answered), "one voice after the other, each once, for everybody"
        assert all(rms(heard(someone, line)) > 300 for line in answered)


async def _whispered(one: Table) -> str:
    """Cleo whispers to one character, which answers her alone; the line."""
    cleo = one.people["Cleo"]
    before = {name: len(someone.events) for name, someone in one.people.items()}
    await configure(cleo, whispers=["agent"])
    await cleo.say(speech(SECRET))
    closed = (await one.lines(5))[-1]
    line, parties = str(closed["body"]["line"]), {one.ids["Cleo"], "agent"}
    facts = [fact for fact in await one.facts() if fact["body"].get("line") == line or words(fact["body"].get("text", "")) == SECRET]
    assert {"said", *_OF_A_LINE} <= {fact["kind"] for fact in facts}
    assert all(set(fact["audience"]) == parties for fact in facts)
    assert rms(heard(cleo, line)) > 300
    await configure(cleo, whispers=[])
    for name in ("Ann", "Bob"):
        events = [event for _, event in one.people[name].events[before[name] :]]
        assert [event for event in events if event["type"] not in {"souffleur.speaking", "souffleur.speech"}] == []
    return line


async def _elsewhere(one: Table) -> None:
    """Ann and one character in the cellar, where she is alone with it; upstairs they talk at the same time."""
    ann, bob, _ = one.people.values()
    await one.act("move", character=one.ids["Ann"], text="cellar")
    await one.act("move", character="star", text="cellar")
    await ann.wait_for(is_fact("joined", member="star"))
    await until(lambda: any(fact["place"] == "cellar" for fact in seen(ann, "joined")), what="the move")
    await asyncio.gather(ann.say(speech(ALONE)), bob.say(speech(TO_AGENT)))
    closed = (await one.lines(7))[-2:]
    where = {fact["place"]: str(fact["body"]["line"]) for fact in closed}
    assert {place: next(fact for fact in closed if fact["place"] == place)["by"]["id"] for place in where} == {"cellar": "star", "": "agent"}
    upstairs = one.people["Bob"], one.people["Cleo"]
    assert where["cellar"] in sounds(ann)
    assert where[""] not in sounds(ann)
    assert all(where[""] in sounds(someone) and where["cellar"] not in sounds(someone) for someone in upstairs)
    assert ALONE not in [words(fact["body"]["text"]) for someone in upstairs for fact in seen(someone, "said")]


async def _enough(one: Table) -> None:
    """Bob says the safety word: everybody is silent, also in the cellar, until the director lets them speak."""
    ann, bob, _ = one.people.values()
    await bob.say(speech(SAFETY))
    _, _, event = await ann.wait_for(is_fact("silenced", on=True))
    assert (event["fact"]["body"]["reason"], event["fact"]["by"]["id"]) == ("safety", one.ids["Bob"])
    await ann.say(speech(TO_STAR))
    await ann.wait_for(lambda event: event["type"].endswith("transcription.completed") and words(event["transcript"]) == TO_STAR)
    await one.act("resume")
    await one.lines(7)


async def test_three_people_and_three_characters(house: Program) -> None:
    """Every word is its speaker's, the addressed one answers, whispers and other rooms stay where they are, voices never overlap, one word ends it."""
    async with table(house) as one:
        await _aloud(one)
        whispered = await _whispered(one)
        await _elsewhere(one)
        await _enough(one)
        facts = await one.facts()
        for someone in (one.people["Ann"], one.people["Bob"]):
            # What may be said stands in everybody's own settings.
            told = json.dumps([event for _, event in someone.events if not event["type"].startswith("session.")]).lower()
            assert whispered.lower() not in told
            assert SECRET not in told
    _no_overlap(facts)
    assert_whole(facts)


def _no_overlap(facts: Sequence[dict[str, Any]]) -> None:
    """In each place a line is opened only after the one before it has been closed."""
    open_in: dict[str, str] = {}
    for fact in facts:
        if fact["kind"] == "line_opened":
            assert not open_in.get(fact["place"])
            open_in[fact["place"]] = fact["body"]["line"]
        elif fact["kind"] == "line_closed":
            assert open_in.pop(fact["place"]) == fact["body"]["line"]


async def test_a_microphone_in_the_middle_of_the_table(house: Program) -> None:
    """Four heads behind it: talk is passed, a name is answered, and the director's key has a character answer what was said."""
    session = await opened(house.url, CAST)
    query = {"session": session, "name": "The table", "role": "player", "heads": "4"}
    async with player(house.websocket, "npc/agent", session=configured(), query=query) as room:
        one = Table(house.url, session, {}, {})
        await room.say(speech(TO_NOBODY))
        _, _, event = await room.wait_for(is_fact("said"))
        assert words(event["fact"]["body"]["text"]) == TO_NOBODY
        await room.say(speech(TO_STAR))
        await one.lines(1)
        await room.say(speech(MORE))
        await one.act("next", character="comedian")
        await one.lines(2)
        facts = await one.facts()
    said = {fact["seq"]: words(fact["body"]["text"]) for fact in facts if fact["kind"] == "said"}
    passed = [said[fact["body"]["turn"]] for fact in facts if fact["kind"] == "passed"]
    answered = [(fact["body"]["character"], said.get(fact["body"]["turn"], "")) for fact in facts if fact["kind"] == "line_opened"]
    assert (passed[0], answered[0]) == (TO_NOBODY, ("star", TO_STAR))
    # A key that is pressed when the silence behind the words is over has the character speak to what was passed.
    assert (passed[1:], answered[1:]) in (([], [("comedian", MORE)]), ([MORE], [("comedian", "")]))
    assert_whole(facts)
