"""Words that are removed for good, as the owner of the session takes it."""

from __future__ import annotations

import asyncio
import json

import pytest

from services.core.errors import Forbidden, InvalidRequest, NotFound
from services.core.model.attachment import TellRequest
from services.core.model.fact import Kind
from services.core.model.principal import Principal
from services.stage.told import told
from tests.unit.services.stage.direction import act, approving, held, type_in
from tests.unit.services.stage.table import Mind, Table, table
from tests.unit.services.stage.telling import tell

ADVISER = Principal("adviser", "adviser")


async def _advise(at: Table, kind: str, **body: object) -> int:
    request = TellRequest(session="s", principal=ADVISER, key=f"{kind}{len(at.log.facts)}", kind=kind, body=json.dumps(body))
    return (await told(request, at.session, at.log, 0)).seq


async def test_what_was_made_of_words_is_erased_with_them() -> None:
    """The fact names all of it; nothing that rests on them is told afterwards."""
    async with table() as at:
        ann = await at.sit("Ann", role="player")
        said = await type_in(at, ann)
        await at.closed()
        edit = (await tell(at, Kind.CORRECTED, target=said, text="Good night")).seq
        digest = await _advise(at, Kind.SUMMARIZED, text="Ann said it.", covers=[said])
        await tell(at, Kind.ERASED, seqs=[said])
        assert at.bodies(Kind.ERASED) == [{"seqs": [said, edit, digest]}]
        before = len(at.log.facts)
        for kind, body in [
            (Kind.SUMMARIZED, {"text": "x", "covers": [said]}),
            (Kind.RECOMMENDED, {"recommendation": "r", "category": "tone", "text": "x", "rests_on": [said]}),
        ]:
            with pytest.raises(NotFound):
                await _advise(at, kind, **body)
        with pytest.raises(NotFound):
            await tell(at, Kind.CORRECTED, target=said, text="Good night")
        assert len(at.log.facts) == before


async def test_a_sentence_that_is_being_spoken_falls_silent() -> None:
    """As if it had been struck; what comes behind it is still said."""
    async with table(mind=Mind(["One two three four five six.", "The end."]), ms_per_char=12) as at:
        ann = await at.sit("Ann", role="player")
        await type_in(at, ann)
        await at.until(at.speaking)
        await at.until(lambda: len(at.bodies(Kind.SENTENCE)) == 2)
        first = next(fact.seq for fact in at.log.facts if fact.kind == Kind.SENTENCE)
        await tell(at, Kind.ERASED, seqs=[first])
        cut, rest = await at.closed(), await at.closed(2)
        assert (cut["reason"], rest["state"]) == ("corrected", "heard")
        assert [body["text"] for body in at.bodies(Kind.SENTENCE) if body["line"] == rest["line"]] == ["The end."]


async def test_a_digest_in_flight_does_not_survive(monkeypatch: pytest.MonkeyPatch) -> None:
    """Told just before, it is erased as well; told while the erasure is on its way, it is refused."""
    async with table() as at:
        ann = await at.sit("Ann", role="player")
        said = await type_in(at, ann)
        await at.closed()
        before = asyncio.create_task(_advise(at, Kind.SUMMARIZED, text="Ann said it.", covers=[said]))
        erasing = asyncio.create_task(tell(at, Kind.ERASED, key="erase", seqs=[said]))
        await at.until(lambda: said in at.session.erasing)
        with pytest.raises(NotFound):
            await _advise(at, Kind.SUMMARIZED, text="Ann said it, after all.", covers=[said])
        erased = await erasing
        assert at.bodies(Kind.ERASED) == [{"seqs": [said, await before]}]
        assert erased.erased == (said, await before)


async def test_what_was_erased_of_a_held_line_is_not_said_after_a_cut() -> None:
    """Nor is what was struck: the rest of a line that is corrected while it is spoken is what still stands of it."""
    words = ["One two three four five six.", "Swordfish.", "Herring.", "Seven eight nine."]
    async with table(mind=Mind(words), ms_per_char=12) as at:
        ann = await at.sit("Ann", role="player")
        await approving(at)
        await type_in(at, ann)
        line = await held(at)
        first, second, third, fourth = (fact.seq for fact in at.log.facts if fact.kind == Kind.SENTENCE)
        await tell(at, Kind.ERASED, seqs=[second])
        await tell(at, Kind.STRUCK, targets=[third])
        await act(at, "release", line=line)
        await at.until(at.speaking)
        assert first < second
        await tell(at, Kind.CORRECTED, target=fourth, text="Ten.")
        await at.closed(2)
        told_again = [fact.body["text"] for fact in at.log.facts if fact.kind == Kind.SENTENCE and fact.seq > fourth]
        assert told_again[-1] == "Ten."
        assert not {"Swordfish.", "Herring."}.intersection(told_again)


async def test_only_a_director_erases_and_only_words() -> None:
    """Nobody's seat, no frame of a line, nothing that is not there."""
    async with table() as at:
        ann = await at.sit("Ann", role="player")
        said = await type_in(at, ann)
        await at.closed()
        opened = next(fact.seq for fact in at.log.facts if fact.kind == Kind.LINE_OPENED)
        before = len(at.log.facts)
        for seqs, refusal in [([opened], InvalidRequest), ([said, 10_000], NotFound), ([], InvalidRequest), (list(range(1, 502)), InvalidRequest)]:
            with pytest.raises(refusal):
                await tell(at, Kind.ERASED, seqs=seqs)
        request = TellRequest(session="s", principal=Principal("id-Ann", "player", "Ann"), key="k", kind=Kind.ERASED, body=json.dumps({"seqs": [said]}))
        with pytest.raises(Forbidden):
            await told(request, at.session, at.log, 0)
        assert len(at.log.facts) == before
