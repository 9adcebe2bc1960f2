"""What every voice engine of the table must do; a new line in the table is tested without further edits."""

from __future__ import annotations

import asyncio
import itertools
from collections.abc import AsyncIterator, Iterator
from importlib.util import find_spec
from pathlib import Path
from typing import Any, Final, cast

import numpy as np
import pytest
import pytest_asyncio
from pydantic import ValidationError

from services.core.model.prosody import Emotion, Manner, Prosody, Voice
from services.core.registry import load
from services.core.settings import Settings
from services.tts.engine import EngineClass, Mark, Sound, TtsEngine
from services.tts.engines import ENGINES
from services.tts.loudness import Calibration
from services.tts.sentence import Sentence, rendered
from services.tts.words import spans
from tests.making.coqui_models import make_coqui
from tests.making.piper_voice import make_piper_voice
from tests.making.speech_server import SpeechServer, speech_server
from tests.making.voice_measures import Measured, joined, measured, samples_of

TEXT: Final = "Good evening, traveller, come and sit by the fire with me."
LIBRARIES: Final = {"espeak": "espeakng_loader", "piper": "piper"}
SLOW: Final = {"coqui"}
"""A process of its own that imports torch: by night."""
FEELINGS: Final = [emotion for emotion in Emotion if emotion is not Emotion.NEUTRAL]
VOICE: Final = Voice(language="en")
DEADLINE_S: Final = 20.0


@pytest.fixture(scope="module")
def server() -> Iterator[SpeechServer]:
    """What the OpenAI engine talks to."""
    with speech_server() as running:
        yield running


