"""The official `openai` client against a running program: chat with and without a session, speech, transcriptions; and long talks with the understudy."""

from __future__ import annotations

import asyncio
import io
import json
import re
import time
import wave
from collections.abc import AsyncIterator, Callable
from itertools import pairwise
from pathlib import Path
from typing import Any

import av
import numpy as np
import pytest
import pytest_asyncio
from openai import AsyncOpenAI
from openai.types.chat import ChatCompletionMessageParam

from tests.acceptance.conftest import SCRIPTED, spotless
from tests.acceptance.player import RATE, player, rms
from tests.acceptance.program import Program
from tests.acceptance.table import Fact, api, assert_whole, facts_of, is_fact, opened, seen, words_in
from tests.making.prompts import prompts

pytestmark = [pytest.mark.asyncio(loop_scope="module"), pytest.mark.timeout(180)]
HELLO: list[ChatCompletionMessageParam] = [{"role": "system", "content": "Be brief."}, {"role": "user", "content": "Good evening! Who are you?"}]
RENDITIONS = 2
SPOKEN = "The ferry leaves at noon, and nobody has ever paid twice."

TALKS = {
    "mirelle": (
        r"[A-Za-z]{3}",
        [
            "Good evening!", "Who are you?", "What can I eat here?", "Tell me about the ferry.", "Tell me more.", "And then?", "Tell me about the ferry.",
            "Do you ever sleep?", "asdf qwer zxcv", "Thank you.", "Thank you.", "Farewell.",
        ],
    ),
    "yaroglav": (
        r"[А-Яа-яЁё]{3}",
        [
            "Здравствуй!", "Кто ты?", "Что ты охраняешь?", "Расскажи о золоте.", "Расскажи ещё.", "А потом?", "Расскажи о золоте.", "Ты спишь?",
            "йцукен фыва", "Спасибо.", "Спасибо.", "Прощай.",
        ],
    ),
    "xiaoman": (
        r"[\u4e00-\u9fff]{2}",
        [
            "你好！", "你是谁？", "前面是什么地方？", "给我讲讲山路。", "再多说一点。", "然后呢？", "给我讲讲山路。", "你害怕吗？",
            "啊啊啊啊", "谢谢。", "谢谢。", "再见。",
        ],
    ),
}  # fmt: skip
"""Character -> what its language looks like, and twelve things to say, some of them twice."""


@pytest_asyncio.fixture(scope="module", loop_scope="module")
async def house(tmp_path_factory: pytest.TempPathFactory) -> AsyncIterator[Program]:
    """What is there on any machine: pocketsphinx, the understudy and eSpeak."""
    async with spotless(tmp_path_factory.mktemp("house"), SCRIPTED | {"llm": {"chain": ["understudy"]}}) as started:
        yield started


def client_of(program: Program, session: str = "") -> AsyncOpenAI:
    """As any outsider would make it; its requests are sent once."""
    headers = {"X-Souffleur-Session": session} if session else {}
    return AsyncOpenAI(api_key="unused", base_url=f"{program.url}/v1", default_headers=headers, max_retries=0, timeout=30)


async def streamed(client: AsyncOpenAI, model: str, messages: list[ChatCompletionMessageParam]) -> str:
    """A completion read as it comes."""
    stream = await client.chat.completions.create(model=model, messages=messages, stream=True)
    chunks = [chunk async for chunk in stream]
    assert chunks[0].choices[0].delta.role == "assistant"
    assert [choice.finish_reason for chunk in chunks for choice in chunk.choices if choice.finish_reason] == ["stop"]
    assert len({chunk.id for chunk in chunks}) == 1
    return "".join(choice.delta.content or "" for chunk in chunks for choice in chunk.choices)


async def plain(client: AsyncOpenAI, model: str, messages: list[ChatCompletionMessageParam]) -> str:
    """A completion at once."""
    answer = await client.chat.completions.create(model=model, messages=messages)
    assert answer.choices[0].finish_reason == "stop"
    assert answer.usage is not None
    return answer.choices[0].message.content or ""


async def test_every_character_is_a_model(house: Program) -> None:
    """The samples are listed, and one can be asked for."""
    async with client_of(house) as client:
        listed = {model.id async for model in client.models.list()}
        assert {"npc/mirelle", "npc/yaroglav", "npc/xiaoman"} <= listed
        assert (await client.models.retrieve("npc/mirelle")).id == "npc/mirelle"


