"""The body of /v1/chat/completions: what we use of it; whatever else clients send is accepted and ignored."""

from __future__ import annotations

from typing import Annotated, Any, Final

from pydantic import BaseModel, ConfigDict, Field, StringConstraints

from services.core.errors import InvalidRequest
from services.core.model.reply import ChatMessage, ReplyOptions
from services.core.settings import LlmSettings

_ROLES: Final = {"system": "system", "developer": "system", "user": "user", "assistant": "assistant"}
_TEXT_PARTS: Final = frozenset({"text", "input_text", "output_text"})
Stop = Annotated[str, StringConstraints(max_length=200)]


class Message(BaseModel):
    """One message of the client's history."""

    model_config = ConfigDict(extra="ignore")
    role: str = Field(max_length=40)
    content: str | list[dict[str, Any]] | None = None

    def plain(self) -> ChatMessage:
        """As text. Raises `InvalidRequest` for what is not text: a picture silently dropped would be a lie."""
        role = _ROLES.get(self.role)
        if role is None:
            raise InvalidRequest(f"messages: the role `{self.role}` is not supported.")
        if isinstance(self.content, list):
            kinds = {str(part.get("type")) for part in self.content} - _TEXT_PARTS
            if kinds:
                raise InvalidRequest(f"messages: content of type `{min(kinds)[:40]}` is not supported; only text is.")
            return ChatMessage(role, "".join(str(part.get("text") or "") for part in self.content))
        return ChatMessage(role, self.content or "")


class StreamOptions(BaseModel):
    """Extras of a stream."""

    model_config = ConfigDict(extra="ignore")
    include_usage: bool | None = False


class ChatRequest(BaseModel):
    """One completion wanted."""

    model_config = ConfigDict(extra="ignore")
    model: str = Field(max_length=200)
    messages: list[Message] = Field(min_length=1, max_length=4_000)
    stream: bool | None = False
    stream_options: StreamOptions | None = None
    temperature: float | None = Field(None, ge=0, le=2)
    top_p: float | None = Field(None, ge=0, le=1)
    max_tokens: int | None = None
    max_completion_tokens: int | None = None
    stop: Stop | list[Stop] | None = None
    seed: int | None = Field(None, ge=-(2**31), lt=2**31)
    n: int | None = Field(1, le=1, description="Only one choice is given")

    def history(self) -> tuple[ChatMessage, ...]:
        """The messages as text."""
        return tuple(message.plain() for message in self.messages)

    def last_words(self) -> str:
        """The last thing that the user said. Raises `InvalidRequest` if there is none."""
        for message in reversed(self.messages):
            if message.role == "user" and (text := message.plain().content.strip()):
                return text
        raise InvalidRequest("messages: there is nothing that the user said.")

    def options(self, settings: LlmSettings) -> ReplyOptions:
        """The client's sampling; unset stays the provider's own default."""
        # SillyTavern and others send 0 or -1 for "no limit".
        wanted = self.max_completion_tokens or self.max_tokens or 0
        stop = (self.stop,) if isinstance(self.stop, str) else tuple(self.stop or ())
        return ReplyOptions(
            temperature=self.temperature,
            top_p=self.top_p,
            max_tokens=min(wanted, settings.token_budget) if wanted > 0 else None,
            stop=tuple(text for text in stop if text)[:16],
            speakable=False,
            token_budget=settings.token_budget,
            seed=self.seed,
            purpose="chat",
        )
