"""Checks of the engines: packages, model files, providers. Nothing is imported that is heavy; nobody's key is shown."""

from __future__ import annotations

import asyncio
import sys
from collections.abc import AsyncIterator, Iterator
from importlib.util import find_spec
from pathlib import Path
from typing import Any, Final

import httpx2

from manager.doctor.finding import Finding, State
from manager.models.catalogue import catalogue, wanted_by_default
from services.core.settings import Settings

_PATIENCE_S: Final = 4.0
_OLLAMA: Final = "http://127.0.0.1:11434"
_POCKETSPHINX: Final = "gets about 6 of 10 words wrong in free dictation; excellent where the session's phrases are given"


async def engines(settings: Settings) -> AsyncIterator[Finding]:
    """Hearing, roleplay and voice."""
    for finding in (*_hearing(settings), *_voice(settings)):
        yield finding
    for finding in await asyncio.gather(*_providers(settings), _ollama(settings)):
        yield finding
    yield _llama(settings.models)
    yield Finding(part="llm", name="understudy", state=State.OK, detail="always there: answers from the card's own lines when no model does")
    yield _adviser(settings)


def _adviser(settings: Settings) -> Finding:
    """Behind the play: what condenses and what advises."""
    chosen = settings.summarizer
    if not chosen.enabled:
        return Finding(part="llm", name="adviser", state=State.INFO, detail="switched off: no digests, no advice, no memories")
    light = f"digests by {', '.join(chosen.light)}" if chosen.light else "digests are extracts, without a model"
    strong = f"advice by {', '.join(chosen.strong)}" if chosen.strong else "no advice"
    remedy = "" if chosen.strong else "name an engine in summarizer.strong"
    return Finding(part="llm", name="adviser", state=State.OK if chosen.strong else State.INFO, detail=f"{light}; {strong}", remedy=remedy)


def _hearing(settings: Settings) -> Iterator[Finding]:
    whisper = sorted(path.parent.name for path in settings.models.glob("whisper/*/model.bin"))
    sphinx = find_spec("pocketsphinx") is not None
    if find_spec("faster_whisper") is None:
        yield _package("stt", "faster-whisper", "no package for this platform, or not installed")
    elif whisper:
        yield Finding(part="stt", name="faster-whisper", state=State.OK, detail=f"models: {', '.join(whisper)}")
    else:
        best = next(model for model in wanted_by_default() if model.kind == "whisper")
        yield Finding(part="stt", name="faster-whisper", state=State.WARNING, detail="installed, no model on disk", remedy=f"souffleur models pull {best.name}")
    if sphinx:
        yield Finding(
            part="stt",
            name="pocketsphinx",
            state=State.OK if whisper else State.WARNING,
            detail=f"installed; {_POCKETSPHINX}",
            remedy="" if whisper else "typing is better until a Whisper model is here",
        )
    elif sys.version_info[:2] == (3, 12):
        yield Finding(part="stt", name="pocketsphinx", state=State.INFO, detail="does not work on Python 3.12", remedy="use Python 3.11 or 3.13")
    else:
        yield _package("stt", "pocketsphinx", "not installed")


def _voice(settings: Settings) -> Iterator[Finding]:
    voices = sorted(path.name.removesuffix(".onnx") for path in settings.models.glob("piper/*.onnx"))
    espeak = find_spec("espeakng_loader") is not None
    if find_spec("piper") is None:
        yield _package("tts", "piper", "no package for this platform, or not installed")
    elif voices:
        yield Finding(part="tts", name="piper", state=State.OK, detail=f"voices: {', '.join(voices)}")
    else:
        names = " ".join(model.name for model in wanted_by_default() if model.kind == "piper")
        yield Finding(part="tts", name="piper", state=State.WARNING, detail="installed, no voice on disk", remedy=f"souffleur models pull {names}")
    if espeak:
        yield Finding(part="tts", name="espeak", state=State.OK, detail="installed; understandable and instant, plainly a machine")
    else:
        state = State.INFO if voices else State.WARNING
        yield Finding(
            part="tts",
            name="espeak",
            state=state,
            detail="not installed" + ("" if voices else ": characters stay silent, their words are shown"),
            remedy="make setup",
        )


