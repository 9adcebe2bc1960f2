"""The summarizer on the wire; the only file of it that sees protos."""

from __future__ import annotations

from typing import Any, Final

from protos import summarizer_pb2, summarizer_pb2_grpc
from services.summarizer.following import Following

_PATIENCE_S: Final = 120.0
"""Of a caller who names no deadline."""


class SummarizerServicer(summarizer_pb2_grpc.SummarizerServiceServicer):
    """Translates calls into `Following`."""

    def __init__(self, following: Following) -> None:
        """`following` does the work."""
        self._following = following

    async def Advise(self, request: summarizer_pb2.AdviseRequest, context: Any) -> summarizer_pb2.AdviseResponse:
        """The director's wish."""
        left = context.time_remaining()
        outcome = await self._following.wish(request.session, request.what or "both", _PATIENCE_S if left is None else left)
        return summarizer_pb2.AdviseResponse(summary=outcome.summary, recommendations=outcome.recommendations, remark="; ".join(outcome.remarks))


def register(following: Following) -> Any:
    """What `serving` calls with its server."""
    return lambda server: summarizer_pb2_grpc.add_SummarizerServiceServicer_to_server(SummarizerServicer(following), server)
