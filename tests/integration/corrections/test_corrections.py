"""What a director asks for comes to be a fact, once, and the desk knows what became of it."""

from __future__ import annotations

from typing import Any

import pytest

from tests.integration.corrections.house import House


async def test_an_edit_becomes_a_fact_and_the_desk_knows_its_seq(house: House) -> None:
    """REST, outbox, bus, owner, row."""
    sid = await house.session()
    said = await house.heard(sid, "Good evening, everybody.")

    accepted = await house.correct(sid, kind="edit", target=said, text="Good night, everybody.")
    assert accepted["state"] == "pending"
    row = await house.ended(sid, accepted["id"])

    (fact,) = await house.facts(sid, "corrected")
    assert (row["state"], row["seq"]) == ("applied", fact["seq"])
    assert fact["body"]["text"] == "Good night, everybody."
    assert fact["by"]["role"] == "director"


@pytest.mark.parametrize(
    ("asked", "kind", "body"),
    [
        ({"kind": "note", "text": "You are afraid.", "character": "mirelle", "scope": "turns", "turns": 2}, "noted", {"text": "You are afraid.", "turns": 2}),
        ({"kind": "whisper", "character": "mirelle", "text": "He lies."}, "whispered", {"text": "He lies."}),
        ({"kind": "insert", "after": 2, "block": "action", "text": "A door slams."}, "inserted", {"block": "action"}),
        ({"kind": "insert", "after": 2, "block": "line", "member": "mirelle", "text": "Who is there?", "emotion": "fear"}, "inserted", {"emotion": "fear"}),
        ({"kind": "scene", "heading": "INT. CELLAR", "description": "Dark."}, "scene_set", {"heading": "INT. CELLAR"}),
        ({"kind": "strike", "targets": [3]}, "struck", {"targets": [3]}),
        ({"kind": "retcon", "to": 2}, "retconned", {"to": 2}),
        ({"kind": "erase", "seqs": [4]}, "erased", {"seqs": [4]}),
        ({"kind": "reveal", "character": "mirelle", "secret": "s1"}, "revealed", {"secret": "s1"}),
        ({"kind": "decide", "recommendation": "r1", "state": "pinned"}, "recommendation_decided", {"state": "pinned"}),
        ({"kind": "edit", "target": 4, "text": "Is nobody there?", "emotion": "fear", "intensity": 1}, "corrected", {"emotion": "fear", "intensity": 1.0}),
    ],
)
async def test_every_kind_becomes_its_fact(house: House, asked: dict[str, Any], kind: str, body: dict[str, Any]) -> None:
    """Under the director's name, with what was asked for."""
    sid = await house.session()
    await house.heard(sid, "Is anybody there?")
    row = await house.done(sid, **asked)
    fact = (await house.facts(sid, kind))[-1]
    assert fact["seq"] == row["seq"]
    assert fact["body"] | body == fact["body"]


@pytest.mark.parametrize(
    "asked",
    [
        {"kind": "dance"},
        {"kind": "edit", "target": 1},
        {"kind": "edit", "target": 999, "text": "There is no such fact."},
        {"kind": "edit", "target": 1, "text": "x", "emotion": "hunger"},
        {"kind": "edit", "target": True, "text": "x", "surprise": 1},
        {"kind": "strike", "targets": []},
        {"kind": "strike", "targets": [1, 4_000]},
        {"kind": "erase", "seqs": []},
        {"kind": "erase", "seqs": [1, 4_000]},
        {"kind": "insert", "after": 1, "block": "said", "text": "Nobody says it."},
        {"kind": "insert", "after": 999, "block": "action", "text": "x"},
        {"kind": "note", "text": " "},
        {"kind": "note", "text": "x", "scope": "turns"},
        {"kind": "note", "text": "x" * 9_000},
        {"kind": "whisper", "character": "", "text": "x"},
        {"kind": "retcon", "to": 999},
        {"kind": "scene"},
        {"kind": "decide", "recommendation": "r", "state": "maybe"},
        {"kind": "note", "text": "x", "id": "no spaces"},
    ],
)
async def test_what_cannot_be_written_is_refused_before_it_is_accepted(house: House, asked: dict[str, Any]) -> None:
    """A problem with the reason; nothing is remembered."""
    sid = await house.session()
    answer = await house.http.post(f"/api/sessions/{sid}/corrections", json=asked)
    assert (answer.status_code, answer.json()["code"]) == (422, "invalid_request"), answer.text
    assert (await house.http.get(f"/api/sessions/{sid}/corrections")).json()["items"] == []


