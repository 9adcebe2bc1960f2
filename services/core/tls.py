"""The certificates that clients trust: read once in a process and beside the loop, since reading them takes tens of milliseconds."""

from __future__ import annotations

import asyncio
import ssl
from functools import cache

import httpx2


async def trusted(*, environment: bool = True) -> ssl.SSLContext:
    """Whom to trust; with `environment` also whom `SSL_CERT_FILE` and `SSL_CERT_DIR` name."""
    return await asyncio.to_thread(_read, environment)


@cache
def _read(environment: bool) -> ssl.SSLContext:  # noqa: FBT001 - the cache's key
    return httpx2.create_ssl_context(trust_env=environment)
