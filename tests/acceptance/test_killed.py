"""The power goes in the middle of a turn: whatever was acknowledged is there again, once and in order, and what was open is closed."""

from __future__ import annotations

import asyncio
import random
from collections.abc import AsyncIterator, Awaitable, Callable, Mapping
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import httpx2
import psutil
import pytest
from websockets.exceptions import ConnectionClosed

from tests.acceptance.conftest import REPLIES, need
from tests.acceptance.player import Player, player
from tests.acceptance.program import Program, running, started
from tests.acceptance.table import Fact, api, assert_whole, facts_of, heard, is_fact, opened, seen
from tests.waiting import until

pytestmark = [pytest.mark.timeout(300)]
GONE_S = 10.0
ADOPTED_S = 20.0
"""The lease of the dead, and the next look at what nobody owns."""
FLOOD_WRITERS = 4


@dataclass(slots=True)
class Witness:
    """What the program has acknowledged of one session."""

    session: str
    facts: dict[int, Fact] = field(default_factory=dict)

    def take(self, fact: Fact) -> None:
        """One acknowledged fact; whoever told of it, it is the same."""
        assert self.facts.setdefault(fact["seq"], fact) == fact


Moment = Callable[[Program, Witness, random.Random], Awaitable[None]]


def settings(first_ms: int = 20) -> dict[str, Any]:
    """A real voice around known words; hearing plays no part here."""
    return {
        "stt": {"engine": "scripted"},
        "llm": {"chain": ["scripted"], "engines": {"scripted": {"replies": REPLIES, "first_ms": first_ms, "token_ms": 5}}},
        "tts": {"engine": "espeak"},
    }


@asynccontextmanager
async def doomed(program: Program, witness: Witness) -> AsyncIterator[Player]:
    """A player who sees the program die: the block ends when the connection breaks, and all that the player was told is kept."""
    try:
        async with player(program.websocket, "npc/mirelle", query={"session": witness.session}, mic=False) as one:
            try:
                yield one
                await asyncio.Event().wait()
            finally:
                for fact in seen(one):
                    witness.take(fact)
    except* ConnectionClosed:
        pass
    async with asyncio.timeout(5):
        await program.process.wait()


async def ask(one: Player, text: str) -> int:
    """Type something and ask for an answer; the index of the first event after it."""
    first = len(one.events)
    await one.connection.conversation.item.create(
        item={"type": "message", "role": "user", "content": [{"type": "input_text", "text": text}]},
    )
    await one.connection.response.create()
    return first


async def while_speaking(program: Program, witness: Witness, chance: random.Random) -> None:
    """Some way into the sound of a line."""
    async with doomed(program, witness) as one:
        first = await ask(one, "Tell me of the river.")
        _, _, event = await one.wait_for(is_fact("line_opened"), after=first)
        line = event["fact"]["body"]["line"]
        some = chance.randrange(4_800, 150_000)
        await until(lambda: len(heard(one, line, first)) >= some, what="the voice")
        await program.kill()


async def while_thinking(program: Program, witness: Witness, chance: random.Random) -> None:
    """The words stand, the line may be open, and nothing of it has been said."""
    async with doomed(program, witness) as one:
        first = await ask(one, "Tell me of the river.")
        await one.wait_for(is_fact(chance.choice(["said", "line_opened"])), after=first)
        await program.kill()


async def while_facts_stream_in(program: Program, witness: Witness, chance: random.Random) -> None:
    """Several hands write as fast as they are answered, each message cutting the line before."""
    enough = chance.randrange(30, 120)

    async def write(hand: int) -> None:
        async with api(program.url) as client:
            number = 0
            while True:
                number += 1
                message = {"text": f"This is word {number} of hand {hand}.", "message_id": f"h{hand}-{number}"}
                answer = await client.post(f"/api/sessions/{witness.session}/messages", json=message)
                assert answer.status_code == 202, answer.text
                witness.take(answer.json()["fact"])
                if len(witness.facts) >= enough:
                    await program.kill()

    async with doomed(program, witness):
        hands = [asyncio.create_task(write(hand)) for hand in range(FLOOD_WRITERS)]
        try:
            await asyncio.wait(hands, return_when=asyncio.FIRST_COMPLETED)
        finally:
            for hand in hands:
                hand.cancel()
            results = await asyncio.gather(*hands, return_exceptions=True)
        assert all(isinstance(result, httpx2.TransportError | asyncio.CancelledError) for result in results), results


def family(program: Program) -> list[psutil.Process]:
    """The program's own processes besides the first one: its store and its workers."""
    children = psutil.Process(program.process.pid).children(recursive=True)
    assert any("redis" in child.name() for child in children)
    return children


