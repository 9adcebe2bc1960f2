"""Somebody from one sentence without a model: the name in it, the language, who it is, and a voice that fits."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from services.core.errors import InvalidRequest
from services.core.model.voicing import TtsEngineInfo, VoiceInfo
from services.gateway.characters import validation
from services.gateway.characters.languages import language_of
from services.gateway.characters.secrets import without_secrets
from services.gateway.characters.sketch import name_in, sketch
from services.gateway.characters.voices import voice_for


@pytest.mark.parametrize(
    ("sentence", "name", "language", "gender", "age"),
    [
        ("A grumpy dwarf blacksmith who lost his beard in a bet", "Grumpy Dwarf Blacksmith", "en", "male", "adult"),
        ("an old witch named Baba Zelda from the swamp", "Baba Zelda", "en", "female", "old"),
        ("Captain Morrow, a one-eyed pirate queen", "Captain Morrow", "en", "female", "adult"),
        ("a spy called grey", "Grey", "en", "neutral", "adult"),
        ("Старая ведьма по имени Злата, живущая на болоте", "Злата", "ru", "female", "old"),
        ("Хмурый кузнец, потерявший бороду", "Хмурый Кузнец", "ru", "male", "adult"),
        ("一个名叫小满的卖灯笼的姑娘", "小满", "zh", "female", "adult"),
        ("一位脾气暴躁的老铁匠", "老铁匠", "zh", "neutral", "old"),
        ("Ein alter Zwerg namens Grimm, der mit Tieren spricht", "Grimm", "de", "neutral", "adult"),
        ("Une vieille sorcière qui vend des rêves", "Vieille Sorcière", "fr", "neutral", "adult"),
        ("Стара відьма з Києва", "Києва", "uk", "neutral", "adult"),
        ("!!!", "NPC", "en", "neutral", "adult"),
    ],
)
def test_what_a_sentence_tells(sentence: str, name: str, language: str, gender: str, age: str) -> None:
    """The name where it is given, else what the hero is."""
    assert language_of(sentence) == language
    found = sketch(sentence, language)
    assert (found.name, found.gender, found.age) == (name, gender, age)
    assert sentence in found.description
    assert name in found.greeting


@given(st.text(min_size=1, max_size=300))
def test_any_sentence_gives_a_card(sentence: str) -> None:
    """Braces, marks and other writings included; the name is always one that a card takes."""
    name = name_in(sentence)
    assert 0 < len(name) <= 60
    found = sketch(sentence, language_of(sentence))
    assert len(found.examples) >= 3


ESPEAK = TtsEngineInfo("espeak", ready=True, voices=(VoiceInfo("gmw/en", "en"), VoiceInfo("gmw/en-US", "en-us"), VoiceInfo("zle/ru", "ru")))
PIPER = TtsEngineInfo("piper", ready=True, voices=(VoiceInfo("en_GB-alba", "en-GB"),))
BROKEN = TtsEngineInfo("coqui", ready=False, voices=(VoiceInfo("zh", "zh"),))


def test_a_voice_is_one_that_is_installed() -> None:
    """The default engine's, if it speaks the language; who is asked decides pitch and rate; the same sentence has the same voice."""
    tts = ("piper", (ESPEAK, PIPER, BROKEN))
    assert voice_for("en", "neutral", "adult", tts, "x")["name"] == "en_GB-alba"
    assert voice_for("en-US", "neutral", "adult", ("espeak", tts[1]), "x")["name"] == "gmw/en-US"
    russian = voice_for("ru-RU", "female", "old", tts, "x")
    assert (russian["engine"], russian["name"], russian["language"]) == ("espeak", "zle/ru", "ru")
    assert russian == voice_for("ru-RU", "female", "old", tts, "x")
    assert russian["pitch"] > voice_for("ru-RU", "male", "old", tts, "x")["pitch"]
    assert russian["rate"] < voice_for("ru-RU", "male", "adult", tts, "x")["rate"]
    assert voice_for("zh", "male", "adult", tts, "x") | {"rate": 0, "pitch": 0} == {
        "engine": "", "name": "", "language": "zh", "rate": 0, "pitch": 0, "volume": 1.0, "options": {},
    }  # fmt: skip


GOOD = [
    {"id": "a", "text": "x"},
    {"id": "b", "text": "x", "reveal": {"by": "director"}},
    {"id": "c", "text": "x", "reveal": {"by": "words", "any": ["key*"]}},
    {"id": "d", "text": "x", "reveal": {"by": "roll", "purpose": "insight", "at_least": 15}},
    {"id": "e", "text": "x", "reveal": {"by": "scene", "heading": "crypt"}},
]


def test_secrets_of_a_card_are_checked() -> None:
    """Every kind of condition; the field at fault is named and its words are not repeated."""
    assert validation.checked({"name": "M", "extensions": {"souffleur": {"secrets": GOOD}}})["extensions"]["souffleur"]["secrets"] == GOOD
    for bad, where in (
        ("x", "secrets"),
        ([5], "secrets.0"),
        ([{"text": "canary"}], "secrets.0.id"),
        ([{"id": "a b", "text": "canary"}], "secrets.0.id"),
        ([{"id": "a", "text": "canary"}, {"id": "a", "text": "canary"}], "secrets.1.id"),
        ([{"id": "a", "text": " "}], "secrets.0.text"),
        ([{"id": "a", "text": "canary" * 1_000}], "secrets.0.text"),
        ([{"id": "a", "text": "x", "reveal": 5}], "secrets.0.reveal"),
        ([{"id": "a", "text": "x", "reveal": {"by": "moon"}}], "secrets.0.reveal.by"),
        ([{"id": "a", "text": "x", "reveal": {"by": "words", "any": []}}], "secrets.0.reveal.any"),
        ([{"id": "a", "text": "x", "reveal": {"by": "words", "any": ["*"]}}], "secrets.0.reveal.any.0"),
        ([{"id": "a", "text": "x", "reveal": {"by": "roll", "purpose": "x", "at_least": "15"}}], "secrets.0.reveal.at_least"),
        ([{"id": "a", "text": "x", "reveal": {"by": "roll", "at_least": 15}}], "secrets.0.reveal.purpose"),
        ([{"id": "a", "text": "x", "reveal": {"by": "scene"}}], "secrets.0.reveal.heading"),
        ([{"id": f"s{number}", "text": "x"} for number in range(101)], "secrets"),
    ):
        with pytest.raises(InvalidRequest, match=f"extensions.souffleur.{where}:") as refused:
            validation.checked({"name": "M", "extensions": {"souffleur": {"secrets": bad}}})
        assert "canary" not in refused.value.detail


def test_a_card_can_be_shown_without_its_secrets() -> None:
    """And is otherwise as it was; the card itself keeps them."""
    data = {"name": "M", "extensions": {"other": 1, "souffleur": {"language": "en", "secrets": GOOD}}}
    assert without_secrets(data) == {"name": "M", "extensions": {"other": 1, "souffleur": {"language": "en"}}}
    assert data["extensions"]["souffleur"]["secrets"] == GOOD  # type: ignore[index]
    plains: tuple[dict[str, object], ...] = ({"name": "M"}, {"extensions": None}, {"extensions": {"souffleur": 5}}, {"extensions": {"souffleur": {}}})
    for plain in plains:
        assert without_secrets(plain) is plain
