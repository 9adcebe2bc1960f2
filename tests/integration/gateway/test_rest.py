"""REST: sessions, messages, facts, screenplay, settings, status, over real sockets."""

from __future__ import annotations

import asyncio
import json
import re
from contextlib import AsyncExitStack
from typing import Any

import httpx2
import pytest
import structlog

from services.core.errors import Unavailable
from services.core.model.reply import LlmEngineInfo
from services.core.model.speech import SttEngineInfo
from services.core.model.voicing import TtsEngineInfo
from services.gateway.app import serving
from tests.integration.gateway.conftest import House


async def _events(answer: httpx2.Response) -> Any:
    event: dict[str, Any] = {}
    async for line in answer.aiter_lines():
        if not line:
            if event:
                yield event
            event = {}
        elif not line.startswith(":"):
            name, _, value = line.partition(": ")
            event[name] = json.loads(value) if name == "data" else value


async def test_a_session_is_opened_with_cast_and_scene(house: House) -> None:
    """POST answers 201 with everything that is known of the session, and GET gives the same."""
    body = {"title": "Night", "cast": ["mirelle", "yaroglav", "mirelle"], "mode": "approve", "scene": {"heading": "INT. INN", "description": "Rain."}}
    answer = await house.http.post("/api/sessions", json=body)
    assert answer.status_code == 201
    info = answer.json()
    assert answer.headers["location"] == f"/api/sessions/{info['id']}"
    assert (info["title"], info["mode"], info["head"]) == ("Night", "approve", 3)
    assert info["scene"] == {"heading": "INT. INN", "description": "Rain."}
    assert info["cast"][0] == {"slug": "mirelle", "name": "Mirelle", "color": "#b5651d", "language": "en"}
    assert [member["slug"] for member in info["cast"]] == ["mirelle", "yaroglav"]
    assert (await house.http.get(f"/api/sessions/{info['id']}")).json() == info


async def test_a_scene_may_be_a_heading_or_nothing(house: House) -> None:
    """A text alone is the heading."""
    for scene in ("EXT. FERRY", None):
        sid = await house.session(scene=scene)
        assert ((await house.http.get(f"/api/sessions/{sid}")).json()["scene"] or {}).get("heading", "") == (scene or "")


_BAD_SESSIONS: list[tuple[dict[str, Any], int]] = [
    ({"cast": []}, 422),
    ({"cast": ["nobody"]}, 404),
    ({"cast": ["mirelle"], "mode": "chaos"}, 422),
    ({}, 422),
    ({"cast": ["mirelle"], "title": "x" * 400}, 422),
]


async def test_bad_sessions_are_problems(house: House) -> None:
    """Refusals are RFC 9457 documents with a stable code."""
    for body, status in _BAD_SESSIONS:
        answer = await house.http.post("/api/sessions", json=body)
        assert answer.status_code == status, body
        assert answer.headers["content-type"] == "application/problem+json"
        assert set(answer.json()) == {"type", "title", "status", "detail", "code"}
        assert answer.json()["code"] in ("invalid_request", "not_found")


async def test_a_message_is_said_once_and_answered(house: House) -> None:
    """202 gives its fact; sent again with the same id it is the same fact; the same person keeps one seat."""
    sid = await house.session()
    first = await house.http.post(f"/api/sessions/{sid}/messages", json={"text": " Hello! ", "message_id": "m-1"})
    assert first.status_code == 202
    fact = first.json()["fact"]
    assert (fact["kind"], fact["body"]["text"], fact["body"]["utterance"]) == ("said", "Hello!", "m-1")
    again = await house.http.post(f"/api/sessions/{sid}/messages", json={"text": "Hello!", "message_id": "m-1"})
    assert again.json()["fact"]["seq"] == fact["seq"]
    await house.http.post(f"/api/sessions/{sid}/messages", json={"text": "And again."})
    info = (await house.http.get(f"/api/sessions/{sid}")).json()
    assert len(info["participants"]) == 1
    other = await house.http.post(f"/api/sessions/{sid}/messages", json={"text": "I am Bo.", "speaker": "Bo"})
    assert other.json()["fact"]["by"]["name"] == "Bo"
    assert len((await house.http.get(f"/api/sessions/{sid}")).json()["participants"]) == 2


