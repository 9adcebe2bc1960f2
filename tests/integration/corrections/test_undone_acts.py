"""Acts that rewrote the past are taken back with the same key as all others: what they took away is in the prompts again."""

from __future__ import annotations

import json
from typing import Any

from ulid import ULID

from services.core.model.attachment import TellRequest
from services.core.model.principal import Principal
from services.core.model.reply import ReplyOptions
from services.llm.card import card_of
from services.llm.lorebook import Book
from services.llm.prompt import Part, session_prompt
from services.transcript.log import TranscriptLog
from services.transcript.view import DIRECTOR, Reader, RecommendationEntry, View, fold
from tests.integration.corrections.house import House
from tests.integration.corrections.test_acts_and_undo import refused, undone

CARD = {"name": "Mirelle", "extensions": {"souffleur": {"secrets": [{"id": "gold", "text": "The gold is under the marigolds."}]}}}


async def view(house: House, sid: str, reader: Reader = DIRECTOR) -> View:
    """What the transcript amounts to."""
    return fold(await TranscriptLog(house.runtime.redis).read(sid), reader)


async def prompt(house: House, sid: str) -> str:
    """All that Mirelle's model would be shown now."""
    seen = await view(house, sid, Reader("character", "mirelle"))
    made = session_prompt(seen, Part(card_of(CARD), Book()), "mirelle", ReplyOptions())
    return "\n".join(message.content for message in made.messages)


async def advised(house: House, sid: str, kind: str, body: dict[str, Any]) -> int:
    """The summarizer tells it."""
    request = TellRequest(session=sid, principal=Principal("summarizer", "adviser"), key=str(ULID()), kind=kind, body=json.dumps(body))
    return (await house.runtime.stage().tell(request)).seq


async def test_a_strike_is_taken_back(house: House) -> None:
    """What was struck is in no prompt; with one key it is again, and that row is not undone in its turn."""
    sid = await house.session()
    said = await house.heard(sid, "The miller did it.")
    assert "miller" in await prompt(house, sid)
    struck = await house.done(sid, kind="strike", targets=[said])
    assert "miller" not in await prompt(house, sid)
    row = await undone(house, sid)
    assert (row["kind"], row["body"]["targets"], row["undoes"]) == ("strike", [struck["seq"]], struck["id"])
    assert "miller" in await prompt(house, sid)
    assert await refused(house, sid) == "not_found"


async def test_an_edit_of_a_scene_is_taken_back(house: House) -> None:
    """First to the wording of the edit before, then to the one that the scene began with; a description that was not there is none again."""
    sid = await house.session()
    scene = await house.done(sid, kind="scene", heading="INT. CELLAR", description="Dark.\n\nDamp.")
    await house.done(sid, kind="edit", target=scene["seq"], base=scene["seq"], text="INT. ATTIC")
    await house.done(sid, kind="edit", target=scene["seq"], text="\nDust.")
    for heading, description in (("INT. ATTIC", ""), ("INT. CELLAR", "Dark.\n\nDamp.")):
        await undone(house, sid)
        now = (await view(house, sid)).scene
        assert now is not None
        assert (now.seq, now.heading, now.description) == (scene["seq"], heading, description)


async def test_a_retcon_is_taken_back(house: House) -> None:
    """Three lines with the digest and the advice that rest on them: gone, and there again."""
    sid = await house.session()
    kept = await house.heard(sid, "Good evening.")
    told = [await house.heard(sid, text) for text in ("The miller did it.", "With an axe.", "At midnight.")]
    digest = await advised(house, sid, "summarized", {"text": "A murder was confessed.", "covers": [kept, *told]})
    item = {"recommendation": "r1", "category": "plot", "text": "Be appalled.", "rests_on": told[:1]}
    await advised(house, sid, "recommended", item)
    await house.done(sid, kind="decide", recommendation="r1", state="pinned")
    before = await view(house, sid)
    words = ("miller", "axe", "midnight", "murder", "appalled")
    asked = await prompt(house, sid)
    assert [word for word in words if word not in asked] == []
    retcon = await house.done(sid, kind="retcon", to=kept)
    asked = await prompt(house, sid)
    assert "Good evening" in asked
    assert [word for word in words if word in asked] == []
    assert (await undone(house, sid))["body"]["targets"] == [retcon["seq"]]
    asked = await prompt(house, sid)
    assert [word for word in words if word not in asked] == []
    after = await view(house, sid)
    assert after.entries == before.entries
    assert after.notes == before.notes
    assert after.summary is not None
    assert after.summary.seq == digest


async def test_a_decision_is_taken_back(house: House) -> None:
    """Step by step: pinned after rejected, and proposed at last."""
    sid = await house.session()
    await advised(house, sid, "recommended", {"recommendation": "r1", "category": "tone", "text": "Whisper."})
    for state in ("pinned", "rejected"):
        await house.done(sid, kind="decide", recommendation="r1", state=state)
    for state, steers in (("pinned", True), ("proposed", False)):
        await undone(house, sid)
        (entry,) = (entry for entry in (await view(house, sid)).entries if isinstance(entry, RecommendationEntry))
        assert entry.state == state
        assert ("Whisper." in await prompt(house, sid)) is steers


async def test_a_reveal_is_taken_back(house: House) -> None:
    """The secret is the director's again."""
    sid = await house.session()
    await house.done(sid, kind="reveal", character="mirelle", secret="gold")
    assert "marigolds" in await prompt(house, sid)
    await undone(house, sid)
    assert "marigolds" not in await prompt(house, sid)


async def test_acts_are_taken_back_in_turn(house: House) -> None:
    """Each undo goes one further, through whatever rewrote the past; the document reads as before."""
    sid = await house.session()
    said = await house.heard(sid, "One.")
    last = await house.heard(sid, "Two.")
    document = (await house.http.get(f"/api/sessions/{sid}/screenplay")).text.partition("\n\n")[2]
    await house.done(sid, kind="edit", target=said, text="Eins.")
    await house.done(sid, kind="strike", targets=[last])
    await house.done(sid, kind="retcon", to=said - 1)
    assert "Eins." not in await prompt(house, sid)
    kinds = [(await undone(house, sid))["kind"] for _ in range(3)]
    assert kinds == ["strike", "strike", "edit"]
    asked = await prompt(house, sid)
    assert all(text in asked for text in ("One.", "Two."))
    struck = (await house.http.get(f"/api/sessions/{sid}/screenplay")).text.partition("\n\n")[2]
    assert struck == document
