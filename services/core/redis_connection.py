"""Redis connections that lose no cancellation.

The client sends through `asyncio.wait_for`, which on Python 3.11 forgets a cancellation that meets a finished send: a cancelled task then goes on
as if nothing had been said to it. `asyncio.timeout` does not, and needs no task of its own for each command either.
"""

from __future__ import annotations

import asyncio
from collections.abc import Iterable
from typing import Any, cast

from redis.asyncio.connection import AbstractConnection, Connection, ConnectionPool, SSLConnection, UnixDomainSocketConnection
from redis.exceptions import ConnectionError as RedisConnectionError
from redis.exceptions import TimeoutError as RedisTimeoutError


class _Sending(AbstractConnection):
    """Sends within `socket_timeout`, and is closed by everything that stops a send half way."""

    async def send_packed_command(self, command: bytes | str | Iterable[bytes], check_health: bool = True) -> None:  # noqa: FBT001, FBT002 - the base's signature
        """Send what is packed; connects first if need be."""
        if not self.is_connected:
            await self.connect_check_health(check_health=False)
        if check_health:
            await self.check_health()  # type: ignore[no-untyped-call]
        data = command.encode() if isinstance(command, str) else command
        try:
            async with asyncio.timeout(self.socket_timeout):
                await self._send_packed_command([data] if isinstance(data, bytes) else data)
        except TimeoutError:
            await self.disconnect(nowait=True)
            raise RedisTimeoutError("Timeout writing to socket") from None
        except OSError as error:
            await self.disconnect(nowait=True)
            raise RedisConnectionError(f"Error while writing to socket: {error}") from error
        except BaseException:
            await self.disconnect(nowait=True)
            raise


class _Tcp(_Sending, Connection):
    pass


class _Tls(_Sending, SSLConnection):
    pass


class _Unix(_Sending, UnixDomainSocketConnection):
    pass


_KINDS: dict[type[AbstractConnection], type[AbstractConnection]] = {Connection: _Tcp, SSLConnection: _Tls, UnixDomainSocketConnection: _Unix}


def pool(url: str, **options: Any) -> ConnectionPool:
    """A pool of such connections to `redis://`, `rediss://` or `unix://`; options as for the client's own."""
    made = ConnectionPool.from_url(url, **options)
    made.connection_class = cast(Any, _KINDS[made.connection_class])
    return made
