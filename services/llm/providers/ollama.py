"""A running Ollama: found by a short probe, asked for its models, spoken to like any OpenAI-compatible server."""

from __future__ import annotations

import asyncio
import contextlib
from collections.abc import AsyncGenerator
from typing import ClassVar, Final

import httpx2
from pydantic import Field

from services.core.tls import trusted
from services.llm.engine import EngineOptions, EngineTrouble, Ground, Piece, Prompt, Readiness, Reason
from services.llm.providers import openai

_PROBE_S: Final = 0.5
_WARM_S: Final = 300.0


class OllamaOptions(EngineOptions):
    """Where Ollama listens."""

    base_url: str = Field(default="http://127.0.0.1:11434", description="Without /v1")
    model: str = Field(default="", description="Empty = the one that was used or pulled last")


class OllamaEngine:
    """Ollama on this machine or a near one."""

    Options: ClassVar[type[EngineOptions]] = OllamaOptions
    generative: ClassVar[bool] = True

    def __init__(self, options: OllamaOptions, ground: Ground) -> None:
        """Nothing is asked yet."""
        self._options = options
        self._ground = ground
        self._inner: openai.OpenAiEngine | None = None
        self._warming: asyncio.Task[None] | None = None

    @property
    def account(self) -> str:
        """None."""
        return ""

    async def open(self) -> None:
        """Choose the model and let Ollama load it, since loading takes longer than a player waits."""
        model = await self._model()
        inner = openai.OpenAiEngine(openai.OpenAiOptions(base_url=f"{self._options.base_url.rstrip('/')}/v1", model=model), self._ground)
        await inner.open()
        self._inner = inner
        self._warming = asyncio.create_task(self._warm(model), name="ollama-warm")

    async def close(self) -> None:
        """Leave Ollama as it is; it unloads models by itself."""
        if self._warming is not None:
            self._warming.cancel()
            with contextlib.suppress(asyncio.CancelledError):
                await self._warming
        if self._inner is not None:
            await self._inner.close()

    async def readiness(self) -> Readiness:
        """Is it running, and has it a model?"""
        try:
            return Readiness(ready=True, model=await self._model())
        except EngineTrouble as trouble:
            return Readiness(ready=False, remark=trouble.detail)

    async def stream(self, prompt: Prompt) -> AsyncGenerator[Piece, None]:
        """The answer as it comes."""
        if self._inner is None:
            raise EngineTrouble(Reason.MISSING, "the engine is not open")
        async with contextlib.aclosing(self._inner.stream(prompt)) as pieces:
            async for piece in pieces:
                yield piece

    async def _model(self) -> str:
        wanted = self._options.model
        try:
            async with httpx2.AsyncClient(timeout=_PROBE_S, verify=await trusted(environment=False), trust_env=False, follow_redirects=False) as client:
                answer = (await client.get(f"{self._options.base_url.rstrip('/')}/api/tags")).json()
        except (httpx2.HTTPError, httpx2.InvalidURL):
            raise EngineTrouble(Reason.REFUSED, "no Ollama answers") from None
        except ValueError:
            raise EngineTrouble(Reason.GARBAGE, "what answers is not Ollama") from None
        listed = answer.get("models") if isinstance(answer, dict) else None
        names = [str(item.get("name") or "") for item in listed if isinstance(item, dict)] if isinstance(listed, list) else []
        usable = [name for name in names if name and "embed" not in name.lower()]
        if wanted:
            if wanted in names or f"{wanted}:latest" in names:
                return wanted
            raise EngineTrouble(Reason.MISSING, f"Ollama has no model {wanted!r}; `ollama pull` gets it")
        if not usable:
            raise EngineTrouble(Reason.MISSING, "Ollama has no model; `ollama pull` gets one")
        return usable[0]

    async def _warm(self, model: str) -> None:
        async with httpx2.AsyncClient(timeout=_WARM_S, verify=await trusted(environment=False), trust_env=False, follow_redirects=False) as client:
            with contextlib.suppress(httpx2.HTTPError):
                # Without a prompt this only loads the model; if it fails, the first reply will say why.
                await client.post(f"{self._options.base_url.rstrip('/')}/api/generate", json={"model": model})
