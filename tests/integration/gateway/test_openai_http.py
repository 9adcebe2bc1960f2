"""The official `openai` client, unmodified, against a gateway on loopback."""

from __future__ import annotations

import asyncio
import io
import json
import math
import threading
import wave

import numpy as np
import openai
import pytest
from openai.types.chat import ChatCompletionMessageParam

from services.gateway.openai_api.decoding import decoded
from tests.integration.gateway.conftest import House
from tests.integration.gateway.engines import tone

_HELLO: list[ChatCompletionMessageParam] = [{"role": "system", "content": "Be brief."}, {"role": "user", "content": "Good evening!"}]


async def test_models_are_the_cast(house: House) -> None:
    """Every character is a model, and one can be asked for by name."""
    client = house.openai()
    ids = {model.id async for model in client.models.list()}
    assert {"npc/mirelle", "npc/yaroglav", "npc/xiaoman"} <= ids
    assert (await client.models.retrieve("npc/mirelle")).owned_by == "souffleur"
    with pytest.raises(openai.NotFoundError):
        await client.models.retrieve("npc/nobody")


async def test_plain_chat_is_stateless_and_carries_the_card(house: House) -> None:
    """A plain completion answers with the whole reply, its usage, the client's history and the character's card; nothing is written."""
    answer = await house.openai().chat.completions.create(
        model="npc/mirelle", messages=_HELLO, temperature=0.3, max_tokens=50, stop="\n", seed=5, extra_body={"repetition_penalty": 1.1}
    )
    assert answer.choices[0].message.content == "Good evening, traveller."
    assert answer.choices[0].finish_reason == "stop"
    assert answer.usage is not None
    assert (answer.usage.prompt_tokens, answer.usage.completion_tokens, answer.usage.total_tokens) == (11, 7, 18)
    asked = house.roleplay.asked[0]
    assert [(message.role, message.content) for message in asked.messages] == [("system", "Be brief."), ("user", "Good evening!")]
    assert "Lantern and Eel" in asked.card
    assert not asked.session
    assert not asked.options.speakable
    assert asked.options.temperature == pytest.approx(0.3)
    assert (asked.options.max_tokens, asked.options.stop, asked.options.seed) == (50, ("\n",), 5)
    assert await house.runtime.redis.dbsize() == 0


async def test_streamed_chat_brings_the_first_word_before_the_last_is_there(house: House) -> None:
    """Deltas arrive while the reply is still being made, and the usage comes last when it is asked for."""
    house.roleplay.waits = asyncio.Event()
    stream = await house.openai().chat.completions.create(model="npc/mirelle", messages=_HELLO, stream=True, stream_options={"include_usage": True})
    text, reasons, usage = "", [], None
    async for chunk in stream:
        usage = chunk.usage or usage
        for choice in chunk.choices:
            text += choice.delta.content or ""
            reasons.append(choice.finish_reason)
            if text == "Good ":
                house.roleplay.waits.set()
    assert text == "Good evening, traveller."
    assert reasons[-1] == "stop"
    assert usage is not None
    assert usage.total_tokens == 18


async def test_a_reader_who_leaves_stops_the_provider(house: House) -> None:
    """Closing a stream, and giving up a plain request, cancels the reply behind it."""
    house.roleplay.waits = asyncio.Event()
    stream = await house.openai().chat.completions.create(model="npc/mirelle", messages=_HELLO, stream=True)
    await anext(aiter(stream))
    await stream.close()
    async with asyncio.timeout(5):
        await house.roleplay.cancelled.wait()
    house.roleplay.cancelled.clear()
    with pytest.raises(openai.APITimeoutError):
        await house.openai().chat.completions.create(model="npc/mirelle", messages=_HELLO, timeout=0.3)
    async with asyncio.timeout(5):
        await house.roleplay.cancelled.wait()


async def test_a_failure_before_the_first_word_is_a_status_and_later_an_error_event(house: House) -> None:
    """The client gets a typed error in both cases, never half an answer that looks whole."""
    house.roleplay.fails_after = 0
    with pytest.raises(openai.InternalServerError) as before:
        await house.openai().chat.completions.create(model="npc/mirelle", messages=_HELLO, stream=True)
    assert before.value.status_code == 502
    house.roleplay.fails_after = 1
    stream = await house.openai().chat.completions.create(model="npc/mirelle", messages=_HELLO, stream=True)
    with pytest.raises(openai.APIError, match="lost for words"):
        [chunk async for chunk in stream]


