"""What the understudy says next: the card's line that fits best and was not used yet, with a feeling and sometimes a question back."""

from __future__ import annotations

import random
import re
from collections.abc import Iterable, Sequence
from typing import Final

from services.core.model.prosody import Emotion, Manner
from services.core.model.reply import Sentence
from services.llm.engine import Cue
from services.llm.feelings import fold, read_mark
from services.llm.providers.understudy.material import USER_SLOT, Line, Material, Source
from services.llm.providers.understudy.phrases import Intent, intent_of, language_of, phrases
from services.llm.providers.understudy.relevance import stems

_RELEVANT: Final = 0.9
"""BM25 below this is chance."""
_USED: Final = 0.25
_WEIGHTS: Final = {Source.EXAMPLE: 1.25, Source.LORE: 1.1, Source.GREETING: 0.9, Source.SELF: 0.9, Source.SCENARIO: 0.7}
_ASK_CHANCE: Final = 0.35
_LONGEST_BEFORE_ASKING: Final = 120
_RECENT: Final = 6
_TELLING: Final = 10
_LETTERS: Final = re.compile(r"[\W_]+")
_MARK: Final = re.compile(r"^\[[^\]]*\]\s*")


class Player:
    """Plays one reply; made anew for each, deterministic for the same cue."""

    def __init__(self, material: Material, cue: Cue, seed: int | None = None) -> None:
        """`seed` None = by how much was said so far, so that a talk varies and a replay does not."""
        self._material = material
        self._cue = cue
        own = [heard.text for heard in cue.heard if not heard.speaker]
        self._spoken = [_bare(text) for text in own]
        self._said = next((heard.text for heard in reversed(cue.heard) if heard.speaker), "")
        sample = " ".join((material.card.description[:500], *material.card.greetings))
        self._wanted = frozenset(stems(self._said))
        self._language = language_of(cue.language, sample)
        self._phrases = phrases(self._language)
        self._dice = random.Random(f"{seed}:{len(cue.heard)}:{self._said}")  # noqa: S311
        self._mood = _mood(material)
        self._glue = "" if self._language.startswith(("zh", "ja")) else " "

    def answer(self) -> str:
        """Marked text, never the one said last."""
        for text in self._ideas():
            if text and _bare(text) != (self._spoken[-1] if self._spoken else ""):
                return text
        return "…"

    def _ideas(self) -> Iterable[str]:
        """From the best on; the next is asked for only where one repeats what was just said."""
        intent = intent_of(self._said)
        if not self._spoken and (intent is Intent.HELLO or not self._said):
            yield self._spoken_line(self._first(Source.GREETING))
        yield from self._small_talk(intent)
        best = self._best()
        if best is not None:
            yield self._framed(best)
        if not self._spoken:
            yield self._spoken_line(self._first(Source.GREETING))
        yield from self._deflections()
        for line in self._fresh(self._material.lines):
            yield self._framed(line)
        yield from (self._spoken_line(line) for line in self._material.lines)

    def _small_talk(self, intent: Intent) -> Iterable[str]:
        """What a few words ask for: the card's own answer to such words first."""
        if intent is Intent.NONE:
            return
        if intent is Intent.MORE:
            yield self._spoken_line(self._following())
            yield from (
                self._framed(line)
                for line in self._fresh(self._material.lines)
                if line.source in {Source.LORE, Source.EXAMPLE} and intent_of(line.cue) is Intent.NONE
            )
            return
        similar = [line for line in self._material.lines if line.source is Source.EXAMPLE and intent_of(line.cue) is intent]
        scores = dict(zip(map(id, self._material.lines), self._material.index.scores(self._said), strict=True))
        yield from (self._spoken_line(line) for line in sorted(self._fresh(similar), key=lambda line: -scores[id(line)]))
        yield from self._set_phrases(intent)

    def _set_phrases(self, intent: Intent) -> Iterable[str]:
        table = {
            Intent.HELLO: self._phrases.hello,
            Intent.BYE: self._phrases.bye,
            Intent.THANKS: self._phrases.thanks,
            Intent.NAME: self._phrases.name,
            Intent.INSULT: self._phrases.insult,
            Intent.FEELING: self._phrases.feeling,
        }
        wanted = (Source.SELF,) if intent is Intent.NAME else (Source.GREETING, Source.SCENARIO)
        line = next((item for item in self._fresh(self._material.lines) if item.source in wanted and item.own), None)
        yield from (self._filled(template, line=self._spoken_line(line, marked=False)) for template in self._shuffled(table.get(intent, ())))

    def _best(self) -> Line | None:
        scores = self._material.index.scores(self._said)
        weighed = sorted(
            ((self._worth(line, score), at) for at, (line, score) in enumerate(zip(self._material.lines, scores, strict=True))),
            key=lambda item: (-item[0], item[1]),
        )
        if not weighed or weighed[0][0] < _RELEVANT:
            return None
        return self._material.lines[weighed[0][1]]

    def _worth(self, line: Line, score: float) -> float:
        if line.source is Source.LORE and self._wanted.intersection(stems(line.cue)):
            score = max(score, _RELEVANT)  # the card itself says that these words call for it
        worth = score * _WEIGHTS[line.source]
        return worth * _USED if self._used(line) else worth

    def _used(self, line: Line) -> bool:
        """Any telling sentence of it was said before."""
        return any(_overlap(line, spoken) for spoken in self._spoken)

    def _fresh(self, lines: Iterable[Line]) -> list[Line]:
        return [line for line in lines if not self._used(line)]

    def _first(self, source: Source) -> Line | None:
        return next((line for line in self._fresh(self._material.lines) if line.source is source), None)

    def _following(self) -> Line | None:
        """What the card says after the line that was used last."""
        last = self._spoken[-1] if self._spoken else ""
        lines = self._material.lines
        overlaps = [_overlap(line, last) for line in lines]
        if not any(overlaps):
            return None
        at = overlaps.index(max(overlaps))
        return next((line for line in lines[at + 1 :] if line.part == lines[at].part and not self._used(line)), None)

    def _framed(self, line: Line) -> str:
        """A line of the card, introduced where it is not the character's own words, and with a question back now and then."""
        text = self._spoken_line(line)
        if not line.own:
            templates = self._phrases.about_me if line.source is Source.SELF else self._phrases.told
            topic = next((item.said for item in self._material.topics if fold(item.key) in fold(self._said) and fold(item.key) in fold(line.cue)), "")
            usable = [item for item in templates if topic or "{topic}" not in item]
            frame = next(iter(self._shuffled(usable)), "{line}")
            mark = _MARK.match(text)
            text = (mark.group() if mark else "") + self._filled(frame, topic=_capital(topic), line=_MARK.sub("", text))
        if len(text) <= _LONGEST_BEFORE_ASKING and not text.rstrip().endswith(("?", "？")) and self._dice.random() < _ASK_CHANCE:
            question = next((item for item in self._shuffled(self._phrases.ask) if not self._heard_lately(item)), "")
            text = f"{text}{self._glue}{self._filled(question)}" if question else text
        return text

    def _deflections(self) -> Iterable[str]:
        """Nothing fits: lead to what the card knows, else give the question back."""
        topics = [item.said for item in self._material.topics if not any(_bare(item.key) in spoken for spoken in self._spoken)]
        topics = topics or [item.said for item in self._material.topics]
        options = [self._filled(template, topic=self._dice.choice(topics)) for template in self._phrases.topic] if topics else []
        options += [self._filled(template) for template in self._phrases.lost]
        fresh = [text for text in self._shuffled(options) if not any(_bare(text) in spoken for spoken in self._spoken)]
        yield from (self._in_mood(text) for text in fresh or self._shuffled(options))

    def _spoken_line(self, line: Line | None, *, marked: bool = True) -> str:
        """The line's sentences, each with a mark where the feeling changes."""
        if line is None:
            return ""
        parts: list[str] = []
        before = ("", "")
        for at, sentence in enumerate(line.sentences):
            feeling = (sentence.emotion, sentence.manner)
            plain = feeling == (Emotion.NEUTRAL, Manner.PLAIN)
            mark = _guess(sentence.text, self._mood) if plain and at == 0 else _mark(sentence)
            parts.append(f"{mark}{sentence.text}" if marked and feeling != before else sentence.text)
            before = feeling
        return self._glue.join(parts).replace(USER_SLOT, self._cue.user or self._phrases.stranger)

    def _filled(self, template: str, *, topic: str = "", line: str = "") -> str:
        text = template.replace("{name}", self._material.card.called).replace("{topic}", topic).replace("{line}", line)
        user = self._cue.user
        if not user:
            # Without a name the address goes, and with it its comma.
            text = re.sub(r"[,，]\s*\{user\}|\{user\}[,，]?\s*", "", text)
        return text.replace("{user}", user).strip()

    def _in_mood(self, text: str) -> str:
        return text if text.startswith("[") or self._mood is Emotion.NEUTRAL else f"[{self._mood}:0.4] {text}"

    def _heard_lately(self, template: str) -> bool:
        bare = _bare(self._filled(template))
        return any(bare in spoken for spoken in self._spoken[-_RECENT:])

    def _shuffled(self, items: Sequence[str]) -> list[str]:
        found = list(items)
        self._dice.shuffle(found)
        return found


