"""Sentences depend on the text alone: not on how it was cut into chunks, and no word gets lost."""

from __future__ import annotations

import re
import unicodedata

from hypothesis import example, given
from hypothesis import strategies as st

from services.core.model.reply import Sentence
from services.llm.sentences.cutter import Limits
from services.llm.sentences.reader import SpeakableReader
from services.llm.thinking import ThinkingFilter

_WORDS = (
    "the river inn bell road Maria come sit don't well-known naïve Straße слушай река Кузьма ещё 你好 龙 路上 42 3.14 1,000 Dr. Mr. e.g. U.S. etc. г. т.е. J."
)
WORDS = st.sampled_from(_WORDS.split(" "))
_GLUES = '| |  |. |! |? |?! |... |… |, |; | — |\n|\n\n|。|！|……|: "|." |» | «|) | (|。」|「'
GLUE = st.sampled_from(_GLUES[1:].split("|"))
PLAIN = st.lists(st.tuples(WORDS, GLUE), max_size=40).map(lambda pairs: "".join(word + glue for word, glue in pairs))
_MARKS = (
    "[joy]§[fear:0.8 whisper] §[§]§(§)§(angrily)§*§**§*sighs*§_§<whisper>§</whisper>§<think>§</think>§<§>§</§<|im_end|>§😊§❤️§`§#§- §1. §Player: §Mirelle: "
    '§\nPlayer: §\nMirelle: §\x1b[31m§\x00§\ud83d§e\u0301\u0301\u0301\u0301\u0301§\u202e§\r\n§[THINK]§[/THINK]§[a](b)§[a]§http://x.y/z§“§”§«§»§"§~§|§{{user}}'
)
MARKUP = st.sampled_from(_MARKS.split("§"))
MESSY = st.lists(st.one_of(WORDS, GLUE, MARKUP, st.text(max_size=4)), max_size=40).map("".join)


def read(chunks: list[str], limits: Limits | None = None) -> list[Sentence]:
    reader = SpeakableReader(["Mirelle"], ["Player", "Anna Karenina"], limits=limits)
    found = [sentence for chunk in chunks for sentence in reader.feed(chunk)]
    return found + reader.finish()


def words(text: str) -> list[str]:
    return re.findall(r"[^\W_]+", unicodedata.normalize("NFC", text))


@given(MESSY, st.data())
@example("[joy", None)
def test_any_chunking_gives_the_same_sentences(text: str, data: st.DataObject | None) -> None:
    """The same text in one piece, in single characters and in random pieces is cut alike."""
    whole = read([text])
    assert read(list(text)) == whole
    if data is not None and text:
        cuts = sorted(data.draw(st.lists(st.integers(0, len(text)), max_size=10)))
        pieces = [text[start:end] for start, end in zip([0, *cuts], [*cuts, len(text)], strict=True)]
        assert read(pieces) == whole


@given(PLAIN.filter(lambda text: "(" not in text and "[" not in text))
def test_no_word_gets_lost(text: str) -> None:
    """The words of plain prose, in order, are the words of its sentences."""
    spoken = [word for sentence in read(list(text)) for word in words(sentence.text)]
    assert spoken == words(text)


@given(MESSY)
def test_clean_text_is_clean(text: str) -> None:
    """Whatever a model writes, clean text has words, no marks, no control characters, no emoji, and fits into UTF-8."""
    for at, sentence in enumerate(read([text])):
        sentence.text.encode("utf-8")
        sentence.tagged.encode("utf-8")
        assert sentence.index == at
        assert any(char.isalnum() for char in sentence.text)
        assert sentence.text == sentence.text.strip()
        assert not any(unicodedata.category(char) in {"Cc", "Cs", "Co", "So"} for char in sentence.text if char != "°")
        assert not {"*", "<", "`", "~"} & set(sentence.text)
        assert 0 <= sentence.intensity <= 1


@given(st.text(alphabet="ab ,\n", max_size=3000))
def test_no_sentence_is_endless(text: str) -> None:
    """Text without terminators is cut at a limit."""
    assert all(len(sentence.text) <= Limits().hard + 1 for sentence in read([text]))


@given(
    st.lists(st.sampled_from(["<think>", "</think>", "<", "th", "ink>", "[THINK]", "[/THINK]", "word ", "<reason", "ing>", "◁think▷", "◁"]), max_size=20).map(
        "".join
    )
)
def test_thinking_does_not_depend_on_chunks(text: str) -> None:
    """Thinking blocks are found wherever the chunks are cut."""
    whole, single = ThinkingFilter(), ThinkingFilter()
    assert whole.feed(text) + whole.finish() == "".join(single.feed(char) for char in text) + single.finish()
