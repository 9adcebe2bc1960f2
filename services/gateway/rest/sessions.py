"""REST of the sessions: open one, list them, look at one, say something in it."""

from __future__ import annotations

from collections.abc import AsyncGenerator
from contextlib import aclosing
from typing import Annotated, Any, Final, Literal

from fastapi import APIRouter, Request, Response
from fastapi.responses import JSONResponse
from pydantic import BaseModel, Field, StringConstraints
from ulid import ULID

from services.core.clock import rfc3339
from services.core.model.fact import Fact
from services.gateway import sse
from services.gateway.advice.recap import previously
from services.gateway.characters.character import Character
from services.gateway.edge import Edge
from services.gateway.history import History
from services.gateway.paging import DEFAULT_LIMIT, Cursor, Limit
from services.gateway.principals import principal_of, require_director
from services.gateway.strict_json import StrictRoute
from services.gateway.turns import Turns, Words
from services.transcript.archive import SessionRow
from services.transcript.view import DIRECTOR, Reader

MAX_TEXT: Final = 4_000
"""Code points of one typed utterance."""
Slug = Annotated[str, StringConstraints(min_length=1, max_length=64)]
Phrase = Annotated[str, StringConstraints(min_length=1, max_length=300)]


class Scene(BaseModel):
    """Where and when we are."""

    heading: str = Field("", max_length=300)
    description: str = Field("", max_length=8_000)


class NewSession(BaseModel):
    """A session to be opened."""

    title: str = Field("", max_length=300)
    cast: list[Slug] = Field(min_length=1, max_length=32, description="Slugs of the characters")
    mode: Literal["auto", "approve"] = "auto"
    scene: Scene | Annotated[str, StringConstraints(max_length=8_000)] | None = Field(None, description="Heading and description, or a heading alone")
    language: str = Field("", max_length=35, description="BCP 47 tag; empty = the first character's")
    phrases: list[Phrase] = Field(default_factory=list, max_length=500, description="What players may say, where it is known beforehand")
    safety_words: list[Annotated[str, StringConstraints(min_length=1, max_length=100, pattern=r"\w")]] = Field(
        default_factory=list, max_length=16, description="Whoever says one of them silences every character"
    )
    continues: str = Field("", max_length=128, description="Id of a session: what happened there is what the characters know from before")

    def scene_parts(self) -> tuple[str, str]:
        """Heading and description."""
        if isinstance(self.scene, Scene):
            return self.scene.heading, self.scene.description
        text = self.scene or ""
        # A long text without a heading of its own is a description.
        return (text, "") if len(text) <= 300 and "\n" not in text else ("", text)


class Message(BaseModel):
    """Typed words."""

    text: str = Field(min_length=1, max_length=MAX_TEXT, pattern=r"\S")
    speaker: str = Field("", max_length=200, description="Member id or name of the participant who says it; empty = oneself")
    whispers: list[Slug] = Field(default_factory=list, max_length=64, description="Ids of the members who alone are to hear it; empty = everybody there")
    message_id: str = Field("", max_length=64, pattern=r"^[A-Za-z0-9_.:-]*$", description="Sent again with the same id it is said once")


def router(edge: Edge, history: History, turns: Turns) -> APIRouter:
    """The routes under /api/sessions, without facts and screenplay."""
    routes = APIRouter(prefix="/api/sessions", tags=["sessions"], route_class=StrictRoute)

    @routes.get("")
    async def list_sessions(request: Request, limit: Limit = DEFAULT_LIMIT, cursor: Cursor = "") -> dict[str, Any]:
        """Every session in short, the last active first."""
        require_director(request)
        page = await edge.archive.sessions(limit, cursor or None)
        return {"items": [_row(row) for row in page.items], "next_cursor": page.next_cursor}

    @routes.post("", status_code=201)
    async def open_session(new: NewSession, request: Request, response: Response) -> dict[str, Any]:
        """A new session with these characters."""
        before = ""
        if new.continues:
            require_director(request)
            before = await previously(edge, history, new.continues)
        opened = await edge.open_session(
            new.cast,
            title=new.title,
            mode=new.mode,
            scene=new.scene_parts(),
            language=new.language,
            phrases=new.phrases,
            safety_words=new.safety_words,
            previously=before,
        )
        response.headers["Location"] = f"/api/sessions/{opened.session}"
        return await session_info(history, opened.session)

    @routes.get("/{sid}")
    async def read_session(sid: str, request: Request) -> dict[str, Any]:
        """One session as it stands."""
        return await session_info(history, sid, await history.reader(sid, principal_of(request)))

    @routes.post("/{sid}/messages", status_code=202)
    async def say(sid: str, message: Message, request: Request) -> Response:
        """Say something: 202 with its fact, or with `Accept: text/event-stream` the whole turn."""
        words = Words(
            session=sid,
            principal=principal_of(request),
            text=message.text.strip(),
            message=message.message_id or str(ULID()),
            minted=not message.message_id,
            speaker=message.speaker.strip(),
            whispers=" ".join(message.whispers),
        )
        if sse.wanted(request):
            frames = _turn_frames(turns, words)
            return await sse.started(frames, edge.stopping)
        return JSONResponse({"fact": (await turns.say(words)).to_dict()}, 202)

    return routes


async def _turn_frames(turns: Turns, words: Words) -> AsyncGenerator[bytes, None]:
    async with aclosing(turns.turn(words)) as events:
        async for event in events:
            if isinstance(event, Fact):
                yield sse.frame(event.to_dict(), event=str(event.kind), id=event.seq)
            else:
                yield sse.frame({"turn": event.turn, "line": event.line, "llm_engine": event.llm_engine, "ms": event.ms}, event="turn")
    yield sse.frame({}, event="done")


async def session_info(history: History, sid: str, reader: Reader = DIRECTOR) -> dict[str, Any]:
    """A session as REST shows it; its scene is the reader's."""
    view = (await history.table(sid)).view
    own = view.members.get(reader.member)
    scene = view.scene if own is None or reader.oversees else view.scene_in(own.place)
    first, *_ = await history.facts(sid, limit=1)
    last = (await history.facts(sid, max(0, view.seq - 1), 1) or [first])[-1]
    members = view.members.values()
    return {
        "id": sid,
        "title": view.title,
        "mode": view.mode,
        "language": view.language,
        "phrases": list(view.phrases),
        "scene": {"heading": scene.heading, "description": scene.description} if scene else None,
        "cast": [cast_entry(member.member, member.name, member.card) for member in members if member.role == "character" and member.present],
        "participants": [
            {"id": member.member, "name": member.name, "role": member.role, "present": member.present} for member in members if member.role != "character"
        ],
        "head": view.seq,
        "created_at": rfc3339(first.at_ms),
        "active_at": rfc3339(last.at_ms),
    }


def cast_entry(slug: str, name: str, card: Any) -> dict[str, Any]:
    """A character in a cast, for clients."""
    character = Character(slug=slug, version=0, sample=False, created_at_ms=0, updated_at_ms=0, data=card)
    return {"slug": slug, "name": name, "color": character.color, "language": character.language}


def _row(row: SessionRow) -> dict[str, Any]:
    return {
        "id": row.id,
        "title": row.title,
        "mode": row.mode,
        "cast": [{"slug": item.slug, "name": item.name} for item in row.cast],
        "head": row.head,
        "created_at": rfc3339(row.created_at_ms),
        "active_at": rfc3339(row.active_at_ms),
    }
