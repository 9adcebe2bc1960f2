"""Errors to HTTP: the only file that knows HTTP statuses. REST answers RFC 9457 problems, `/v1/` answers as OpenAI does."""

from __future__ import annotations

import uuid
from collections.abc import Mapping
from http import HTTPStatus
from typing import Any, Final

import structlog
from fastapi import FastAPI
from fastapi.exceptions import RequestValidationError
from starlette.exceptions import HTTPException
from starlette.requests import Request
from starlette.responses import JSONResponse

from services.core import errors

_STATUS: Final[dict[type[errors.SouffleurError], int]] = {
    errors.InvalidRequest: 422,
    errors.NotFound: 404,
    errors.Conflict: 409,
    errors.Forbidden: 403,
    errors.TooLarge: 413,
    errors.Overloaded: 429,
    errors.Unavailable: 503,
    errors.DeadlineExceeded: 504,
    errors.EngineFailed: 502,
    errors.EngineMissing: 503,
    errors.ConsentMissing: 403,
    errors.SettingsRejected: 422,
    errors.StaleFence: 409,
    errors.Recovering: 503,
    errors.Ahead: 409,
    errors.NotOwner: 503,
}
_OPENAI_TYPES: Final = {401: "authentication_error", 403: "permission_error", 404: "not_found_error", 429: "rate_limit_error"}
_CODES: Final = {400: "bad_request", 404: "not_found", 405: "method_not_allowed", 408: "too_slow", 413: "too_large", 415: "unsupported_media_type"}
_SHOWN: Final = 8
"""Validation mistakes named in one answer."""

TOLD: Final = "souffleur.told"
"""Set in the scope of a request whose unexpected error has been logged and answered."""

_log = structlog.get_logger(__name__)


class PreconditionFailed(errors.Conflict):
    """It has changed since you read it; read it again and repeat your change."""


class PreconditionRequired(errors.InvalidRequest):
    """Say in If-Match which version you have changed: the ETag that it was given out with."""


class NotInstalled(errors.SouffleurError):
    """This server was installed without the package that this needs."""

    code = "not_installed"


class NotOffered(errors.SouffleurError):
    """This server is set not to offer that."""

    code = "not_offered"


class StillRinging(errors.Overloaded):
    """Too many of your calls are not connected yet; try again in a moment."""


_STATUS[StillRinging] = 503
_STATUS[NotInstalled] = 501
_STATUS[NotOffered] = 501
_STATUS[PreconditionFailed] = 412
_STATUS[PreconditionRequired] = 428


def status_of(error: errors.SouffleurError) -> int:
    """The HTTP status that stands for `error`."""
    return next((_STATUS[cls] for cls in type(error).__mro__ if cls in _STATUS), 500)


def problem(status: int, code: str, detail: str) -> dict[str, Any]:
    """The body of an RFC 9457 answer."""
    return {"type": "about:blank", "title": _title(status), "status": status, "detail": detail, "code": code}


def openai_error(status: int, code: str, detail: str, param: str | None = None) -> dict[str, Any]:
    """The body of an error as OpenAI's clients read it."""
    kind = _OPENAI_TYPES.get(status, "invalid_request_error" if status < 500 else "server_error")
    return {"error": {"message": detail, "type": kind, "code": code, "param": param}}


def answer(path: str, status: int, code: str, detail: str, *, param: str | None = None, headers: Mapping[str, str] | None = None) -> JSONResponse:
    """The error response in the form that clients of `path` expect."""
    if path.startswith("/v1/"):
        status = 400 if status == 422 else status
        return JSONResponse(openai_error(status, code, detail, param), status, headers)
    return JSONResponse(problem(status, code, detail), status, headers, media_type="application/problem+json")


def install(app: FastAPI) -> None:
    """Let every route raise errors of ours."""
    app.add_exception_handler(errors.SouffleurError, _ours)
    app.add_exception_handler(RequestValidationError, _invalid)
    app.add_exception_handler(HTTPException, _http)
    app.add_exception_handler(Exception, _unexpected)


def masked(error: BaseException) -> errors.SouffleurError:
    """What is told instead of an unexpected error; the log has the rest under the same id."""
    incident = uuid.uuid4().hex[:12]
    _log.error("http.unexpected", incident=incident, exc_info=error)
    return errors.SouffleurError(f"Something went wrong here; the log has it as incident {incident}.")


def shown(error: Exception) -> errors.SouffleurError:
    """`error` if it is safe to show, else its mask."""
    known = isinstance(error, errors.SouffleurError) and type(error) is not errors.SouffleurError
    return error if known else masked(error)  # type: ignore[return-value] # `known` says which it is


async def _ours(request: Request, error: Exception) -> JSONResponse:
    told = shown(error)
    headers = {"Retry-After": "1"} if told.retryable else None
    return answer(request.url.path, status_of(told), told.code, told.detail, headers=headers)


async def _invalid(request: Request, error: Exception) -> JSONResponse:
    assert isinstance(error, RequestValidationError)  # noqa: S101 - registered for this class
    mistakes = error.errors()
    # Never the input itself: it may be a secret, or text that cannot be written as UTF-8.
    detail = "; ".join(f"{'.'.join(str(part) for part in item['loc'][1:]) or 'body'}: {item['msg']}" for item in mistakes[:_SHOWN])
    detail = detail.encode("utf-8", "replace").decode()
    param = str(mistakes[0]["loc"][-1]) if mistakes else None
    return answer(request.url.path, 422, errors.InvalidRequest.code, detail, param=param)


async def _http(request: Request, error: Exception) -> JSONResponse:
    assert isinstance(error, HTTPException)  # noqa: S101 - registered for this class
    code = _CODES.get(error.status_code, "http_error")
    return answer(request.url.path, error.status_code, code, str(error.detail), headers=error.headers)


async def _unexpected(request: Request, error: Exception) -> JSONResponse:
    told = masked(error)
    # The framework raises it once more for its server to log; the doorkeeper stops it there.
    request.scope[TOLD] = True
    return answer(request.url.path, 500, told.code, told.detail)


def _title(status: int) -> str:
    try:
        return HTTPStatus(status).phrase
    except ValueError:
        return "Error"
