"""Whose voice is meant: a character's, an engine's own, or one of OpenAI's names, for which the default stands in."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, Final

from fastapi import APIRouter

from services.core.errors import InvalidRequest, NotFound
from services.core.model.prosody import Voice
from services.core.model.voicing import TtsEngineInfo
from services.gateway.edge import Edge
from services.gateway.openai_api.models import PREFIX

OPENAI_NAMES: Final = frozenset(
    {"alloy", "ash", "ballad", "cedar", "coral", "echo", "fable", "marin", "nova", "onyx", "sage", "shimmer", "verse", "default", ""},
)


async def voice_for(edge: Edge, voice: str, model: str = "") -> Voice:
    """The voice of that name. A character named as the model lends its voice to OpenAI's names. Raises `NotFound` or `InvalidRequest`."""
    if voice.startswith(PREFIX):
        return (await edge.characters.get(voice.removeprefix(PREFIX))).voice
    if voice.lower() in OPENAI_NAMES:
        return (await edge.characters.get(model.removeprefix(PREFIX))).voice if model.startswith(PREFIX) else Voice()
    try:
        return (await edge.characters.get(voice)).voice
    except NotFound:
        pass
    default, engines = await edge.tts.describe()
    # The default engine first: a name that two engines share means its.
    for engine in sorted(engines, key=lambda item: item.name != default):
        for known in engine.voices:
            if voice in (known.name, f"{engine.name}/{known.name}"):
                return Voice(engine=engine.name, name=known.name, language=known.language)
    raise InvalidRequest("voice: there is no voice of that name; GET /v1/audio/voices lists them.")


def voice_name(voice: str | Mapping[str, Any]) -> str:
    """The name in either form of the field: a text, or an object with an `id`."""
    return voice if isinstance(voice, str) else str(voice.get("id") or "")


def router(edge: Edge) -> APIRouter:
    """GET /v1/audio/voices."""
    routes = APIRouter(prefix="/v1/audio", tags=["openai"])

    @routes.get("/voices")
    async def list_voices() -> dict[str, Any]:
        """Characters first, then the voices of every engine that is ready."""
        characters = [
            {"id": f"{PREFIX}{one.slug}", "name": one.name, "language": one.voice.language, "engine": one.voice.engine, "character": one.slug}
            for one in await edge.characters.all()
        ]
        _, engines = await edge.tts.describe()
        return {"voices": characters + [voice for engine in engines if engine.ready for voice in _voices(engine)]}

    return routes


def _voices(engine: TtsEngineInfo) -> list[dict[str, Any]]:
    return [{"id": one.name, "name": one.label or one.name, "language": one.language, "engine": engine.name, "character": None} for one in engine.voices]
