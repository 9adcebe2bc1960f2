"""Facts told a second time, as whoever sees to corrections does after a death: what was done once is not done again."""

from __future__ import annotations

import asyncio
import json
from typing import Any

from services.core.model.attachment import TellRequest, TextSaid
from services.core.model.fact import Fact, Kind
from services.core.model.principal import Principal
from services.stage.told import told
from tests.unit.services.stage.table import MemoryLog, Table, table

DIRECTOR = Principal("local", "director")


def _asked(kind: str, body: dict[str, Any], *, key: str = "k", base: int = 0) -> TellRequest:
    return TellRequest(session="s", principal=DIRECTOR, key=key, kind=kind, body=json.dumps(body), base=base)


class _Slow:
    """The log, whose answer about a key is on its way until `arrived`."""

    def __init__(self, log: MemoryLog) -> None:
        self._log = log
        self.asked = asyncio.Event()
        self.arrived = asyncio.Event()

    async def one(self, sid: str, seq: int) -> Fact | None:
        return await self._log.one(sid, seq)

    async def seq_of(self, sid: str, key: str) -> int:
        found = await self._log.seq_of(sid, key)
        self.asked.set()
        await self.arrived.wait()
        return found


class _Counting(_Slow):
    async def seq_of(self, sid: str, key: str) -> int:
        self.asked.set()
        return await self._log.seq_of(sid, key)


async def _said(at: Table, message: str = "m1") -> int:
    ann = await at.sit("Ann", hears=False)
    return (await at.session.say(ann, TextSaid(message, "Good evening", answers=False))).seq


async def test_an_edit_told_twice_at_once_is_no_conflict_with_itself() -> None:
    """However late the log answers about the second one: it is written once, and both are told where."""
    async with table() as at:
        said = await _said(at)
        request, slow = _asked(Kind.CORRECTED, {"target": said, "text": "Good night"}, base=said), _Slow(at.log)
        second = asyncio.create_task(told(request, at.session, slow, 0))
        asking = asyncio.create_task(slow.asked.wait())
        await asyncio.wait([second, asking], return_when=asyncio.FIRST_COMPLETED)
        first = await told(request, at.session, at.log, 0)
        slow.arrived.set()
        again = await second
        asking.cancel()
        assert (first.conflicted, again.conflicted) == (False, False)
        assert first.seq == again.seq > said
        assert len(at.bodies(Kind.CORRECTED)) == 1


async def test_the_log_is_asked_for_the_key_only_where_something_has_changed() -> None:
    """An edit of what nobody touched costs no trip to the store."""
    async with table() as at:
        said, log = await _said(at), _Counting(at.log)
        assert not (await told(_asked(Kind.CORRECTED, {"target": said, "text": "Good night"}, key="a", base=said), at.session, log, 0)).conflicted
        assert not log.asked.is_set()
        assert (await told(_asked(Kind.CORRECTED, {"target": said, "text": "Good day"}, key="b", base=said), at.session, log, 0)).conflicted
        assert log.asked.is_set()


async def test_a_retcon_told_again_leaves_what_was_played_since() -> None:
    """Its teller died before it could note that it was done; meanwhile the table went on, and a line is being spoken."""
    async with table(ms_per_char=30) as at:
        ann = await at.sit("Ann")
        head = len(at.log.facts)
        await at.session.say(ann, TextSaid("m1", "One"))
        await at.until(at.speaking)
        retcon = _asked(Kind.RETCONNED, {"to": head})
        first = await told(retcon, at.session, at.log, 0)
        await at.session.say(ann, TextSaid("m2", "Two"))
        await at.until(at.speaking)
        again = await told(retcon, at.session, at.log, 0)
        assert (again.seq, again.repeated_key) == (first.seq, True)
        assert at.speaking()
        assert (await at.closed(2))["state"] == "heard"


async def test_a_retcon_told_twice_at_once_undoes_once() -> None:
    """Also where the log's answer about the second one comes when the first one stands and the table goes on."""
    async with table(ms_per_char=30) as at:
        ann = await at.sit("Ann")
        head = len(at.log.facts)
        await at.session.say(ann, TextSaid("m1", "One"))
        await at.until(at.speaking)
        retcon, slow = _asked(Kind.RETCONNED, {"to": head}), _Slow(at.log)
        second = asyncio.create_task(told(retcon, at.session, slow, 0))
        async with asyncio.timeout(5):
            await slow.asked.wait()
        first = await told(retcon, at.session, at.log, 0)
        await at.session.say(ann, TextSaid("m2", "Two"))
        await at.until(at.speaking)
        slow.arrived.set()
        assert (await second).seq == first.seq
        assert (await at.closed(2))["state"] == "heard"
