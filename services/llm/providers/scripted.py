"""Answers from a list, at a given pace: for tests, demos and benchmarks."""

from __future__ import annotations

import asyncio
import re
from collections.abc import AsyncGenerator
from typing import ClassVar, Final

from pydantic import Field

from services.llm.engine import EngineOptions, Finished, Ground, Piece, Prompt, Readiness, SelfContained, Token, Usage
from services.llm.tokens import estimate

_PIECE: Final = re.compile(r"\s*\S+\s*?(?=\s|$)|\s+$")

_AS_SPEECH: Final = str.maketrans(dict.fromkeys("[]()<>*_`~", " ") | {":": ",", "：": "，"})


class ScriptedOptions(EngineOptions):
    """What is said and how fast."""

    replies: list[str] = Field(default_factory=lambda: ["Well met, traveller. Sit down by the fire and rest."], min_length=1)
    first_ms: float = Field(default=0.0, ge=0, description="Before the first token")
    token_ms: float = Field(default=0.0, ge=0, description="Between tokens")
    echo: bool = Field(default=False, description="Answer with the prompt, for looking into it")


class ScriptedEngine(SelfContained):
    """The replies in turn, word by word."""

    Options: ClassVar[type[EngineOptions]] = ScriptedOptions
    generative: ClassVar[bool] = True

    def __init__(self, options: ScriptedOptions, _ground: Ground) -> None:
        """Begins with the first reply."""
        self._options = options
        self._next = 0

    async def readiness(self) -> Readiness:
        """Always."""
        return Readiness(ready=True, model="scripted")

    async def stream(self, prompt: Prompt) -> AsyncGenerator[Piece, None]:
        """The next reply."""
        if self._options.echo:
            text = _echoed(prompt)
        else:
            text = self._options.replies[self._next % len(self._options.replies)]
            self._next += 1
        pause = self._options.first_ms
        for piece in _PIECE.findall(text):
            if pause:
                await asyncio.sleep(pause / 1000)
            yield Token(piece)
            pause = self._options.token_ms
        yield Finished("stop")
        yield Usage(prompt.tokens, estimate(text))


def _echoed(prompt: Prompt) -> str:
    """The prompt as text; where it will be read as speech, without the signs that would be taken for marks and labels."""
    whole = "\n".join(f"{message.role}: {message.content}" for message in prompt.messages)
    return whole.translate(_AS_SPEECH) if prompt.cue.speakable else whole
