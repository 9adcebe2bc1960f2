"""REST of what is ready and how good it is: the engines, and banners that say honestly what is weak."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import asdict
from importlib.metadata import PackageNotFoundError, version
from typing import Any, Final

from fastapi import APIRouter

from services.gateway.health import Engines, Health, Report

_MISSING: Final = {
    "redis": ("store_down", "The transcript cannot be written."),
    "stage": ("stage_down", "Nobody can take a turn."),
    "stt": ("stt_down", "Nothing can be heard; typing works."),
    "llm": ("llm_down", "The characters cannot answer."),
    "tts": ("tts_down", "The characters have no voice; their words are shown."),
}


def router(health: Health, grafana_url: Callable[[], str] = lambda: "", calls: Callable[[], bool] = lambda: False) -> APIRouter:
    """GET /api/status."""
    routes = APIRouter(prefix="/api/status", tags=["status"])

    @routes.get("")
    async def status() -> dict[str, Any]:
        """Version, readiness, engines, banners, where Grafana is, and whether calls by WebRTC are taken."""
        report = await health.report()
        engines = report.engines
        return {
            "version": program_version(),
            "ready": not report.missing,
            "engines": {
                "stt": {"default": engines.stt_default, "engines": [asdict(engine) for engine in engines.stt]},
                "llm": {"chain": list(engines.llm_chain), "engines": [asdict(engine) for engine in engines.llm]},
                "tts": {"default": engines.tts_default, "engines": [_without_voices(asdict(engine)) for engine in engines.tts]},
            },
            "banners": banners(report),
            "grafana_url": grafana_url() or None,
            "webrtc": calls(),
        }

    return routes


def program_version() -> str:
    """The installed version; `0` when it runs from a bare checkout."""
    try:
        return version("souffleur")
    except PackageNotFoundError:
        return "0"


def banners(report: Report) -> list[dict[str, str]]:
    """What people should know before they begin, the worst first."""
    found = [_banner(_MISSING[part][0], "error", f"{_MISSING[part][1]} {why}") for part, why in sorted(report.missing.items())]
    return found + _weak(report.engines)


def _weak(engines: Engines) -> list[dict[str, str]]:
    found = []
    hearing = next((engine for engine in engines.stt if engine.name == engines.stt_default and engine.ready), None)
    if hearing is not None and not hearing.dictation:
        found.append(_banner("stt_weak", "warning", hearing.remark or "Free speech is recognised poorly by this engine: typing is better."))
    speaking = [engine for name in engines.llm_chain for engine in engines.llm if engine.name == name and engine.ready]
    if speaking and not any(engine.generative for engine in speaking):
        found.append(_banner("llm_understudy", "warning", "No language model is ready: the understudy answers with lines from the character's card."))
    elif speaking and speaking[0].name != engines.llm_chain[0]:
        found.append(_banner("llm_degraded", "warning", f"{engines.llm_chain[0]} is not ready: {speaking[0].name} answers instead."))
    voices = [engine.name for engine in engines.tts if engine.ready]
    if voices == ["espeak"] or (voices and engines.tts_default == "espeak"):
        found.append(_banner("tts_robotic", "info", "The voices are eSpeak's: understandable, but robotic. A Piper voice sounds human."))
    return found


def _without_voices(engine: dict[str, Any]) -> dict[str, Any]:
    # Hundreds of names that /v1/audio/voices lists; here their number is enough.
    return {**engine, "voices": len(engine["voices"])}


def _banner(code: str, severity: str, detail: str) -> dict[str, str]:
    return {"code": code, "severity": severity, "detail": detail}
