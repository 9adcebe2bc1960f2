"""An edit of words that are being spoken."""

from __future__ import annotations

import json

from services.core.model.attachment import TellRequest
from services.core.model.fact import Kind
from services.stage.told import told
from tests.unit.services.stage.direction import GM, type_in
from tests.unit.services.stage.table import Mind, table


async def test_an_edit_of_what_is_being_said_is_heard_as_edited() -> None:
    """The line stops at the word that was heard, and what was not heard of it goes on as corrected; the heard part is not said again."""
    async with table(mind=Mind(["One two three four five six.", "Seven eight nine ten.", "The end."]), ms_per_char=12) as at:
        ann = await at.sit("Ann", role="player")
        await type_in(at, ann)
        await at.until(at.speaking)
        await at.until(lambda: len(at.bodies(Kind.SENTENCE)) == 3)
        second = [fact for fact in at.log.facts if fact.kind == Kind.SENTENCE][1]
        body = {"target": second.seq, "text": "Nothing more.", "emotion": "fear"}
        request = TellRequest(session="s", principal=GM, key="k", kind=Kind.CORRECTED, body=json.dumps(body))
        await told(request, at.session, at.log, 0)
        cut, heard = await at.closed(), await at.closed(2)
        assert (cut["reason"], heard["state"]) == ("corrected", "heard")
        going_on = at.bodies(Kind.LINE_OPENED)[1]
        assert (going_on["retakes"], going_on["turn"]) == (cut["line"], at.bodies(Kind.LINE_OPENED)[0]["turn"])
        said = [(body["text"], body["emotion"]) for body in at.bodies(Kind.SENTENCE) if body["line"] == heard["line"]]
        assert said[-2:] == [("Nothing more.", "fear"), ("The end.", "neutral")]
        assert not any(text.startswith("One") for text, _ in said) or cut["offset"] == 0


async def test_an_edit_of_what_was_heard_already_stops_nobody() -> None:
    """Only the record changes."""
    async with table(mind=Mind(["One.", "Two three four five six seven eight nine ten."]), ms_per_char=20) as at:
        ann = await at.sit("Ann", role="player")
        await type_in(at, ann)
        await at.until(lambda: len(at.bodies(Kind.SENTENCE)) == 2)
        first, second = (fact for fact in at.log.facts if fact.kind == Kind.SENTENCE)
        await at.until(lambda: at.heard()[0] == second.seq)
        request = TellRequest(session="s", principal=GM, key="k", kind=Kind.CORRECTED, body=json.dumps({"target": first.seq, "text": "Un."}))
        await told(request, at.session, at.log, 0)
        assert at.speaking()
        assert (await at.closed())["state"] == "heard"
