"""The roleplay service over a real socket, with a real transcript: what the stage and the gateway see of it."""

from __future__ import annotations

import asyncio
import contextlib
import json
import shutil
import tempfile
from collections.abc import AsyncIterator, Callable, Iterator
from contextlib import AbstractAsyncContextManager, asynccontextmanager
from pathlib import Path
from typing import Any, Final

import pytest
import pytest_asyncio
from redis.asyncio import Redis

from services.core.errors import InvalidRequest, NotFound, Unavailable
from services.core.live import LiveSettings
from services.core.model.fact import Author, Draft, Fact
from services.core.model.facts import Body, Joined, LineClosed, LineOpened, Noted, Retconned, Said, SceneSet, Spoken, Whispered, fields_of, kind_of
from services.core.model.reply import ChatMessage, Delta, ReplyEvent, ReplyFinished, ReplyOptions, ReplyRequest, ReplyStarted, Sentence
from services.core.rpc.client import LlmClient
from services.core.runtime import Runtime
from services.core.settings import Settings
from services.llm.app import build
from services.transcript.archive import Archive
from services.transcript.log import TranscriptLog
from tests.making.openai_answer import OpenAiServer

SID: Final = "table"
CARD: Final[dict[str, Any]] = {
    "name": "Mirelle",
    "description": "{{char}} keeps the Lantern and Eel.",
    "first_mes": "[joy] Come in, {{user}}, and shut the door.",
    "character_book": {"entries": [{"keys": ["bell"], "content": "The bell rings at midnight.", "enabled": True, "insertion_order": 1, "use_regex": False}]},
}
HUMAN: Final = Author("player", "p-1", "Anna")
DIRECTOR: Final = Author("director", "d-1", "Kit")
Serve = Callable[..., AbstractAsyncContextManager[LlmClient]]


@pytest.fixture
def folder() -> Iterator[Path]:
    """A short one: socket paths are limited."""
    made = Path(tempfile.mkdtemp(prefix="sf-"))
    yield made
    shutil.rmtree(made)


@pytest.fixture
def archive_url(folder: Path) -> str:
    """Of the session archive."""
    return f"sqlite+aiosqlite:///{folder / 'archive.sqlite3'}"


@pytest_asyncio.fixture
async def serve(redis: Redis, folder: Path, archive_url: str) -> Serve:
    """Starts the service."""

    @asynccontextmanager
    async def start(**llm: Any) -> AsyncIterator[LlmClient]:
        settings = Settings.model_validate({"data_dir": folder, "llm": llm})
        runtime = Runtime(
            live=LiveSettings(settings),
            redis=redis,
            run_dir=folder,
            archive_url=archive_url,
            application_url=f"sqlite+aiosqlite:///{folder / 'application.sqlite3'}",
        )
        async with build(runtime):
            try:
                yield runtime.llm()
            finally:
                await runtime.channels.close()

    return start


def echo() -> dict[str, Any]:
    """Settings under which the reply is the prompt."""
    return {"chain": ["echo"], "engines": {"echo": {"kind": "scripted", "echo": True}}}


def draft(key: str, body: Body, by: Author = HUMAN, audience: tuple[str, ...] | None = None) -> Draft:
    """A draft of any body."""
    return Draft(key=key, kind=kind_of(body), at_ms=1_700_000_000_000, by=by, audience=audience, body=fields_of(body))


async def opened(log: TranscriptLog, *more: Draft) -> int:
    """A session with Mirelle and Anna; the head."""
    fence = await log.claim(SID, "unix:/x", 60)
    base = [
        draft("scene", SceneSet(heading="INN", description="Rain.", language="en"), DIRECTOR),
        draft("cast", Joined(member="mirelle", role="character", name="Mirelle", card=CARD), DIRECTOR),
        draft("anna", Joined(member="p-1", role="player", name="Anna"), DIRECTOR),
    ]
    return (await log.append(SID, [*base, *more], fence))[-1].seq


async def asked(client: LlmClient, request: ReplyRequest) -> list[ReplyEvent]:
    """Every event of one reply."""
    return [event async for event in client.reply(request, 20)]


def told(events: list[ReplyEvent]) -> str:
    """All sentences as one text."""
    return " ".join(event.text for event in events if isinstance(event, Sentence))


