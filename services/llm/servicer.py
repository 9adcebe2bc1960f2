"""The roleplay service on the wire; the only file of it that sees protos."""

from __future__ import annotations

import contextlib
from collections.abc import AsyncIterator
from typing import Any

from protos import llm_pb2, llm_pb2_grpc
from services.core.model.reply import ReplyRequest
from services.core.rpc.codec import from_proto, to_proto
from services.core.rpc.wire import REPLY_EVENT
from services.llm.replying import Replies


class LlmServicer(llm_pb2_grpc.LlmServiceServicer):
    """Translates calls into `Replies`."""

    def __init__(self, replies: Replies) -> None:
        """`replies` does the work."""
        self._replies = replies

    async def Reply(self, request: llm_pb2.ReplyRequest, context: Any) -> AsyncIterator[llm_pb2.ReplyResponse]:
        """One line. A cancelled call closes the generator, which stops the provider."""
        async with contextlib.aclosing(self._replies.reply(from_proto(request, ReplyRequest))) as events:
            async for event in events:
                yield REPLY_EVENT.wrap(event)

    async def Describe(self, request: llm_pb2.DescribeRequest, context: Any) -> llm_pb2.DescribeResponse:
        """The chain and the engines."""
        chain, engines = await self._replies.describe()
        return llm_pb2.DescribeResponse(chain=chain, engines=[to_proto(engine, llm_pb2.LlmEngineInfo) for engine in engines])


def register(replies: Replies) -> Any:
    """What `serving` calls with its server."""
    return lambda server: llm_pb2_grpc.add_LlmServiceServicer_to_server(LlmServicer(replies), server)
