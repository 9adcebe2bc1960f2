"""What a director does, as it stands in the next prompt: a model that answers with its prompt, behind the real service and a real transcript."""

from __future__ import annotations

import json
from typing import Any, Final

import pytest
from redis.asyncio import Redis

from services.core.model.fact import Author, Draft
from services.core.model.facts import (
    Body,
    Inserted,
    Joined,
    LineClosed,
    LineOpened,
    Noted,
    RecommendationDecided,
    Recommended,
    Retconned,
    Revealed,
    Said,
    SceneSet,
    Spoken,
    Struck,
    Summarized,
    Whispered,
)
from services.core.model.reply import Delta, ReplyOptions, ReplyRequest
from services.core.rpc.client import LlmClient
from services.transcript.log import TranscriptLog
from services.transcript.memory import Memory, MemoryStore
from tests.integration.llm.test_service import CARD, DIRECTOR, HUMAN, SID, Serve, archive_url, asked, draft, echo, folder, serve

__all__ = ["archive_url", "folder", "serve"]

SECRETS: Final = [
    {"id": "child", "text": "{{char}} has a daughter, canary."},
    {"id": "gold", "text": "The gold is marmot.", "reveal": {"by": "words", "any": ["gold"]}},
]
MIRELLE: Final = Author("character", "mirelle", "Mirelle")
ADVISER: Final = Author("adviser")


class Table:
    """A session that goes on, and its prompts."""

    def __init__(self, log: TranscriptLog, client: LlmClient) -> None:
        self._log = log
        self._client = client
        self.head = 0
        self._fence = 0

    async def open(self) -> None:
        self._fence = await self._log.claim(SID, "unix:/x", 60)
        card: dict[str, Any] = CARD | {"extensions": {"souffleur": {"secrets": SECRETS}}}
        await self.tell(SceneSet(heading="INN", description="Rain.", language="en"))
        await self.tell(Joined(member="mirelle", role="character", name="Mirelle", card=card))
        await self.tell(Joined(member="grim", role="character", name="Grim", card={"name": "Grim", "description": "Guards the gate."}))
        await self.tell(Joined(member="p-1", role="player", name="Anna"))

    async def tell(self, body: Body, by: Author = DIRECTOR, audience: tuple[str, ...] | None = None) -> int:
        """One more fact; its seq."""
        item: Draft = draft(f"k{self.head}", body, by, audience)
        self.head = (await self._log.append(SID, [item], self._fence))[-1].seq
        return self.head

    async def say(self, text: str) -> int:
        return await self.tell(Said(utterance=f"u{self.head}", text=text), HUMAN)

    async def line(self, text: str) -> int:
        """A line heard to its end; the seq of its sentence."""
        name = f"l{self.head}"
        await self.tell(LineOpened(line=name, character="mirelle", turn=0, base_seq=self.head), MIRELLE)
        seq = await self.tell(Spoken(line=name, attempt=1, index=0, text=text, tagged=text), MIRELLE)
        await self.tell(LineClosed(line=name, state="heard", last_seq=seq, offset=len(text)), MIRELLE)
        return seq

    async def prompt(self, character: str = "mirelle", **options: Any) -> str:
        """What the model is told now."""
        wanted = ReplyRequest(session=SID, base_seq=self.head, character=character, line="l", options=ReplyOptions(speakable=False, **options))
        return "".join(event.text for event in await asked(self._client, wanted) if isinstance(event, Delta))


async def test_notes_whispers_and_recommendations(redis: Redis, serve: Serve) -> None:
    """Each reaches whom it is for and nobody else, as long as it is in force, from the very next prompt on."""
    async with serve(**echo()) as client:
        table = Table(TranscriptLog(redis), client)
        await table.open()
        await table.say("Good evening.")
        await table.tell(Whispered(character="mirelle", text="The barge carries herons."))
        note = await table.tell(Noted(text="Be weary as walruses.", character="mirelle"))
        await table.tell(Recommended(recommendation="r1", category="plot", text="Mention the otters.", rests_on=[5]), ADVISER)
        hers, his = await table.prompt(), await table.prompt("grim")
        assert "herons" in hers
        assert "walruses" in hers
        assert "otters" not in hers
        for word in ("herons", "walruses", "otters", "canary", "marmot"):
            assert word not in his
        await table.tell(RecommendationDecided(recommendation="r1", state="pinned"))
        assert "otters" in await table.prompt()
        await table.tell(RecommendationDecided(recommendation="r1", state="rejected"))
        assert "otters" not in await table.prompt()
        await table.tell(Noted(text="", removes=note))
        assert "walruses" not in await table.prompt()
        await table.tell(Noted(text="Answer once with lynxes.", scope="once"))
        assert "lynxes" in await table.prompt()
        await table.line("As you like.")
        assert "lynxes" not in await table.prompt()