_BAD_CHATS: list[tuple[dict[str, object], int]] = [
    ({"model": "npc/nobody", "messages": _HELLO}, 404),
    ({"model": "npc/mirelle", "messages": []}, 400),
    ({"model": "npc/mirelle", "messages": [{"role": "wizard", "content": "x"}]}, 400),
    ({"model": "npc/mirelle", "messages": [{"role": "user", "content": [{"type": "image_url", "image_url": {"url": "x"}}]}]}, 400),
    ({"model": "npc/mirelle", "messages": _HELLO, "n": 2}, 400),
    ({"model": "npc/mirelle", "messages": [{"role": "user", "content": "half \ud800 a pair"}]}, 400),
]


async def test_bad_chat_requests_are_refused_as_openai_does(house: House) -> None:
    """The error body has OpenAI's shape and nothing is asked of the model."""
    for body, status in _BAD_CHATS:
        answer = await house.http.post("/v1/chat/completions", content=json.dumps(body), headers={"Content-Type": "application/json"})
        assert answer.status_code == status, body
        assert set(answer.json()["error"]) == {"message", "type", "code", "param"}
    assert not house.roleplay.asked


@pytest.mark.parametrize("streamed", [False, True])
async def test_chat_in_a_session_is_said_there(house: House, *, streamed: bool) -> None:
    """With the session header only the last user message is said, and the line that answers is the reply."""
    sid = await house.session()
    client = house.openai(**{"X-Souffleur-Session": sid})
    if streamed:
        stream = await client.chat.completions.create(model="npc/mirelle", messages=_HELLO, stream=True)
        text = "".join([chunk.choices[0].delta.content or "" async for chunk in stream])
    else:
        text = (await client.chat.completions.create(model="npc/mirelle", messages=_HELLO)).choices[0].message.content or ""
    assert text == "Good evening. Sit down, love."
    facts = await house.table.log.read(sid)
    assert [fact.body["text"] for fact in facts if fact.kind == "said"] == ["Good evening!"]
    assert not house.roleplay.asked
    assert not house.table.attached[0].hears


async def test_a_held_line_is_told_only_when_it_is_released(house: House) -> None:
    """In approve mode nothing of a draft reaches the client before the director has released it."""
    sid = await house.session(mode="approve")
    house.table.mode = "approve"
    house.table.may_end.clear()
    client = house.openai(**{"X-Souffleur-Session": sid})
    asking = asyncio.create_task(client.chat.completions.create(model="npc/mirelle", messages=_HELLO))
    async with asyncio.timeout(5):
        async for fact in house.table.log.tail(sid, 0):
            if fact.kind == "sentence" and fact.body["index"] == 1:
                break
    assert not asking.done()
    house.table.may_end.set()
    assert (await asking).choices[0].message.content == "Good evening. Sit down, love."


async def test_a_passed_turn_is_an_empty_answer(house: House) -> None:
    """When nobody answers, the completion ends with no words instead of hanging."""
    house.table.passes = True
    sid = await house.session()
    answer = await house.openai(**{"X-Souffleur-Session": sid}).chat.completions.create(model="npc/mirelle", messages=_HELLO)
    assert answer.choices[0].message.content == ""


@pytest.mark.parametrize("form", ["mp3", "wav", "opus", "flac", "aac"])
async def test_speech_is_a_file_of_the_wanted_format(house: House, form: str) -> None:
    """Each format decodes to the tone that was spoken, at its pitch and about its length."""
    client = house.openai()
    async with client.audio.speech.with_streaming_response.create(
        model="tts-1",
        voice="alloy",
        input="x" * 20,
        response_format=form,  # type: ignore[arg-type] # parametrised
    ) as answer:
        data = b"".join([chunk async for chunk in answer.iter_bytes(512)])
    samples = np.frombuffer(await asyncio.to_thread(decoded, data, threading.Event()), "<i2").astype(float)
    assert len(samples) / 16_000 == pytest.approx(1.0, abs=0.12)
    assert np.argmax(np.abs(np.fft.rfft(samples))) * 16_000 / len(samples) == pytest.approx(440, abs=3)


async def test_pcm_speech_is_the_very_samples_and_streams(house: House) -> None:
    """`pcm` passes 24 kHz samples through unchanged; `wav` plays in the standard library's reader."""
    client = house.openai()
    pcm = (await client.audio.speech.create(model="tts-1", voice="alloy", input="hello", response_format="pcm")).content
    assert pcm == b"".join(tone(index * 1_200, 1_200) for index in range(5))
    wav = (await client.audio.speech.create(model="tts-1", voice="alloy", input="hello", response_format="wav")).content
    with wave.open(io.BytesIO(wav)) as file:
        assert (file.getframerate(), file.getnchannels(), file.getsampwidth()) == (24_000, 1, 2)
        assert file.readframes(12_000) == pcm