async def test_a_message_with_its_turn_as_events(house: House) -> None:
    """Asked for events, the whole turn comes as it happens, ends by itself, and repeated by its id it is told again."""
    sid = await house.session()
    kinds = []
    for _ in range(2):
        async with house.http.stream(
            "POST", f"/api/sessions/{sid}/messages", json={"text": "Hello", "message_id": "m-9"}, headers={"Accept": "text/event-stream"}
        ) as answer:
            assert answer.headers["content-type"].startswith("text/event-stream")
            kinds.append([event["event"] async for event in _events(answer)])
    assert kinds[0] == ["said", "line_opened", "sentence", "sentence", "turn", "line_closed", "done"]
    assert [kind for kind in kinds[1] if kind != "turn"] == [kind for kind in kinds[0] if kind != "turn"]


_BAD_MESSAGES: list[tuple[dict[str, str], int]] = [
    ({"text": "   "}, 422),
    ({"text": "x" * 5_000}, 422),
    ({"text": "hi", "speaker": "mirelle"}, 403),
    ({"text": "forbidden"}, 403),
    ({"text": "hi", "message_id": "no spaces"}, 422),
    ({"text": "\ud800"}, 422),
]


async def test_refused_messages_are_problems_in_both_forms(house: House) -> None:
    """Whatever the stage or the rules refuse is an ordinary error answer, also where events were asked for."""
    sid = await house.session()
    for accept in ("application/json", "text/event-stream"):
        for body, status in _BAD_MESSAGES:
            headers = {"Accept": accept, "Content-Type": "application/json"}
            answer = await house.http.post(f"/api/sessions/{sid}/messages", content=json.dumps(body), headers=headers)
            assert answer.status_code == status, body
            assert answer.headers["content-type"] == "application/problem+json"


async def test_unknown_sessions_are_not_found(house: House) -> None:
    """Every route of a session that does not exist says 404."""
    for path in ("", "/facts", "/screenplay"):
        assert (await house.http.get(f"/api/sessions/nothing{path}")).status_code == 404
    assert (await house.http.post("/api/sessions/nothing/messages", json={"text": "hi"})).status_code == 404


async def test_facts_are_paged_and_live(house: House) -> None:
    """Pages follow `after`; events bring what was there and what comes, and go on from Last-Event-ID."""
    sid = await house.session()
    page = (await house.http.get(f"/api/sessions/{sid}/facts", params={"limit": 1})).json()
    assert [fact["kind"] for fact in page["items"]] == ["scene_set"]
    rest = (await house.http.get(f"/api/sessions/{sid}/facts", params={"after": page["next_cursor"]})).json()
    assert [fact["kind"] for fact in rest["items"]] == ["joined"]
    assert rest["next_cursor"] is None
    headers = {"Accept": "text/event-stream", "Last-Event-ID": "1"}
    async with asyncio.timeout(10), house.http.stream("GET", f"/api/sessions/{sid}/facts", headers=headers) as answer:
        events = aiter(_events(answer))
        assert (await anext(events))["data"]["kind"] == "joined"
        await house.http.post(f"/api/sessions/{sid}/messages", json={"text": "Hello"})
        seen = [await anext(events) for _ in range(6)]
    assert [event["data"]["kind"] for event in seen] == ["joined", "said", "line_opened", "sentence", "sentence", "line_closed"]
    assert [int(event["id"]) for event in seen] == [3, 4, 5, 6, 7, 8]


