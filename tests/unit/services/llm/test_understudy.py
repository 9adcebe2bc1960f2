"""The understudy: in character, relevant, never the same line twice running, honest about what it is."""

from __future__ import annotations

import json
from itertools import pairwise
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from services.llm.card import Card, card_of
from services.llm.engine import Cue, Heard
from services.llm.providers.understudy.first_person import first_person
from services.llm.providers.understudy.material import Material
from services.llm.providers.understudy.phrases import Intent, intent_of
from services.llm.providers.understudy.playing import Player, guessed
from services.llm.providers.understudy.relevance import Index, stems
from services.llm.sentences.reader import SpeakableReader

SAMPLES = Path("services/gateway/characters/samples")
CARD = card_of({
    "name": "Mirelle",
    "description": "Mirelle keeps the Lantern and Eel. She was a ferrywoman's daughter.",
    "personality": "warm, cheerful, brave",
    "first_mes": "[joy] Come in, {{user}}, and shut the door. *wipes the counter* Sit by the fire.",
    "mes_example": (
        "<START>\n{{user}}: What can I eat here?\n{{char}}: [joy] Eel stew, eel pie, or bread.\n"
        "{{user}}: Tell me about the war.\n{{char}}: I lost two brothers in it."
    ),
    "character_book": {
        "entries": [
            {"keys": ["bell"], "content": "The bell on the far bank rings at midnight. It rang when the ferry sank.", "enabled": True, "insertion_order": 1},
            {"keys": ["toll"], "content": "Gerrick takes the toll at the bridge.", "enabled": True, "insertion_order": 1},
        ]
    },
})  # fmt: skip


def play(card: Card, *talk: str, user: str = "Anna") -> list[str]:
    """What is answered to each of these, as clean text."""
    material, heard, answers = Material(card), list[Heard](), list[str]()
    for words in talk:
        heard.append(Heard("Anna", words))
        text = Player(material, Cue(card=card, user=user, heard=tuple(heard))).answer()
        reader = SpeakableReader([card.called], [user])
        answers.append(" ".join(item.text for item in [*reader.feed(text), *reader.finish()]))
        heard.append(Heard("", answers[-1]))
    return answers


def test_it_opens_with_the_greeting() -> None:
    """The first hello is answered as the card begins its chats, without stage directions."""
    assert play(CARD, "Hello!") == ["Come in, Anna, and shut the door. Sit by the fire."]


def test_it_answers_what_was_asked() -> None:
    """Examples answer like questions, lore answers by its keys, the description is turned into the first person."""
    answers = play(CARD, "Hello", "Is there something to eat?", "Do you know anything about that bell?", "Who are you?", "What happened in the war?")
    assert "Eel stew" in answers[1]
    assert "rings at midnight" in answers[2]
    assert "I keep the Lantern and Eel." in answers[3]
    assert "two brothers" in answers[4]


def test_it_leads_back_to_what_it_knows() -> None:
    """Nonsense is met with the card's own topics, in different words each time."""
    answers = play(CARD, "Hello", *["Quantum carrots gurgle sideways."] * 4)
    assert len(set(answers)) == 5
    assert any("bell" in answer or "toll" in answer for answer in answers[1:])


def test_it_names_only_whole_words() -> None:
    """Keys of a declined language are beginnings of words: "сосн" wakes the entry and is never said; a name keeps its capital."""
    entries = [{"keys": [key], "content": text, "enabled": True, "insertion_order": 1} for key, text in (
        ("сосн", "Под тремя соснами стоит тот, кто забыл умереть."), ("мост", "Ледяной мост держит троих."), ("велена", "Велена просила меня молчать."),
        ("не дышит", "Он не дышит."),
    )]  # fmt: skip
    material = Material(card_of({"name": "Яроглав", "character_book": {"entries": entries}}))
    assert [topic.said for topic in material.topics] == ["мост", "Велена"]


def test_it_goes_on_when_asked_to() -> None:
    """Tell me more brings the next lines of the same thing."""
    content = " ".join(f"The flood did thing number {number} to the town." for number in range(9))
    card = card_of({"name": "M", "character_book": {"entries": [{"keys": ["flood"], "content": content, "enabled": True, "insertion_order": 1}]}})
    first, second = play(card, "Tell me about the flood.", "Go on.")
    assert "number 0" in first
    assert "number 3" in second


