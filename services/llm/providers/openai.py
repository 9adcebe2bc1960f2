"""Any server that speaks the OpenAI chat completions protocol.

The protocol is read from the raw bytes instead of through a vendor's client: sizes stay bounded, redirects are not followed,
and closing the stream closes the connection, which is what stops a provider.
"""

from __future__ import annotations

import asyncio
import hashlib
import json
import time
from collections.abc import AsyncGenerator, AsyncIterator, Container, Iterator, Mapping, Sequence
from contextlib import AbstractAsyncContextManager
from datetime import UTC, datetime
from email.utils import parsedate_to_datetime
from typing import Any, ClassVar, Final
from urllib.parse import urlsplit
from urllib.request import getproxies, proxy_bypass

import httpx2
from pydantic import Field, SecretStr, field_validator

from services.core.tls import trusted
from services.llm.engine import LONGEST_REPLY, EngineOptions, EngineTrouble, Finished, Ground, Piece, Prompt, Readiness, Reason, Token
from services.llm.providers.completion import ChunkReader, reason_for_status
from services.llm.providers.sse import data_lines
from services.llm.providers.wire import Response, Wire
from services.llm.schema import instruction, is_strict

_LOCAL: Final = frozenset(("127.0.0.1", "localhost", "::1"))
_LONGEST_ERROR: Final = 16 * 1024
_ADJUSTMENTS: Final = 3
_LONGEST_WAIT_S: Final = 3600.0
_CONNECTIONS: Final = httpx2.Limits(max_connections=512, max_keepalive_connections=64, keepalive_expiry=60)
"""More replies than the service makes at a time; a connection that was just used saves the next turn its handshakes."""
_LARGEST: Final = 2_000
"""Characters; an answer that never ends is noticed between two pieces."""
_GATHER_S: Final = 0.015
"""Where nobody waits for single words, the next read takes all that has come within this time."""
_DROPPABLE: Final = ("stream_options", "temperature", "top_p", "seed", "stop")
_FORMATS: Final = ("json_schema", "json_object", "")
"""How a server is asked for JSON, the surest way first; with all but the first the schema stands in the prompt."""
_UNBOUND: Final = frozenset((400, 422, 500, 501))
"""What servers answer that do not know a format."""


class OpenAiOptions(EngineOptions):
    """Where the server is and what is asked of it."""

    base_url: str = "https://api.openai.com/v1"
    api_key: SecretStr = SecretStr("")
    model: str = ""
    headers: dict[str, str] = Field(default_factory=dict, description="Sent with every request")
    extra: dict[str, Any] = Field(default_factory=dict, description="Merged into the request's body, for vendors' own switches")
    thinking: bool = Field(default=False, description="The model's template opens a thinking block before the answer")

    @field_validator("base_url")
    @classmethod
    def _http(cls, value: str) -> str:
        parts = urlsplit(value)
        if parts.scheme not in {"http", "https"} or not parts.hostname:
            raise ValueError("must be an http or https URL")
        return value.rstrip("/")


