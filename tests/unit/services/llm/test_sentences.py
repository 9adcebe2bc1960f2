"""The cutter and the marks by example: each case is one that models really write."""

from __future__ import annotations

import pytest

from services.llm.sentences.reader import SpeakableReader


def read(text: str, language: str = "") -> list[str]:
    reader = SpeakableReader(["Mirelle Vane"], ["Player", "Anna"], language=language)
    return [sentence.text for char in text for sentence in reader.feed(char)] + [sentence.text for sentence in reader.finish()]


def felt(text: str) -> list[tuple[str, str, float, str]]:
    reader = SpeakableReader(["Mirelle"], ["Player"])
    return [(item.text, item.emotion, item.intensity, item.manner) for item in [*reader.feed(text), *reader.finish()]]


CUTS = {
    "One. Two! Three? Four": ["One.", "Two!", "Three?", "Four"],
    "Dr. Smith paid Mr. Jones 3.14 crowns. J. R. Tolkien wrote it, e.g. Bilbo.": [
        "Dr. Smith paid Mr. Jones 3.14 crowns.",
        "J. R. Tolkien wrote it, e.g. Bilbo.",
    ],
    "Bread, cheese, etc. and more. Bread, etc. Then more.": ["Bread, cheese, etc. and more.", "Bread, etc.", "Then more."],
    "He left the U.S. army at 5 p.m. today. Fine.": ["He left the U.S. army at 5 p.m. today.", "Fine."],
    "It was in 1984. Then came 1985.": ["It was in 1984.", "Then came 1985."],
    "1. First thing. 2. Second thing.": ["1. First thing.", "2. Second thing."],
    "- first\n- second\n* third\n# Title": ["first", "second", "third", "Title"],
    "Well... maybe. I mean it... yes. Wait... No way.": ["Well... maybe.", "I mean it... yes.", "Wait...", "No way."],
    "...Hello. … Yes.": ["…Hello.", "…Yes."],
    "Really?! Stop!!! Now.": ["Really?", "Stop!!!", "Now."],
    "It was I. Then he left.": ["It was I.", "Then he left."],
    "Go on. Come to inn.example today. See.Then go.": ["Go on.", "Come to inn.example today.", "See.", "Then go."],
    '"Run!" he said. "They come." Good.': ["Run! he said.", '"They come."', "Good."],
    '"Welcome, love. Sit down."': ["Welcome, love.", "Sit down."],
    "He said (I heard it.) loudly. Then (He ran.) Next.": ["He said (I heard it.) loudly.", "Then (He ran.)", "Next."],
    "«Стой!» — крикнул он. Тихо.": ["Стой! — крикнул он.", "Тихо."],
    "А. С. Пушкин жил на ул. Мойка в 1837 г. и т. д. Потом... он ушёл.": ["А. С. Пушкин жил на ул. Мойка в 1837 г. и т. д.", "Потом... он ушёл."],
    "Это был я. Он ушёл.": ["Это был я.", "Он ушёл."],
    "等等！你听到了吗？“快跑。”她说……我不知道。「走！」他喊。": ["等等！", "你听到了吗？", "“快跑。”", "她说……我不知道。", "「走！」", "他喊。"],
    "No end here": ["No end here"],
    "?!...": [],
    "Hello<|im_end|> there</s>.": ["Hello there."],
    "**Bold** and *really* and _so_ `code` ~x~.": ["Bold and really and so code x."],
    "See [the mill](http://x.y/z) now. snake_case too.": ["See the mill now.", "snake case too."],
    "It is 20° and 5 * 3 < 20, I <3 it.": ["It is 20° and 5 3 20, I 3 it."],
    "Line one\nline two": ["Line one", "line two"],
}


@pytest.mark.parametrize("text", CUTS)
def test_cuts(text: str) -> None:
    """Each text is cut where a reader would pause for a new sentence, and markdown is gone."""
    assert read(text) == CUTS[text]


def test_ordinals_are_the_languages_own() -> None:
    """German writes the third of May with a full stop; English does not."""
    text = "Er kam am 3. Mai zu uns. Gut."
    assert read(text, "de") == ["Er kam am 3. Mai zu uns.", "Gut."]
    assert len(read(text, "en")) == 3


def test_a_sure_first_sentence_needs_no_look_ahead() -> None:
    """The first sentence is given with its terminator; a doubtful one waits for the next word."""
    reader = SpeakableReader()
    assert [item.text for item in reader.feed("The fire is warm.")] == ["The fire is warm."]
    assert reader.feed(" Ask for Dr.") == []
    assert [item.text for item in reader.feed(" Smith. ")] == ["Ask for Dr. Smith."]


def test_the_first_piece_may_end_at_a_clause() -> None:
    """A long first sentence begins to be spoken at a comma; later ones only when they are very long."""
    clause = "When the river rises over the stones at Hob's crossing in the spring,"
    assert read(f"{clause} nobody crosses.") == [clause, "nobody crosses."]
    assert read(f"Listen now. {clause} nobody crosses.") == ["Listen now.", f"{clause} nobody crosses."]


