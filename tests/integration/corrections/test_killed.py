"""Whatever is killed: each correction ends applied once or conflicted, and the desk knows which."""

from __future__ import annotations

import asyncio
import signal
import sys
from collections import Counter
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import asynccontextmanager
from pathlib import Path
from typing import Any

import pytest
from redis.asyncio import Redis

from services.core.bus.amqp_link import NAME
from services.corrections.worker import POINTS
from tests.integration.corrections.house import CLOSED, House
from tests.integration.corrections.house import house as opened
from tests.rabbitmq_server import RabbitServer
from tests.waiting import until

RESEND = {"resend_s": 1.0}


class Stream:
    """Directors at work in several sessions: notes, edits, and edits that rest on what somebody else has changed meanwhile."""

    def __init__(self, house: House, sessions: int) -> None:
        self._house = house
        self._sessions = sessions
        self.sids: list[str] = []
        self.said: dict[str, int] = {}
        self.sent: list[tuple[str, str, str]] = []
        """Session, correction, and the text that it would write."""

    async def begin(self) -> None:
        """Sessions with something said in each."""
        for _ in range(self._sessions):
            sid = await self._house.session()
            self.sids.append(sid)
            self.said[sid] = await self._house.heard(sid, "I have never met a Mirella.")

    async def send(self, first: int, last: int) -> None:
        """Corrections of these numbers, eight at a time."""
        limit = asyncio.Semaphore(8)

        async def one(number: int) -> None:
            sid, text = self.sids[number % len(self.sids)], f"Number {number}."
            fields: dict[str, Any] = {"kind": "note", "text": text}
            if number % 3 == 1:
                fields = {"kind": "edit", "target": self.said[sid], "text": text}
            elif number % 3 == 2:
                fields = {"kind": "edit", "target": self.said[sid], "text": text, "base": self.said[sid]}
            async with limit:
                row = await self._house.correct(sid, id=f"c{number}", **fields)
            self.sent.append((sid, row["id"], text))

        await asyncio.gather(*(one(number) for number in range(first, last)))

    async def ended(self, timeout_s: float) -> Counter[str]:
        """Wait until none is open; what became of them."""

        async def none_open() -> bool:
            for sid in self.sids:
                if (await self._house.http.get(f"/api/sessions/{sid}/corrections", params={"state": "pending", "limit": 1})).json()["items"]:
                    return False
            return True

        await until(none_open, timeout_s)
        return Counter([(await self._house.row(sid, cid))["state"] for sid, cid, _ in self.sent])

    async def check(self) -> None:
        """The transcript says what the desk says: applied = one fact, at the seq that the desk has; conflicted = none."""
        for sid in self.sids:
            facts = [fact for kind in ("noted", "corrected") for fact in await self._house.facts(sid, kind)]
            texts = Counter(fact["body"]["text"] for fact in facts)
            at = {fact["body"]["text"]: fact["seq"] for fact in facts}
            for session, cid, text in self.sent:
                if session == sid:
                    row = await self._house.row(sid, cid)
                    assert row["state"] in CLOSED
                    assert texts[text] == (row["state"] == "applied"), row
                    if row["state"] == "applied":
                        assert row["seq"] == at[text]
                    else:
                        assert (row["state"], bool(row["current"])) == ("conflicted", True), row


@asynccontextmanager
async def service(house: House, point: str = "never", passes: int = 1) -> AsyncIterator[asyncio.subprocess.Process]:
    """A corrections service that works, in a process of its own."""
    arguments = [house.settings.model_dump_json(), point, str(passes)]
    process = await asyncio.create_subprocess_exec(
        sys.executable, "-m", "tests.integration.corrections.child", *arguments, stdout=asyncio.subprocess.PIPE, stderr=asyncio.subprocess.DEVNULL
    )
    try:
        assert process.stdout is not None
        async with asyncio.timeout(30):
            while await process.stdout.readline() != b"working\n":
                assert not process.stdout.at_eof(), "the service did not start"
        yield process
    finally:
        if process.returncode is None:
            process.send_signal(signal.SIGTERM)
            async with asyncio.timeout(30):
                await process.wait()


async def _killed_at(house: House, point: str) -> None:
    """One service dies at this point, in the middle; another one takes over."""
    stream = Stream(house, sessions=2)
    await stream.begin()
    async with service(house, point, passes=7) as process:
        await stream.send(0, 30)
        async with asyncio.timeout(30):
            assert await process.wait() == -signal.SIGKILL
    async with service(house) as process:
        counted = await stream.ended(30)
    assert process.returncode == 0
    assert counted["dead"] == 0
    assert counted["applied"] >= 20
    await stream.check()


BY_DAY = ("received", "told")


@pytest.mark.parametrize("point", [pytest.param(point, marks=() if point in BY_DAY else pytest.mark.nightly) for point in POINTS if point != "taught"])
async def test_a_service_killed_at_any_point_loses_and_doubles_nothing(redis: Redis, redis_server: str, tmp_path: Path, point: str) -> None:
    """On Redis streams."""
    async with opened(tmp_path, redis_server, RESEND, services=("stage",)) as house:
        await _killed_at(house, point)


@pytest.mark.nightly
@pytest.mark.parametrize("point", [point for point in POINTS if point != "taught"])
async def test_the_same_on_rabbitmq(redis: Redis, redis_server: str, rabbit: RabbitServer, tmp_path: Path, point: str) -> None:
    """On a quorum queue."""
    async with opened(tmp_path, redis_server, {**RESEND, "url": rabbit.url}, services=("stage",)) as house:
        await _killed_at(house, point)


