"""llama.cpp inside this process (`xllamacpp`): a GGUF file from disk, served on a loopback port and spoken to like any other server."""

from __future__ import annotations

import asyncio
import contextlib
import secrets
from collections.abc import AsyncGenerator
from pathlib import Path
from typing import Any, ClassVar, Final

from pydantic import Field, SecretStr

from services.core.errors import EngineMissing
from services.llm.engine import EngineOptions, EngineTrouble, Ground, Piece, Prompt, Readiness, Reason
from services.llm.providers import openai

_QUIET: Final = -1
_PROJECTOR: Final = "mmproj"


class LlamaOptions(EngineOptions):
    """Which file, and how much of the machine it may have."""

    path: Path | None = Field(default=None, description="A GGUF file; empty = the first of models/gguf by name")
    context: int = Field(default=8192, ge=512, le=1_000_000, description="Tokens, shared by the parallel replies; one alone may use them all")
    parallel: int = Field(default=2, ge=1, le=64, description="Replies at a time; more wait")
    threads: int = Field(default=0, ge=0, le=512, description="0 = as llama.cpp chooses")
    gpu_layers: int = Field(default=-1, ge=-1, description="-1 = as many as fit, where the wheel knows the GPU")
    thinking: bool = Field(default=False, description="Let models think before they speak, where they can")


class LlamaEngine:
    """One model, loaded when it is first needed and kept."""

    Options: ClassVar[type[EngineOptions]] = LlamaOptions
    generative: ClassVar[bool] = True

    def __init__(self, options: LlamaOptions, ground: Ground) -> None:
        """Nothing is loaded yet."""
        self._options = options
        self._ground = ground
        self._server: Any = None
        self._inner: openai.OpenAiEngine | None = None

    @property
    def account(self) -> str:
        """None."""
        return ""

    async def open(self) -> None:
        """Load the model; takes seconds for a large one."""
        path = self._file()
        if path is None:
            raise EngineTrouble(Reason.MISSING, "there is no GGUF file; `souffleur models pull` gets one")
        key = secrets.token_urlsafe(24)
        try:
            self._server = await asyncio.to_thread(_serve, path, self._options, key)
        except RuntimeError as error:
            raise EngineTrouble(Reason.MISSING, f"llama.cpp cannot load {path.name}") from error
        inner = openai.OpenAiEngine(
            openai.OpenAiOptions(base_url=f"{self._server.listening_address}/v1", api_key=SecretStr(key), model=path.stem), self._ground
        )
        await inner.open()
        self._inner = inner

    async def close(self) -> None:
        """Stop the server and free the model."""
        if self._inner is not None:
            await self._inner.close()
        server, self._server, self._inner = self._server, None, None
        if server is not None:
            # The destructor waits for the server's threads.
            await asyncio.to_thread(_drop, [server])

    async def readiness(self) -> Readiness:
        """Is there a file, and the package to load it with?"""
        path = self._file()
        if path is None:
            return Readiness(ready=False, remark="no GGUF file on disk; `souffleur models pull` gets one")
        if not _installed():
            return Readiness(ready=False, remark="the package xllamacpp is not installed", model=path.stem)
        return Readiness(ready=True, remark="" if self._inner else "loads with the first reply", model=path.stem)

    async def stream(self, prompt: Prompt) -> AsyncGenerator[Piece, None]:
        """The answer as it comes."""
        if self._inner is None:
            raise EngineTrouble(Reason.MISSING, "the model is not loaded")
        async with contextlib.aclosing(self._inner.stream(prompt)) as pieces:
            async for piece in pieces:
                yield piece

    def _file(self) -> Path | None:
        if self._options.path is not None:
            return self._options.path if self._options.path.is_file() else None
        folder = self._ground.models / "gguf"
        found = sorted(path for path in folder.glob("*.gguf") if _PROJECTOR not in path.name.lower()) if folder.is_dir() else []
        return found[0] if found else None


def _serve(path: Path, options: LlamaOptions, key: str) -> Any:
    """Start llama.cpp's own HTTP server on a free loopback port."""
    try:
        import xllamacpp
    except ModuleNotFoundError as error:
        raise EngineMissing("llama needs the package 'xllamacpp', which is not installed") from error
    params = xllamacpp.CommonParams()
    params.model.path = str(path)
    params.hostnames = ["127.0.0.1"]
    params.port = 0
    # Any page in a browser on this machine could call the port otherwise.
    params.api_keys = [key]
    params.ui = False
    params.endpoint_slots = False
    params.n_ctx = options.context
    params.n_parallel = options.parallel
    # One pool for all: else each reply would be given its fixed share, which is less than one prompt may need.
    params.kv_unified = True
    params.n_gpu_layers = options.gpu_layers
    params.verbosity = _QUIET
    params.enable_reasoning = -1 if options.thinking else 0
    if options.threads:
        params.cpuparams.n_threads = options.threads
    return xllamacpp.Server(params)


def _installed() -> bool:
    from importlib.util import find_spec

    return find_spec("xllamacpp") is not None


def _drop(held: list[Any]) -> None:
    held.clear()
