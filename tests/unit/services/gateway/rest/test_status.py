"""Banners: what people should know before they begin."""

from __future__ import annotations

from services.core.model.reply import LlmEngineInfo
from services.core.model.speech import SttEngineInfo
from services.core.model.voicing import TtsEngineInfo
from services.gateway.health import Engines, Report
from services.gateway.rest.status import banners

_UNDERSTUDY = LlmEngineInfo("understudy", ready=True, generative=False)


def _codes(engines: Engines, **missing: str) -> list[str]:
    return [banner["code"] for banner in banners(Report(engines, missing))]


def test_nothing_is_said_of_a_good_house() -> None:
    """Weak engines that merely stand by are not complained about."""
    engines = Engines(
        stt_default="faster-whisper",
        stt=(SttEngineInfo("faster-whisper", ready=True), SttEngineInfo("pocketsphinx", ready=True, dictation=False)),
        llm_chain=("openai", "understudy"),
        llm=(_UNDERSTUDY, LlmEngineInfo("openai", ready=True)),
        tts_default="piper",
        tts=(TtsEngineInfo("piper", ready=True), TtsEngineInfo("espeak", ready=True)),
    )
    assert _codes(engines) == []


def test_a_chain_that_starts_lower_is_degraded_and_an_understudy_is_named() -> None:
    """A provider that is down is told apart from having none at all."""
    chain = ("openai", "llama", "understudy")
    lower = Engines(llm_chain=chain, llm=(LlmEngineInfo("openai", ready=False), LlmEngineInfo("llama", ready=True), _UNDERSTUDY))
    assert _codes(lower) == ["llm_degraded"]
    alone = Engines(llm_chain=chain, llm=(LlmEngineInfo("openai", ready=False), LlmEngineInfo("llama", ready=False), _UNDERSTUDY))
    assert _codes(alone) == ["llm_understudy"]


def test_what_is_down_comes_first_as_an_error() -> None:
    """With the reason that the service gave."""
    found = banners(Report(Engines(tts_default="espeak", tts=(TtsEngineInfo("espeak", ready=True),)), {"stt": "It cannot be reached."}))
    assert [(banner["code"], banner["severity"]) for banner in found] == [("stt_down", "error"), ("tts_robotic", "info")]
    assert "It cannot be reached." in found[0]["detail"]
