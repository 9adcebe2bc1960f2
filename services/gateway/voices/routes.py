"""REST of the cloned voices: list, add with consent, forget. Directors only; recordings are never given out."""

from __future__ import annotations

import asyncio
import base64
import binascii
from collections.abc import AsyncIterator, Callable, Coroutine
from contextlib import asynccontextmanager
from typing import Annotated, Any, Final

from fastapi import APIRouter, FastAPI, Request, Response
from pydantic import BaseModel, ConfigDict, Field

from services.core.errors import InvalidRequest, Overloaded
from services.core.voices import FEELINGS, MAX_CLIP, MAX_CLIPS, Consent, ConsentedVoice, VoiceStore
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
        max_length=len(FEELINGS),
        description="PCM WAV in base64 by feeling or manner; `neutral` is needed, 6 to 30 seconds are best. "
        f"Each at most {MAX_CLIP // 1024 // 1024} MiB, all together {MAX_CLIPS // 1024 // 1024} MiB",
    )


class DirectorsRoute(StrictRoute):
    """Asks who it is before it reads what they sent, and takes one voice at a time: a whole one is a hundred megabytes on its way to the disk."""

    def get_route_handler(self) -> Callable[[Request], Coroutine[Any, Any, Response]]:
        """The usual handler, behind both questions."""
        inner = super().get_route_handler()
        adds = "POST" in (self.methods or ())
        adding = asyncio.Lock()

        async def handle(request: Request) -> Response:
            require_director(request)
            if not adds:
                return await inner(request)
            if adding.locked():
                raise Overloaded("Another voice is being added.")
            async with adding:
                return await inner(request)

        return handle


def router(edge: Edge) -> APIRouter:
    """The routes under /api/voices."""
    store = VoiceStore(edge.runtime.settings.data_dir / "voices")

    @asynccontextmanager
    async def swept(_: FastAPI) -> AsyncIterator[None]:
        await asyncio.to_thread(store.sweep)
        yield

    routes = APIRouter(prefix="/api/voices", tags=["voices"], route_class=DirectorsRoute, lifespan=swept)

    @routes.get("")
    async def list_voices() -> dict[str, Any]:
        """Every voice with a whole consent record, by name."""
        return {"items": [_shown(voice) for voice in await asyncio.to_thread(store.all)]}

    @routes.post("", status_code=201)
    async def add_voice(new: NewVoice, response: Response) -> dict[str, Any]:
        """Keep a voice; without consent and a neutral clip nothing is kept."""
        voice = await asyncio.to_thread(_kept, store, new)
        response.headers["location"] = f"/api/voices/{voice.name}"
        return _shown(voice)

    @routes.get("/{name}")
    async def read_voice(name: str) -> dict[str, Any]:
        """One voice with its consent; 403 `consent_missing` for clips without a whole record."""
        return _shown(await asyncio.to_thread(store.get, name))

    @routes.delete("/{name}", status_code=204)
    async def delete_voice(name: str) -> Response:
        """Forget the clips and the consent; no further sentence is spoken with them."""
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


def _kept(store: VoiceStore, new: NewVoice) -> ConsentedVoice:
    consent = Consent(new.consent.by, new.consent.at, new.consent.statement)
    return store.add(new.name, new.language, consent, {feeling: _decoded(feeling, text) for feeling, text in new.clips.items()})


def _decoded(feeling: str, text: str) -> bytes:
    try:
        return base64.b64decode(text, validate=True)
    except (binascii.Error, ValueError) as error:
        raise InvalidRequest(f"the clip {feeling[:40]!r} is no base64") from error
