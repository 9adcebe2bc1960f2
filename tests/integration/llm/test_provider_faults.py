"""What a provider does wrong costs a fallback or a truncated reply, never a hang, a flood or a leaked error text."""

from __future__ import annotations

import asyncio
from collections.abc import Sequence

import pytest

from services.core.model.reply import FellBack, ReplyEvent, ReplyFinished, ReplyStarted, Sentence
from tests.integration.llm.conftest import engine, house, raw_text, spoken
from tests.making.openai_answer import REPLY, OpenAiServer

FULL = "Well met, traveller. The fire is warm and the stew is hot. Do you hear the bell?"

UNANSWERED = {
    "status:400": "request_refused",
    "status:401": "auth",
    "status:402": "auth",
    "status:403": "auth",
    "status:404": "request_refused",
    "status:408": "timeout",
    "status:413": "request_refused",
    "status:429": "rate_limited",
    "status:429/3": "rate_limited",
    "status:429/Wed, 21 Oct 2099 07:28:00 GMT": "rate_limited",
    "status:429/99999999999": "rate_limited",
    "status:429/soon": "rate_limited",
    "status:500": "server_error",
    "status:502": "server_error",
    "status:503": "server_error",
    "status:529": "server_error",
    "error-object": "server_error",
    "error-object:insufficient_quota": "auth",
    "html": "garbage",
    "wrong-type": "truncated",
    "redirect": "garbage",
    "empty": "truncated",
    "black-hole": "timeout",
    "mute": "timeout",
    "stall:1": "timeout",
    "drip": "timeout",
    "comments": "timeout",
    "cut:1": "truncated",
    "rst:1": "truncated",
    "bad-json": "garbage",
    "long-line": "garbage",
    "gzip-bomb": "garbage",
    "tool-calls": "empty",
    "silent-finish": "empty",
    "silent-finish:content_filter": "content_filter",
    "only-thinks": "empty",
}


@pytest.mark.parametrize("behaviour", UNANSWERED)
async def test_the_next_engine_answers(server: OpenAiServer, behaviour: str) -> None:
    """A provider that gives no sentence is replaced, with the reason, within its time."""
    engines = {"first": engine(server, behaviour), "second": engine(server, "good")}
    async with house(engines) as play:
        async with asyncio.timeout(10):
            events = await play.play()
    fell = [event for event in events if isinstance(event, FellBack)]
    assert fell == [FellBack("first", "second", UNANSWERED[behaviour])]
    assert spoken(events) == FULL
    finished = events[-1]
    assert isinstance(finished, ReplyFinished)
    assert (finished.engine, finished.reason, finished.prompt_tokens, finished.completion_tokens) == ("second", "stop", 11, 22)
    assert "secret" not in repr(events)


@pytest.mark.parametrize(
    "behaviour", ["good", "whole", "no-done", "no-reason", "after-done", "line-ends", "thinks", "picky", "finish:stop", "finish:unheard_of", "slow:1"]
)
async def test_what_is_merely_odd_is_understood(server: OpenAiServer, behaviour: str) -> None:
    """Servers that differ in harmless ways are read to the last word."""
    async with house({"odd": engine(server, behaviour)}) as play:
        events = await play.play()
    assert spoken(events) == FULL
    assert isinstance(events[0], ReplyStarted)
    assert events[-1] == ReplyFinished("stop", *_counts(events), engine="odd", model=behaviour, estimated=behaviour in {"whole", "line-ends"})
    assert len([event for event in events if isinstance(event, ReplyFinished)]) == 1


@pytest.mark.parametrize(
    ("behaviour", "sent"),
    [
        ("repeated", "Well Well met, met, traveller. traveller. The The fire fire is is warm. warm."),
        ("shuffled", "met, Well The traveller. is fire warm."),
    ],
)
async def test_chunks_that_come_twice_or_in_another_order_end_an_answer_once(server: OpenAiServer, behaviour: str, sent: str) -> None:
    """Nobody can tell what was meant: it is read as it was sent, and ends as any other answer does, counted once."""
    server.reply = "Well met, traveller. The fire is warm."
    async with house({"odd": engine(server, behaviour), "second": engine(server, "good")}) as play:
        said, raw = await play.play(), await play.play(raw=True)
    assert spoken(said) == sent
    assert raw_text(raw).strip() == sent
    for events in (said, raw):
        assert not [event for event in events if isinstance(event, FellBack)]
        assert [event for event in events if isinstance(event, ReplyFinished)] == events[-1:]
        last = events[-1]
        assert isinstance(last, ReplyFinished)
        assert (last.engine, last.reason, last.prompt_tokens, last.completion_tokens) == ("odd", "stop", 11, 22)


def _counts(events: Sequence[ReplyEvent]) -> tuple[int, int, float]:
    last = events[-1]
    assert isinstance(last, ReplyFinished)
    return last.prompt_tokens, last.completion_tokens, last.ttft_ms


