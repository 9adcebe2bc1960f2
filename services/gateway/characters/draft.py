"""A character in ten seconds: a whole card from one sentence, by a model where there is one, else by what the sentence itself says. Nothing is saved."""

from __future__ import annotations

import asyncio
import hashlib
import json
from collections.abc import Mapping
from contextlib import aclosing
from typing import Any, Final

import structlog
from pydantic import BaseModel, Field

from services.core.errors import SouffleurError
from services.core.model.prosody import Emotion
from services.core.model.reply import ChatMessage, Delta, ReplyFinished, ReplyOptions, ReplyRequest
from services.core.model.voicing import TtsEngineInfo
from services.gateway.characters import validation
from services.gateway.characters.character import NAMESPACE
from services.gateway.characters.languages import language_of
from services.gateway.characters.sketch import Sketch, sketch
from services.gateway.characters.voices import voice_for
from services.gateway.edge import Edge

TEMPLATE: Final = "template"
"""In place of an engine's name."""
_PATIENCE_S: Final = 20.0
_VOICES_S: Final = 2.0
_TOKENS: Final = 1_200
_BUDGET: Final = 3_000
_TAGLINE: Final = 300
_COLORS: Final = ("#b5651d", "#4a7c59", "#5b7db1", "#8b5a8c", "#b04a4a", "#7a7a3a", "#3f8f8f", "#a0703c", "#6c6fb0", "#a34f7a")
_SYSTEM: Final = (
    "You invent a character for a roleplay table from one sentence. Keep everything the sentence says; make up the rest so that it fits."
    " Write {{char}} for the character and {{user}} for whoever it talks to. Write everything but the emotion marks in the language with the tag"
    " '%s'. In what the character says, begin a sentence with a mark where the feeling changes: %s. Speech only, no actions."
    " `description`: three to five sentences: looks, past, what it wants and hides. `personality`: traits and manner of speaking."
    " `greeting`: its first words to a stranger. `examples`: four short exchanges that show the manner. `tagline`: one line for a list."
)
_TEXT: Final = {"type": "string", "minLength": 1, "maxLength": 2_000}
_LINE: Final = {"type": "string", "minLength": 1, "maxLength": 600}
SCHEMA: Final[dict[str, Any]] = {
    "type": "object",
    "properties": {
        "name": {"type": "string", "minLength": 1, "maxLength": 60},
        "description": _TEXT,
        "personality": _TEXT,
        "scenario": _LINE,
        "greeting": _LINE,
        "examples": {
            "type": "array",
            "minItems": 2,
            "maxItems": 6,
            "items": {"type": "object", "properties": {"user": _LINE, "char": _LINE}, "required": ["user", "char"], "additionalProperties": False},
        },
        "tagline": {"type": "string", "minLength": 1, "maxLength": _TAGLINE},
        "gender": {"enum": ["female", "male", "neutral"]},
        "age": {"enum": ["child", "adult", "old"]},
    },
    "required": ["name", "description", "personality", "scenario", "greeting", "examples", "tagline", "gender", "age"],
    "additionalProperties": False,
}
"""What the model is to answer."""

_log = structlog.get_logger(__name__)


class Wish(BaseModel):
    """Who is wanted."""

    sentence: str = Field(min_length=1, max_length=1_000, pattern=r"\S", description="Who it is, in one sentence")
    language: str = Field("", max_length=35, pattern=r"^([A-Za-z]{2,8}(-[A-Za-z0-9]{1,8}){0,6})?$", description="BCP 47 tag; empty = that of the sentence")


async def drafted(edge: Edge, wish: Wish) -> tuple[dict[str, Any], str]:
    """The `data` of a V3 card, checked like any, and who wrote it."""
    sentence = " ".join(wish.sentence.split())
    language = wish.language or language_of(sentence)
    tts, (found, engine) = await asyncio.gather(_voices(edge), _sketched(edge, sentence, language))
    try:
        return _card(found, sentence, language, tts), engine
    except SouffleurError:
        if engine == TEMPLATE:
            raise
        # A model may write what no card can hold.
        _log.warning("characters.draft_does_not_fit", engine=engine)
        return _card(sketch(sentence, language), sentence, language, tts), TEMPLATE


async def _sketched(edge: Edge, sentence: str, language: str) -> tuple[Sketch, str]:
    try:
        async with asyncio.timeout(_PATIENCE_S):
            return await _written(edge, sentence, language)
    except (SouffleurError, TimeoutError) as error:
        _log.info("characters.drafted_from_template", reason=error.code if isinstance(error, SouffleurError) else "timeout")
        return sketch(sentence, language), TEMPLATE


async def _written(edge: Edge, sentence: str, language: str) -> tuple[Sketch, str]:
    """By the best model that answers: those that advise first, then those that play."""
    settings = edge.runtime.settings
    marks = ", ".join(f"[{emotion}]" for emotion in Emotion)
    request = ReplyRequest(
        messages=(ChatMessage("system", _SYSTEM % (language, marks)), ChatMessage("user", sentence)),
        options=ReplyOptions(
            engines=tuple(dict.fromkeys((*settings.summarizer.strong, *settings.llm.chain))),
            temperature=settings.llm.temperature,
            max_tokens=_TOKENS,
            speakable=False,
            token_budget=_BUDGET,
            language=language,
            json_schema=json.dumps(SCHEMA),
            purpose="character",
        ),
    )
    texts: list[str] = []
    engine = ""
    async with aclosing(edge.llm.reply(request, _PATIENCE_S)) as events:
        async for event in events:
            if isinstance(event, Delta):
                texts.append(event.text)
            elif isinstance(event, ReplyFinished):
                engine = event.engine
    return _read("".join(texts)), engine


def _read(text: str) -> Sketch:
    """The answer; the service has seen to it that it fits the schema."""
    try:
        answer: dict[str, Any] = json.loads(text)
        pairs = tuple((str(item["user"]), str(item["char"])) for item in answer.pop("examples"))
        return Sketch(**{name: str(value).strip() for name, value in answer.items()}, examples=pairs)
    except (ValueError, TypeError, KeyError, AttributeError) as error:
        raise EngineAnswersNonsense from error


class EngineAnswersNonsense(SouffleurError):
    """The language engine answered with something that is no character."""

    code = "engine_failed"


async def _voices(edge: Edge) -> tuple[str, tuple[TtsEngineInfo, ...]]:
    """What can speak now; without any the card names no voice, and whatever speaks later speaks for it."""
    try:
        async with asyncio.timeout(_VOICES_S):
            return await edge.tts.describe()
    except (SouffleurError, TimeoutError):
        return "", ()


def _card(found: Sketch, sentence: str, language: str, tts: tuple[str, tuple[TtsEngineInfo, ...]]) -> dict[str, Any]:
    examples = "\n".join(f"{{{{user}}}}: {asked}\n{{{{char}}}}: {answered}" for asked, answered in found.examples)
    ours: Mapping[str, Any] = {
        "language": language,
        "tagline": found.tagline[:_TAGLINE],
        "color": _COLORS[hashlib.sha256(sentence.encode()).digest()[0] % len(_COLORS)],
        "voice": voice_for(language, found.gender, found.age, tts, f"{found.name} {sentence}"),
    }
    return validation.checked(
        {
            "name": " ".join(found.name.split())[: validation.MAX_NAME],
            "description": found.description,
            "personality": found.personality,
            "scenario": found.scenario,
            "first_mes": found.greeting,
            "mes_example": f"<START>\n{examples}" if examples else "",
            "tags": ["draft"],
            "creator": "Souffleur",
            "extensions": {NAMESPACE: ours},
        }
    )
