"""Who speaks a sentence by Coqui, and how, without any torch: models and voices are files and their records."""

from __future__ import annotations

import json
from pathlib import Path

import pytest

from services.core.errors import ConsentMissing, EngineMissing
from services.core.model.prosody import Emotion, Manner, Prosody, Voice
from services.core.voices import VoiceStore
from services.tts.engines.coqui.casting import Casting
from services.tts.engines.coqui.models import OnDisk, models_in
from tests.making.coqui_models import clip, consented

TEXT = "Good evening."


@pytest.fixture
def found(tmp_path: Path) -> tuple[OnDisk, ...]:
    """An XTTS of three languages and a German VITS."""
    for name, config in (("x", {"model": "xtts", "languages": ["en", "ru", "zh-cn"]}), ("v", {"model": "vits", "phoneme_language": "de-de"})):
        folder = tmp_path / "models" / name
        folder.mkdir(parents=True)
        (folder / "config.json").write_text(json.dumps(config), encoding="utf-8")
        (folder / "model.pth").write_bytes(b"")
    return models_in(tmp_path / "models")


@pytest.fixture
def casting(tmp_path: Path) -> Casting:
    """Mara with clips of anger and whisper."""
    consented(tmp_path, "mara", anger=330.0, whisper=90.0)
    return Casting(VoiceStore(tmp_path / "voices"), model="", voice="")


def test_models_are_found_by_their_configuration(found: tuple[OnDisk, ...], tmp_path: Path) -> None:
    """Other kinds, broken files and folders without weights are left out."""
    for name, text in (("other", '{"model": "tacotron2"}'), ("broken", "{"), ("empty", '{"model": "xtts"}'), ("list", "[]")):
        folder = tmp_path / "models" / name
        folder.mkdir()
        (folder / "config.json").write_text(text, encoding="utf-8")
        if name != "empty":
            (folder / "model.pth").write_bytes(b"")
    assert models_in(tmp_path / "models") == found
    assert {(item.name, item.kind, item.languages) for item in found} == {("x", "xtts", ("en", "ru", "zh")), ("v", "vits", ("de",))}


def test_a_clip_carries_the_feeling_and_nothing_is_given_twice(found: tuple[OnDisk, ...], casting: Casting) -> None:
    """With a clip: no pace, no pitch, strength by intensity. Without: pace and pitch. The speaker stays the neutral clip's."""
    anger = casting.part(found, TEXT, Prosody(Emotion.ANGER, 1.0), Voice(name="mara"))
    trace = casting.part(found, TEXT, Prosody(Emotion.ANGER, 0.0), Voice(name="mara"))
    joy = casting.part(found, TEXT, Prosody(Emotion.JOY, 1.0), Voice(name="mara"))
    assert anger.neutral is not None
    assert anger.feeling is not None
    assert anger.feeling.path.name == "anger.wav"
    assert (anger.speed, anger.pitch, anger.strength) == (1.0, 1.0, 1.0)
    assert trace.strength == pytest.approx(0.4)
    assert joy.feeling is None
    assert joy.speed * joy.pitch > 1.1
    told = casting.request(anger)
    assert told["neutral"]["sha256"] == anger.neutral.sha256
    assert told["speaker"] == ""


def test_a_manner_goes_before_a_feeling(found: tuple[OnDisk, ...], casting: Casting) -> None:
    """A whisper in anger is a whisper first; a manner without a clip leaves the feeling's."""
    whisper = casting.part(found, TEXT, Prosody(Emotion.ANGER, 1.0, Manner.WHISPER), Voice(name="mara")).feeling
    shout = casting.part(found, TEXT, Prosody(Emotion.ANGER, 1.0, Manner.SHOUT), Voice(name="mara")).feeling
    assert whisper is not None
    assert shout is not None
    assert (whisper.path.name, shout.path.name) == ("whisper.wav", "anger.wav")


def test_nobodys_voice_is_taken_unasked(found: tuple[OnDisk, ...], casting: Casting) -> None:
    """A character that names no voice does not get the first clone there is, unless the settings say so."""
    part = casting.part(found, TEXT, Prosody(), Voice(language="en"))
    assert part.neutral is None
    with pytest.raises(EngineMissing):
        casting.request(part)
    casting.told[part.model.folder] = {"speakers": ["Ana", "Bo"]}
    assert casting.request(part)["speaker"] == "Ana"
    casting.voice = "mara"
    assert casting.part(found, TEXT, Prosody(), Voice(language="en")).neutral is not None


def test_a_models_own_speaker_is_named_behind_a_stroke(found: tuple[OnDisk, ...], casting: Casting) -> None:
    """One that is not there is the first."""
    part = casting.part(found, TEXT, Prosody(), Voice(name="x/Bo", language="en"))
    casting.told[part.model.folder] = {"speakers": ["Ana", "Bo"]}
    assert casting.request(part)["speaker"] == "Bo"
    other = casting.part(found, TEXT, Prosody(), Voice(name="x/Nobody", language="en"))
    assert casting.request(other)["speaker"] == "Ana"
    assert [voice.name for voice in casting.voices(found)] == ["mara", "v", "x/Ana", "x/Bo"]


def test_clips_without_consent_are_refused(found: tuple[OnDisk, ...], casting: Casting, tmp_path: Path) -> None:
    """By an error of their own."""
    folder = tmp_path / "voices" / "stolen"
    folder.mkdir()
    (folder / "neutral.wav").write_bytes(clip(200, 1.5))
    with pytest.raises(ConsentMissing):
        casting.part(found, TEXT, Prosody(), Voice(name="stolen"))


@pytest.mark.parametrize(
    ("text", "tag", "language"),
    [("Good evening.", "en-GB", "en"), ("Добрый вечер", "", "ru"), ("Добрый вечер", "en", "ru"), ("你好，旅行者", "zh-TW", "zh"), ("Hello", "", "en")],
)
def test_the_language_is_the_voices_or_what_its_letters_need(found: tuple[OnDisk, ...], casting: Casting, text: str, tag: str, language: str) -> None:
    """As XTTS calls it."""
    assert casting.part(found, text, Prosody(), Voice(name="mara", language=tag)).language == language


def test_a_language_that_the_model_does_not_have_is_missing(found: tuple[OnDisk, ...], casting: Casting) -> None:
    """So that another engine speaks it; the German VITS is there for those who name it."""
    with pytest.raises(EngineMissing):
        casting.part(found, "Gute Nacht.", Prosody(), Voice(name="mara", language="de"))
    part = casting.part(found, "Gute Nacht.", Prosody(Emotion.JOY, 1.0), Voice(name="v", language="de"))
    assert (part.model.kind, part.language) == ("vits", "de")
