"""Errors to gRPC statuses and back; the only file that knows gRPC status codes."""

from __future__ import annotations

import asyncio
import uuid
from collections.abc import AsyncIterator, Callable, Coroutine
from contextlib import aclosing, asynccontextmanager
from typing import Any, Final, NoReturn

import grpc
import structlog

from services.core import errors, tracing
from services.core.ending import goes_on

_CODES: Final[dict[type[errors.SouffleurError], grpc.StatusCode]] = {
    errors.InvalidRequest: grpc.StatusCode.INVALID_ARGUMENT,
    errors.NotFound: grpc.StatusCode.NOT_FOUND,
    errors.Conflict: grpc.StatusCode.ABORTED,
    errors.Forbidden: grpc.StatusCode.PERMISSION_DENIED,
    errors.TooLarge: grpc.StatusCode.OUT_OF_RANGE,
    errors.Overloaded: grpc.StatusCode.RESOURCE_EXHAUSTED,
    errors.Unavailable: grpc.StatusCode.UNAVAILABLE,
    errors.DeadlineExceeded: grpc.StatusCode.DEADLINE_EXCEEDED,
    errors.EngineFailed: grpc.StatusCode.UNAVAILABLE,
    errors.EngineMissing: grpc.StatusCode.FAILED_PRECONDITION,
    errors.ConsentMissing: grpc.StatusCode.PERMISSION_DENIED,
    errors.SettingsRejected: grpc.StatusCode.INVALID_ARGUMENT,
    errors.StaleFence: grpc.StatusCode.ABORTED,
    errors.Recovering: grpc.StatusCode.UNAVAILABLE,
    errors.Ahead: grpc.StatusCode.FAILED_PRECONDITION,
    errors.NotOwner: grpc.StatusCode.FAILED_PRECONDITION,
}
_CLASSES: Final = {cls.code: cls for cls in _CODES}
_CODE_KEY: Final = "souffleur-code"
_ADDRESS_KEY: Final = "souffleur-address"

_log = structlog.get_logger(__name__)


async def abort(context: grpc.aio.ServicerContext[Any, Any], error: errors.SouffleurError) -> NoReturn:
    """End the call with the status that stands for `error`."""
    trailing = [(_CODE_KEY, error.code)]
    if isinstance(error, errors.NotOwner):
        trailing.append((_ADDRESS_KEY, error.address))
    status = _CODES.get(type(error), grpc.StatusCode.INTERNAL)
    await context.abort(status, error.detail, tuple(trailing))


def error_from(failure: grpc.aio.AioRpcError) -> errors.SouffleurError:
    """The error that the callee raised, as the same class it was there."""
    trailing = dict(failure.trailing_metadata() or ())
    code = trailing.get(_CODE_KEY)
    detail = failure.details() or ""
    if code == errors.NotOwner.code:
        return errors.NotOwner(str(trailing.get(_ADDRESS_KEY, "")))
    if code is not None and str(code) in _CLASSES:
        return _CLASSES[str(code)](detail)
    if failure.code() is grpc.StatusCode.DEADLINE_EXCEEDED:
        return errors.DeadlineExceeded()
    if failure.code() in (grpc.StatusCode.UNAVAILABLE, grpc.StatusCode.CANCELLED):
        return errors.Unavailable()
    if code is None and failure.code() is grpc.StatusCode.INTERNAL:
        # Our own internal errors carry a code: this one is the library's, when a call dies under a write.
        return errors.Unavailable()
    return errors.SouffleurError(detail)


