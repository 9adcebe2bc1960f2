"""JSON from strangers: what its text can say but our stores cannot keep is refused before anything looks at it."""

from __future__ import annotations

import asyncio
import json
import math
from collections.abc import Callable, Coroutine, Mapping
from typing import Any, Final, NoReturn

from fastapi import Request, Response
from fastapi.routing import APIRoute

from services.core.errors import InvalidRequest

MAX_DEPTH: Final = 32
LONG_BYTES: Final = 256 * 1024
"""A body of more is read in a thread: the voices of a table do not wait for it."""
_INTEGER_LIMIT: Final = 2**63


def parse(raw: bytes) -> Any:
    """The value. Raises `InvalidRequest`."""
    try:
        value = json.loads(raw.decode("utf-8"), parse_constant=_constant)
    except (ValueError, RecursionError) as error:
        raise InvalidRequest("The body is not valid JSON.") from error
    check(value)
    return value


def check(value: Any) -> None:
    """Refuse what is too deep, not finite, half of a surrogate pair, a null character or an endless integer."""
    todo: list[tuple[Any, int]] = [(value, 1)]
    while todo:
        item, depth = todo.pop()
        if depth > MAX_DEPTH:
            raise InvalidRequest(f"The body is nested deeper than {MAX_DEPTH} levels.")
        if isinstance(item, Mapping):
            for key in item:
                _check_text(key)
            todo += [(child, depth + 1) for child in item.values()]
        elif isinstance(item, list | tuple):
            todo += [(child, depth + 1) for child in item]
        else:
            _check_scalar(item)


class StrictRoute(APIRoute):
    """A route whose JSON body is read by `parse`."""

    def get_route_handler(self) -> Callable[[Request], Coroutine[Any, Any, Response]]:
        """The usual handler, given a stricter request."""
        inner = super().get_route_handler()

        async def handle(request: Request) -> Response:
            strict = _StrictRequest(request.scope, request.receive)
            if await strict.body():
                # Here and not where the framework reads it: there any error becomes its own.
                await strict.json()
            return await inner(strict)

        return handle


class _StrictRequest(Request):
    async def json(self) -> Any:
        if not hasattr(self, "_json"):
            raw = await self.body()
            self._json = await asyncio.to_thread(parse, raw) if len(raw) > LONG_BYTES else parse(raw)
        return self._json


def _check_scalar(value: object) -> None:
    if isinstance(value, str):
        _check_text(value)
    elif isinstance(value, float) and not math.isfinite(value):
        raise InvalidRequest("The body holds a number that is not finite.")
    elif isinstance(value, int) and not -_INTEGER_LIMIT <= value < _INTEGER_LIMIT:
        raise InvalidRequest("The body holds an integer of more than 64 bits.")


def _check_text(value: str) -> None:
    if "\x00" in value:
        raise InvalidRequest("The body holds a null character.")
    try:
        value.encode("utf-8")
    except UnicodeEncodeError as error:
        raise InvalidRequest("The body holds half of a surrogate pair.") from error


def _constant(name: str) -> NoReturn:
    raise ValueError(name)
