"""The whole path of one reply: scrub, thinking, labels, marks, cut; raw chunks in, sentences out."""

from __future__ import annotations

from collections.abc import Iterable
from typing import Final

from services.core.model.prosody import Emotion, Manner, Prosody
from services.core.model.reply import Sentence
from services.llm.sentences.cutter import Cut, Cutter, Limits
from services.llm.sentences.labels import LabelFilter
from services.llm.sentences.marks import MarkLifter
from services.llm.sentences.scrub import Scrubber
from services.llm.thinking import ThinkingFilter

_DEFAULT: Final = Prosody()
_MARKED: Final = 0.6
_FADE: Final = 0.75
_FAINT: Final = 0.25
_ORDINAL_LANGUAGES: Final = frozenset(("cs", "da", "de", "et", "fi", "hr", "hu", "lv", "nb", "no", "pl", "sk", "sl", "sr", "tr"))


class SpeakableReader:
    """Reads one attempt of one engine."""

    def __init__(
        self,
        own_names: Iterable[str] = (),
        other_names: Iterable[str] = (),
        *,
        language: str = "",
        thinking: bool = False,
        verbatim: bool = False,
        limits: Limits | None = None,
    ) -> None:
        """`thinking`: the model's template has opened a thinking block already. `verbatim`: a person wrote it; it holds no thinking and no labels."""
        self._scrubber = Scrubber()
        self._thinking = ThinkingFilter(inside=thinking)
        self._labels = LabelFilter(own_names, other_names)
        self._verbatim = verbatim
        self._cutter = Cutter(limits, ordinals=language[:2].lower() in _ORDINAL_LANGUAGES)
        self._lifter = MarkLifter(self._cutter)
        self._prosody = _DEFAULT
        self._index = 0

    @property
    def done(self) -> bool:
        """Whatever still comes is not this character's: the engine may be stopped."""
        return self._labels.stopped

    def feed(self, text: str) -> list[Sentence]:
        """The sentences that `text` completes."""
        clean = self._scrubber.feed(text)
        self._lifter.feed(clean if self._verbatim else self._labels.feed(self._thinking.feed(clean)))
        return self._drain()

    def finish(self, *, complete: bool = True) -> list[Sentence]:
        """The rest. `complete` False = the stream broke or hit a limit: then words without an end are dropped, unless nothing else was said."""
        self._lifter.feed(self._labels.feed(self._thinking.finish()) + self._labels.finish())
        self._lifter.finish()
        self._cutter.finish(keep_tail=complete)
        return self._drain()

    def _drain(self) -> list[Sentence]:
        cuts = self._cutter.cuts
        if not cuts:
            return []
        sentences = [self._sentence(cut) for cut in cuts]
        cuts.clear()
        return sentences

    def _sentence(self, cut: Cut) -> Sentence:
        prosody = self._prosody
        if cut.mark is not None:
            emotion = cut.mark.emotion or prosody.emotion
            unmarked = prosody.intensity if cut.mark.emotion is None else (0.5 if emotion is Emotion.NEUTRAL else _MARKED)
            prosody = Prosody(emotion, unmarked if cut.mark.intensity is None else cut.mark.intensity, cut.mark.manner or Manner.PLAIN)
        sentence = Sentence(
            index=self._index,
            text=cut.text,
            tagged=cut.tagged,
            emotion=str(prosody.emotion),
            intensity=round(prosody.intensity, 3),
            manner=str(prosody.manner),
        )
        self._index += 1
        self._prosody = _DEFAULT if cut.span_ended else _faded(prosody)
        return sentence


def _faded(prosody: Prosody) -> Prosody:
    """A feeling lasts into the next unmarked sentence, weaker each time."""
    if prosody.emotion is Emotion.NEUTRAL:
        return Prosody(manner=prosody.manner)
    intensity = prosody.intensity * _FADE
    return Prosody(prosody.emotion, intensity, prosody.manner) if intensity >= _FAINT else _DEFAULT
