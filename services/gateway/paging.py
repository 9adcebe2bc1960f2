"""Cursors: opaque to clients, a key to continue behind for us."""

from __future__ import annotations

import base64
import binascii
from typing import Annotated, Final

from fastapi import Query

from services.core.errors import InvalidRequest

Limit = Annotated[int, Query(ge=1, le=500, description="Items at most")]
Cursor = Annotated[str, Query(max_length=400, description="`next_cursor` of the page before")]
DEFAULT_LIMIT: Final = 100


def cursor_of(key: str) -> str:
    """The cursor that continues behind `key`."""
    return base64.urlsafe_b64encode(key.encode()).decode().rstrip("=")


def key_of(cursor: str) -> str:
    """The key inside a cursor; empty for none. Raises `InvalidRequest`."""
    try:
        return base64.b64decode(cursor + "=" * (-len(cursor) % 4), altchars=b"-_", validate=True).decode()
    except (binascii.Error, ValueError) as error:
        raise InvalidRequest("That is no cursor of ours.") from error
