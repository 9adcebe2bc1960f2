"""The screenplay handed in edited, and on paper."""

from __future__ import annotations

import io
from collections.abc import Callable
from typing import Any

import httpx2
import pytest
from pypdf import PdfReader

from services.core.model.fact import Author
from services.core.model.facts import Corrected, Said
from tests.integration.gateway.conftest import House

_TYPE = {"Content-Type": "text/plain; charset=utf-8"}


async def _said(house: House, sid: str, *texts: str) -> str:
    """Have these said; returns the document."""
    for number, text in enumerate(texts):
        await house.table.write(sid, Said(utterance=f"u{number}", text=text), by=Author("player", "ann", "Ann"))
    return (await house.http.get(f"/api/sessions/{sid}/screenplay")).text


async def _put(house: House, sid: str, document: str, base: int | str) -> httpx2.Response:
    return await house.http.put(f"/api/sessions/{sid}/screenplay", content=document.encode(), headers={**_TYPE, "If-Match": f'"{base}"'})


async def test_an_edited_document_becomes_corrections(house: House) -> None:
    """Each change is accepted with an id of its own and stands on the list; what cannot be done is told, beside the rest."""
    sid = await house.session(scene="INN")
    document = await _said(house, sid, "Helo there.", "Take this out.")
    begin = document.index("@Ann\nTake")
    edited = document[:begin].replace("Helo", "Hello") + "[[to Mirelle, once: Smile]]\n\n= My own digest.\n\n@Mirelle\n(happy)\nWelcome.\n"
    answer = await _put(house, sid, edited, 4)
    assert answer.status_code == 202, answer.text
    told = answer.json()
    assert [(item["kind"], item["state"]) for item in told["corrections"]] == [("edit", "pending"), ("strike", "pending"), ("note", "pending")]
    assert told["corrections"][0]["body"]["text"] == "Hello there."
    assert [item["base"] for item in told["corrections"]] == [4, 4, 0]
    assert sorted((item["block"], item["text"]) for item in told["refused"]) == [("line", "Welcome."), ("summary", "My own digest.")]
    listed = (await house.http.get(f"/api/sessions/{sid}/corrections")).json()["items"]
    assert {item["id"] for item in listed} == {item["id"] for item in told["corrections"]}


async def test_handed_in_twice_it_happens_once(house: House) -> None:
    """The same change of the same version is the same correction, also beside others that are new."""
    sid = await house.session()
    document = await _said(house, sid, "One.", "Two.")
    edited = document + "\nThe door opens.\n\nThe door opens.\n"
    first = (await _put(house, sid, edited, 4)).json()["corrections"]
    again = (await _put(house, sid, edited.replace("One.", "Three."), 4)).json()["corrections"]
    assert len({item["id"] for item in first}) == 2
    assert {item["id"] for item in first} < {item["id"] for item in again}
    assert len((await house.http.get(f"/api/sessions/{sid}/corrections")).json()["items"]) == 3


@pytest.mark.parametrize("sign", ["\\u{0}", "\\u{d800}"])
async def test_what_no_other_way_in_takes_is_refused(house: House, sign: str) -> None:
    """A document can name any character by its number; what our stores cannot keep is told, beside what is accepted."""
    sid = await house.session()
    document = await _said(house, sid, "One.", "Two.")
    answer = await _put(house, sid, document.replace("One.", f"One{sign}.").replace("Two.", "Three."), 4)
    assert answer.status_code == 202, answer.text
    assert [item["body"]["text"] for item in answer.json()["corrections"]] == ["Three."]
    assert [item["target"] for item in answer.json()["refused"]] == [3]
    assert (await house.http.get(f"/api/sessions/{sid}/corrections")).status_code == 200