async def test_emotion_marks_are_lifted_from_a_stream(server: OpenAiServer) -> None:
    """Emotion, intensity and manner stand beside the clean text; the tagged text keeps the marks."""
    async with house({"one": engine(server, "good")}) as play:
        sentences = [event for event in await play.play() if isinstance(event, Sentence)]
    assert [(item.emotion, item.manner) for item in sentences] == [("joy", "plain"), ("joy", "plain"), ("fear", "whisper")]
    assert sentences[2].intensity == 0.8
    assert " ".join(item.tagged for item in sentences) == REPLY


async def test_bytes_and_contents_of_every_kind(server: OpenAiServer) -> None:
    """Characters cut between packets are joined; contents that are not text are passed over; only the first choice is heard."""
    async with house({"bytes": engine(server, "bytes"), "odd": engine(server, "odd-contents")}) as play:
        assert spoken(await play.play(["bytes"], attempt_s=5, idle_s=5)) == "Füße über Straßen, 你好。 Да!"
        assert spoken(await play.play(["odd"])) == "Well met, traveller."


@pytest.mark.parametrize("behaviour", ["cut:5", "rst:5", "stall:5", "bad-json:5"])
async def test_a_stream_that_breaks_after_the_first_sentence_is_truncated(server: OpenAiServer, behaviour: str) -> None:
    """Nobody goes on in another voice: the given sentence stands, the torn one is dropped, the reason says it."""
    async with house({"first": engine(server, behaviour), "second": engine(server, "good")}) as play:
        events = await play.play()
    assert spoken(events) == "Well met, traveller."
    assert not [event for event in events if isinstance(event, FellBack)]
    last = events[-1]
    assert isinstance(last, ReplyFinished)
    assert (last.reason, last.engine) == ("truncated", "first")


async def test_a_reply_at_its_limit_says_so(server: OpenAiServer) -> None:
    """`length` and `content_filter` are passed on."""
    async with house({"long": engine(server, "finish:length"), "cut": engine(server, "finish:content_filter")}) as play:
        for name, reason in (("long", "length"), ("cut", "content_filter")):
            last = (await play.play([name]))[-1]
            assert isinstance(last, ReplyFinished)
            assert last.reason == reason


async def test_an_endless_reply_is_ended(server: OpenAiServer) -> None:
    """A model that never stops is cut off at the cap and the connection is closed."""
    async with house({"endless": engine(server, "endless")}) as play:
        events = await play.play(reply_s=20)
    last = events[-1]
    assert isinstance(last, ReplyFinished)
    assert last.reason == "length"
    assert 200_000 < len(spoken(events)) < 400_000
    await asyncio.wait_for(server.calls[0].left.wait(), 5)


async def test_the_total_time_ends_a_reply(server: OpenAiServer) -> None:
    """A stream that keeps coming, but slowly, is ended at the limit of the whole reply."""
    async with house({"slow": engine(server, "slow:120")}) as play:
        async with asyncio.timeout(10):
            last = (await play.play(reply_s=0.8))[-1]
    assert isinstance(last, ReplyFinished)
    assert last.reason == "truncated"


async def test_hostile_text_is_scrubbed(server: OpenAiServer) -> None:
    """Lone surrogates, NUL, terminal codes and towers of accents reach neither the voice nor the wire; emoji halves are joined and dropped."""
    async with house({"hostile": engine(server, "hostile")}) as play:
        text = spoken(await play.play())
        raw = raw_text(await play.play(raw=True))
    assert text.startswith("Ignore that half and red, e")
    assert text.endswith("end. Grin done.")
    assert "\U0001f600" in raw
    for whole in (text, raw):
        whole.encode("utf-8")
        assert not set(whole) & {"\x00", "\x1b"}
        assert whole.count("\u0301") <= 3


async def test_an_obedient_model_speaks_for_nobody_else(server: OpenAiServer) -> None:
    """When the model begins another one's line the reply is over and the provider is stopped."""
    async with house({"obedient": engine(server, "obedient")}) as play:
        events = await play.play()
    assert "Player" not in spoken(events)
    assert "granted" not in spoken(events)
    last = events[-1]
    assert isinstance(last, ReplyFinished)
    assert last.reason == "stop"


async def test_keys_are_sent_to_their_own_server_alone(server: OpenAiServer) -> None:
    """Each engine sends its own key; a redirect is not followed; the key appears in no event."""
    engines = {"first": engine(server, "redirect", api_key="k-first"), "second": engine(server, "good", api_key="k-second", headers={"x-title": "Souffleur"})}
    async with house(engines) as play:
        events = await play.play()
    assert [call.path for call in server.calls] == ["/v1/chat/completions"] * 2
    assert [call.headers["authorization"] for call in server.calls] == ["Bearer k-first", "Bearer k-second"]
    assert server.calls[1].headers["x-title"] == "Souffleur"
    assert "k-first" not in repr(events)