class FirstStatus:
    """What a streaming call ended with, as the callee said it.

    A write that fails because the call has ended makes the library put an internal error in the place of the status that had already come
    (github.com/grpc/grpc/issues/36066); this keeps what came first.
    """

    def __init__(self, call: Any) -> None:
        """`call` has just begun."""
        self._failure: grpc.aio.AioRpcError | None = None
        self._call = call
        call.add_done_callback(self._keep)

    def error(self, failure: grpc.aio.AioRpcError | None = None) -> errors.SouffleurError:
        """The error to raise where the library raised `failure`, or said that the call is over."""
        known = self._failure or failure
        return error_from(known) if known is not None else errors.Unavailable("the call has ended")

    def _keep(self, _: Any) -> None:
        # Asked for now, while it is still true: a task would come after the write that has failed.
        code = _at_once(self._call.code())
        if code is not None and code is not grpc.StatusCode.OK:
            self._failure = grpc.aio.AioRpcError(
                code, grpc.aio.Metadata(), _at_once(self._call.trailing_metadata()) or grpc.aio.Metadata(), _at_once(self._call.details())
            )


def _at_once(answer: Coroutine[Any, Any, Any]) -> Any:
    """What a coroutine returns that has nothing to wait for; None if it would wait."""
    try:
        answer.send(None)
    except StopIteration as returned:
        return returned.value
    answer.close()
    return None


@asynccontextmanager
async def translated(ended: FirstStatus | None = None) -> AsyncIterator[None]:
    """Around a client's call: gRPC failures leave as errors of ours."""
    try:
        yield
    except grpc.aio.AioRpcError as failure:
        raise (ended.error(failure) if ended else error_from(failure)) from None
    except (grpc.aio.UsageError, asyncio.InvalidStateError):
        # Said to those who write into a call that is over.
        if ended is None:
            raise
        raise ended.error() from None
    except asyncio.CancelledError:
        # A call that has died under a write, or was closed on this side, reports that as a cancellation; it is one only if this task was cancelled.
        if not goes_on():
            raise
        raise errors.Unavailable from None


class ErrorInterceptor(grpc.aio.ServerInterceptor):
    """Lets every servicer raise errors of ours; what is unexpected is masked by an id and logged."""

    async def intercept_service(self, continuation: Any, handler_call_details: Any) -> Any:
        """Wrap the handler of this method."""
        handler = await continuation(handler_call_details)
        if handler is None or handler_call_details.method.startswith("/grpc.health."):
            return handler
        if handler.response_streaming:
            inner = handler.stream_stream or handler.unary_stream
            make = grpc.stream_stream_rpc_method_handler if handler.request_streaming else grpc.unary_stream_rpc_method_handler
            return make(_streaming(inner, handler_call_details.method), handler.request_deserializer, handler.response_serializer)
        inner = handler.stream_unary or handler.unary_unary
        make = grpc.stream_unary_rpc_method_handler if handler.request_streaming else grpc.unary_unary_rpc_method_handler
        return make(_unary(inner, handler_call_details.method), handler.request_deserializer, handler.response_serializer)


def _unary(inner: Callable[[Any, Any], Any], method: str) -> Callable[[Any, Any], Any]:
    async def call(request: Any, context: Any) -> Any:
        async with _answering(context, method):
            return await inner(request, context)

    return call


def _streaming(inner: Callable[[Any, Any], Any], method: str) -> Callable[[Any, Any], Any]:
    async def call(request: Any, context: Any) -> AsyncIterator[Any]:
        # Closed here and not by the collector: a servicer's clean-up is due when the call ends.
        async with _answering(context, method), aclosing(inner(request, context)) as responses:
            async for response in responses:
                yield response

    return call


@asynccontextmanager
async def _answering(context: Any, method: str) -> AsyncIterator[None]:
    """Around a servicer's work: it is traced, and what it fails with is told to the caller."""
    try:
        with tracing.arrived(context.invocation_metadata() if tracing.on() else None, method):
            yield
    except (asyncio.CancelledError, GeneratorExit, grpc.aio.AbortError):
        raise
    except errors.SouffleurError as error:
        await abort(context, error)
    except Exception:
        await abort(context, _masked())


def _masked() -> errors.SouffleurError:
    incident = uuid.uuid4().hex[:12]
    _log.exception("rpc.unexpected", incident=incident)
    return errors.SouffleurError(f"internal error {incident}")
