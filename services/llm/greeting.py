"""A character that is to speak before anybody has said a word opens with its card's greeting, as card V1 has it (`first_mes`)."""

from __future__ import annotations

from collections.abc import AsyncGenerator
from typing import Any, ClassVar

from services.llm.engine import EngineOptions, Finished, Ground, Piece, Prompt, Readiness, SelfContained, Token
from services.llm.macros import Macros
from services.llm.roster import Slot


class GreetingEngine(SelfContained):
    """Says one text, as if a model had written it: marks are lifted and sentences cut on the same way."""

    Options: ClassVar[type[EngineOptions]] = EngineOptions
    generative: ClassVar[bool] = False

    def __init__(self, options: Any, _ground: Ground | None = None) -> None:
        """`options` is the greeting, macros replaced."""
        self._text = str(options)

    async def readiness(self) -> Readiness:
        """Always."""
        return Readiness(ready=True, model="card")

    async def stream(self, prompt: Prompt) -> AsyncGenerator[Piece, None]:
        """The greeting."""
        del prompt
        yield Token(self._text)
        yield Finished("stop")


def greeting(prompt: Prompt) -> Slot | None:
    """The slot that greets, if this is the first word of all and the card has a greeting."""
    card = prompt.cue.card
    if prompt.cue.heard or not card.greetings:
        return None
    text = Macros(char=card.called, user=prompt.cue.user).expand(card.greetings[0])
    return Slot("greeting", GreetingEngine(text), Readiness(ready=True, model="card"))