def _llama(models: Path) -> Finding:
    files = sorted(path.name for path in models.glob("gguf/*.gguf"))
    if find_spec("xllamacpp") is None:
        return _package("llm", "llama.cpp", "no package for this platform, or not installed")
    if files:
        return Finding(part="llm", name="llama.cpp", state=State.OK, detail=f"models: {', '.join(files)}")
    name = next(model.name for model in catalogue() if model.kind == "gguf")
    return Finding(part="llm", name="llama.cpp", state=State.INFO, detail="installed, no model on disk", remedy=f"souffleur models pull {name}")


def _providers(settings: Settings) -> list[Any]:
    """One check for each provider that is configured; the standard OPENAI_ names count as one."""
    checks = []
    if settings.openai_base_url or settings.openai_api_key.get_secret_value():
        url = settings.openai_base_url or "https://api.openai.com/v1"
        checks.append(_provider("OPENAI_*", url, settings.openai_api_key.get_secret_value(), settings.openai_model, offline=settings.offline))
    for name, table in settings.llm.engines.items():
        url = str(table.get("base_url") or "")
        if url:
            key = str(table.get("api_key") or "")
            checks.append(_provider(name, url, key, str(table.get("model") or ""), offline=settings.offline))
    return checks or [_no_provider()]


async def _no_provider() -> Finding:
    remedy = "set OPENAI_BASE_URL, OPENAI_API_KEY and OPENAI_MODEL, or start Ollama"
    return Finding(part="llm", name="provider", state=State.WARNING, detail="none is configured", remedy=remedy)


async def _provider(name: str, url: str, key: str, model: str, *, offline: bool) -> Finding:
    host = httpx2.URL(url).host
    if offline and host not in ("localhost", "127.0.0.1", "::1"):
        return Finding(part="llm", name=name, state=State.WARNING, detail=f"{host}: not asked, the settings say offline")
    try:
        async with httpx2.AsyncClient(timeout=_PATIENCE_S) as client:
            answer = await client.get(f"{url.rstrip('/')}/models", headers={"Authorization": f"Bearer {key}"} if key else {})
    except (httpx2.HTTPError, OSError) as error:
        return Finding(
            part="llm", name=name, state=State.WARNING, detail=f"{host} cannot be reached: {type(error).__name__}", remedy="check the address and the network"
        )
    if answer.status_code in (401, 403):
        return Finding(part="llm", name=name, state=State.WARNING, detail=f"{host} refuses the key (HTTP {answer.status_code})", remedy="correct the key")
    listed = _listed(answer)
    if model and listed and model not in listed:
        return Finding(
            part="llm", name=name, state=State.WARNING, detail=f"{host} answers, but does not list the model {model!r}", remedy="correct the model's name"
        )
    return Finding(part="llm", name=name, state=State.OK, detail=f"{host} answers{f', model {model}' if model else ''}")


def _listed(answer: httpx2.Response) -> list[str]:
    try:
        return [str(item["id"]) for item in answer.json()["data"]]
    except (ValueError, KeyError, TypeError):
        # Not every provider lists its models.
        return []


async def _ollama(settings: Settings) -> Finding:
    url = str(settings.llm.engines.get("ollama", {}).get("base_url") or _OLLAMA).removesuffix("/v1").rstrip("/")
    try:
        async with httpx2.AsyncClient(timeout=1.0, trust_env=False) as client:
            answer = await client.get(f"{url}/api/tags")
        names = [str(item["name"]) for item in answer.json()["models"]]
    except (httpx2.HTTPError, OSError, ValueError, KeyError, TypeError):
        return Finding(part="llm", name="Ollama", state=State.INFO, detail=f"does not run at {url}")
    if not names:
        return Finding(part="llm", name="Ollama", state=State.WARNING, detail=f"runs at {url}, has no model", remedy="ollama pull qwen2.5:3b")
    return Finding(part="llm", name="Ollama", state=State.OK, detail=f"runs at {url}: {', '.join(names[:5])}")


def _package(part: str, name: str, detail: str) -> Finding:
    return Finding(part=part, name=name, state=State.INFO, detail=detail, remedy="make setup")
