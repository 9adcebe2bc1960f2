"""The log over REST: pages, filters, live; and what /metrics and /api/status say about the house."""

from __future__ import annotations

import asyncio
import json
from typing import Any

import httpx2
import pytest

from services.core.logstore import Entry, Writer, path_of
from tests.integration.gateway.conftest import House
from tests.waiting import until

_FORWARDED = {"X-Forwarded-For": "203.0.113.9"}


@pytest.fixture
def written(house: House) -> House:
    """Forty entries of two services."""
    house.runtime.logs_url = f"sqlite+aiosqlite:///{house.runtime.settings.data_dir}/logs.sqlite3"
    _write(house, *(_entry(number) for number in range(40)))
    return house


def _entry(number: int) -> Entry:
    level, service = ("warning", "llm") if number % 4 == 0 else ("info", "stage")
    return Entry(
        at_ms=1_000 * number + 1_700_000_000_000, level=level, service=service, session=f"s{number % 2}", event=f"it.happened {number}", fields={"n": number}
    )


def _write(house: House, *entries: Entry) -> None:
    with Writer(path_of(house.runtime.logs_url), days=10_000, rows=1_000) as writer:
        for entry in entries:
            writer.put(entry)


async def _page(house: House, **query: Any) -> dict[str, Any]:
    answer = await house.http.get("/api/logs", params=query)
    assert answer.status_code == 200, answer.text
    return dict(answer.json())


async def test_pages_go_back_from_the_newest(written: House) -> None:
    """By the cursor, each entry once; the last page has none."""
    seen: list[int] = []
    cursor = ""
    while True:
        page = await _page(written, limit=15, cursor=cursor)
        seen += [item["fields"]["n"] for item in page["items"]]
        if page["next_cursor"] is None:
            break
        cursor = page["next_cursor"]
    assert seen == list(range(39, -1, -1))


async def test_filters(written: House) -> None:
    """Level, service, session, time and words, together."""
    page = await _page(written, level="warning", service="llm", session="s0", since="2023-11-14T22:13:30Z", until=1_700_000_030_000, q="happened")
    assert [item["fields"]["n"] for item in page["items"]] == [28, 24, 20, 16, 12]
    item = page["items"][0]
    assert item == {
        "id": item["id"],
        "at": "2023-11-14T22:13:48.000Z",
        "level": "warning",
        "service": "llm",
        "event": "it.happened 28",
        "session": "s0",
        "fields": {"n": 28},
    }
    assert (await _page(written, q="nobody"))["items"] == []


@pytest.mark.parametrize("query", [{"level": "loud"}, {"cursor": "%%"}, {"cursor": "YWJj"}, {"since": "yesterday"}, {"limit": 0}, {"q": "x" * 501}])
async def test_bad_queries_are_told(written: House, query: dict[str, Any]) -> None:
    """With a problem document."""
    answer = await written.http.get("/api/logs", params=query)
    assert answer.status_code in {400, 422}
    assert answer.headers["content-type"].startswith("application/problem+json")


async def test_logs_are_the_directors(written: House) -> None:
    """Whoever comes through a proxy is no director without login."""
    for path in ("/api/logs", "/api/logs/live"):
        assert (await written.http.get(path, headers=_FORWARDED)).status_code == 403


async def test_live_follows_what_is_written(written: House) -> None:
    """The last ones at once, then each new one, and again from where a reader was."""
    async with asyncio.timeout(20), written.http.stream("GET", "/api/logs/live", params={"level": "warning"}) as answer:
        lines = answer.aiter_lines()
        past = [await _frame(lines) for _ in range(10)]
        assert [frame["fields"]["n"] for frame in past] == list(range(0, 40, 4))
        await asyncio.to_thread(_write, written, _entry(41), _entry(44))
        assert (await _frame(lines))["fields"]["n"] == 44
    async with asyncio.timeout(20), written.http.stream("GET", "/api/logs/live", headers={"Last-Event-ID": str(past[-1]["id"])}) as answer:
        lines = answer.aiter_lines()
        assert [(await _frame(lines))["fields"]["n"] for _ in range(5)] == [37, 38, 39, 41, 44]


async def _frame(lines: Any) -> dict[str, Any]:
    async for line in lines:
        if line.startswith("data: "):
            return dict(json.loads(line.removeprefix("data: ")))
    raise AssertionError("the stream ended")


async def test_the_status_says_where_grafana_is(house: House) -> None:
    """Nothing where none is configured."""
    assert (await house.http.get("/api/status")).json()["grafana_url"] is None
    house.runtime.live.accept(1, json.dumps({"telemetry": {"grafana_url": "http://grafana.example:3000"}}))
    assert (await house.http.get("/api/status")).json()["grafana_url"] == "http://grafana.example:3000"


async def test_a_scrape_brings_the_health_of_the_engines_up_to_date(house: House) -> None:
    """Without waiting for it: the next scrape shows it."""

    async def shown() -> bool:
        return 'souffleur_engine_ready{part="llm",provider=' in await _metrics(house)

    await until(shown, what="the engine's health")
    assert "souffleur_ready 1.0" in await _metrics(house)


async def _metrics(house: House) -> str:
    answer: httpx2.Response = await house.http.get("/metrics")
    assert answer.headers["content-type"].startswith("text/plain; version=0.0.4")
    return answer.text
