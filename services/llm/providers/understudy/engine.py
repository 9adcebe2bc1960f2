"""The understudy as an engine: always there, says itself that no model writes its answers."""

from __future__ import annotations

from collections import OrderedDict
from collections.abc import AsyncGenerator
from typing import ClassVar, Final

from services.llm.engine import EngineOptions, Finished, Ground, Piece, Prompt, Readiness, SelfContained, Token, Usage
from services.llm.providers.understudy.material import Material
from services.llm.providers.understudy.playing import Player
from services.llm.sentences.reader import SpeakableReader
from services.llm.tokens import estimate

_MOST_CARDS: Final = 64


class UnderstudyEngine(SelfContained):
    """Plays from the card alone."""

    Options: ClassVar[type[EngineOptions]] = EngineOptions
    generative: ClassVar[bool] = False

    def __init__(self, _options: EngineOptions, _ground: Ground) -> None:
        """Reads a card when it is first played."""
        self._materials: OrderedDict[int, Material] = OrderedDict()

    async def readiness(self) -> Readiness:
        """Always."""
        return Readiness(ready=True, remark="plays from the card's own lines, without a language model", model="understudy")

    async def stream(self, prompt: Prompt) -> AsyncGenerator[Piece, None]:
        """One answer, at once."""
        text = Player(self._material(prompt), prompt.cue, prompt.sampling.seed).answer()
        if not prompt.cue.speakable:
            reader = SpeakableReader()
            text = " ".join(sentence.text for sentence in [*reader.feed(text), *reader.finish()])
        yield Token(text)
        yield Finished("stop")
        yield Usage(prompt.tokens, estimate(text))

    def _material(self, prompt: Prompt) -> Material:
        """Cards are kept by identity: the caller hands out the same object as long as the card is the same."""
        card = prompt.cue.card
        known = self._materials.get(id(card))
        if known is None or known.card is not card:
            known = self._materials[id(card)] = Material(card)
        self._materials.move_to_end(id(card))
        while len(self._materials) > _MOST_CARDS:
            self._materials.popitem(last=False)
        return known
