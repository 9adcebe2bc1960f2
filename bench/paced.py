"""The scripted language engine on an exact clock: a token is due at a fixed time after the first, whatever each sleep costs."""

from __future__ import annotations

import asyncio
import time
from collections.abc import AsyncGenerator

from services.llm.engine import Finished, Piece, Prompt, Token, Usage
from services.llm.providers.scripted import ScriptedEngine


class PacedEngine(ScriptedEngine):
    """Sleeps add up: fourteen of 5 ms last 72 to 76 ms here. What is subtracted as the model's time must be the model's time."""

    async def stream(self, prompt: Prompt) -> AsyncGenerator[Piece, None]:
        """The next reply, word by word."""
        words = self._options.replies[self._next % len(self._options.replies)].split()
        self._next += 1
        began = time.monotonic() + self._options.first_ms / 1000
        for number, word in enumerate(words):
            wait = began + number * self._options.token_ms / 1000 - time.monotonic()
            if wait > 0:
                await asyncio.sleep(wait)
            yield Token(word if number == 0 else f" {word}")
        yield Finished("stop")
        yield Usage(prompt.tokens, len(words))