async def test_stateless_chat_leaves_no_trace(house: Program) -> None:
    """Plain and streamed completions answer in character, and no session comes of it."""
    async with client_of(house) as client, api(house.url) as rest:
        before = (await rest.get("/api/sessions")).json()["items"]
        answers = await asyncio.gather(plain(client, "npc/mirelle", HELLO), streamed(client, "npc/mirelle", HELLO))
        assert (await rest.get("/api/sessions")).json()["items"] == before
    assert all(len(words_in(answer)) > 2 for answer in answers)
    assert not any("[" in answer for answer in answers)


async def test_chat_in_a_session_is_said_and_answered_once(house: Program) -> None:
    """With the header the last user message becomes a fact and the answer is the line that stands in the transcript, streamed or not."""
    session = await opened(house.url, ["mirelle"])
    async with client_of(house, session) as client:
        answers = [await plain(client, "npc/mirelle", HELLO), await streamed(client, "npc/mirelle", [*HELLO, {"role": "user", "content": "And the ferry?"}])]
    facts = await facts_of(house.url, session)
    assert_whole(facts)
    assert [fact["body"]["text"] for fact in facts if fact["kind"] == "said"] == ["Good evening! Who are you?", "And the ferry?"]
    assert [lines(facts)[fact["body"]["line"]] for fact in facts if fact["kind"] == "line_closed"] == answers
    assert {fact["body"]["state"] for fact in facts if fact["kind"] == "line_closed"} == {"heard"}


def lines(facts: list[Fact]) -> dict[str, str]:
    """Line -> its sentences as one text."""
    found: dict[str, list[str]] = {}
    for fact in facts:
        if fact["kind"] == "sentence":
            found.setdefault(fact["body"]["line"], []).append(fact["body"]["text"])
    return {line: " ".join(texts) for line, texts in found.items()}


async def test_chat_answers_what_somebody_left_unasked(house: Program) -> None:
    """A realtime client's item that waits for its request is answered together with the next message, which is told of it at once."""
    async with player(house.websocket, "npc/mirelle", mic=False) as one:
        _, _, attached = await one.wait_for("souffleur.attached")
        item = {"type": "message", "role": "user", "content": [{"type": "input_text", "text": "I am new here."}]}
        await one.connection.session.update(session={"type": "realtime", "output_modalities": ["text"]})
        await one.connection.conversation.item.create(item=item)
        await one.wait_for(is_fact("said"))
        async with client_of(house, attached["session_id"]) as client:
            began = time.monotonic()
            answer = await plain(client, "npc/mirelle", [{"role": "user", "content": "So am I. Who are you?"}])
            assert time.monotonic() - began < 20
        await one.wait_for(is_fact("line_closed"))
        first, _ = seen(one, "said")
        (line,) = seen(one, "line_opened")
        assert line["body"]["turn"] == first["seq"]
        assert lines(seen(one)) == {line["body"]["line"]: answer}


def decoded(data: bytes) -> tuple[bytes, int]:
    """Mono PCM16 and its rate, by PyAV."""
    with av.open(io.BytesIO(data), "r") as container:
        resampler = av.AudioResampler(format="s16", layout="mono", rate=RATE)
        frames = [piece for frame in container.decode(audio=0) for piece in resampler.resample(frame)]
        frames += resampler.resample(None)
        rate = container.streams.audio[0].rate
    return b"".join(np.asarray(frame.to_ndarray(), "<i2").tobytes() for frame in frames), int(rate)


async def test_speech_comes_in_every_format(house: Program) -> None:
    """mp3, wav, opus and raw PCM are the same sentence: the same length, the same energy."""
    async with client_of(house) as client:

        async def spoken(form: Any) -> bytes:
            answer = await client.audio.speech.create(model="npc/mirelle", voice="default", input=SPOKEN, response_format=form)
            return answer.content

        # A voice that was heard before is levelled by that where the machine is busy, by the sentence itself where it is not: one way or the other.
        await spoken("wav")
        plain = [await spoken("pcm") for _ in range(RENDITIONS)]
        coded = {form: [await spoken(form) for _ in range(RENDITIONS)] for form in ("mp3", "wav", "opus")}
    assert 2 < len(plain[0]) / 2 / RATE < 8
    assert rms(plain[0]) > 300
    for form, renditions in coded.items():
        loudness = []
        for data in renditions:
            sound, rate = decoded(data)
            assert rate in {RATE, 48_000}
            assert len(sound) == pytest.approx(len(plain[0]), abs=0.15 * 2 * RATE)
            loudness.append(rms(sound))
        assert any(one == pytest.approx(rms(pcm), rel=0.1) for one in loudness for pcm in plain), form


