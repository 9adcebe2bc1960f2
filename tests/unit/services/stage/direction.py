"""A director at the table, and the drafts that wait for one."""

from __future__ import annotations

from itertools import count
from typing import Any

from services.core.model.attachment import TextSaid
from services.core.model.desk import ActRequest, ActResponse
from services.core.model.fact import Kind
from services.core.model.principal import Principal
from services.stage.attachments import Attachment
from tests.unit.services.stage.table import Table

GM = Principal("local", "director", "GM")
OPERATOR = Principal("op", "operator", "Olga")
_ids = count()


async def act(at: Table, kind: str, principal: Principal = GM, act_id: str = "", **options: Any) -> ActResponse:
    return await at.session.act(ActRequest(session="s", principal=principal, act=act_id or f"act{next(_ids)}", kind=kind, **options))


async def approving(at: Table) -> None:
    await act(at, "mode", text="approve")


async def type_in(at: Table, who: Attachment, text: str = "Good evening") -> int:
    return (await at.session.say(who, TextSaid(f"m{next(_ids)}", text))).seq


async def held(at: Table, count: int = 1) -> str:
    await at.until(lambda: sum(line.complete for line in at.session.desk.shown().held) >= count)
    return at.session.desk.shown().held[-1].line


def sentences(at: Table, line: str) -> list[tuple[int, str]]:
    return [(body["attempt"], body["text"]) for body in at.bodies(Kind.SENTENCE) if body["line"] == line]
