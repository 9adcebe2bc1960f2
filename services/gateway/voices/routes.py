"""REST of the cloned voices: list, add with consent, forget. Directors only; recordings are never given out."""

from __future__ import annotations

import asyncio
import base64
import binascii
from typing import Annotated, Any, Final

from fastapi import APIRouter, Request, Response
from pydantic import BaseModel, ConfigDict, Field

from services.core.errors import InvalidRequest
from services.core.voices import FEELINGS, MAX_CLIP, Consent, ConsentedVoice, VoiceStore
from services.gateway.edge import Edge
from services.gateway.principals import require_director
from services.gateway.strict_json import StrictRoute

_ENCODED: Final = (MAX_CLIP + 2) // 3 * 4


class GivenConsent(BaseModel):
    """Who allowed what, and when."""

    model_config = ConfigDict(extra="forbid")

    by: str = Field(max_length=200, description="The person whose voice it is")
    at: str = Field(max_length=40, description="When it was given: ISO 8601 with an offset from UTC")
    statement: str = Field(max_length=4_000, description="What was agreed to, in words")


class NewVoice(BaseModel):
    """A voice with everything that it needs."""

    model_config = ConfigDict(extra="forbid")

    name: str = Field(max_length=60, description="Lower case letters, digits and hyphens")
    language: str = Field("", max_length=35, description="BCP 47 tag of the clips")
    consent: GivenConsent
    clips: dict[str, Annotated[str, Field(max_length=_ENCODED)]] = Field(
        max_length=len(FEELINGS), description="PCM WAV in base64 by feeling or manner; `neutral` is needed, 6 to 30 seconds are best"
    )


def router(edge: Edge) -> APIRouter:
    """The routes under /api/voices."""
    routes = APIRouter(prefix="/api/voices", tags=["voices"], route_class=StrictRoute)
    store = VoiceStore(edge.runtime.settings.data_dir / "voices")

    @routes.get("")
    async def list_voices(request: Request) -> dict[str, Any]:
        """Every voice with a whole consent record, by name."""
        require_director(request)
        return {"items": [_shown(voice) for voice in await asyncio.to_thread(store.all)]}

    @routes.post("", status_code=201)
    async def add_voice(new: NewVoice, request: Request, response: Response) -> dict[str, Any]:
        """Keep a voice; without consent and a neutral clip nothing is kept."""
        require_director(request)
        consent = Consent(new.consent.by, new.consent.at, new.consent.statement)
        clips = {feeling: _decoded(feeling, text) for feeling, text in new.clips.items()}
        voice = await asyncio.to_thread(store.add, new.name, new.language, consent, clips)
        response.headers["location"] = f"/api/voices/{voice.name}"
        return _shown(voice)

    @routes.get("/{name}")
    async def read_voice(name: str, request: Request) -> dict[str, Any]:
        """One voice with its consent; 403 `consent_missing` for clips without a whole record."""
        require_director(request)
        return _shown(await asyncio.to_thread(store.get, name))

    @routes.delete("/{name}", status_code=204)
    async def delete_voice(name: str, request: Request) -> Response:
        """Forget the clips and the consent; no further sentence is spoken with them."""
        require_director(request)
        await asyncio.to_thread(store.delete, name)
        return Response(status_code=204)

    return routes


def _shown(voice: ConsentedVoice) -> dict[str, Any]:
    return {
        "name": voice.name,
        "language": voice.language,
        "consent": {"by": voice.consent.by, "at": voice.consent.at, "statement": voice.consent.statement},
        "clips": {feeling: {"sha256": clip.sha256} for feeling, clip in sorted(voice.clips.items())},
    }


def _decoded(feeling: str, text: str) -> bytes:
    try:
        return base64.b64decode(text, validate=True)
    except (binascii.Error, ValueError) as error:
        raise InvalidRequest(f"the clip {feeling[:40]!r} is no base64") from error