def _mood(material: Material) -> Emotion:
    """The feeling that the card's personality names most."""
    words = re.split(r"[,;.、，；。\n]", f"{material.card.personality}\n{material.card.description[:400]}")
    counts: dict[Emotion, int] = {}
    for part in words:
        mark = read_mark(part)
        if mark is not None and mark.emotion not in {None, Emotion.NEUTRAL}:
            assert mark.emotion is not None  # noqa: S101 - for the type checker
            counts[mark.emotion] = counts.get(mark.emotion, 0) + 1
    return max(counts, key=lambda emotion: counts[emotion]) if counts else Emotion.NEUTRAL


def _mark(sentence: Sentence) -> str:
    """The mark that the card's own stage direction amounts to."""
    manner = f" {sentence.manner}" if sentence.manner != Manner.PLAIN else ""
    return f"[{sentence.emotion}:{sentence.intensity:g}{manner}] "


def _guess(text: str, mood: Emotion) -> str:
    """A mark by words and punctuation, where the card says nothing."""
    emotion, intensity = guessed(text, mood)
    return "" if emotion is Emotion.NEUTRAL else f"[{emotion}:{intensity:g}] "


def guessed(text: str, mood: Emotion = Emotion.NEUTRAL) -> tuple[Emotion, float]:
    """A feeling by the words and the punctuation of `text`; `mood` is the character's usual one."""
    mark = read_mark(text)
    if mark is not None and mark.emotion not in {None, Emotion.NEUTRAL}:
        assert mark.emotion is not None  # noqa: S101 - for the type checker
        return mark.emotion, 0.7 if any(sign in text for sign in "!！") else 0.5
    if any(sign in text for sign in "!！"):
        return (mood if mood is not Emotion.NEUTRAL else Emotion.JOY), 0.6
    if "…" in text or "..." in text:
        return (mood if mood is not Emotion.NEUTRAL else Emotion.WEARINESS), 0.35
    return (mood, 0.3) if mood is not Emotion.NEUTRAL else (Emotion.NEUTRAL, 0.5)


def _overlap(line: Line, spoken: str) -> int:
    """Letters of `line` that were said in `spoken`; sentences too short to be told apart count only as the whole of it."""
    whole = _bare(line.text)
    return sum(len(bare) for item in line.sentences if (bare := _bare(item.text)) in spoken and (len(bare) >= _TELLING or bare == whole == spoken))


def _bare(text: str) -> str:
    return _LETTERS.sub("", fold(_MARK.sub("", text)))


def _capital(text: str) -> str:
    return text[:1].upper() + text[1:]