class OpenAiEngine:
    """One server and model."""

    Options: ClassVar[type[EngineOptions]] = OpenAiOptions
    generative: ClassVar[bool] = True

    def __init__(self, options: OpenAiOptions, ground: Ground) -> None:
        """Connects when it is first used."""
        self._options = options
        self._ground = ground
        self._client: httpx2.AsyncClient | None = None
        self._wire: Wire | None = None
        key = options.api_key.get_secret_value()
        self._account = f"{urlsplit(options.base_url).netloc}:{hashlib.sha256(key.encode()).hexdigest()[:12]}" if key else ""
        self._model = options.model
        self._dropped: set[str] = set()
        self._renamed = False
        self._format = 0

    @property
    def account(self) -> str:
        """The host and a fingerprint of the key."""
        return self._account

    @property
    def thinking(self) -> bool:
        """Answers begin inside a thinking block."""
        return self._options.thinking

    async def open(self) -> None:
        """Make the client; ask the server for its model where none is configured."""
        key = self._options.api_key.get_secret_value()
        parts = urlsplit(self._options.base_url)
        local = parts.hostname in _LOCAL
        # Compressed answers could be bombs, and a stream of small chunks gains nothing from it.
        headers = {"accept-encoding": "identity", **({"authorization": f"Bearer {key}"} if key else {}), **self._options.headers}
        context, connect_s = await trusted(environment=not local), self._ground.connect_timeout_s
        self._client = httpx2.AsyncClient(
            headers=headers,
            limits=_CONNECTIONS,
            timeout=httpx2.Timeout(self._ground.idle_s, connect=connect_s),
            follow_redirects=False,
            verify=context,
            trust_env=not local,
        )
        if local or not _proxied(parts.scheme, parts.hostname or ""):
            told = {"accept": "*/*", "user-agent": "souffleur", "content-type": "application/json"} | {name.lower(): value for name, value in headers.items()}
            self._wire = Wire(f"{self._options.base_url}/chat/completions", told, context, connect_s=connect_s, idle_s=self._ground.idle_s)
        if not self._model:
            self._model = await self._first_model()

    async def close(self) -> None:
        """Close the connections."""
        if self._wire is not None:
            self._wire.close()
        if self._client is not None:
            await self._client.aclose()

    async def readiness(self) -> Readiness:
        """Configured means ready: asking would cost money or time."""
        if not self._model and urlsplit(self._options.base_url).hostname == "api.openai.com":
            return Readiness(ready=False, remark="no model is configured; set OPENAI_MODEL")
        return Readiness(ready=True, model=self._model)

    async def stream(self, prompt: Prompt) -> AsyncGenerator[Piece, None]:
        """The answer as it comes."""
        level = self._format
        for _ in range(_ADJUSTMENTS + len(_FORMATS)):
            body = self._body(prompt, level)
            try:
                async with self._posted(json.dumps(body | self._options.extra, ensure_ascii=False).encode("utf-8", "ignore")) as response:
                    bound = prompt.schema is not None and level < len(_FORMATS) - 1 and response.status_code in _UNBOUND
                    if response.status_code == 400 or bound:
                        refusal = await _start_of(response, _LONGEST_ERROR)
                        if response.status_code == 400 and self._adjusted(refusal, body):
                            continue
                        if bound:
                            level += 1
                            if b"response_format" in refusal or b"json_schema" in refusal:
                                self._format = max(self._format, level)
                            continue
                    _check(response)
                    # The general client gives chunk after chunk, however many have come.
                    async for piece in self._pieces(response, _GATHER_S if prompt.unhurried and isinstance(response, Response) else 0):
                        yield piece
                    return
            except httpx2.TimeoutException:
                raise EngineTrouble(Reason.TIMEOUT) from None
            except httpx2.ConnectError:
                raise EngineTrouble(Reason.REFUSED) from None
            except (httpx2.HTTPError, httpx2.StreamError, httpx2.InvalidURL):
                raise EngineTrouble(Reason.TRUNCATED) from None
        raise EngineTrouble(Reason.REQUEST)

    def _posted(self, body: bytes) -> AbstractAsyncContextManager[httpx2.Response | Response]:
        client = self._opened()
        if self._wire is not None:
            return self._wire.post(body)
        return client.stream("POST", f"{self._options.base_url}/chat/completions", content=body, headers={"content-type": "application/json"})

    async def _pieces(self, response: httpx2.Response | Response, gather_s: float) -> AsyncIterator[Piece]:
        reader = ChunkReader()
        if response.headers.get("content-type", "").split(";")[0].strip().lower() == "application/json":
            # A server that does not stream answers whole; an error may come like this with status 200.
            for piece in reader.read((await _start_of(response, LONGEST_REPLY)).decode("utf-8", errors="replace")):
                yield piece
            return
        async for lines in data_lines(response.aiter_raw()):
            read = time.monotonic()
            ended = "[DONE]" in lines
            for piece in _together(reader, lines[: lines.index("[DONE]")] if ended else lines):
                yield piece
            if ended:
                if not reader.finished:
                    yield Finished("stop")
                return
            if gather_s and not reader.finished:
                await asyncio.sleep(read + gather_s - time.monotonic())

    def _body(self, prompt: Prompt, level: int) -> dict[str, Any]:
        sampling = prompt.sampling
        bound = _bound(prompt.schema, level) if prompt.schema is not None else None
        body: dict[str, Any] = {
            "model": self._model,
            "messages": _messages(prompt, level),
            "stream": True,
            "response_format": bound,
            "stream_options": {"include_usage": True},
            "temperature": sampling.temperature,
            "top_p": sampling.top_p,
            "seed": sampling.seed,
            "stop": list(sampling.stop) or None,
            "max_completion_tokens" if self._renamed else "max_tokens": sampling.max_tokens,
        }
        return {name: value for name, value in body.items() if value is not None and name not in self._dropped}

    def _adjusted(self, answer: bytes, sent: Container[str]) -> bool:
        """A server that refuses a parameter by name is asked again without it, now and from then on.

        What counts is what this request had in it: another one may have learned the same meanwhile.
        """
        text = answer.decode("utf-8", errors="replace").lower()
        if "max_tokens" in text and "max_completion_tokens" in text and "max_tokens" in sent:
            self._renamed = True
            return True
        for name in _DROPPABLE:
            # What was not sent cannot be what is refused, though it may be named beside it.
            if name in sent and (f"'{name}'" in text or f'"{name}"' in text or f"`{name}`" in text or f"parameter: {name}" in text):
                self._dropped.add(name)
                return True
        return False

    async def _first_model(self) -> str:
        for model in await self._models():
            if "embed" not in model.lower():
                return model
        raise EngineTrouble(Reason.MISSING, "the server names no model; configure one")

    async def _models(self) -> list[str]:
        try:
            async with self._opened().stream("GET", f"{self._options.base_url}/models") as response:
                _check(response)
                answer = json.loads(await _start_of(response, LONGEST_REPLY))
        except httpx2.HTTPError:
            raise EngineTrouble(Reason.REFUSED) from None
        except ValueError:
            raise EngineTrouble(Reason.GARBAGE) from None
        items = answer.get("data") if isinstance(answer, dict) else None
        return [item["id"] for item in items if isinstance(item, dict) and isinstance(item.get("id"), str)] if isinstance(items, list) else []

    def _opened(self) -> httpx2.AsyncClient:
        if self._client is None:
            raise EngineTrouble(Reason.MISSING, "the engine is not open")
        return self._client