async def test_who_edits_what_has_changed_is_shown_both_texts(house: House) -> None:
    """The one that came second names the fact it had seen: it changes nothing, and stands beside the wording that is there."""
    sid = await house.session()
    said = await house.heard(sid, "I have seen him.")
    first = await house.done(sid, kind="edit", target=said, text="I have not seen him.")
    late = await house.ended(sid, (await house.correct(sid, kind="edit", target=said, text="I saw nobody.", base=said))["id"])
    assert (late["state"], late["current"], late["seq"]) == ("conflicted", "I have not seen him.", first["seq"])
    assert late["body"]["text"] == "I saw nobody."
    assert late["detail"]
    assert len(await house.facts(sid, "corrected")) == 1


async def test_a_scene_is_edited_and_struck_against_what_was_seen_of_it(house: House) -> None:
    """As words are: who comes second is shown heading and description as they stand; struck, it is the scene no more."""
    sid = await house.session()
    scene = (await house.done(sid, kind="scene", heading="INT. CELLAR", description="Dark."))["seq"]
    first = await house.done(sid, kind="edit", target=scene, base=scene, text="INT. ATTIC\nDusty.")
    late: tuple[dict[str, Any], ...] = ({"kind": "edit", "target": scene, "text": "INT. BARN"}, {"kind": "strike", "targets": [scene]})
    for asked in late:
        row = await house.ended(sid, (await house.correct(sid, **asked, base=scene))["id"])
        assert (row["state"], row["current"]) == ("conflicted", "INT. ATTIC\nDusty.")
    struck = await house.done(sid, kind="strike", targets=[scene], base=first["seq"])
    assert (await house.facts(sid, "struck"))[-1]["seq"] == struck["seq"]


async def test_the_same_id_twice_is_one_correction(house: House) -> None:
    """Sent again, it is answered with what became of it; something else under its id is a conflict."""
    sid = await house.session()
    note = {"id": "n1", "kind": "note", "text": "Speak slowly."}
    row = await house.done(sid, **note)
    again = await house.correct(sid, **note)
    assert (again["state"], again["seq"]) == ("applied", row["seq"])
    other = await house.http.post(f"/api/sessions/{sid}/corrections", json={**note, "text": "Speak fast."})
    assert (other.status_code, other.json()["code"]) == (409, "conflict")
    assert len(await house.facts(sid, "noted")) == 1
    # Another session's ids are its own.
    assert (await house.done(await house.session(), **note))["state"] == "applied"


async def test_corrections_of_one_session_keep_their_order(house: House) -> None:
    """As they were accepted, so they stand."""
    sid = await house.session()
    said = await house.heard(sid, "One.")
    rows = [await house.correct(sid, kind="edit", target=said, text=f"Wording {number}.") for number in range(30)]
    for row in rows:
        assert (await house.ended(sid, row["id"]))["state"] == "applied"
    assert [fact["body"]["text"] for fact in await house.facts(sid, "corrected")] == [f"Wording {number}." for number in range(30)]


async def test_what_the_owner_refuses_is_dead_with_the_reason(house: House) -> None:
    """Put aside at once: read on the bus, sent once more when its cause is gone, or thrown away."""
    sid = await house.session()
    row = await house.ended(sid, (await house.correct(sid, kind="whisper", character="nobody", text="Psst."))["id"])
    assert (row["state"], row["detail"]) == ("dead", "there is no such character")
    assert (await house.http.get("/api/bus")).json() == {"kind": "redis", "connected": True, "depth": 0, "dead": 1}

    (dead,) = (await house.http.get("/api/bus/dead")).json()["items"]
    assert (dead["correction"]["id"], dead["reason"]) == (row["id"], "refused")
    answer = await house.http.post(f"/api/bus/dead/{dead['id']}/retry")
    assert (answer.status_code, answer.json()["correction"]["state"]) == (202, "pending")
    assert (await house.ended(sid, row["id"]))["state"] == "dead"

    (dead,) = await _dead(house)
    assert (await house.http.delete(f"/api/bus/dead/{dead['id']}")).status_code == 204
    assert (await house.http.delete(f"/api/bus/dead/{dead['id']}")).status_code == 404
    assert await _dead(house) == []
    assert (await house.row(sid, row["id"]))["state"] == "dead"


