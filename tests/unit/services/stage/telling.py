"""A director who corrects the transcript."""

from __future__ import annotations

import json
from typing import Any

from services.core.model.attachment import TellRequest, TellResponse
from services.stage.told import told
from tests.unit.services.stage.direction import GM
from tests.unit.services.stage.table import Table


async def tell(at: Table, kind: str, key: str = "", **body: Any) -> TellResponse:
    asked = TellRequest(session="s", principal=GM, key=key or f"k{len(at.log.facts)}", kind=kind, body=json.dumps(body))
    return await told(asked, at.session, at.log, 0)
