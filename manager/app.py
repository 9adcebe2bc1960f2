"""The manager as a service: settings desk and directory at its address."""

from __future__ import annotations

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager

import grpc

from manager.desk import Desk
from manager.servicer import ManagerServicer
from protos import manager_pb2_grpc
from services.core.rpc.server import serving
from services.core.runtime import Runtime


@asynccontextmanager
async def build(runtime: Runtime) -> AsyncIterator[Desk]:
    """Serve for the time of the block."""
    desk = Desk(runtime.redis, runtime.live)
    servicer = ManagerServicer(desk, runtime)

    def register(server: grpc.aio.Server) -> None:
        manager_pb2_grpc.add_ManagerServiceServicer_to_server(servicer, server)

    async with serving(runtime.address("manager"), "souffleur.manager.v1.ManagerService", register):
        yield desk