async def test_the_screenplay_is_read_downloaded_and_watched(house: House) -> None:
    """The document has the head as its ETag, downloads as a file, and grows live by exactly what a reader must add."""
    sid = await house.session(scene="INT. INN")
    answer = await house.http.get(f"/api/sessions/{sid}/screenplay")
    assert answer.headers["etag"] == '"2"'
    assert answer.headers["content-type"].startswith("text/plain")
    assert "INT. INN" in answer.text
    assert (await house.http.get(f"/api/sessions/{sid}/screenplay", headers={"If-None-Match": '"2"'})).status_code == 304
    file = await house.http.get(f"/api/sessions/{sid}/screenplay", params={"format": "txt", "download": 1})
    assert file.headers["content-disposition"] == f'attachment; filename="{sid}.txt"'
    async with asyncio.timeout(10), house.http.stream("GET", f"/api/sessions/{sid}/screenplay", headers={"Accept": "text/event-stream"}) as live:
        events = aiter(_events(live))
        document: dict[str, Any] = {}
        while document.get("etag") != "8":
            event = await anext(events)
            if event["event"] == "screenplay":
                document = event["data"]
                shown = {block["id"]: block["text"] for block in document["blocks"]}
                await _first_words(house, sid, document["etag"])
            else:
                assert event["event"] in ("append", "replace")
                assert all((block["id"] in shown) == (event["event"] == "replace") for block in event["data"]["blocks"])
                shown |= {block["id"]: block["text"] for block in event["data"]["blocks"]}
                document["etag"] = event["data"]["etag"]
    whole = (await house.http.get(f"/api/sessions/{sid}/screenplay")).text
    # The title page names the head, which the etag of each change has brought up to date.
    assert "\n\n".join([re.sub(r"Head: \d+", "Head: 8", document["title"]), *shown.values()]) + "\n" == whole
    assert "Hello there" in whole
    assert "Sit down, love." in whole


async def _first_words(house: House, sid: str, etag: str) -> None:
    """Said once, when the reader has the first document."""
    if etag == "2":
        await house.http.post(f"/api/sessions/{sid}/messages", json={"text": "Hello there"})


async def test_sessions_are_listed_from_the_archive(house: House) -> None:
    """The list shows what the archive holds; a foreign cursor is refused."""
    answer = await house.http.get("/api/sessions")
    assert answer.json() == {"items": [], "next_cursor": None}
    assert (await house.http.get("/api/sessions", params={"cursor": "!"})).status_code == 422


async def test_settings_are_read_and_patched_at_the_desk(house: House) -> None:
    """A patch changes the version; a stale base conflicts; a field that needs a restart is refused with the desk's own words."""
    read = (await house.http.get("/api/settings")).json()
    assert set(read) == {"settings", "schema", "version", "overrides"}
    patched = await house.http.patch("/api/settings", json={"patch": {"stage": {"hang_over_s": 0.7}}, "base_version": 1})
    assert patched.json()["version"] == 2
    stale = await house.http.patch("/api/settings", json={"patch": {"stage": {}}, "base_version": 1})
    assert (stale.status_code, stale.json()["code"]) == (409, "conflict")
    refused = await house.http.patch("/api/settings", json={"patch": {"data_dir": "/"}})
    assert (refused.status_code, refused.json()["code"]) == (422, "settings_rejected")
    assert "restart" in refused.json()["detail"]
    assert (await house.http.get("/api/services")).json()["items"][0]["name"] == "stt"


async def test_ready_when_a_turn_is_possible(house: House) -> None:
    """200 with everything there, after one real word was synthesised; the probe is not repeated."""
    assert (await house.http.get("/readyz")).status_code == 200
    assert (await house.http.get("/readyz")).status_code == 200
    assert len(house.voices.asked) == 1
    assert (await house.http.get("/healthz")).json() == {"status": "ok"}
    assert b"souffleur_turns" in (await house.http.get("/metrics")).content


async def test_not_ready_says_what_is_missing(house: House) -> None:
    """An engine that is not ready, or a voice without sound, keeps the gateway from saying it is ready."""
    house.voices.mute = True
    answer = await house.http.get("/readyz")
    assert answer.status_code == 503
    assert set(answer.json()["missing"]) == {"tts"}
    house.voices.mute = False
    house.roleplay.infos = [LlmEngineInfo("openai", ready=False)]
    async with asyncio.timeout(5):
        while set((answer := await house.http.get("/readyz")).json().get("missing", {})) != {"llm"}:
            assert answer.status_code == 503