MARKED = {
    "[joy] Hi.": ("joy", 0.6, "plain"),
    "[joy:0.8] Hi.": ("joy", 0.8, "plain"),
    "[fear:0.8 whisper] Hi.": ("fear", 0.8, "whisper"),
    "[emotion: anger, intensity: 90%] Hi.": ("anger", 0.9, "plain"),
    "[whisper] Hi.": ("neutral", 0.5, "whisper"),
    "[very sad] Hi.": ("sadness", 0.9, "plain"),
    "【害怕】嗨。": ("fear", 0.6, "plain"),
    "（小声）嗨。": ("neutral", 0.5, "whisper"),
    "(angrily) Hi.": ("anger", 0.6, "plain"),
    "(с грустью) Hi.": ("sadness", 0.6, "plain"),
    "*sighs* Hi.": ("weariness", 0.6, "plain"),
    "*She smiles warmly at the guest.* Hi.": ("joy", 0.6, "plain"),
    "*улыбается* Hi.": ("joy", 0.6, "plain"),
    "_whispering_ Hi.": ("neutral", 0.5, "whisper"),
    "<whisper>Hi.</whisper>": ("neutral", 0.5, "whisper"),
    '<emotion name="surprise" intensity="0.4">Hi.</emotion>': ("surprise", 0.4, "plain"),
    "**[contempt]** Hi.": ("contempt", 0.6, "plain"),
    "Hi 😢.": ("sadness", 0.6, "plain"),
    "[bows deeply] Hi.": ("neutral", 0.5, "plain"),
    "[something nobody knows] Hi.": ("neutral", 0.5, "plain"),
    "*nods* Hi.": ("neutral", 0.5, "plain"),
    "(turns to the door) Hi.": ("neutral", 0.5, "plain"),
}


@pytest.mark.parametrize("text", MARKED)
def test_marks_are_lifted_in_every_form(text: str) -> None:
    """A mark never reaches the clean text; what it names becomes the sentence's feeling."""
    [(clean, emotion, intensity, manner)] = felt(text)
    assert clean in {"Hi.", "嗨。"}
    assert (emotion, intensity, manner) == MARKED[text]


def test_a_feeling_fades_until_the_next_mark() -> None:
    """Unmarked sentences keep the feeling, weaker each time; a neutral mark or the end of a span ends it."""
    found = felt("[joy:0.8] One now. Two. [neutral] Three. <whisper>Four.</whisper> Five. Six [anger] six.")
    assert [(emotion, manner) for _, emotion, _, manner in found] == [
        ("joy", "plain"), ("joy", "plain"), ("neutral", "plain"), ("neutral", "whisper"), ("neutral", "plain"), ("anger", "plain"),
    ]  # fmt: skip
    assert found[1][2] < found[0][2]


def test_text_that_only_looks_like_a_mark_stays() -> None:
    """Asides in the middle of a sentence and stressed words are speech."""
    assert read("I was there (happy as a lark, if you must know, at that time) all day.") == [
        "I was there (happy as a lark, if you must know, at that time) all day.",
    ]
    assert read("That is *not* my inn. I said *never ever* again.") == ["That is not my inn.", "I said never ever again."]
    assert read("An [open bracket that\nnever closes.") == ["An open bracket that", "never closes."]


def test_labels() -> None:
    """The own name is dropped, an echoed line is skipped, another one's line ends the reply."""
    assert read("Mirelle: Hello there.\nCome in.") == ["Hello there.", "Come in."]
    assert read("**Mirelle Vane**: Hello there.") == ["Hello there."]
    assert read("Mirelle (softly): Hello there.") == ["Hello there."]
    assert read("Player: who is it?\nMirelle: Me.") == ["Me."]
    assert read("It is me.\nAnna: Good!\nMirelle: Yes.") == ["It is me."]
    assert read("Anna, come in. Mirelle is my name: Mirelle.") == ["Anna, come in.", "Mirelle is my name: Mirelle."]


def test_the_reader_says_when_the_rest_is_not_wanted() -> None:
    """So that the provider can be stopped."""
    reader = SpeakableReader(["Mirelle"], ["Anna"])
    reader.feed("It is me.\nAnna")
    assert not reader.done
    reader.feed(": Good!")
    assert reader.done


THOUGHTS = {
    "<think>plan</think>Hi.": "Hi.",
    "<THINKING>plan. More.</THINKING>\n\nHi.": "Hi.",
    "<think>never closed. Hi.": "",
    "stray</think>": "stray",
    "[THINK]x[/THINK]Hi.": "Hi.",
    "◁think▷x◁/think▷Hi.": "Hi.",
    "<|channel|>analysis<|message|>plan<|end|><|start|>assistant<|channel|>final<|message|>Hi.": "Hi.",
    "Hi. <reasoning>x</reasoning>": "Hi.",
}


@pytest.mark.parametrize("text", THOUGHTS)
def test_thinking_is_never_spoken(text: str) -> None:
    """Blocks of every vendor go, closed or not."""
    assert " ".join(read(text)) == THOUGHTS[text]


def test_a_template_may_have_opened_the_block() -> None:
    """Some models begin inside a thinking block."""
    reader = SpeakableReader(thinking=True)
    assert [item.text for item in [*reader.feed("plan. More.</think>Hi."), *reader.finish()]] == ["Hi."]


def test_a_torn_end_is_dropped() -> None:
    """When the stream broke, words without an end are not spoken."""
    reader = SpeakableReader()
    assert [item.text for item in reader.feed("The first is whole. The second is to")] == ["The first is whole."]
    assert reader.finish(complete=False) == []


def test_tagged_text_keeps_the_marks() -> None:
    """Beside the clean text stands what the model wrote."""
    reader = SpeakableReader()
    found = [*reader.feed("[joy:0.8] Hi there, *winks* you. (sadly) Bye."), *reader.finish()]
    assert [item.tagged for item in found] == ["[joy:0.8] Hi there, *winks* you.", "(sadly) Bye."]
    assert [item.text for item in found] == ["Hi there, you.", "Bye."]