async def test_compared_with_the_version_it_was_made_from(house: House) -> None:
    """What came or was corrected meanwhile is no change of this editor's, and what is gone was only struck if it was there to be seen."""
    sid = await house.session()
    document = await _said(house, sid, "One.", "Two.")
    await house.table.write(sid, Corrected(target=3, text="One, corrected."), by=Author("director"))
    await house.table.write(sid, Said(utterance="later", text="Later."), by=Author("player", "ann", "Ann"))
    assert (await _put(house, sid, document, 4)).json()["corrections"] == []
    (only,) = (await _put(house, sid, document.replace("Two.", "2."), 4)).json()["corrections"]
    assert (only["kind"], only["body"]["target"], only["base"]) == ("edit", 4, 4)


@pytest.mark.parametrize(
    ("base", "status"),
    [(None, 428), ("*", 428), ('"99"', 412), ('"0"', 412), ('"abc"', 412), ("3", 412), ('"3", "4"', 412), ('W/"3"', 202)],
)
async def test_it_must_say_what_it_was_made_from(house: House, base: str | None, status: int) -> None:
    """Without a version nothing can be compared, and with one that never was neither."""
    sid = await house.session()
    document = await _said(house, sid, "One.")
    answer = await house.http.put(f"/api/sessions/{sid}/screenplay", content=document, headers=_TYPE | ({"If-Match": base} if base else {}))
    assert answer.status_code == status
    if status == 412:
        assert answer.json()["code"] == "conflict"


@pytest.mark.parametrize(
    ("content", "kind", "status"),
    [(b"\xff\xfe", "text/plain", 422), (b"  \n", "text/plain", 422), (b"x" * 2_000_001, "text/plain", 413), (b"{}", "application/json", 415)],
)
async def test_what_is_no_document_is_refused(house: House, content: bytes, kind: str, status: int) -> None:
    """With nothing changed: an empty file is a mistake and not the wish to strike everything."""
    sid = await house.session()
    await _said(house, sid, "One.")
    answer = await house.http.put(f"/api/sessions/{sid}/screenplay", content=content, headers={"Content-Type": kind, "If-Match": '"3"'})
    assert answer.status_code == status
    assert (await house.http.get(f"/api/sessions/{sid}/corrections")).json()["items"] == []


async def test_too_many_changes_at_once(house: House) -> None:
    """None of them is accepted."""
    sid = await house.session()
    document = await _said(house, sid, "One.")
    answer = await _put(house, sid, document + "\n".join(f"\n[[Note {number}]]" for number in range(501)), 3)
    assert answer.status_code == 413
    assert (await house.http.get(f"/api/sessions/{sid}/corrections")).json()["items"] == []


async def test_only_the_director_hands_in(house: House) -> None:
    """Somebody behind a proxy is a guest."""
    sid = await house.session()
    document = await _said(house, sid, "One.")
    answer = await house.http.put(f"/api/sessions/{sid}/screenplay", content=document, headers={**_TYPE, "If-Match": '"3"', "X-Forwarded-For": "203.0.113.9"})
    assert answer.status_code == 403


@pytest.mark.parametrize(
    ("form", "kind", "read"),
    [
        ("html", "text/html; charset=utf-8", bytes.decode),
        ("fdx", "application/xml", bytes.decode),
        ("pdf", "application/pdf", lambda data: PdfReader(io.BytesIO(data)).pages[-1].extract_text()),
    ],
)
async def test_on_paper(house: House, form: str, kind: str, read: Callable[[bytes], Any]) -> None:
    """Each format has its type and the version it shows; a page may do nothing."""
    sid = await house.session()
    await _said(house, sid, "Привет! Hello.")
    answer = await house.http.get(f"/api/sessions/{sid}/screenplay", params={"format": form, "download": 1})
    assert answer.status_code == 200
    assert (answer.headers["content-type"], answer.headers["etag"]) == (kind, '"3"')
    assert answer.headers["content-disposition"].endswith(f'.{form}"')
    text = read(answer.content)
    assert "Hello." in text
    assert "Привет" in text or "&#1055;" in text
    assert ("sandbox" in answer.headers["content-security-policy"]) == (form == "html")