async def test_status_says_honestly_what_is_weak(house: House) -> None:
    """pocketsphinx, understudy and eSpeak each have their banner."""
    house.hearing.infos = [SttEngineInfo("pocketsphinx", ready=True, dictation=False)]
    house.roleplay.infos = [LlmEngineInfo("understudy", ready=True, generative=False)]
    status = (await house.http.get("/api/status")).json()
    assert status["ready"]
    assert [(banner["code"], banner["severity"]) for banner in status["banners"]] == [
        ("stt_weak", "warning"),
        ("llm_understudy", "warning"),
        ("tts_robotic", "info"),
    ]
    assert status["engines"]["tts"]["default"] == "espeak"
    assert status["engines"]["llm"]["chain"] == ["understudy"]


async def test_a_good_house_has_no_banners(house: House) -> None:
    """With good engines nothing is complained about."""
    house.voices.infos = [TtsEngineInfo("piper", ready=True), TtsEngineInfo("espeak", ready=True)]
    assert (await house.http.get("/api/status")).json()["banners"] == []


async def test_the_page_or_how_to_build_it(house: House) -> None:
    """/ is always a page; paths outside the folder are never files; the interface describes itself."""
    page = await house.http.get("/")
    assert page.status_code == 200
    assert page.headers["content-type"].startswith("text/html")
    for path in ("/../app.py", "/%2e%2e/app.py", "/..%2fapp.py", "/assets/../../app.py", "/%00"):
        answer = await house.http.get(path)
        assert b"uvicorn" not in answer.content
    paths = (await house.http.get("/api/openapi.json")).json()["paths"]
    assert {"/api/characters", "/api/sessions/{sid}/messages", "/v1/chat/completions", "/v1/audio/speech", "/readyz"} <= set(paths)
    assert (await house.http.get("/api/nothing")).json()["code"] == "not_found"
    assert (await house.http.get("/v1/nothing")).json()["error"]["code"] == "not_found"


async def test_the_unexpected_is_masked(house: House, monkeypatch: pytest.MonkeyPatch) -> None:
    """A bug is told as an incident number, never as its own words."""

    async def broken(*_: object) -> None:
        raise RuntimeError("secret words")

    monkeypatch.setattr("services.gateway.characters.store.CharacterStore.page", broken)
    with structlog.testing.capture_logs() as logged:
        answer = await house.http.get("/api/characters")
    assert answer.status_code == 500
    assert "secret" not in answer.text
    incident = next(entry["incident"] for entry in logged if entry["event"] == "http.unexpected")
    assert incident in answer.json()["detail"]


async def test_the_address_stands_in_a_file(house: House) -> None:
    """Whoever started the program on any free port finds it by its run file."""
    note = json.loads((house.runtime.run_dir / "gateway.json").read_text())
    assert note["url"] == house.url


async def test_stopping_ends_live_streams_and_not_the_reader_s_patience(house: House) -> None:
    """A reader of a live stream sees its proper end when the server stops, and does not hold it up."""
    sid = await house.session()
    async with AsyncExitStack() as gateway:
        url = await gateway.enter_async_context(serving(house.runtime))
        async with house.http.stream("GET", f"{url}/api/sessions/{sid}/facts", headers={"Accept": "text/event-stream"}) as answer:
            events = aiter(_events(answer))
            assert (await anext(events))["data"]["seq"] == 1
            async with asyncio.timeout(2.5):
                await gateway.aclose()
                assert [event["data"]["seq"] async for event in events] == [2]
    assert not (house.runtime.run_dir / "gateway.json").exists()


async def test_an_address_in_use_is_said_in_one_line(house: House) -> None:
    """The program does not end in a trace when its port is taken."""
    port = int(house.url.rsplit(":", 1)[1])
    house.runtime.live.accept(1, json.dumps({"gateway": {"port": port}}))
    with pytest.raises(Unavailable, match=f"127.0.0.1:{port}"):
        async with serving(house.runtime):
            pytest.fail("two servers at one address")