@pytest.fixture(scope="module")
def home(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A data folder; the Piper voice is made when first needed."""
    return tmp_path_factory.mktemp("voices")


async def _opened(name: str, home: Path, server: SpeechServer) -> TtsEngine:
    library = LIBRARIES.get(name)
    if library and find_spec(library) is None:
        pytest.skip(f"{library} is not installed")
    settings = Settings(data_dir=home)
    if name == "piper" and not (settings.models / "piper").exists():
        make_piper_voice(settings.models / "piper")
    if name == "coqui":
        make_coqui("vits", settings.models)
    made = cast(EngineClass, load(name, ENGINES))
    options: dict[str, dict[str, Any]] = {"openai": {"base_url": server.base_url}, "coqui": {"open_wait_s": 100.0, "threads": 1}}
    engine = made(made.Options.model_validate(options.get(name, {})), settings)
    await engine.open()
    return engine


@pytest_asyncio.fixture(params=[pytest.param(name, marks=pytest.mark.nightly if name in SLOW else ()) for name in sorted(ENGINES)])
async def engine(request: pytest.FixtureRequest, home: Path, server: SpeechServer) -> AsyncIterator[TtsEngine]:
    """Every engine in turn, open."""
    server.asked.clear()
    opened = await _opened(request.param, home, server)
    try:
        yield opened
    finally:
        await opened.close()


async def _measure(engine: TtsEngine, prosody: Prosody, voice: Voice = VOICE, text: str = TEXT) -> Measured:
    """As it leaves the house: levelled, with the feeling's gain."""
    sentence = Sentence(seq=1, text=text, target_dbfs=-20.0, gain_db=engine.gain_db(prosody), voice_key=("", ""))
    async with asyncio.timeout(DEADLINE_S):
        events = [event async for event in rendered(sentence, engine.stream(text, prosody, voice), Calibration())]
    return measured(samples_of(joined(events)))


async def test_a_sentence_becomes_sound_at_one_rate_with_marks_on_its_words(engine: TtsEngine) -> None:
    """Finite samples within full scale, longer than nothing; marks point at words, in order, inside the sound."""
    async with asyncio.timeout(DEADLINE_S):
        events = [event async for event in engine.stream(TEXT, Prosody(), VOICE)]
    sounds = [event for event in events if isinstance(event, Sound)]
    marks = [event for event in events if isinstance(event, Mark)]
    (rate,) = {sound.rate for sound in sounds}
    samples = np.concatenate([sound.samples for sound in sounds])
    assert samples.dtype == np.float32
    assert np.isfinite(samples).all()
    assert np.abs(samples).max() <= 1.0
    assert samples.size / rate > 0.2
    assert {(mark.start, mark.end) for mark in marks} <= set(spans(TEXT))
    assert [mark.at_s for mark in marks] == sorted(mark.at_s for mark in marks)
    assert all(0 <= mark.at_s <= samples.size / rate for mark in marks)
    if (await engine.capabilities()).word_marks:
        assert [(mark.start, mark.end) for mark in marks] == spans(TEXT)


async def test_capabilities_are_data_and_name_real_emotions(engine: TtsEngine) -> None:
    """An open engine is ready; neutral is never among the flat ones."""
    info = await engine.capabilities()
    assert info.ready
    assert set(info.flat_emotions) <= {str(feeling) for feeling in FEELINGS}


def _differ(one: Measured, two: Measured) -> bool:
    """By more than anybody's just noticeable difference in pitch, pace or loudness."""
    pitch = one.pitch_hz > 0 and two.pitch_hz > 0 and abs(one.pitch_hz / two.pitch_hz - 1) > 0.02
    return pitch or abs(one.seconds / two.seconds - 1) > 0.03 or abs(one.rms_db - two.rms_db) > 0.8


@pytest.mark.parametrize("intensity", [0.0, 0.5, 1.0])
async def test_every_emotion_differs_from_neutral_unless_it_is_declared_flat(engine: TtsEngine, intensity: float) -> None:
    """Measured in pitch, pace or loudness at every intensity; a flat one really is the same."""
    flat = set((await engine.capabilities()).flat_emotions)
    neutral = await _measure(engine, Prosody())
    for feeling in FEELINGS:
        felt = await _measure(engine, Prosody(feeling, intensity))
        assert _differ(felt, neutral) == (str(feeling) not in flat), (feeling, felt, neutral)


async def test_emotions_differ_from_each_other_and_grow_with_intensity(engine: TtsEngine) -> None:
    """No two are the same voice unless both are declared flat, and the whole feeling is further from neutral than a trace of it."""
    flat = set((await engine.capabilities()).flat_emotions)
    neutral = await _measure(engine, Prosody())
    whole = {feeling: await _measure(engine, Prosody(feeling, 1.0)) for feeling in FEELINGS}
    for one, two in itertools.combinations(FEELINGS, 2):
        assert _differ(whole[one], whole[two]) == (not {str(one), str(two)} <= flat), (one, two)
    for feeling in (feeling for feeling in FEELINGS if str(feeling) not in flat):
        trace = await _measure(engine, Prosody(feeling, 0.0))
        assert abs(np.log(whole[feeling].seconds / neutral.seconds)) > abs(np.log(trace.seconds / neutral.seconds)), feeling
    if not flat:
        assert whole[Emotion.ANGER].rms_db > neutral.rms_db + 2 > whole[Emotion.WEARINESS].rms_db + 6


@pytest.mark.parametrize("name", ["espeak", "piper"])
async def test_local_voices_move_pitch_with_feeling_and_keep_the_voices_own_factors(name: str, home: Path, server: SpeechServer) -> None:
    """Joy is higher, weariness lower and slower; a voice's rate and pitch factors do what they say."""
    engine = await _opened(name, home, server)
    try:
        neutral = await _measure(engine, Prosody())
        joy, weary = await _measure(engine, Prosody(Emotion.JOY, 1.0)), await _measure(engine, Prosody(Emotion.WEARINESS, 1.0))
        assert joy.pitch_hz > neutral.pitch_hz * 1.04
        assert weary.pitch_hz < neutral.pitch_hz * 0.96
        assert joy.seconds < neutral.seconds * 0.95 < neutral.seconds * 1.15 < weary.seconds
        high = await _measure(engine, Prosody(), Voice(language="en", pitch=1.25))
        assert high.pitch_hz == pytest.approx(neutral.pitch_hz * 1.25, rel=0.12)
        assert high.seconds == pytest.approx(neutral.seconds, rel=0.05)
        quick = await _measure(engine, Prosody(), Voice(language="en", rate=1.5))
        assert quick.seconds == pytest.approx(neutral.seconds / 1.5, rel=0.12)
    finally:
        await engine.close()


@pytest.mark.parametrize("name", ["espeak", "piper", "openai"])
async def test_manners_are_heard(name: str, home: Path, server: SpeechServer) -> None:
    """A whisper is softer, a shout louder; eSpeak's whisper has no tone left in it."""
    engine = await _opened(name, home, server)
    try:
        plain = await _measure(engine, Prosody())
        whisper = await _measure(engine, Prosody(manner=Manner.WHISPER))
        shout = await _measure(engine, Prosody(manner=Manner.SHOUT))
        assert whisper.rms_db < plain.rms_db - 5
        assert shout.rms_db > plain.rms_db + 4
        assert shout.peak <= 10 ** (-1 / 20) + 1e-3
        if name == "espeak":
            assert abs(whisper.pitch_hz / plain.pitch_hz - 1) > 0.3
    finally:
        await engine.close()


async def test_a_closed_stream_leaves_the_engine_free_for_the_next_sentence(engine: TtsEngine) -> None:
    """Barge-in during a long sentence: the next one is heard at once, and whole."""
    long = " ".join([TEXT] * 30)
    for _ in range(5):
        stream = engine.stream(long, Prosody(), VOICE)
        async with asyncio.timeout(DEADLINE_S):
            await anext(stream)
        await stream.aclose()
    async with asyncio.timeout(DEADLINE_S):
        events = [event async for event in engine.stream("Yes?", Prosody(), VOICE)]
    length = sum(event.samples.size / event.rate for event in events if isinstance(event, Sound))
    assert 0 < length < 3


async def test_many_sentences_at_once_do_not_mix(engine: TtsEngine) -> None:
    """Eight speakers get exactly what each would get alone."""

    async def length(text: str) -> float:
        return sum([event.samples.size / event.rate async for event in engine.stream(text, Prosody(), VOICE) if isinstance(event, Sound)])

    texts = [f"{word} and nothing more." for word in ("One", "Twenty-two", "Three hundred", "Four", "A hundred and five", "Six", "Seventy", "Eight")]
    alone = [await length(text) for text in texts]
    async with asyncio.timeout(DEADLINE_S):
        together = await asyncio.gather(*(length(text) for text in texts))
    assert together == pytest.approx(alone, rel=0.01)


@pytest.mark.parametrize("name", sorted(ENGINES))
def test_options_refuse_what_they_do_not_know(name: str) -> None:
    """A misspelt field is an error, not a silent default."""
    made = cast(EngineClass, load(name, ENGINES))
    with pytest.raises(ValidationError):
        made.Options.model_validate({"no_such_field": 1})
    assert made.Options.model_json_schema()["type"] == "object"


@pytest.mark.parametrize(
    ("text", "language", "words"),
    [
        ("Привет, путник! Что тебе нужно?", "ru", 5),
        ("你好，旅行者。我有点害怕。", "zh", 10),
        ("Guten Abend, Reisender.", "de-DE", 3),
        ("Привет, путник!", "en", 2),
        ("你好", "", 2),
    ],
)
async def test_espeak_speaks_many_languages_and_marks_their_words(text: str, language: str, words: int, home: Path, server: SpeechServer) -> None:
    """Also when the card's language is not the text's: letters are never spelt out."""
    engine = await _opened("espeak", home, server)
    try:
        events = [event async for event in engine.stream(text, Prosody(), Voice(language=language))]
        seconds = sum(event.samples.size / event.rate for event in events if isinstance(event, Sound))
        assert [(event.start, event.end) for event in events if isinstance(event, Mark)] == spans(text)
        assert len(spans(text)) == words
        assert seconds / words < 0.75
    finally:
        await engine.close()


async def test_espeak_voices_differ_by_name_and_an_unknown_name_is_the_languages_voice(home: Path, server: SpeechServer) -> None:
    """`en-us+f3` is a higher voice; a name that does not exist never silences a character."""
    engine = await _opened("espeak", home, server)
    try:
        usual = await _measure(engine, Prosody(), Voice(language="en"))
        woman = await _measure(engine, Prosody(), Voice(name="en-us+f3"))
        strange = await _measure(engine, Prosody(), Voice(name="../../etc/passwd", language="en"))
        assert woman.pitch_hz > usual.pitch_hz * 1.4
        assert not _differ(strange, usual)
    finally:
        await engine.close()


async def test_espeak_tells_the_sample_at_which_a_word_begins(home: Path, server: SpeechServer) -> None:
    """After a clause's pause the next word's mark stands where the sound begins again, within 30 ms."""
    engine = await _opened("espeak", home, server)
    try:
        text = "Stop; go."
        events = [event async for event in engine.stream(text, Prosody(), VOICE)]
        samples = np.concatenate([event.samples for event in events if isinstance(event, Sound)])
        second = [event for event in events if isinstance(event, Mark)][1]
        rate = 22_050
        quiet = np.flatnonzero(np.abs(samples[: int(second.at_s * rate) + rate // 5]) < 0.002)
        runs = np.split(quiet, np.flatnonzero(np.diff(quiet) > 1) + 1)
        longest = max(runs, key=len)
        assert longest.size > rate // 20
        assert second.at_s == pytest.approx(longest[-1] / rate, abs=0.03)
    finally:
        await engine.close()


async def test_openai_is_asked_for_the_feeling_in_words_and_only_text_goes_as_input(home: Path, server: SpeechServer) -> None:
    """Style prompt, voice, speed and raw PCM; the card's own style stands before the feeling."""
    engine = await _opened("openai", home, server)
    try:
        server.asked.clear()
        await _measure(engine, Prosody(Emotion.ANGER, 0.9, Manner.WHISPER), Voice(name="onyx", options='{"instructions": "An old dragon."}'))
        (asked,) = server.asked
        assert asked["input"] == TEXT
        assert asked["voice"] == "onyx"
        assert asked["response_format"] == "pcm"
        assert asked["speed"] > 1.0
        assert asked["instructions"] == "An old dragon. Sound very angry and sharp. Whisper."
        server.asked.clear()
        await _measure(engine, Prosody(), Voice(options="not json"))
        assert "instructions" not in server.asked[0]
    finally:
        await engine.close()


async def test_openai_stops_at_the_server_when_the_stream_is_closed(home: Path, server: SpeechServer) -> None:
    """Nothing goes on being made, and paid for, that nobody hears."""
    engine = await _opened("openai", home, server)
    server.endless = True
    server.hung_up.clear()
    try:
        stream = engine.stream(TEXT, Prosody(), VOICE)
        await anext(stream)
        await stream.aclose()
        assert await asyncio.to_thread(server.hung_up.wait, 10)
    finally:
        server.endless = False
        await engine.close()


async def test_the_environments_key_never_goes_to_another_configured_server(home: Path, server: SpeechServer) -> None:
    """A key belongs to the server it was given for."""
    made = cast(EngineClass, load("openai", ENGINES))
    settings = Settings.model_validate({"data_dir": home, "openai_api_key": "sk-environment", "openai_base_url": server.base_url})
    for options, sent in (({"base_url": server.base_url}, False), ({}, True)):
        engine = made(made.Options.model_validate(options), settings)
        await engine.open()
        server.keys.clear()
        await _measure(engine, Prosody())
        assert ("sk-environment" in server.keys[0]) == sent
        await engine.close()
