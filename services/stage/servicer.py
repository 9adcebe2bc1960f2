"""The stage on the wire: messages in, session calls; session's answers out."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Iterator
from contextlib import contextmanager
from typing import Any, Final

import grpc
import structlog

from protos import stage_pb2, stage_pb2_grpc
from services.core.draining import Draining
from services.core.errors import InvalidRequest, Overloaded, SouffleurError, StaleFence, Unavailable
from services.core.model import attachment as messages
from services.core.model.attachment import AttachUp, OpenRequest, Refused, TellRequest
from services.core.model.desk import ActRequest
from services.core.rpc.codec import from_proto, to_proto
from services.core.rpc.wire import ATTACH_DOWN, ATTACH_UP
from services.stage.attachments import Attachment
from services.stage.house import House, Owned
from services.stage.told import told
from services.stage.turns import FLOOR

_NEW: Final = (messages.TextSaid, messages.TakeFloor, messages.Onset)
"""What a turn begins with."""

_log = structlog.get_logger(__name__)


def register(house: House, server: grpc.aio.Server) -> None:
    """Serve `house` on `server`."""
    stage_pb2_grpc.add_StageServiceServicer_to_server(StageServicer(house), server)


class StageServicer(stage_pb2_grpc.StageServiceServicer):
    """Translates; decides nothing."""

    def __init__(self, house: House) -> None:
        """`house` holds the sessions."""
        self._house = house

    async def Open(self, request: stage_pb2.OpenRequest, context: Any) -> stage_pb2.OpenResponse:
        """Make or find a session."""
        with _wherever():
            response = await self._house.open(from_proto(request, OpenRequest))
        return to_proto(response, stage_pb2.OpenResponse)

    async def Tell(self, request: stage_pb2.TellRequest, context: Any) -> stage_pb2.TellResponse:
        """Write a told fact."""
        asked = from_proto(request, TellRequest)
        with _wherever():
            session = (await self._house.get(asked.session)).session
            response = await told(asked, session, self._house.log, self._house.wall_ms())
        return to_proto(response, stage_pb2.TellResponse)

    async def Act(self, request: stage_pb2.ActRequest, context: Any) -> stage_pb2.ActResponse:
        """Do what the director asks for, at once."""
        asked = from_proto(request, ActRequest)
        with _wherever():
            owned = await self._house.get(asked.session)
            response = await owned.session.act(asked)
        return to_proto(response, stage_pb2.ActResponse)

    async def Attach(
        self, request_iterator: AsyncIterator[stage_pb2.AttachRequest], context: grpc.aio.ServicerContext[Any, Any]
    ) -> AsyncIterator[stage_pb2.AttachResponse]:
        """One connection, for as long as it lasts."""
        first = await anext(aiter(request_iterator), None)
        opening = None if first is None else ATTACH_UP.unwrap(first)
        if not isinstance(opening, messages.AttachOpen):
            raise InvalidRequest("an attachment begins with `open`")
        self._house.draining.refuse()
        with _wherever():
            owned = await self._house.get(opening.session)
            attachment, attached = await owned.door.enter(opening)
        reading = asyncio.create_task(_read(request_iterator, owned, attachment, self._house.draining), name="attachment")
        try:
            yield ATTACH_DOWN.wrap(attached)
            while (value := await attachment.next()) is not None:
                yield ATTACH_DOWN.wrap(value)
            if attachment.overrun:
                raise Overloaded("this connection does not read what it is sent")
        finally:
            owned.door.leave(attachment)
            reading.cancel()
            await asyncio.gather(reading, return_exceptions=True)


@contextmanager
def _wherever() -> Iterator[None]:
    """That another stage has the session by now is no fault of who asks: asked again, it is found there."""
    try:
        yield
    except StaleFence as lost:
        raise Unavailable("another stage has taken this session over; ask again") from lost


async def _read(requests: AsyncIterator[stage_pb2.AttachRequest], owned: Owned, attachment: Attachment, draining: Draining) -> None:
    """Take everything that comes up; what is refused is said so and changes nothing."""
    try:
        async for request in requests:
            value = ATTACH_UP.unwrap(request)
            try:
                if isinstance(value, _NEW):
                    draining.refuse()
                _take(value, owned, attachment)
            except SouffleurError as error:
                attachment.deliver(Refused(error.code, error.detail, _reference(value)))
    except Exception:
        # The stream ends with the reading; why is to be found here.
        _log.exception("attachment.failed", session=owned.session.sid)
    finally:
        attachment.close()


def _take(value: AttachUp | None, owned: Owned, attachment: Attachment) -> None:
    session = owned.session
    if isinstance(value, messages.Goodbye):
        attachment.parting = True
        return
    if session.closing:
        raise Unavailable("the session is moving to another stage")
    match value:
        case messages.Configure():
            session.configure(attachment, value)
        case messages.TextSaid():
            session.say(attachment, value)
        case messages.TakeFloor():
            session.take_floor(attachment, value)
        case messages.Played():
            session.played(attachment, value)
        case messages.CancelLine():
            session.cancel_line(attachment, value)
        case messages.AttachOpen():
            raise InvalidRequest("this attachment is open already")
        case None:
            # A kind from a newer gateway: ignored, as unknown fields are.
            return
        case _:
            session.listening.heard(attachment, value)


def _reference(value: AttachUp | None) -> str:
    for name in ("utterance", "message", "line"):
        if isinstance(found := getattr(value, name, None), str):
            return found
    return FLOOR if isinstance(value, messages.TakeFloor) else ""