async def test_a_service_killed_while_it_teaches_a_name_teaches_it_once(redis: Redis, redis_server: str, tmp_path: Path) -> None:
    """The edit and the name are two facts; both come, once."""
    async with opened(tmp_path, redis_server, RESEND, services=("stage",)) as house:
        sid = await house.session(language="en")
        said = await house.heard(sid, "I have met her, miss ray, before.")
        async with service(house, "taught") as process:
            row = await house.correct(sid, kind="edit", target=said, text="I have met her, Mirelle, before.")
            async with asyncio.timeout(30):
                assert await process.wait() == -signal.SIGKILL
        async with service(house):
            assert (await house.ended(sid, row["id"]))["state"] == "applied"
        assert [fact["body"]["hotwords"] for fact in await house.facts(sid, "scene_set") if fact["body"]["hotwords"]] == [["Mirelle"]]
        assert len(await house.facts(sid, "corrected")) == 1


@pytest.mark.nightly
async def test_one_that_kills_every_service_is_dead_after_the_limit(redis: Redis, redis_server: str, tmp_path: Path) -> None:
    """What cannot be carried out does not take the service down for ever, and those behind it are applied."""
    async with opened(tmp_path, redis_server, {**RESEND, "delivery_limit": 2}, services=("stage",)) as house:
        sid = await house.session()
        poison = await house.correct(sid, kind="note", text="Poison.")
        # The first time costs no note, so it is one more than the limit.
        for _ in range(3):
            async with service(house, "read") as process, asyncio.timeout(30):
                assert await process.wait() == -signal.SIGKILL
        async with service(house):
            row = await house.ended(sid, poison["id"])
            assert row["state"] == "dead"
            assert row["detail"]
            assert (await house.done(sid, kind="note", text="Fine."))["state"] == "applied"


async def test_without_rabbitmq_corrections_wait_and_live_acts_work(redis: Redis, redis_server: str, rabbit: RabbitServer, tmp_path: Path) -> None:
    """Accepted, shown as pending, applied when it is back; panic, mute and approval do not need it."""
    async with opened(tmp_path, redis_server, {**RESEND, "url": rabbit.url}) as house:
        sid = await house.session()
        await house.done(sid, kind="note", text="Before.")
        await _kill(rabbit)
        try:
            await until(lambda: _bus(house, connected=False))
            stream = Stream(house, sessions=1)
            stream.sids, stream.said = [sid], {sid: await house.heard(sid, "Hello?")}
            await stream.send(0, 30)
            assert {(await house.row(sid, cid))["state"] for _, cid, _ in stream.sent} == {"pending"}
            for act in ({"kind": "mode", "text": "approve"}, {"kind": "mute", "character": "mirelle"}, {"kind": "halt"}, {"kind": "resume"}):
                answer = await house.http.post(f"/api/sessions/{sid}/acts", json=act)
                assert (answer.status_code, answer.json()["seq"] > 0) == (200, True), answer.text
        finally:
            await asyncio.to_thread(rabbit.start)
        counted = await stream.ended(40)
        assert counted["applied"] + counted["conflicted"] == 30
        await stream.check()
        await until(lambda: _bus(house, connected=True))


@pytest.mark.nightly
@pytest.mark.timeout(300)
async def test_rabbitmq_killed_twice_under_a_thousand_corrections(redis: Redis, redis_server: str, rabbit: RabbitServer, tmp_path: Path) -> None:
    """While they are being sent and applied."""
    async with opened(tmp_path, redis_server, {**RESEND, "url": rabbit.url}) as house:
        await until(lambda: _bus(house, connected=True))
        stream = Stream(house, sessions=4)
        await stream.begin()
        await _thousand(stream, lambda: _kill(rabbit), lambda: asyncio.to_thread(rabbit.start))


@pytest.mark.nightly
@pytest.mark.timeout(300)
async def test_the_service_killed_again_and_again_under_a_thousand_corrections(redis: Redis, redis_server: str, rabbit: RabbitServer, tmp_path: Path) -> None:
    """At a point after the other, while they are being sent."""
    async with opened(tmp_path, redis_server, {**RESEND, "url": rabbit.url}, services=("stage",)) as house:
        stream = Stream(house, sessions=4)
        await stream.begin()
        sending = asyncio.create_task(stream.send(0, 1_000))
        for number, point in enumerate(POINTS[:3] + POINTS[4:]):
            async with service(house, point, passes=40 + number) as process, asyncio.timeout(60):
                assert await process.wait() == -signal.SIGKILL
        async with service(house):
            await sending
            counted = await stream.ended(120)
        assert counted["applied"] + counted["conflicted"] == 1_000
        await stream.check()


async def _thousand(stream: Stream, kill: Callable[[], Awaitable[None]], start: Callable[[], Awaitable[None]]) -> None:
    sending = asyncio.create_task(stream.send(0, 1_000))
    for reached in (300, 600):
        await until(lambda: len(stream.sent) >= reached, 60)  # noqa: B023 - awaited within the round
        await kill()
        await start()
    await sending
    counted = await stream.ended(120)
    assert counted["applied"] + counted["conflicted"] == 1_000
    assert counted["conflicted"] > 0
    await stream.check()


async def _kill(rabbit: RabbitServer) -> None:
    async with asyncio.timeout(30):
        while not await asyncio.to_thread(rabbit.knows, NAME):
            await asyncio.sleep(0.05)
    await asyncio.to_thread(rabbit.kill)


async def _bus(house: House, *, connected: bool) -> bool:
    return bool((await house.http.get("/api/bus")).json()["connected"]) == connected
