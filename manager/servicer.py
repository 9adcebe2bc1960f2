"""The manager over gRPC; the only file here that sees protos."""

from __future__ import annotations

import json
from dataclasses import asdict
from typing import Any

from manager.desk import Desk
from manager.directory import survey
from protos import manager_pb2, manager_pb2_grpc
from services.core.runtime import Runtime
from services.core.settings import masked


class ManagerServicer(manager_pb2_grpc.ManagerServiceServicer):
    """Settings desk and directory."""

    def __init__(self, desk: Desk, runtime: Runtime) -> None:
        """Serves what `desk` and the directory of `runtime` say."""
        self._desk = desk
        self._runtime = runtime

    async def GetSettings(self, request: manager_pb2.GetSettingsRequest, context: Any) -> manager_pb2.GetSettingsResponse:
        """The tree, its schema, and the overrides."""
        del request, context
        view = await self._desk.view()
        return manager_pb2.GetSettingsResponse(settings=view.settings, schema=view.schema, version=view.version, overrides=view.overrides)

    async def PatchSettings(self, request: manager_pb2.PatchSettingsRequest, context: Any) -> manager_pb2.PatchSettingsResponse:
        """Apply a patch or say what is wrong with it."""
        del context
        version, settings = await self._desk.patch(request.patch, request.base_version)
        return manager_pb2.PatchSettingsResponse(version=version, settings=json.dumps(masked(settings)))

    async def ListServices(self, request: manager_pb2.ListServicesRequest, context: Any) -> manager_pb2.ListServicesResponse:
        """Who runs where, and how it is."""
        del request, context
        return manager_pb2.ListServicesResponse(services=[manager_pb2.ServiceInfo(**asdict(state)) for state in await survey(self._runtime)])
