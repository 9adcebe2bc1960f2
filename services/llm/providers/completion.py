"""What an OpenAI-compatible server sends, read with suspicion: chunks of a chat completion into pieces."""

from __future__ import annotations

import json
from collections.abc import Iterator
from typing import Any, Final

from services.llm.engine import EngineTrouble, Finished, Piece, Reason, Thought, Token, Usage

_REASONS: Final = {"length": "length", "max_tokens": "length", "content_filter": "content_filter", "safety": "content_filter", "recitation": "content_filter"}
_THINKING_FIELDS: Final = ("reasoning_content", "reasoning", "thinking")
_LARGEST_COUNT: Final = 10_000_000


_PLAIN: Final = {"role", "content"}


def chunk_of(data: str) -> dict[str, Any]:
    """One data line. Raises `EngineTrouble`."""
    try:
        chunk = json.loads(data)
    except (ValueError, RecursionError):
        raise EngineTrouble(Reason.GARBAGE, "the provider sent something that is not JSON") from None
    if not isinstance(chunk, dict):
        raise EngineTrouble(Reason.GARBAGE, "the provider sent something that is not a chunk")
    return chunk


class ChunkReader:
    """Reads one stream; remembers what it must: half a surrogate pair, and whether the end was announced."""

    def __init__(self) -> None:
        """Nothing was read yet."""
        self._half = ""
        self.finished = False

    def read(self, data: str) -> Iterator[Piece]:
        """The pieces in one data line. Raises `EngineTrouble` for what is not a chunk."""
        chunk = chunk_of(data)
        if text := self.word(chunk):
            yield Token(text)
        else:
            yield from self.pieces(chunk)

    def word(self, chunk: dict[str, Any]) -> str:
        """The text of a chunk that holds plain text and nothing else, as nearly all do; empty = it is for `pieces`."""
        choices = chunk.get("choices")
        if type(choices) is not list or len(choices) != 1 or self._half or chunk.get("usage") or chunk.get("error"):
            return ""
        choice = choices[0]
        delta = choice.get("delta") if type(choice) is dict and not choice.get("finish_reason") else None
        if type(delta) is not dict or not delta.keys() <= _PLAIN:
            return ""
        text = delta.get("content")
        return text if type(text) is str and text.isascii() else ""

    def pieces(self, chunk: dict[str, Any]) -> Iterator[Piece]:
        """The pieces in any chunk."""
        if chunk.get("error"):
            raise trouble_in(chunk)
        for choice in _choices(chunk):
            yield from self._choice(choice)
        if (usage := _usage(chunk.get("usage"))) is not None:
            yield usage

    def _choice(self, choice: dict[str, Any]) -> Iterator[Piece]:
        delta = choice.get("delta")
        if not isinstance(delta, dict):
            delta = choice.get("message")
        if isinstance(delta, dict):
            if any(isinstance(delta.get(name), str) and delta[name] for name in _THINKING_FIELDS):
                yield Thought()
            text = self._whole(content_of(delta.get("content")))
            if text:
                yield Token(text)
        reason = choice.get("finish_reason")
        if isinstance(reason, str) and reason and not self.finished:
            if reason == "error":
                raise EngineTrouble(Reason.SERVER)
            self.finished = True
            yield Finished(_REASONS.get(reason.lower(), "stop"))

    def _whole(self, text: str) -> str:
        """Join a surrogate pair that was cut between two chunks; JSON can carry halves, nothing else can."""
        if not text:
            return ""
        text, self._half = self._half + text, ""
        if "\ud800" <= text[-1] <= "\udbff":
            text, self._half = text[:-1], text[-1]
        return text if text.isascii() else text.encode("utf-16", "surrogatepass").decode("utf-16", "ignore")


def content_of(content: object) -> str:
    """Text, or the text parts of a list; anything else counts as none."""
    if isinstance(content, str):
        return content
    if isinstance(content, list):
        return "".join(part["text"] for part in content if isinstance(part, dict) and isinstance(part.get("text"), str))
    return ""


def trouble_in(answer: object) -> EngineTrouble:
    """The trouble that an error object tells of."""
    error = answer.get("error") if isinstance(answer, dict) else None
    code = error.get("code") or error.get("type") if isinstance(error, dict) else error
    return EngineTrouble(_reason(code))


def _reason(code: object) -> Reason:
    text = str(code).lower()
    if isinstance(code, int) or text.isdigit():
        return reason_for_status(int(text))
    for words, reason in (
        (("quota", "billing", "api_key", "auth", "permission", "payment"), Reason.AUTH),
        (("rate", "limit_exceeded", "overloaded", "capacity"), Reason.RATE_LIMITED),
        (("filter", "safety", "moderation"), Reason.FILTERED),
        (("invalid", "not_found", "context_length", "unsupported"), Reason.REQUEST),
    ):
        if any(word in text for word in words):
            return reason
    return Reason.SERVER


def reason_for_status(status: int) -> Reason:
    """What an HTTP status says about the engine."""
    if status in {401, 402, 403}:
        return Reason.AUTH
    if status == 429:
        return Reason.RATE_LIMITED
    if status in {408, 504, 524}:
        return Reason.TIMEOUT
    if 300 <= status < 400:
        return Reason.GARBAGE
    return Reason.REQUEST if 400 <= status < 500 else Reason.SERVER


def _choices(chunk: dict[str, Any]) -> list[dict[str, Any]]:
    """The first choice only: several answers cannot be spoken."""
    choices = chunk.get("choices")
    if not isinstance(choices, list):
        return []
    return [item for item in choices if isinstance(item, dict) and item.get("index", 0) in {0, None}][:1]


def _usage(value: object) -> Usage | None:
    if not isinstance(value, dict):
        return None
    prompt, completion = (value.get(name) for name in ("prompt_tokens", "completion_tokens"))
    if not all(isinstance(count, int) and 0 <= count < _LARGEST_COUNT for count in (prompt, completion)):
        return None
    return Usage(int(prompt or 0), int(completion or 0))
