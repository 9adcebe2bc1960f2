"""What every feature of the gateway is given: the services behind it and the stores beside it."""

from __future__ import annotations

import asyncio
from collections.abc import Sequence
from dataclasses import dataclass, field
from typing import TYPE_CHECKING

from services.core.model.attachment import CastMember, OpenRequest, OpenResponse
from services.core.rpc.client import LlmClient, ManagerClient, StageClient, SttClient, TtsClient
from services.core.runtime import Runtime
from services.gateway.characters.store import CharacterStore
from services.gateway.principals import principal_of

if TYPE_CHECKING:
    from services.transcript.archive import Archive
    from services.transcript.log import TranscriptLog

__all__ = ["Edge", "principal_of"]


@dataclass(frozen=True, slots=True, kw_only=True)
class Edge:
    """Opened by `app.build`, handed to every router."""

    runtime: Runtime
    characters: CharacterStore
    stt: SttClient
    llm: LlmClient
    tts: TtsClient
    stage: StageClient
    manager: ManagerClient
    log: TranscriptLog
    archive: Archive
    stopping: asyncio.Event = field(default_factory=asyncio.Event)
    """Set when the server begins to stop: whatever streams without end returns."""

    async def open_session(
        self,
        cast: Sequence[str],
        *,
        session: str = "",
        title: str = "",
        mode: str = "auto",
        scene: tuple[str, str] = ("", ""),
        language: str = "",
        phrases: Sequence[str] = (),
        safety_words: Sequence[str] = (),
        previously: str = "",
    ) -> OpenResponse:
        """Open a session with these characters (slugs); `scene` is heading and description. Raises `NotFound` for an unknown slug."""
        members = []
        for slug in dict.fromkeys(cast):
            character = await self.characters.get(slug)
            members.append(CastMember(slug=character.slug, name=character.name, card=character.card_json()))
        return await self.stage.open(
            OpenRequest(
                session=session,
                title=title,
                mode=mode,
                scene_heading=scene[0],
                scene_description=scene[1],
                cast=tuple(members),
                language=language,
                phrases=tuple(phrases),
                safety_words=tuple(safety_words),
                previously=previously,
            ),
        )
