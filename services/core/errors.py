"""Every error that may cross a service boundary: a stable code, whether trying again helps, and a detail safe to show."""

from __future__ import annotations

from typing import ClassVar


class SouffleurError(Exception):
    """Something went wrong that has a name; look at the code."""

    code: ClassVar[str] = "internal"
    retryable: ClassVar[bool] = False

    def __init__(self, detail: str | None = None) -> None:
        """The docstring is the default detail. Never put personal text or secrets into `detail`."""
        self.detail = detail or (type(self).__doc__ or "").strip()
        super().__init__(self.detail)


class InvalidRequest(SouffleurError):
    """The request is malformed; correct it before sending it again."""

    code = "invalid_request"


class NotFound(SouffleurError):
    """There is nothing of that name or id here."""

    code = "not_found"


class Conflict(SouffleurError):
    """Somebody changed it meanwhile; read it again and repeat your change."""

    code = "conflict"


class Forbidden(SouffleurError):
    """You may not do that in this session."""

    code = "forbidden"


class TooLarge(SouffleurError):
    """That is larger than this server accepts."""

    code = "too_large"


class Overloaded(SouffleurError):
    """At capacity, not broken; try again in a moment."""

    code = "overloaded"
    retryable = True


class Unavailable(SouffleurError):
    """A service that this needs cannot be reached; `souffleur doctor` says which."""

    code = "unavailable"
    retryable = True


class DeadlineExceeded(SouffleurError):
    """It took longer than allowed and was given up."""

    code = "deadline_exceeded"
    retryable = True


class EngineFailed(SouffleurError):
    """A speech or language engine failed; the next one in the chain is tried."""

    code = "engine_failed"
    retryable = True


class EngineMissing(SouffleurError):
    """This engine is not installed or its model is not on disk; `souffleur doctor` says how to get it."""

    code = "engine_missing"


class ConsentMissing(SouffleurError):
    """This voice has no consent record, so it is not cloned."""

    code = "consent_missing"


class SettingsRejected(SouffleurError):
    """The settings do not fit; nothing was changed."""

    code = "settings_rejected"


class StaleFence(SouffleurError):
    """Another stage owns this session now; whatever this one holds is out of date."""

    code = "stale_fence"


class Recovering(SouffleurError):
    """The transcript store is being brought up to date after a restart; try again in a moment."""

    code = "recovering"
    retryable = True


class Ahead(SouffleurError):
    """You have seen more of this session than its transcript holds: its last facts were lost. Come again from the beginning, with `after_seq` 0."""

    code = "ahead"


class NotOwner(SouffleurError):
    """This stage does not own the session; call the one at `address`."""

    code = "not_owner"
    retryable = True

    def __init__(self, address: str) -> None:
        """`address` is where the owner listens, in the form of the endpoint settings."""
        self.address = address
        super().__init__(f"The session is owned by the stage at {address}.")
