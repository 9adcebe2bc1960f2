"""The characters that ship are good cards."""

from __future__ import annotations

import re

import pytest

from services.core.model.prosody import Emotion, Manner
from services.gateway.characters.character import voice_of
from services.gateway.characters.samples import SAMPLES, sample
from services.gateway.characters.validation import checked

_MARK = re.compile(r"\[([^\]]*)\]")
_END = re.compile(r"[.!?。！？]+")
_SCRIPTS = {"mirelle": r"[A-Za-z]", "yaroglav": r"[А-Яа-яЁё]", "xiaoman": r"[\u4e00-\u9fff]"}


def test_three_languages_ship() -> None:
    """An English, a Russian and a Chinese speaker."""
    assert set(SAMPLES) == set(_SCRIPTS)
    assert {voice_of(sample(slug)).language for slug in SAMPLES} == {"en", "ru", "zh"}


@pytest.mark.parametrize("slug", SAMPLES)
def test_a_sample_passes_the_check_of_strangers_cards_unchanged(slug: str) -> None:
    """It is a whole V3 card."""
    assert checked(sample(slug)) == sample(slug)


@pytest.mark.parametrize("slug", SAMPLES)
def test_a_sample_has_enough_to_say_without_a_model(slug: str) -> None:
    """At least 25 different example replies in its own language, a greeting, alternates and lore."""
    data = sample(slug)
    replies = [line.removeprefix("{{char}}: ") for line in data["mes_example"].splitlines() if line.startswith("{{char}}: ")]
    assert len(set(replies)) >= 25
    spoken = {_MARK.sub("", sentence).strip() for reply in replies for sentence in _END.split(reply)} - {""}
    assert len(spoken) >= 50
    assert all(re.search(_SCRIPTS[slug], reply) for reply in replies)
    assert data["mes_example"].count("<START>") >= 3
    assert data["first_mes"]
    assert len(data["alternate_greetings"]) >= 2
    entries = data["character_book"]["entries"]
    assert len(entries) >= 5
    assert all(entry["keys"] and entry["content"] and entry["enabled"] for entry in entries)


@pytest.mark.parametrize("slug", SAMPLES)
def test_every_mark_in_a_sample_is_of_our_vocabulary(slug: str) -> None:
    """What stands in brackets names an emotion first, then an intensity or a manner."""
    data = sample(slug)
    text = "\n".join([data["first_mes"], data["mes_example"], *data["alternate_greetings"], *data["group_only_greetings"]])
    marks = [mark.split() for mark in _MARK.findall(text)]
    assert len(marks) > 40
    for emotion, *manners in marks:
        name, _, intensity = emotion.partition(":")
        assert name in {*Emotion, *Manner}
        assert not intensity or 0 < float(intensity) <= 1
        assert set(manners) <= set(Manner)
    assert len({emotion.partition(":")[0] for emotion, *_ in marks}) >= 7