def _together(reader: ChunkReader, lines: Sequence[str]) -> Iterator[Piece]:
    """The pieces of what came in one read; words that came together stay together."""
    text = ""
    try:
        for line in lines:
            for piece in reader.read(line) if line else ():
                if isinstance(piece, Token):
                    text += piece.text
                if text and (len(text) > _LARGEST or not isinstance(piece, Token)):
                    yield Token(text)
                    text = ""
                if not isinstance(piece, Token):
                    yield piece
    except EngineTrouble:
        # What was said before was said.
        if text:
            yield Token(text)
        raise
    if text:
        yield Token(text)


def _proxied(scheme: str, host: str) -> bool:
    """The environment names a proxy for this server."""
    proxies = getproxies()
    return bool(proxies.get(scheme) or proxies.get("all")) and not proxy_bypass(host)


def _bound(schema: Mapping[str, Any], level: int) -> dict[str, Any] | None:
    match _FORMATS[level]:
        case "json_schema":
            return {"type": "json_schema", "json_schema": {"name": "answer", "schema": dict(schema), "strict": is_strict(schema)}}
        case "json_object":
            return {"type": "json_object"}
    return None


def _messages(prompt: Prompt, level: int) -> list[dict[str, str]]:
    told = [{"role": message.role, "content": message.content} for message in prompt.messages]
    if prompt.schema is None or level == 0:
        return told
    if told and told[0]["role"] == "system":
        return [{"role": "system", "content": f"{told[0]['content']}\n\n{instruction(prompt.schema)}"}, *told[1:]]
    return [{"role": "system", "content": instruction(prompt.schema)}, *told]


def _check(response: httpx2.Response | Response) -> None:
    """Raise what status and headers already tell."""
    if response.status_code != 200:
        raise EngineTrouble(reason_for_status(response.status_code), retry_after_s=_retry_after(response.headers.get("retry-after")))
    kind = response.headers.get("content-type", "").lower()
    if "html" in kind or response.headers.get("content-encoding", "identity").lower() != "identity":
        raise EngineTrouble(Reason.GARBAGE, "the provider answered with something else than a completion")


async def _start_of(response: httpx2.Response | Response, most: int) -> bytes:
    """A body that must be small."""
    whole = b""
    async for chunk in response.aiter_raw():
        whole += chunk
        if len(whole) > most:
            raise EngineTrouble(Reason.GARBAGE, "the provider's answer is too large")
    return whole


def _retry_after(value: str | None) -> float | None:
    """Seconds to wait: a number or a date; None if it is neither or absurd."""
    if not value:
        return None
    try:
        seconds = float(value)
    except ValueError:
        try:
            moment = parsedate_to_datetime(value)
        except ValueError:
            return None
        seconds = (moment.replace(tzinfo=moment.tzinfo or UTC) - datetime.now(UTC)).total_seconds()
    return min(seconds, _LONGEST_WAIT_S) if seconds >= 0 else None