async def strike(folder: Path, config: Mapping[str, Any], moment: Moment, chance: random.Random) -> Witness:
    """Start the program, let it come to the moment, and see that nothing of it outlives it for long."""
    program = await started(folder, config)
    try:
        witness = Witness(await opened(program.url, ["mirelle"]))
        left = family(program)
        await moment(program, witness, chance)
    finally:
        if program.process.returncode is None:
            await program.kill()
    if chance.random() < 0.5:
        # Else the next start meets what is left of this one.
        await until(lambda: not any(child.is_running() and child.status() != psutil.STATUS_ZOMBIE for child in left), GONE_S, "the end of the children")
    return witness


def unfinished(facts: list[Fact]) -> bool:
    """A line is open, or a turn has neither a line nor `passed`."""
    try:
        assert_whole(facts)
    except AssertionError:
        return True
    return False


async def examine(program: Program, witness: Witness) -> bool:
    """Every acknowledged fact stands as it was told; what was open is closed without anybody asking; the session answers. Was a turn open?"""

    async def closed_by_itself() -> bool:
        return not unfinished(await facts_of(program.url, witness.session))

    await until(closed_by_itself, ADOPTED_S, "the end of what was open")
    before = await facts_of(program.url, witness.session)
    for seq, fact in sorted(witness.facts.items()):
        assert before[seq - 1] == fact
    ended = [fact["body"]["reason"] for fact in before[max(witness.facts) :] if fact["kind"] in {"line_closed", "passed"}]
    async with player(program.websocket, "npc/mirelle", query={"session": witness.session}, mic=False) as one:
        _, _, attached = await one.wait_for("souffleur.attached")
        assert attached["session_id"] == witness.session
        await until(lambda: len(seen(one)) >= attached["head"], what="all that happened before")
        assert [fact["seq"] for fact in seen(one)] == list(range(1, len(seen(one)) + 1))
        assert_whole([fact for fact in await facts_of(program.url, witness.session) if fact["seq"] <= attached["head"]])
        first = await ask(one, "Are you still there?")
        _, _, event = await one.wait_for(is_fact("line_opened"), after=first)
        line = event["fact"]["body"]["line"]
        _, _, closed = await one.wait_for(is_fact("line_closed", line=line), after=first, timeout_s=30)
        assert (closed["fact"]["body"]["state"], closed["fact"]["body"]["reason"]) == ("heard", "")
        assert len(heard(one, line, first)) > 48_000
    await send_again(program, witness)
    after = await facts_of(program.url, witness.session)
    assert after[: len(before)] == before
    return "owner_lost" in ended


async def send_again(program: Program, witness: Witness) -> None:
    """A client that never learned whether its message arrived repeats it: the fact is the one that stands."""
    said = [fact for fact in witness.facts.values() if fact["kind"] == "said" and fact["body"]["utterance"].startswith("h")]
    async with api(program.url) as client:
        for fact in said[-1:]:
            message = {"text": fact["body"]["text"], "message_id": fact["body"]["utterance"]}
            answer = await client.post(f"/api/sessions/{witness.session}/messages", json=message)
            assert (answer.status_code, answer.json()) == (202, {"fact": fact})


async def survive(folder: Path, moments: list[tuple[Moment, dict[str, Any]]], seed: int) -> None:
    """Kill the program once in each moment, always on the same data; then look at every session."""
    need("espeakng_loader")
    chance = random.Random(seed)
    witnesses = [await strike(folder, config, moment, chance) for moment, config in moments]
    async with running(folder, settings()) as program:
        open_at_death = await asyncio.gather(*(examine(program, witness) for witness in witnesses))
        # Where facts stream in the death may fall between two turns.
        assert any(open_at_death)
        for witness in witnesses:
            assert_whole(await facts_of(program.url, witness.session))


async def test_acknowledged_facts_survive_the_death_of_everything(tmp_path: Path) -> None:
    """Killed while a character speaks: all that was acknowledged is there, once, in order, and closed."""
    await survive(tmp_path, [(while_speaking, settings())], seed=11)


@pytest.mark.nightly
async def test_it_survives_its_death_at_any_stage_of_a_turn(tmp_path: Path) -> None:
    """Also while it thinks and while facts stream in, one after the other on the same data."""
    slow = settings(first_ms=3000)
    moments: list[tuple[Moment, dict[str, Any]]] = [(while_speaking, settings()), (while_facts_stream_in, settings()), (while_thinking, slow)]
    await survive(tmp_path, moments, seed=11)


@pytest.mark.nightly
@pytest.mark.timeout(1200)
@pytest.mark.parametrize("seed", range(5))
async def test_it_survives_many_deaths(tmp_path: Path, seed: int) -> None:
    """The same again at other moments, ten deaths on one data folder."""
    chance = random.Random(seed)
    choices: list[tuple[Moment, dict[str, Any]]] = [
        (while_speaking, settings()),
        (while_facts_stream_in, settings()),
        (while_thinking, settings(first_ms=3000)),
    ]
    await survive(tmp_path, [chance.choice(choices) for _ in range(10)], seed)