async def test_the_prompt_is_the_characters_view_at_base_seq(redis: Redis, serve: Serve) -> None:
    """Card, scene, lore, notes and what was said up to base_seq are in; what came later, or was whispered to others, is not."""
    log = TranscriptLog(redis)
    await opened(
        log,
        draft("s1", Said(utterance="u1", text="I heard a bell.")),
        draft("n1", Noted(text="Be suspicious of Anna."), DIRECTOR),
        draft("n2", Noted(text="Grim must lie.", character="grim"), DIRECTOR),
        draft("w1", Whispered(character="grim", text="The treasure is buried."), DIRECTOR, ("grim",)),
        draft("w2", Whispered(character="mirelle", text="Pim has gone missing."), DIRECTOR, ("mirelle",)),
        draft("s2", Said(utterance="u2", text="This comes later.")),
    )
    async with serve(**echo()) as client:
        pending = Fact(seq=0, kind="said", at_ms=1, by=HUMAN, body=fields_of(Said(utterance="u3", text="Who rings it?")))
        request = ReplyRequest(
            session=SID,
            base_seq=8,
            character="mirelle",
            line="l",
            pending=(pending.to_json(),),
            options=ReplyOptions(token_budget=4000, notes=("Whisper now.",)),
        )
        text = told(await asked(client, request))
    for part in (
        "Mirelle keeps the Lantern and Eel",
        "INN. Rain",
        "The bell rings at midnight",
        "Be suspicious of Anna",
        "Whisper now",
        "Pim has gone missing",
        "Anna, Who rings it?",
    ):
        assert part in text
    for part in ("Grim must lie", "treasure", "comes later", "{{"):
        assert part not in text


async def test_only_heard_words_are_history(redis: Redis, serve: Serve) -> None:
    """Of a cut line the prompt holds what was heard; a retcon takes back what followed."""
    log = TranscriptLog(redis)
    character = Author("character", "mirelle", "Mirelle")
    head = await opened(log, draft("s1", Said(utterance="u1", text="Tell me all.")))
    fence = await log.claim(SID, "unix:/x", 60)
    line = await log.append(
        SID,
        [
            draft("l:open", LineOpened(line="l1", character="mirelle", turn=head, base_seq=head), character),
            draft("l:a1:s0", Spoken(line="l1", attempt=1, index=0, text="It began with the ferry.", tagged="It began with the ferry."), character),
            draft("l:a1:s1", Spoken(line="l1", attempt=1, index=1, text="Then the murderer came.", tagged="Then the murderer came."), character),
        ],
        fence,
    )
    end = await log.append(SID, [draft("l:close", LineClosed(line="l1", state="cut", last_seq=line[1].seq, offset=24), character)], fence)
    async with serve(**echo()) as client:
        first = told(await asked(client, ReplyRequest(session=SID, base_seq=end[0].seq, character="mirelle", line="l2")))
        assert "It began with the ferry" in first
        assert "murderer" not in first
        back = await log.append(SID, [draft("back", Retconned(to=head), DIRECTOR)], fence)
        second = told(await asked(client, ReplyRequest(session=SID, base_seq=back[0].seq, character="mirelle", line="l3")))
        assert "Tell me all" in second
        assert "ferry" not in second
        earlier = told(await asked(client, ReplyRequest(session=SID, base_seq=end[0].seq, character="mirelle", line="l4")))
        assert "It began with the ferry" in earlier


async def test_a_trimmed_session_is_read_from_the_archive(redis: Redis, serve: Serve, archive_url: str) -> None:
    """The beginning of a long session lives in SQL only; the character still knows it."""
    log = TranscriptLog(redis)
    head = await opened(log, draft("s1", Said(utterance="u1", text="Remember the marigolds.")), draft("s2", Said(utterance="u2", text="And now?")))
    archive = await Archive.open(archive_url)
    try:
        await archive.store(SID, await log.entries(SID))
    finally:
        await archive.close()
    await log.trim(SID, head)
    with pytest.raises(NotFound):
        await log.read(SID)
    async with serve(**echo()) as client:
        text = told(await asked(client, ReplyRequest(session=SID, base_seq=head, character="mirelle", line="l")))
    assert "Remember the marigolds" in text
    assert "And now?" in text


async def test_wrong_requests_are_refused_by_name(redis: Redis, serve: Serve) -> None:
    """An unknown character, a future base_seq, unreadable pending facts and a missing card each have their error."""
    head = await opened(TranscriptLog(redis))
    async with serve(**echo()) as client:
        for request, error in (
            (ReplyRequest(session=SID, base_seq=head, character="nobody"), NotFound),
            (ReplyRequest(session=SID, base_seq=head, character="p-1"), NotFound),
            (ReplyRequest(session=SID, base_seq=head + 5, character="mirelle"), Unavailable),
            (ReplyRequest(session=SID, base_seq=head, character="mirelle", pending=("{",)), InvalidRequest),
            (ReplyRequest(character="mirelle", messages=(ChatMessage("user", "x"),)), InvalidRequest),
            (ReplyRequest(character="mirelle", card="[1]"), InvalidRequest),
        ):
            with pytest.raises(error):
                await asked(client, request)


async def test_without_any_model_the_understudy_plays(redis: Redis, serve: Serve) -> None:
    """The default settings answer in character, marked as the understudy, from the first turn on."""
    head = await opened(TranscriptLog(redis), draft("s1", Said(utterance="u1", text="Good evening!")))
    async with serve(chain=["understudy"]) as client:
        events = await asked(client, ReplyRequest(session=SID, base_seq=head, character="mirelle", line="l"))
        chain, engines = await client.describe()
    assert events[0] == ReplyStarted("understudy", "understudy")
    assert told(events) == "Come in, Anna, and shut the door."
    sentence = next(event for event in events if isinstance(event, Sentence))
    assert sentence.emotion == "joy"
    assert isinstance(events[-1], ReplyFinished)
    assert chain == ("understudy",)
    understudy = next(engine for engine in engines if engine.name == "understudy")
    assert understudy.ready
    assert not understudy.generative