async def test_a_dead_one_is_applied_when_its_cause_is_gone(house: House) -> None:
    """The whisper was for somebody who had not come yet."""
    sid = await house.session()
    row = await house.ended(sid, (await house.correct(sid, kind="whisper", character="yaroglav", text="Psst."))["id"])
    assert row["state"] == "dead"
    await house.enter(sid, "yaroglav")
    (dead,) = await _dead(house)
    await house.http.post(f"/api/bus/dead/{dead['id']}/retry")
    assert (await house.ended(sid, row["id"]))["state"] == "applied"
    assert await _dead(house) == []


async def test_lists_are_paged_and_filtered(house: House) -> None:
    """The newest first; by state and class."""
    sid = await house.session()
    ids = [(await house.done(sid, kind="note", text=f"Note {number}."))["id"] for number in range(5)]
    await house.ended(sid, (await house.correct(sid, kind="whisper", character="nobody", text="x"))["id"])
    page = (await house.http.get(f"/api/sessions/{sid}/corrections", params={"state": "applied", "limit": 3})).json()
    rest = (await house.http.get(f"/api/sessions/{sid}/corrections", params={"state": "applied", "limit": 3, "cursor": page["next_cursor"]})).json()
    assert [item["id"] for item in page["items"] + rest["items"]] == ids[::-1]
    assert rest["next_cursor"] is None
    assert [item["state"] for item in (await house.http.get(f"/api/sessions/{sid}/corrections", params={"state": "dead"})).json()["items"]] == ["dead"]
    for wrong in ({"cursor": "%%%"}, {"cursor": "YWJj"}, {"state": "lost"}, {"limit": 0}):
        assert (await house.http.get(f"/api/sessions/{sid}/corrections", params=wrong)).status_code == 422


async def test_only_the_director_corrects(house: House) -> None:
    """Whoever comes through a proxy without a login is a guest."""
    sid = await house.session()
    guest = {"X-Forwarded-For": "203.0.113.7"}
    for method, path in (
        ("POST", f"/api/sessions/{sid}/corrections"),
        ("GET", f"/api/sessions/{sid}/corrections"),
        ("POST", f"/api/sessions/{sid}/acts"),
        ("POST", f"/api/sessions/{sid}/undo"),
        ("GET", "/api/bus"),
        ("GET", "/api/bus/dead"),
        ("POST", "/api/bus/dead/x/retry"),
        ("DELETE", "/api/bus/dead/x"),
    ):
        body = {"kind": "halt"} if path.endswith("acts") else {"kind": "note", "text": "x"} if method == "POST" else None
        answer = await house.http.request(method, path, json=body, headers=guest)
        assert (answer.status_code, answer.json()["code"]) == (403, "forbidden"), path


async def test_there_is_nothing_to_correct_in_no_session(house: House) -> None:
    """404, whatever is asked."""
    for path, body in (("corrections", {"kind": "note", "text": "x"}), ("acts", {"kind": "halt"}), ("undo", None)):
        answer = await house.http.post(f"/api/sessions/nowhere/{path}", json=body)
        assert (answer.status_code, answer.json()["code"]) == (404, "not_found"), path


async def test_a_misheard_name_is_learned_once(house: House) -> None:
    """From a correction of what was heard; known names are not told again."""
    sid = await house.session(language="en")
    for number in range(2):
        said = await house.heard(sid, f"I have met her, miss ray, {number} times.")
        await house.done(sid, kind="edit", target=said, text=f"I have met her, Mirelle, {number} times.")
    await house.heard(sid, "And that is all.")
    assert [fact["body"]["hotwords"] for fact in await house.facts(sid, "scene_set") if fact["body"]["hotwords"]] == [["Mirelle"]]


async def _dead(house: House) -> list[dict[str, Any]]:
    found: list[dict[str, Any]] = (await house.http.get("/api/bus/dead")).json()["items"]
    return found
