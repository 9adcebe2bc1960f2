"""Errors and gRPC statuses: every error of ours arrives as the class it left as."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator
from pathlib import Path
from typing import Any

import grpc
import pytest

from protos import manager_pb2_grpc, stt_pb2_grpc
from services.core import errors
from services.core.rpc.client import Channels, ManagerClient, Stream, SttClient
from services.core.rpc.server import serving
from services.core.rpc.status import error_from

_ERRORS = sorted((item for item in vars(errors).values() if isinstance(item, type) and issubclass(item, errors.SouffleurError)), key=lambda item: item.code)


class _Failing(manager_pb2_grpc.ManagerServiceServicer):
    def __init__(self, failure: Exception) -> None:
        self._failure = failure

    async def _fail(self, request: Any, context: Any) -> Any:
        raise self._failure

    GetSettings = PatchSettings = ListServices = _fail


async def _raised(folder: Path, failure: Exception) -> BaseException:
    """What a caller meets when the callee raises `failure`."""
    address = f"unix:{folder / 's'}"
    channels = Channels()

    def register(server: grpc.aio.Server) -> None:
        manager_pb2_grpc.add_ManagerServiceServicer_to_server(_Failing(failure), server)

    try:
        async with serving(address, "failing", register, drain_s=0):
            with pytest.raises(errors.SouffleurError) as caught:
                await ManagerClient(channels, address).services()
            return caught.value
    finally:
        await channels.close()


@pytest.fixture
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A folder whose path is short enough for a socket."""
    return tmp_path_factory.mktemp("s")


def test_codes_are_unique() -> None:
    """A code names one class."""
    assert len({item.code for item in _ERRORS}) == len(_ERRORS)


@pytest.mark.parametrize("cls", _ERRORS, ids=lambda cls: cls.__name__)
async def test_every_error_survives_the_wire(folder: Path, cls: type[errors.SouffleurError]) -> None:
    """The caller meets the class, code and detail that the callee raised."""
    sent = cls("unix:/other.sock") if cls is errors.NotOwner else cls("what happened")
    met = await _raised(folder, sent)
    assert type(met) is cls
    assert str(met) == str(sent)


async def test_the_address_of_the_owner_survives(folder: Path) -> None:
    """A caller that met the wrong stage is told the right one."""
    met = await _raised(folder, errors.NotOwner("unix:/other.sock"))
    assert isinstance(met, errors.NotOwner)
    assert met.address == "unix:/other.sock"


async def test_the_unexpected_is_masked(folder: Path) -> None:
    """An error that is not ours leaves as an id only: its text may be somebody's words."""
    met = await _raised(folder, RuntimeError("what the player said"))
    assert type(met) is errors.SouffleurError
    assert "player" not in str(met)
    assert "internal error" in str(met)


class _Deaf(stt_pb2_grpc.SttServiceServicer):
    async def Transcribe(self, requests: Any, context: Any) -> AsyncIterator[Any]:  # noqa: N802 - the method's name on the wire
        async for _ in requests:
            raise errors.EngineMissing("no model")
            yield

    async def Describe(self, request: Any, context: Any) -> Any:  # noqa: N802
        raise NotImplementedError


async def _written_to(call: Stream[Any, Any], pause_s: float) -> None:
    while True:
        await call.send(bytes(6_400))
        await asyncio.sleep(pause_s)


async def test_who_still_writes_is_told_why_it_ended(folder: Path) -> None:
    """However the writes and the end of the call fall together, both directions tell the callee's own reason."""
    address = f"unix:{folder / 's'}"
    channels = Channels()
    async with serving(address, "deaf", lambda server: stt_pb2_grpc.add_SttServiceServicer_to_server(_Deaf(), server), drain_s=0):
        client = SttClient(channels, address)
        for pause in [0, 1] * 50:
            call = client.transcribe(5)
            with pytest.raises(errors.EngineMissing, match="no model"):
                await _written_to(call, pause / 2_000)
            with pytest.raises(errors.EngineMissing, match="no model"):
                _ = [event async for event in call]
        await channels.close()


async def test_nobody_listening_is_unavailable(folder: Path) -> None:
    """A service that is not there is `Unavailable`, which may be tried again."""
    channels = Channels()
    try:
        with pytest.raises(errors.Unavailable):
            await ManagerClient(channels, f"unix:{folder / 'none'}").services()
    finally:
        await channels.close()


@pytest.mark.parametrize(
    ("code", "cls"),
    [
        (grpc.StatusCode.DEADLINE_EXCEEDED, errors.DeadlineExceeded),
        (grpc.StatusCode.UNAVAILABLE, errors.Unavailable),
        (grpc.StatusCode.CANCELLED, errors.Unavailable),
        (grpc.StatusCode.UNKNOWN, errors.SouffleurError),
    ],
)
def test_statuses_without_a_code_of_ours_are_understood(code: grpc.StatusCode, cls: type[errors.SouffleurError]) -> None:
    """What gRPC itself says becomes the nearest error of ours."""
    failure = grpc.aio.AioRpcError(code, grpc.aio.Metadata(), grpc.aio.Metadata(), details="x")
    assert type(error_from(failure)) is cls