@pytest.mark.parametrize("name", ["mirelle", "yaroglav", "xiaoman"])
def test_the_samples_can_hold_a_talk(name: str) -> None:
    """Each shipped character talks for thirty turns in its own writing and never says the same twice running."""
    data = json.loads((SAMPLES / f"{name}.json").read_text(encoding="utf-8"))["data"]
    card = card_of(data)
    cues = [line.cue for line in Material(card).lines if line.cue][:20]
    answers = play(card, *cues, *["???"] * 5, *cues[:5])
    assert len(answers) >= 25
    assert all(answer.strip() for answer in answers)
    assert all(before != after for before, after in pairwise(answers))
    assert len(set(answers)) > len(answers) * 0.8
    assert not any(sign in answer for answer in answers for sign in "{}[]*\ue000")


CARDS = st.fixed_dictionaries(
    {
        "name": st.text(max_size=10),
        "description": st.text(max_size=200),
        "first_mes": st.text(max_size=100),
        "mes_example": st.lists(st.sampled_from(["<START>", "{{user}}: hi", "{{char}}: yes", "\n", "{{char}}:", "no"]), max_size=12).map("\n".join),
        "personality": st.text(max_size=50),
    }
)


@given(CARDS, st.lists(st.one_of(st.text(max_size=30), st.sampled_from(["hello", "who are you", "go on", "bye"])), min_size=1, max_size=5))
def test_any_card_can_be_played(data: dict[str, str], talk: list[str]) -> None:
    """Whatever stands in a card there is an answer, and never the same twice running unless there is only one."""
    card = card_of(data)
    material, heard = Material(card), list[Heard]()
    for words in talk:
        heard.append(Heard("Anna", words))
        assert Player(material, Cue(card=card, user="Anna", heard=tuple(heard))).answer().strip()
        heard.append(Heard("", "x"))


FIRST_PERSON = {
    "Mirelle keeps her inn by the river.": "I keep my inn by the river.",
    "She is forty-six and watches everybody.": "I am forty-six and watch everybody.",
    "Mirelle has never seen the sea.": "I have never seen the sea.",
    "She never carries a knife.": "I never carry a knife.",
    "Mirelle raised her nephew.": "I raised my nephew.",
    "The people love her.": None,
    "She says that he lies.": None,
    "Rain on the shutters.": None,
}


@pytest.mark.parametrize("text", FIRST_PERSON)
def test_first_person(text: str) -> None:
    """Sentences about the character become its own; what is not safe stays as it is."""
    turned = first_person(text, ("Mirelle", ""))
    expected = FIRST_PERSON[text]
    assert turned == expected or (expected is not None and turned is not None and turned.startswith(expected.split(" and ")[0]))


def test_relevance_in_three_languages() -> None:
    """Endings do not hide a word, and Chinese needs no spaces."""
    index = Index([stems("The bells were ringing"), stems("Дракон охраняет золото в горах"), stems("老虎住在山上的洞里")])
    assert index.scores("Who rang the bell?").index(max(index.scores("Who rang the bell?"))) == 0
    assert index.scores("Где золотой дракон?").index(max(index.scores("Где золотой дракон?"))) == 1
    assert index.scores("山上有老虎吗").index(max(index.scores("山上有老虎吗"))) == 2
    assert not any(index.scores("xyzzy"))


SMALL_TALK = {
    Intent.HELLO: ("Hello!", "Привет, дракон", "你好"),
    Intent.NAME: ("Who are you?", "Как тебя зовут?", "你是谁？"),
    Intent.BYE: ("Goodbye", "До свидания", "再见"),
    Intent.MORE: ("tell me more", "расскажи ещё", "然后呢？"),
    Intent.INSULT: ("You liar!", "Ты трус!", "笨蛋"),
    Intent.THANKS: ("Thank you", "спасибо", "谢谢"),
    Intent.NONE: ("The bell rings", "Колокол звонит", "钟声响了"),
}


@pytest.mark.parametrize(("intent", "text"), [(intent, text) for intent, texts in SMALL_TALK.items() for text in texts])
def test_small_talk_is_recognised(intent: Intent, text: str) -> None:
    """In the three languages of the samples."""
    assert intent_of(text) is intent


def test_feelings_are_guessed() -> None:
    """By words first, then by punctuation."""
    assert guessed("I am so afraid of it.")[0] == "fear"
    assert guessed("Come in!")[0] == "joy"
    assert guessed("The road goes north.")[0] == "neutral"