async def test_narration_is_told_as_narration(redis: Redis, serve: Serve) -> None:
    """It is nobody's speech; lore is found by it, and those who came later do not know it."""
    async with serve(**echo()) as client:
        table = Table(TranscriptLog(redis), client)
        await table.open()
        await table.say("Hello?")
        await table.tell(Said(utterance="n1", text="Somewhere a bell tolls.", source="narrated"))
        text = await table.prompt()
        assert "[Somewhere a bell tolls.]" in text
        assert "Kit:" not in text
        assert "The bell rings at midnight." in text
        await table.tell(Joined(member="zoe", role="character", name="Zoe", card={"name": "Zoe"}))
        assert "tolls" not in await table.prompt("zoe")


async def test_what_never_happened_is_in_no_prompt(redis: Redis, serve: Serve) -> None:
    """Struck and retconned words and lines, what rests on them, and what was inserted behind them."""
    async with serve(**echo()) as client:
        table = Table(TranscriptLog(redis), client)
        await table.open()
        kept = await table.say("I like badgers.")
        struck = await table.line("Weasels ate it.")
        await table.tell(Summarized(text="They spoke of weasels, in short.", covers=[kept, struck]), ADVISER)
        assert "in short" in await table.prompt()
        await table.tell(Struck(targets=[struck]))
        for character in ("mirelle", "grim"):
            text = await table.prompt(character)
            assert "badgers" in text
            assert "Weasels" not in text
            assert "in short" not in text
        await table.say("And ferrets?")
        await table.line("Ferrets bite.")
        await table.tell(Inserted(after=kept, block="action", text="A moose looks in."))
        assert "A moose looks in." in await table.prompt()
        await table.tell(Retconned(to=kept))
        text = await table.prompt()
        assert "badgers" in text
        assert "errets" not in text


async def test_previously_and_the_digest_stand_side_by_side(redis: Redis, serve: Serve) -> None:
    """How the last evening ended stays known when this one is condensed."""
    async with serve(**echo()) as client:
        table = Table(TranscriptLog(redis), client)
        await table.open()
        await table.tell(Summarized(text="Last time the mill burned.", covers=[]))
        said = await table.say("So it did.")
        await table.tell(Summarized(text="Anna agreed.", covers=[said]), ADVISER)
        text = await table.prompt()
        assert text.index("Last time the mill burned.") < text.index("Anna agreed.")


async def test_a_secret_is_in_no_prompt_before_its_time(redis: Redis, serve: Serve) -> None:
    """Neither the director's nor the one that a word opens; a retcon takes it back; nobody else's prompt ever holds it."""
    async with serve(**echo()) as client:
        table = Table(TranscriptLog(redis), client)
        await table.open()
        start = await table.say("Good evening.")
        first = await table.prompt()
        assert "canary" not in first
        assert "marmot" not in first
        await table.tell(Revealed(character="mirelle", secret="child"))
        assert "Mirelle has a daughter, canary." in await table.prompt()
        await table.say("Where is the gold?")
        assert "marmot" in await table.prompt()
        for word in ("canary", "marmot", "daughter"):
            assert word not in await table.prompt("grim")
        await table.tell(Retconned(to=start))
        last = await table.prompt()
        assert "canary" not in last
        assert "marmot" not in last


async def test_memories_come_back_in_another_session(redis: Redis, serve: Serve, archive_url: str) -> None:
    """What fits the last words and the scene, of this character alone, as many as the settings say; nothing that was retconned here."""
    store = await MemoryStore.open(archive_url)
    try:
        present = ("mirelle", "grim", "p-9")
        kept = [Memory(character="mirelle", session="old", text=f"Anna broke mug number {number}.", present=present) for number in range(30)]
        await store.add(
            [
                *kept,
                Memory(character="grim", session="old", text="Grim stole the mug of mammoths.", present=present),
                Memory(character="mirelle", session="old", text="A mug of yaks was broken while she was away.", present=("grim",)),
                Memory(character="mirelle", session=SID, text="The mug of zebus, never retconned.", present=present, sources=(5,)),
                Memory(character="mirelle", session=SID, text="The mug of llamas, retconned.", present=present, sources=(6,)),
            ]
        )
    finally:
        await store.close()
    async with serve(**echo()) as client:
        table = Table(TranscriptLog(redis), client)
        await table.open()
        await table.say("Remember the mug?")
        await table.say("Of course you do.")
        await table.tell(Retconned(to=5))
        text = await until(table, "mug number")
        assert 1 <= text.count("mug number") <= 6
        for word in ("mammoths", "yaks", "llamas"):
            assert word not in text
        small = await table.prompt(token_budget=512)
        assert small.count("mug number") < 6
        assert "Remember the mug?" in small


async def until(table: Table, word: str) -> str:
    """The first prompt with this word: the store is opened behind the scenes."""
    text = ""
    for _ in range(200):
        text = await table.prompt()
        if word in text:
            return text
    pytest.fail(f"{word} never came: {json.dumps(text)[-2000:]}")
