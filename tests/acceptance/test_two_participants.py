"""Several people at one table, two behind the official client and one at the page: what each is told of the others."""

from __future__ import annotations

import asyncio
import base64
from collections.abc import AsyncIterator, Sequence
from contextlib import asynccontextmanager
from dataclasses import dataclass
from typing import Any

import pytest
import pytest_asyncio

from tests.acceptance.conftest import saying, spotless
from tests.acceptance.page import Page, page
from tests.acceptance.player import RATE, Player, player, rms
from tests.acceptance.program import Program
from tests.acceptance.table import assert_whole, brisk, facts_of, heard, is_fact, opened, seen
from tests.making.prompts import prompts, words
from tests.waiting import until

pytestmark = [pytest.mark.asyncio(loop_scope="module"), pytest.mark.timeout(240)]
REPLIES = [
    "[joy] Well met, all of you. [neutral] Sit down with us for a while.",
    "[anger] Not now! [weariness] I have far too much to count before the morning.",
]
TO_AGENT, TO_STAR, TO_NOBODY = "agent logged in", "press star to cancel", "all circuits are busy now"
"""Recorded phrases; two of them hold the name of a character."""
LEAD = bytes(RATE // 5 * 2)


@pytest_asyncio.fixture(scope="module", loop_scope="module")
async def house(tmp_path_factory: pytest.TempPathFactory) -> AsyncIterator[Program]:
    """Real hearing, real voice, known words, two characters whose names are among the recorded phrases, and one who talks slowly."""
    async with spotless(tmp_path_factory.mktemp("house"), saying(REPLIES)) as started:
        slow = {"souffleur": {"language": "en", "voice": {"language": "en", "rate": 0.6}}}
        assert [await brisk(started.url, name) for name in ("Agent", "Star")] == ["agent", "star"]
        assert await brisk(started.url, "Warden", extensions=slow) == "warden"
        yield started


def speech(text: str) -> bytes:
    """A recorded phrase."""
    return LEAD + next(prompt for prompt in prompts() if words(prompt.text) == text).pcm(RATE)


def configured() -> dict[str, Any]:
    return {"audio": {"input": {"transcription": {"model": "default", "prompt": f"{TO_AGENT}\n{TO_STAR}\n{TO_NOBODY}"}}}}


@dataclass(slots=True)
class Table:
    """Ann and Bob by the official client, Cleo at the page."""

    session: str
    ann: Player
    bob: Player
    cleo: Page

    @property
    def everybody(self) -> tuple[Player, ...]:
        return self.ann, self.bob, self.cleo

    def marks(self) -> list[int]:
        """Where everybody's events stand now."""
        return [len(one.events) for one in self.everybody]


@asynccontextmanager
async def table(program: Program, cast: Sequence[str] = ("agent", "star")) -> AsyncIterator[Table]:
    """A new session with three people in it, each of whom knows that the others are there."""
    session = await opened(program.url, cast)

    def seat(name: str) -> dict[str, Any]:
        return {"session": configured(), "query": {"session": session, "name": name}}

    model = f"npc/{cast[0]}"
    async with (
        player(program.websocket, model, **seat("Ann")) as ann,
        player(program.websocket, model, **seat("Bob")) as bob,
        page(program.websocket, model, **seat("Cleo")) as cleo,
    ):
        one = Table(session, ann, bob, cleo)
        for someone in one.everybody:
            for name in ("Ann", "Bob", "Cleo"):
                await someone.wait_for(is_fact("joined", name=name))
        yield one


def participant(one: Player) -> str:
    return str(one.of("souffleur.attached")[0][1]["participant"])


def items(one: Player, after: int = 0) -> list[str]:
    """Ids of the items that were added to a client's conversation."""
    return [event["item"]["id"] for _, event in one.of("conversation.item.added", after)]


def transcriptions(one: Player, after: int = 0) -> list[tuple[str, str]]:
    """(item, words) of the transcription events: one's own speech only."""
    return [(event["item_id"], words(event["transcript"])) for _, event in one.of("conversation.item.input_audio_transcription.completed", after)]


def said_by_others(one: Player, after: int = 0) -> list[tuple[str, str, str]]:
    """(item, participant, words)."""
    return [(event["item_id"], event["participant"], words(event["text"])) for _, event in one.of("souffleur.said", after)]


def responses(one: Player, kind: str, after: int = 0) -> list[str]:
    return [event["response"]["id"] for _, event in one.of(kind, after)]


async def everybody_knows(one: Table, marks: Sequence[int], kind: str, **body: Any) -> dict[str, Any]:
    """Wait until all have been told of the same fact; the fact."""
    told = [(await someone.wait_for(is_fact(kind, **body), after=mark))[2]["fact"] for someone, mark in zip(one.everybody, marks, strict=True)]
    assert all(fact == told[0] for fact in told)
    return dict(told[0])


async def test_words_for_nobody_are_passed(house: Program) -> None:
    """Speech without a name: the speaker gets the transcription, the others a user item and `souffleur.said`; nobody answers."""
    async with table(house) as one:
        ids = [participant(someone) for someone in one.everybody]
        assert len(set(ids)) == 3
        marks = one.marks()
        await one.ann.say(speech(TO_NOBODY))
        said = await everybody_knows(one, marks, "said")
        passed = await everybody_knows(one, marks, "passed", turn=said["seq"])
        assert passed["body"]["reason"] == "not_addressed"
        item = f"item_{said['body']['utterance']}"
        assert (said["by"]["id"], said["by"]["name"], words(said["body"]["text"])) == (ids[0], "Ann", TO_NOBODY)
        assert sorted(said["audience"]) == sorted([*ids, "agent", "star"])
        assert transcriptions(one.ann, marks[0]) == [(item, TO_NOBODY)]
        assert said_by_others(one.ann, marks[0]) == []
        for someone, mark in zip((one.bob, one.cleo), marks[1:], strict=True):
            assert said_by_others(someone, mark) == [(item, ids[0], TO_NOBODY)]
            assert not [event for _, event in someone.events[mark:] if event["type"].startswith(("conversation.item.input_audio", "input_audio_buffer"))]
            ((_, added),) = someone.of("conversation.item.added", mark)
            assert (added["item"]["role"], added["item"]["content"][0]["type"]) == ("user", "input_audio")
        assert [items(someone, mark) for someone, mark in zip(one.everybody, marks, strict=True)] == [[item]] * 3
        assert not any(someone.of("response.created") for someone in one.everybody)
    await whole(house, one.session)


async def whole(program: Program, session: str) -> None:
    assert_whole(await facts_of(program.url, session))


async def test_a_named_character_answers_everybody_alike(house: Program) -> None:
    """Two speak at once, one of them to a character: each is understood apart, and one response of one line reaches all, sound for sound."""
    async with table(house) as one:
        marks = one.marks()
        await asyncio.gather(one.ann.say(speech(TO_NOBODY)), one.bob.say(speech(TO_AGENT)))
        closed = await everybody_knows(one, marks, "line_closed")
        line = closed["body"]["line"]
        for someone, mark in zip(one.everybody, marks, strict=True):
            await someone.wait_for("response.done", after=mark)
        assert (closed["body"]["state"], closed["by"]["id"]) == ("heard", "agent")
        by = {fact["by"]["name"]: words(fact["body"]["text"]) for fact in seen(one.cleo, "said", marks[2])}
        assert by == {"Ann": TO_NOBODY, "Bob": TO_AGENT}
        assert [text for _, text in transcriptions(one.ann, marks[0])] == [TO_NOBODY]
        assert [text for _, text in transcriptions(one.bob, marks[1])] == [TO_AGENT]
        assert transcriptions(one.cleo, marks[2]) == []
        for kind in ("response.created", "response.done"):
            assert [responses(someone, kind, mark) for someone, mark in zip(one.everybody, marks, strict=True)] == [[f"resp_{line}"]] * 3
        expected = {f"item_{line}", *(f"item_{fact['body']['utterance']}" for fact in seen(one.ann, "said", marks[0]))}
        for someone, mark in zip(one.everybody, marks, strict=True):
            assert set(items(someone, mark)) == expected
            assert len(items(someone, mark)) == 3
            ((_, spoken),) = someone.of("response.output_audio_transcript.done", mark)
            assert (spoken["item_id"], spoken["transcript"]) == (f"item_{line}", " ".join(fact["body"]["text"] for fact in seen(someone, "sentence", mark)))
        sound = heard(one.ann, line, marks[0])
        assert rms(sound) > 300
        assert heard(one.bob, line, marks[1]) == sound
        assert one.cleo.sound(line) == sound
        assert closed["body"]["basis"] == "reported"
    await whole(house, one.session)


async def test_typed_words_reach_all_and_the_named_one_answers(house: Program) -> None:
    """The page types to one of two characters: a user item of text for everybody, and that character's line."""
    async with table(house) as one:
        marks = one.marks()
        await one.cleo.send(
            "conversation.item.create", item={"type": "message", "role": "user", "content": [{"type": "input_text", "text": "Star, who are you?"}]}
        )
        await one.cleo.send("response.create")
        closed = await everybody_knows(one, marks, "line_closed")
        assert (closed["by"]["id"], closed["body"]["state"]) == ("star", "heard")
        (said,) = seen(one.ann, "said", marks[0])
        assert said["body"]["source"] == "typed"
        for someone, mark in zip((one.ann, one.bob), marks, strict=False):
            assert said_by_others(someone, mark) == [(f"item_{said['body']['utterance']}", participant(one.cleo), "star who are you")]
        assert said_by_others(one.cleo, marks[2]) == []
        assert set(items(one.ann, marks[0])) == set(items(one.bob, marks[1])) == set(items(one.cleo, marks[2]))
        assert not any(transcriptions(someone, mark) for someone, mark in zip(one.everybody, marks, strict=True))
    await whole(house, one.session)


async def test_anybody_may_interrupt_for_all(house: Program) -> None:
    """A third one speaks up while a character answers another: everybody's response is cancelled at the same word, and the words stand."""
    async with table(house, ["warden"]) as one:
        marks = one.marks()
        typed = {"type": "message", "role": "user", "content": [{"type": "input_text", "text": "Warden, a word."}]}
        await one.bob.connection.conversation.item.create(item=typed)
        await one.bob.connection.response.create()
        line = (await everybody_knows(one, marks, "line_opened"))["body"]["line"]
        await until(lambda: len(one.cleo.sound(line)) > RATE // 2, what="the voice")
        await one.cleo.say(speech(TO_NOBODY))
        closed = await everybody_knows(one, marks, "line_closed", line=line)
        assert (closed["body"]["state"], closed["body"]["reason"], closed["body"]["basis"]) == ("cut", "barge_in", "reported")
        await everybody_knows(one, marks, "passed")
        done = []
        for someone, mark in zip(one.everybody, marks, strict=True):
            _, _, event = await someone.wait_for("response.done", after=mark)
            done.append((event["response"]["id"], event["response"]["status"], event["response"]["output"][0]["content"][0]["transcript"]))
            for kind in ("souffleur.pause", "souffleur.flush"):
                assert [event["line_id"] for _, event in someone.of(kind, mark)] == [line]
        assert done == [(f"resp_{line}", "cancelled", done[0][2])] * 3
        assert transcriptions(one.cleo, marks[2]) == [(items(one.ann, marks[0])[-1], TO_NOBODY)]
    await whole(house, one.session)


@pytest.mark.nightly
async def test_who_talks_by_key_is_answered_after_the_line_before(house: Program) -> None:
    """Push-to-talk at a full table: asking while somebody else is being answered is no error, and the named character answers next."""
    async with table(house) as one:
        manual = {"audio": {"input": {"turn_detection": None, "transcription": {"model": "default", "prompt": TO_STAR}}}}
        query = {"session": one.session, "name": "Dora"}
        async with player(house.websocket, "npc/agent", session=manual, query=query, mic=False) as dora:
            marks = one.marks()
            await one.bob.say(speech(TO_AGENT))
            await everybody_knows(one, marks, "line_opened")
            await dora.connection.input_audio_buffer.append(audio=base64.b64encode(speech(TO_STAR)).decode())
            await dora.connection.input_audio_buffer.commit()
            await dora.connection.response.create()
            for name in ("agent", "star"):
                _, _, opened_by = await dora.wait_for(is_fact("line_opened", character=name))
                _, _, event = await dora.wait_for(is_fact("line_closed", line=opened_by["fact"]["body"]["line"]))
                assert event["fact"]["body"]["state"] == "heard"
            assert [text for _, text in transcriptions(dora)] == [TO_STAR]
            assert not dora.of("error")
    await whole(house, one.session)


@pytest.mark.nightly
async def test_whoever_comes_late_makes_nothing_his_own(house: Program) -> None:
    """A late joiner is told the facts from before, and the line that is open; no item, transcription or word of the past is presented as new."""
    async with table(house) as one:
        marks = one.marks()
        await one.bob.say(speech(TO_STAR))
        first = await everybody_knows(one, marks, "line_closed")
        marks = one.marks()
        await one.bob.say(speech(TO_AGENT))
        line = (await everybody_knows(one, marks, "line_opened"))["body"]["line"]
        async with player(house.websocket, "npc/agent", query={"session": one.session, "name": "Dora"}, mic=False) as dora:
            await everybody_knows(one, marks, "joined", name="Dora")
            await dora.wait_for(is_fact("line_closed", line=line))
            await dora.wait_for("response.done")
            assert [fact["seq"] for fact in seen(dora)] == list(range(1, len(seen(dora)) + 1))
            assert len(seen(dora, "said")) == 2
            assert (transcriptions(dora), said_by_others(dora)) == ([], [])
            assert items(dora) == [f"item_{line}"]
            assert responses(dora, "response.created") == responses(dora, "response.done") == [f"resp_{line}"]
            assert first["body"]["line"] != line
            earlier = f"item_{seen(dora, 'said')[0]['body']['utterance']}"
            await dora.connection.conversation.item.retrieve(item_id=earlier)
            _, _, shown = await dora.wait_for("conversation.item.retrieved")
            assert shown["item"]["id"] == earlier
    await whole(house, one.session)


@pytest.mark.nightly
async def test_a_player_who_comes_late_is_sent_no_line_without_an_end(house: Program) -> None:
    """Of the line that is being spoken nothing; of the next one all, and a cancel without an id means that one."""
    async with table(house, ["warden"]) as one:
        marks = one.marks()
        typed = {"type": "message", "role": "user", "content": [{"type": "input_text", "text": "Warden, a word."}]}
        await one.bob.connection.conversation.item.create(item=typed)
        await one.bob.connection.response.create()
        line = (await everybody_knows(one, marks, "line_opened"))["body"]["line"]
        await until(lambda: one.cleo.sound(line), what="the voice")
        query = {"session": one.session, "name": "Dora", "role": "player"}
        async with player(house.websocket, "npc/warden", query=query, mic=False) as dora:
            closed = await everybody_knows(one, marks, "line_closed", line=line)
            assert closed["body"]["state"] == "heard"
            await dora.connection.conversation.item.create(item=typed)
            await dora.connection.response.create()
            _, _, opened_by = await dora.wait_for(is_fact("line_opened"))
            mine = opened_by["fact"]["body"]["line"]
            await dora.wait_for("response.output_audio.delta")
            await dora.connection.response.cancel()
            _, _, event = await dora.wait_for("response.done")
            assert (event["response"]["id"], event["response"]["status"]) == (f"resp_{mine}", "cancelled")
            assert responses(dora, "response.created") == [f"resp_{mine}"]
            assert {event["response_id"] for _, event in dora.of("response.output_audio.delta")} == {f"resp_{mine}"}
    await whole(house, one.session)


async def test_the_last_one_needs_no_name(house: Program) -> None:
    """When the others have left, whatever is said is answered; somebody who comes back in time never left."""
    async with player(house.websocket, "npc/agent", session=configured(), query={"name": "Ann"}) as ann:
        _, _, attached = await ann.wait_for("souffleur.attached")
        query = {"session": attached["session_id"], "name": "Bob"}
        async with player(house.websocket, "npc/agent", query=query, mic=False) as bob:
            _, _, seat = await bob.wait_for("souffleur.attached")
        async with player(house.websocket, "npc/agent", query=query | {"participant": seat["participant"]}, mic=False) as bob:
            _, _, again = await bob.wait_for("souffleur.attached")
            assert (again["participant"], again["name"]) == (seat["participant"], "Bob")
            first = len(ann.events)
            await ann.say(speech(TO_NOBODY))
            await ann.wait_for(is_fact("passed"), after=first)
        await ann.wait_for(is_fact("left", member=seat["participant"]), after=first)
        assert len(seen(ann, "left")) == 1
        first = len(ann.events)
        await ann.say(speech(TO_NOBODY))
        _, _, closed = await ann.wait_for(is_fact("line_closed"), after=first)
        assert (closed["fact"]["by"]["id"], closed["fact"]["body"]["state"]) == ("agent", "heard")
    await whole(house, attached["session_id"])


async def test_a_player_is_told_less_than_a_director(house: Program) -> None:
    """Who lays the director's role down no longer sees cards and hidden notes, nor may write them; what was said aloud reaches both."""
    session = await opened(house.url, ["agent"])
    async with (
        player(house.websocket, "npc/agent", query={"session": session, "name": "Ann"}, mic=False) as director,
        player(house.websocket, "npc/agent", query={"session": session, "name": "Bob", "role": "player"}, mic=False) as guest,
    ):
        note = {"type": "message", "role": "system", "content": [{"type": "input_text", "text": "The agent is lying."}]}
        await director.connection.conversation.item.create(item=note)
        _, _, noted = await director.wait_for(is_fact("noted"))
        first = len(guest.events)
        await guest.connection.conversation.item.create(item=note)
        _, _, refused = await guest.wait_for("error", after=first)
        assert refused["error"]["code"] == "forbidden"
        await guest.connection.conversation.item.create(item={"type": "message", "role": "user", "content": [{"type": "input_text", "text": "Agent, speak."}]})
        await guest.connection.response.create()
        for one in (director, guest):
            await one.wait_for(is_fact("line_closed"))
        assert "lying" not in str(guest.events)
        assert noted["fact"]["seq"] not in {fact["seq"] for fact in seen(guest)}
        assert {fact["seq"] for fact in seen(director)} - {fact["seq"] for fact in seen(guest)} == {noted["fact"]["seq"]}
        cards = [fact["body"]["card"] for fact in seen(guest, "joined") if fact["body"].get("card")]
        assert cards == []
        assert any(fact["body"]["card"] for fact in seen(director, "joined"))
        aloud = [fact for fact in seen(director) if fact["kind"] in {"said", "line_opened", "sentence", "line_closed", "left"}]
        for fact in aloud:
            # What a line has cost is the director's business.
            fact["body"] = {name: value for name, value in fact["body"].items() if name not in {"tokens", "cost"}}
        assert [fact for fact in seen(guest) if fact["kind"] in {"said", "line_opened", "sentence", "line_closed", "left"}] == aloud
    assert [fact["kind"] for fact in await facts_of(house.url, session)].count("noted") == 1
