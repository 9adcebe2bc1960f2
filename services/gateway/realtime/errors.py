"""What may go wrong on a realtime connection: an error event, or the end of the connection."""

from __future__ import annotations

from typing import Final

from services.core.errors import SouffleurError

GOING_AWAY: Final = 1001
POLICY: Final = 1008
TOO_BIG: Final = 1009
INTERNAL: Final = 1011
TRY_AGAIN: Final = 1013
"""The same connection may succeed in a moment; a client resumes with `after_seq`."""

INVALID: Final = "invalid_request_error"
SERVER: Final = "server_error"


class ClientError(Exception):
    """Something in a client's event cannot be done; told as an `error` event, and the connection goes on."""

    def __init__(self, code: str, message: str, param: str | None = None, *, kind: str = INVALID) -> None:
        """`kind` is the protocol's error type; `message` never repeats what the client sent."""
        super().__init__(message)
        self.code = code
        self.message = message
        self.param = param
        self.kind = kind

    @classmethod
    def of(cls, error: SouffleurError) -> ClientError:
        """An error of a service, as the protocol tells it."""
        return cls(error.code, error.detail, kind=SERVER if error.retryable or error.code == SouffleurError.code else INVALID)


class Hangup(Exception):
    """The connection ends with this WebSocket close code."""

    def __init__(self, code: int, reason: str = "", error: ClientError | None = None, *, goodbye: bool = False) -> None:
        """`error` is told as a last event. A code of 0 means that the client has gone already, with a `goodbye` if it closed in order."""
        super().__init__(reason)
        self.code = code
        self.reason = reason
        self.error = error
        self.goodbye = goodbye