async def test_the_understudy_stands_behind_everything(server: OpenAiServer) -> None:
    """With every provider down the character still answers, from its card, and the events say who spoke."""
    async with house({"a": engine(server, "status:500"), "b": engine(server, "html")}) as play:
        events = await play.play()
    assert [(event.from_engine, event.to_engine) for event in events if isinstance(event, FellBack)] == [("a", "b"), ("b", "understudy")]
    assert ReplyStarted("understudy", "understudy") in events
    assert spoken(events)


async def test_all_engines_together_have_limited_time(server: OpenAiServer) -> None:
    """Black holes in a row are not waited for one after the other: after two the understudy answers."""
    async with house({name: engine(server, "black-hole") for name in "abcd"}) as play:
        events = await play.play(attempt_s=0.3)
    assert len(server.calls) == 2
    assert spoken(events)


async def test_troubled_engines_rest_and_return(server: OpenAiServer) -> None:
    """After a refusal the engine is not asked again at once; another engine of the same account shares an auth trouble."""
    engines = {
        "a": engine(server, "status:401", api_key="same"),
        "b": engine(server, "good", api_key="same"),
        "c": engine(server, "good", api_key="other"),
    }
    async with house(engines) as play:
        await play.play(["a", "c"])
        events = await play.play(["a", "b", "c"])
    assert [call.body["model"] for call in server.calls] == ["status:401", "good", "good"]
    assert [(event.from_engine, event.reason) for event in events if isinstance(event, FellBack)] == [("a", "auth"), ("b", "auth")]
    assert server.calls[-1].headers["authorization"] == "Bearer other"


async def test_a_short_retry_after_is_honoured(server: OpenAiServer) -> None:
    """A provider that asks for a moment is asked again where only the understudy would be left."""
    async with house({"flaky": engine(server, "flaky:1")}) as play:
        events = await play.play()
    assert server.counts["flaky:1"] == 2
    assert spoken(events) == FULL
    assert not [event for event in events if isinstance(event, FellBack)]


@pytest.mark.parametrize("raw", [False, True])
async def test_cancelling_stops_the_provider(server: OpenAiServer, raw: bool) -> None:  # noqa: FBT001
    """Closing the events closes the connection, so that the provider stops writing."""
    server.reply = "One short sentence. " * 500
    async with house({"slow": engine(server, "slow:5")}) as play:
        events = play.events(raw=raw)
        async for event in events:
            if not isinstance(event, ReplyStarted):
                break
        await events.aclose()
        await asyncio.wait_for(server.calls[0].left.wait(), 5)
        assert server.calls[0].pieces < 100


async def test_nobody_listens_at_the_address(server: OpenAiServer) -> None:
    """A refused connection costs no time."""
    async with house({"dead": {"kind": "openai", "base_url": "http://127.0.0.1:9/v1", "model": "x"}, "alive": engine(server, "good")}) as play:
        events = await play.play()
    assert [event.reason for event in events if isinstance(event, FellBack)] == ["refused"]
    assert spoken(events) == FULL


async def test_the_model_is_asked_for_where_none_is_configured(server: OpenAiServer) -> None:
    """The first model that is not an embedding model is taken."""
    server.models = ["text-embedding-x", "good"]
    async with house({"any": {"kind": "openai", "base_url": server.base_url}}) as play:
        assert spoken(await play.play()) == FULL


async def test_ollama_is_found_and_its_model_chosen(server: OpenAiServer) -> None:
    """A running Ollama is used by itself; one without the wanted model is not ready and says what to do."""
    server.models = ["nomic-embed-text", "good"]
    base = server.base_url.removesuffix("/v1")
    async with house({"ollama": {"base_url": base}}) as play:
        assert [slot.name for slot in play.roster.chain((), play.settings)] == ["ollama", "understudy"]
        assert spoken(await play.play()) == FULL
    async with house({"ollama": {"base_url": base, "model": "absent"}}) as play:
        assert [slot.name for slot in play.roster.chain((), play.settings)] == ["understudy"]
        info = {item.name: item for item in play.roster.describe()}["ollama"]
        assert not info.ready
        assert "ollama pull" in info.remark


async def test_what_one_reply_learns_costs_another_nothing(server: OpenAiServer) -> None:
    """Several that are under way when a server first says which parameters it refuses all come to their answer, from that server."""
    async with house({"first": engine(server, "picky"), "second": engine(server, "good")}) as play:
        async with asyncio.timeout(10):
            replies = await asyncio.gather(*(play.play() for _ in range(3)))
    for events in replies:
        assert not [event for event in events if isinstance(event, FellBack)]
        assert spoken(events) == FULL