async def test_speech_chooses_voice_and_feeling(house: House) -> None:
    """A character's name is its voice, an engine's name is that voice, instructions name an emotion, and speed is passed on."""
    client = house.openai()
    await client.audio.speech.create(model="tts-1", voice="npc/yaroglav", input="a", instructions="Whisper, very sadly.", speed=1.5)
    await client.audio.speech.create(model="npc/xiaoman", voice="alloy", input="b")
    await client.audio.speech.create(model="tts-1", voice="gmw/en", input="c")
    first, second, third = house.voices.asked
    assert (first.voice.language, first.emotion, first.manner) == ("ru", "sadness", "whisper")
    assert first.speed == pytest.approx(1.5)
    assert first.voice.pitch == pytest.approx(0.78)
    assert second.voice.language == "zh"
    assert (third.voice.engine, third.voice.name) == ("espeak", "gmw/en")
    with pytest.raises(openai.BadRequestError):
        await client.audio.speech.create(model="tts-1", voice="nobody-at-all", input="d")


async def test_speech_that_fails_before_its_first_sound_is_an_error(house: House) -> None:
    """No half file is sent: the status says what happened."""
    with pytest.raises(openai.BadRequestError):
        await house.openai().audio.speech.create(model="tts-1", voice="alloy", input="unspeakable")
    house.voices.mute = True
    with pytest.raises(openai.InternalServerError):
        await house.openai().audio.speech.create(model="tts-1", voice="alloy", input="hm")
    with pytest.raises(openai.BadRequestError):
        await house.openai().audio.speech.create(model="tts-1", voice="alloy", input="x" * 5_000)


async def test_voices_lists_characters_and_engine_voices(house: House) -> None:
    """A client can offer every voice by name."""
    ids = [voice["id"] for voice in (await house.http.get("/v1/audio/voices")).json()["voices"]]
    assert "npc/mirelle" in ids
    assert "gmw/en" in ids


def _wav(seconds: float, rate: int = 44_100) -> bytes:
    file = io.BytesIO()
    with wave.open(file, "wb") as writer:
        writer.setnchannels(2)
        writer.setsampwidth(2)
        writer.setframerate(rate)
        times = np.arange(round(seconds * rate)) / rate
        mono = (9_000 * np.sin(2 * math.pi * 300 * times)).astype("<i2")
        writer.writeframes(np.repeat(mono, 2).tobytes())
    return file.getvalue()


async def test_transcription_hears_the_whole_recording(house: House) -> None:
    """A stereo recording of any rate reaches hearing as 16 kHz mono, whole; each response format has its shape."""
    client = house.openai()
    recording = ("talk.wav", _wav(1.5))
    plain = await client.audio.transcriptions.create(model="whisper-1", file=recording, prompt="Mirelle, Sallow", language="en")
    assert plain.text == "1.5 seconds"
    opened = house.hearing.opened[0]
    assert (opened.language, opened.hotwords, opened.partials) == ("en", ("Mirelle", "Sallow"), False)
    text = await client.audio.transcriptions.create(model="whisper-1", file=recording, response_format="text")
    assert str(text).strip() == "1.5 seconds"
    verbose = await client.audio.transcriptions.create(model="whisper-1", file=recording, response_format="verbose_json")
    assert verbose.duration == pytest.approx(1.5, abs=0.01)
    assert verbose.words is not None
    assert verbose.words[0].word == "seconds"
    subtitles = await client.audio.transcriptions.create(model="whisper-1", file=recording, response_format="srt")
    assert "00:00:00,000 --> 00:00:01,500" in str(subtitles)


async def test_transcription_refuses_what_is_no_recording(house: House) -> None:
    """Noise bytes, playlists and failing engines are typed errors."""
    client = house.openai()
    for data in (b"not audio at all", b"#EXTM3U\n#EXT-X-TARGETDURATION:9\n#EXTINF:9,\nhttp://127.0.0.1:1/x.ts\n", b""):
        with pytest.raises(openai.BadRequestError):
            await client.audio.transcriptions.create(model="whisper-1", file=("x.wav", data))
    house.hearing.fails = True
    with pytest.raises(openai.InternalServerError) as failed:
        await client.audio.transcriptions.create(model="whisper-1", file=("x.wav", _wav(0.2)))
    assert "deaf today" in str(failed.value)