async def test_stateless_chat_streams_raw_deltas(serve: Serve, server: OpenAiServer) -> None:
    """The card stands before the client's history, its sampling wins, marks and markdown stay, thinking goes; the first delta comes at once."""
    settings = {"chain": ["one"], "engines": {"one": {"kind": "openai", "base_url": server.base_url, "model": "thinks"}}}
    async with serve(**settings) as client:
        request = ReplyRequest(
            character="mirelle",
            messages=(ChatMessage("system", "Be brief."), ChatMessage("user", "Hi"), ChatMessage("assistant", "Hello."), ChatMessage("user", "The bell?")),
            card=json.dumps(CARD),
            options=ReplyOptions(speakable=False, temperature=0.1, max_tokens=33, top_p=0.5, stop=("X",), seed=4),
        )
        events = await asked(client, request)
    text = "".join(event.text for event in events if isinstance(event, Delta))
    assert text.strip() == server.reply
    assert not any(isinstance(event, Sentence) for event in events)
    body = server.calls[0].body
    assert [message["role"] for message in body["messages"]] == ["system", "user", "assistant", "user"]
    system = body["messages"][0]["content"]
    assert "Mirelle keeps the Lantern and Eel." in system
    assert "The bell rings at midnight." in system
    assert system.rstrip().endswith("Be brief.")
    assert "spoken aloud" not in system
    assert (body["temperature"], body["max_tokens"], body["top_p"], body["stop"], body["seed"]) == (0.1, 33, 0.5, ["X"], 4)


async def test_cancelling_the_call_stops_the_provider(redis: Redis, serve: Serve, server: OpenAiServer) -> None:
    """A barge-in cancels the call; the provider's connection is closed at once and the next reply is not held up."""
    server.reply = "A sentence. " * 2000
    head = await opened(TranscriptLog(redis), draft("s1", Said(utterance="u1", text="Good evening!")))
    engines = {"one": {"kind": "openai", "base_url": server.base_url, "model": "slow:5"}}
    async with serve(chain=["one"], engines=engines) as client:
        request = ReplyRequest(session=SID, base_seq=head, character="mirelle", line="l")
        async with contextlib.aclosing(client.reply(request, 20)) as events:
            async for event in events:
                if isinstance(event, Sentence):
                    break
        # The reply itself would take ten seconds.
        await asyncio.wait_for(server.calls[0].left.wait(), 5)


async def test_two_epochs_side_by_side_do_not_disturb_each_other(redis: Redis, serve: Serve) -> None:
    """A speculative reply and the true one for the same character run at the same time, each with its own pending words."""
    head = await opened(TranscriptLog(redis))

    def request(epoch: int, text: str) -> ReplyRequest:
        pending = Fact(seq=0, kind="said", at_ms=1, by=HUMAN, body=fields_of(Said(utterance=f"u{epoch}", text=text)))
        return ReplyRequest(session=SID, base_seq=head, character="mirelle", line=f"l{epoch}", epoch=epoch, pending=(pending.to_json(),))

    async with serve(**echo()) as client:
        first, second = await asyncio.gather(asked(client, request(1, "Tell me about")), asked(client, request(2, "Tell me about the flood.")))
    assert "the flood" not in told(first)
    assert "the flood" in told(second)


async def test_the_first_word_of_all_is_the_cards_greeting(redis: Redis, serve: Serve) -> None:
    """Whatever engine is configured: the card's own opening, its macro replaced and its mark lifted; the second line is the engine's."""
    log = TranscriptLog(redis)
    head = await opened(log)
    async with serve(chain=["scripted"], engines={"scripted": {"replies": ["As you wish."]}}) as client:
        events = await asked(client, ReplyRequest(session=SID, base_seq=head, character="mirelle", line="l"))
        assert told(events) == "Come in, Anna, and shut the door."
        assert [event.emotion for event in events if isinstance(event, Sentence)] == ["joy"]
        said = Fact(seq=0, kind="said", at_ms=1, by=HUMAN, body=fields_of(Said(utterance="u", text="Hello")))
        assert told(await asked(client, ReplyRequest(session=SID, base_seq=head, character="mirelle", line="m", pending=(said.to_json(),)))) == "As you wish."


async def test_given_words_ask_no_model(serve: Serve) -> None:
    """A puppet's line comes back as sentences, whatever is configured, and needs neither transcript nor card."""
    async with serve(**echo()) as client:
        events = await asked(client, ReplyRequest(session=SID, character="mirelle", line="l", script="[anger] Out of my inn! Now."))
        assert events[0] == ReplyStarted("script", "script")
        assert [(event.text, event.emotion) for event in events if isinstance(event, Sentence)] == [("Out of my inn!", "anger"), ("Now.", "anger")]
        with pytest.raises(InvalidRequest):
            await asked(client, ReplyRequest(session=SID, character="mirelle", line="l", script="[anger]"))
