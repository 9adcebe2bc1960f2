"""Recordings that wait to be decoded."""

from __future__ import annotations

import asyncio
import io
import threading

import pytest
from fastapi import UploadFile

from services.core.errors import Overloaded
from services.gateway.openai_api import transcriptions
from services.gateway.openai_api.transcriptions import _AT_ONCE, _WAITING, _Desk


async def test_so_many_wait_and_fewer_are_in_memory(monkeypatch: pytest.MonkeyPatch) -> None:
    """One more is turned away; when one is done, or its client has gone, there is room."""
    go, read = threading.Event(), list[bytes]()

    def slow(data: bytes, stop: threading.Event) -> bytes:
        read.append(data)
        assert go.wait(10)
        return data

    monkeypatch.setattr(transcriptions, "decoded", slow)
    desk = _Desk()

    def handed_in(number: int) -> asyncio.Task[bytes]:
        return asyncio.create_task(desk.pcm(UploadFile(io.BytesIO(b"%d" % number))))

    waiting = [handed_in(number) for number in range(_WAITING)]
    async with asyncio.timeout(10):
        while len(read) < _AT_ONCE:
            await asyncio.sleep(0.005)
        with pytest.raises(Overloaded):
            await handed_in(99)
        waiting.pop().cancel()
        await asyncio.sleep(0)
        waiting.append(handed_in(_WAITING))
        await asyncio.sleep(0)
        assert len(read) == _AT_ONCE
        go.set()
        assert {int(pcm) for pcm in await asyncio.gather(*waiting)} == {*range(_WAITING - 1), _WAITING}