async def test_real_speech_is_transcribed(house: Program) -> None:
    """Recordings of people, uploaded as they are: as many of their words as dictation without a downloaded model gets, and none of silence."""
    chosen = [prompt for prompt in prompts() if 4 <= len(prompt.text.split()) <= 7][:8]
    async with client_of(house) as client:

        async def heard(path: Path) -> list[str]:
            answer = await client.audio.transcriptions.create(model="whisper-1", file=path)
            return words_in(answer.text)

        # One after the other: the recogniser adapts itself to what it hears.
        found = [await heard(prompt.path) for prompt in chosen]
        quiet = await client.audio.transcriptions.create(model="whisper-1", file=("quiet.wav", silence()))
    wanted = [words_in(prompt.text) for prompt in chosen]
    right = sum(len(set(one) & set(other)) for one, other in zip(wanted, found, strict=True))
    assert right > 0.3 * sum(len(set(one)) for one in wanted), list(zip(wanted, found, strict=True))
    assert len(words_in(quiet.text)) <= 1


def silence() -> bytes:
    """A second of it as a wav file."""
    file = io.BytesIO()
    with wave.open(file, "wb") as writer:
        writer.setnchannels(1)
        writer.setsampwidth(2)
        writer.setframerate(16_000)
        writer.writeframes(bytes(32_000))
    return file.getvalue()


async def by_chat(program: Program, session: str, texts: list[str]) -> None:
    """Chat completions with the session's header, streamed."""
    async with client_of(program, session) as client:
        for text in texts:
            assert await streamed(client, "npc/mirelle", [{"role": "user", "content": text}])


async def by_rest(program: Program, session: str, texts: list[str]) -> None:
    """Typed messages, each followed to the end of its turn by server-sent events."""
    async with api(program.url) as client:
        for text in texts:
            headers = {"Accept": "text/event-stream"}
            async with client.stream("POST", f"/api/sessions/{session}/messages", json={"text": text}, headers=headers) as answer:
                answer.raise_for_status()
                rows = [row.removeprefix("data: ") async for row in answer.aiter_lines() if row.startswith("data: ")]
            kinds = [json.loads(row).get("kind") for row in rows]
            assert kinds[0] == "said"
            assert "line_closed" in kinds


async def by_realtime(program: Program, session: str, texts: list[str]) -> None:
    """A realtime client that reads and writes text."""
    settings = {"output_modalities": ["text"]}
    async with player(program.websocket, "npc/xiaoman", session=settings, query={"session": session}, mic=False) as one:
        for text in texts:
            first = len(one.events)
            item = {"type": "message", "role": "user", "content": [{"type": "input_text", "text": text}]}
            await one.connection.conversation.item.create(item=item)
            await one.connection.response.create()
            _, _, done = await one.wait_for("response.done", after=first)
            assert done["response"]["status"] == "completed"
            ((_, told),) = one.of("response.output_text.done", first)
            assert told["text"]
            assert not one.of("response.output_audio.delta", first)


Way = Callable[[Program, str, list[str]], Any]


@pytest.mark.parametrize(("slug", "way"), [("mirelle", by_chat), ("yaroglav", by_rest), ("xiaoman", by_realtime)])
async def test_the_understudy_keeps_a_talk_going(house: Program, slug: str, way: Way) -> None:
    """Twelve turns in the character's language, each answered by the understudy, never with the same line twice running."""
    looks, texts = TALKS[slug]
    session = await opened(house.url, [slug])
    await way(house, session, texts)
    facts = await facts_of(house.url, session)
    assert_whole(facts)
    assert [fact["body"]["text"] for fact in facts if fact["kind"] == "said"] == texts
    assert {fact["body"]["engine"] for fact in facts if fact["kind"] == "sentence"} == {"understudy"}
    assert {(fact["body"]["state"], fact["body"]["basis"]) for fact in facts if fact["kind"] == "line_closed"} == {("heard", "delivered")}
    answers = list(lines(facts).values())
    assert len(answers) == len(texts)
    assert all(re.search(looks, answer) for answer in answers)
    assert not any("[" in answer for answer in answers)
    assert all(one != other for one, other in pairwise(answers))
    assert len(set(answers)) >= 9
