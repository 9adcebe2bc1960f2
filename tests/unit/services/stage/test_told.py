"""Facts told by others: who may tell what, in which form."""

from __future__ import annotations

import json
from typing import Any

import pytest

from services.core.errors import Forbidden, InvalidRequest, NotFound, SouffleurError, TooLarge
from services.core.model.attachment import TellRequest, TellResponse, TextSaid
from services.core.model.desk import ActRequest
from services.core.model.fact import Fact, Kind
from services.core.model.principal import Principal
from services.stage.told import told
from tests.unit.services.stage.direction import act
from tests.unit.services.stage.table import Table, table

DIRECTOR = Principal("local", "director")
PLAYER = Principal("id-Ann", "player", "Ann")


async def _tell(at: Table, kind: str, body: Any, principal: Principal = DIRECTOR, *, key: str = "k") -> Fact:
    """The fact that comes of it."""
    text = body if isinstance(body, str) else json.dumps(body)
    answer = await told(TellRequest(session="s", principal=principal, key=key, kind=kind, body=text), at.session, at.log, 0)
    return at.log.facts[answer.seq - 1]


@pytest.mark.parametrize(
    ("kind", "body"),
    [
        (Kind.STRUCK, {"targets": "12"}),
        (Kind.STRUCK, {"targets": {"0": 1}}),
        (Kind.STRUCK, {"targets": []}),
        (Kind.STRUCK, {"targets": [True]}),
        (Kind.NOTED, {"text": 5}),
        (Kind.NOTED, '{"text": "x", "turns": NaN}'),
        (Kind.NOTED, "[" * 5000),
        (Kind.NOTED, "[]"),
        (Kind.ROLLED, {"expression": {"deep": []}, "total": 1}),
        (Kind.ROLLED, {"expression": "1d6", "total": 1, "dice": ["six"]}),
        (Kind.SCENE_SET, {"phrases": [1]}),
        (Kind.SCENE_SET, {"mode": "sometimes"}),
        (Kind.JOINED, {"member": "x", "role": "player", "name": "X"}),
        (Kind.JOINED, '{"member": "x", "role": "character", "name": "X", "card": {"a": Infinity}}'),
    ],
)
async def test_a_body_of_the_wrong_form_is_never_written(kind: str, body: Any) -> None:
    """Every reader folds every fact for ever: one of the wrong type would break them all."""
    async with table() as at:
        with pytest.raises(InvalidRequest):
            await _tell(at, kind, body)


@pytest.mark.parametrize(
    ("body", "refusal"),
    [
        ({"safety_words": ["red light"] * 17}, TooLarge),
        ({"safety_words": ["x" * 101]}, TooLarge),
        ({"safety_words": ["red light", ""]}, InvalidRequest),
        ({"voices": {"": "three"}}, InvalidRequest),
        ({"modes": {"character:mirelle": "sometimes"}}, InvalidRequest),
        ({"deliveries": {"mirelle": "drum"}}, InvalidRequest),
    ],
)
async def test_a_scene_lays_down_nothing_that_the_desk_would_not(body: Any, refusal: type[SouffleurError]) -> None:
    """Whoever tells it; what the desk lays down is taken."""
    async with table() as at:
        with pytest.raises(refusal):
            await _tell(at, Kind.SCENE_SET, body)
        laid = {"safety_words": [""], "voices": {"": "many"}, "modes": {"character:mirelle": ""}, "deliveries": {"mirelle": "teleprompter"}}
        assert (await _tell(at, Kind.SCENE_SET, laid)).body["voices"] == {"": "many"}


async def test_a_scene_with_a_place_is_for_those_who_are_there() -> None:
    """Without one it is everybody's."""
    async with table("Mirelle", "Bram") as at:
        await at.sit("Ann", role="player", hears=False)
        await act(at, "move", character="bram", text="cellar")
        await at.until(lambda: at.session.roster.audience("cellar") == ("bram",))
        scene = json.dumps({"heading": "CELLAR"})
        for place, audience in (("cellar", ["bram"]), ("attic", []), ("", None)):
            asked = TellRequest(session="s", principal=DIRECTOR, key=f"k{place}", kind=Kind.SCENE_SET, body=scene, place=place)
            fact = at.log.facts[(await told(asked, at.session, at.log, 0)).seq - 1]
            assert (fact.place, fact.audience if fact.audience is None else list(fact.audience)) == (place, audience)


async def test_a_body_without_end_is_refused() -> None:
    """Only a card may be large."""
    async with table() as at:
        with pytest.raises(TooLarge):
            await _tell(at, Kind.NOTED, {"text": "x" * 100_000})
        card = {"member": "x", "role": "character", "name": "X", "card": {"description": "x" * 100_000}}
        assert (await _tell(at, Kind.JOINED, card)).body["member"] == "x"


async def test_a_told_key_can_be_no_key_of_the_stage() -> None:
    """Nobody may take the place of a line's end."""
    async with table() as at:
        fact = await _tell(at, Kind.NOTED, {"text": "x"}, key="pass:3")
        assert at.log.keys["told:pass:3"] == fact
        for key in ("", "x" * 201, "ж" * 150, "a\0b"):
            with pytest.raises(InvalidRequest):
                await _tell(at, Kind.NOTED, {"text": "x"}, key=key)


async def test_a_participant_cannot_be_replaced_by_a_character() -> None:
    """Members keep their kind."""
    async with table() as at:
        ann = await at.sit("Ann")
        with pytest.raises(InvalidRequest):
            await _tell(at, Kind.JOINED, {"member": ann.participant, "role": "character", "name": "Ann"})
        with pytest.raises(NotFound):
            await _tell(at, Kind.LEFT, {"member": "nobody"})


@pytest.mark.parametrize(
    ("principal", "error"), [(PLAYER, None), (DIRECTOR, None), (Principal("id-Eve", "player"), Forbidden), (Principal("", "player"), Forbidden)]
)
async def test_players_strike_their_own_words_only(principal: Principal, error: type[SouffleurError] | None) -> None:
    """A director strikes everything; a principal without an id is nobody."""
    async with table() as at:
        ann = await at.sit("Ann", role="player", hears=False)
        said = await at.session.say(ann, TextSaid("m1", "Oops", answers=False))
        if error is None:
            assert (await _tell(at, Kind.STRUCK, {"targets": [said.seq]}, principal)).cause == said.seq
        else:
            with pytest.raises(error):
                await _tell(at, Kind.STRUCK, {"targets": [said.seq]}, principal)
        with pytest.raises(NotFound):
            await _tell(at, Kind.STRUCK, {"targets": [99]}, principal)


@pytest.mark.parametrize("kind", [Kind.NOTED, Kind.WHISPERED, Kind.SCENE_SET, Kind.CORRECTED, Kind.JOINED, Kind.LINE_CLOSED, Kind.SAID, "made_up"])
async def test_players_tell_nothing_else(kind: str) -> None:
    """Notes, scenes and corrections are the director's, lines the stage's."""
    async with table() as at:
        with pytest.raises(Forbidden):
            await _tell(at, kind, {"text": "x"}, PLAYER)


ADVISER = Principal("summarizer", "adviser")


async def _answer(at: Table, kind: str, body: dict[str, Any], *, key: str = "k", base: int = 0) -> TellResponse:
    request = TellRequest(session="s", principal=DIRECTOR, key=key, kind=kind, body=json.dumps(body), base=base)
    return await told(request, at.session, at.log, 0)


async def test_a_correction_of_what_has_changed_meanwhile_is_a_conflict() -> None:
    """Nothing is written, and the editor gets the wording that stands; asked again after it was applied it is no conflict."""
    async with table() as at:
        ann = await at.sit("Ann", hears=False)
        said = await at.session.say(ann, TextSaid("m1", "Good evening", answers=False))
        first = await _answer(at, Kind.CORRECTED, {"target": said.seq, "text": "Good morning"}, key="a", base=said.seq)
        assert not first.conflicted
        late = await _answer(at, Kind.CORRECTED, {"target": said.seq, "text": "Good night"}, key="b", base=said.seq)
        assert (late.conflicted, late.current, late.current_seq, late.seq) == (True, "Good morning", first.seq, 0)
        again = await _answer(at, Kind.CORRECTED, {"target": said.seq, "text": "Good morning"}, key="a", base=said.seq)
        assert (again.conflicted, again.seq) == (False, first.seq)
        last = await _answer(at, Kind.CORRECTED, {"target": said.seq, "text": "Good night"}, key="c")
        assert not last.conflicted, "without a base the last writer wins"
        gone = await _answer(at, Kind.RETCONNED, {"to": said.seq - 1}, key="d")
        struck = await _answer(at, Kind.STRUCK, {"targets": [said.seq]}, key="e", base=last.seq)
        assert (struck.conflicted, struck.current_seq) == (True, gone.seq)


@pytest.mark.parametrize("kind", [Kind.STRUCK, Kind.RETCONNED])
async def test_what_was_taken_back_is_no_conflict(kind: str) -> None:
    """Whoever edits what a strike or a retcon had taken away and a later strike gave back is not told that it has changed; taken away again it has."""
    async with table() as at:
        ann = await at.sit("Ann", hears=False)
        said = await at.session.say(ann, TextSaid("m1", "Good evening", answers=False))
        body = {"targets": [said.seq]} if kind == Kind.STRUCK else {"to": said.seq - 1}
        gone = await _answer(at, kind, body, key="a")
        early = await _answer(at, Kind.CORRECTED, {"target": said.seq, "text": "Good night"}, key="b", base=said.seq)
        assert (early.conflicted, early.current_seq) == (True, gone.seq)
        back = await _answer(at, Kind.STRUCK, {"targets": [gone.seq]}, key="c", base=gone.seq)
        assert not back.conflicted
        twice = await _answer(at, Kind.STRUCK, {"targets": [gone.seq]}, key="d", base=gone.seq)
        assert (twice.conflicted, twice.current_seq) == (True, back.seq)
        redone = await _answer(at, Kind.STRUCK, {"targets": [back.seq]}, key="e")
        late = await _answer(at, Kind.CORRECTED, {"target": said.seq, "text": "Good night"}, key="f", base=said.seq)
        assert (late.conflicted, late.current_seq) == (True, gone.seq)
        await _answer(at, Kind.STRUCK, {"targets": [redone.seq]}, key="g")
        edited = await _answer(at, Kind.CORRECTED, {"target": said.seq, "text": "Good night"}, key="h", base=said.seq)
        assert not edited.conflicted


async def test_only_a_director_strikes_acts() -> None:
    """A player's strike cannot be taken back by the player, nor can anything that the director has done; what is not there is not found."""
    async with table() as at:
        ann = await at.sit("Ann", hears=False)
        said = await at.session.say(ann, TextSaid("m1", "Good evening", answers=False))
        own = await _tell(at, Kind.STRUCK, {"targets": [said.seq]}, PLAYER, key="a")
        retcon = await _tell(at, Kind.RETCONNED, {"to": said.seq - 1}, key="b")
        for fact in (own, retcon):
            with pytest.raises(Forbidden):
                await _tell(at, Kind.STRUCK, {"targets": [fact.seq]}, PLAYER, key="c")
        with pytest.raises(NotFound):
            await _tell(at, Kind.STRUCK, {"targets": [retcon.seq, 99]}, key="d")
        assert (await _tell(at, Kind.STRUCK, {"targets": [own.seq, retcon.seq]}, key="e")).cause == own.seq


async def test_a_new_feeling_keeps_the_words() -> None:
    """A correction without a text has the one that stands."""
    async with table() as at:
        ann = await at.sit("Ann", hears=False)
        await at.session.say(ann, TextSaid("m1", "Good evening"))
        await at.closed()
        sentence = next(fact for fact in at.log.facts if fact.kind == Kind.SENTENCE)
        await _answer(at, Kind.CORRECTED, {"target": sentence.seq, "text": "", "emotion": "fear"})
        assert at.bodies(Kind.CORRECTED)[0] | {"base": 0} == {
            "target": sentence.seq, "text": "Good evening.", "base": 0, "emotion": "fear", "intensity": None, "manner": None,
        }  # fmt: skip


async def test_a_retcon_takes_with_it_what_was_to_answer() -> None:
    """The line that is being spoken is cut, the draft refused, before the retcon stands."""
    async with table(ms_per_char=40) as at:
        ann = await at.sit("Ann")
        head = len(at.log.facts)
        await at.session.say(ann, TextSaid("m1", "Good evening"))
        await at.until(at.speaking)
        await _answer(at, Kind.RETCONNED, {"to": head})
        kinds = [fact.kind for fact in at.log.facts[head:]]
        assert kinds.index(Kind.LINE_CLOSED) < kinds.index(Kind.RETCONNED)
        assert at.bodies(Kind.LINE_CLOSED)[0]["reason"] == "corrected"
        assert not at.speaking()


async def test_a_retcon_goes_by_where_a_held_line_was_released() -> None:
    """Drafted before and released after that point, it never happened."""
    async with table(ms_per_char=40) as at:
        ann = await at.sit("Ann")
        await at.session.act(ActRequest(session="s", principal=DIRECTOR, act="m", kind="mode", text="approve"))
        await at.session.say(ann, TextSaid("m1", "Good evening"))
        await at.until(lambda: any(line.complete for line in at.session.desk.shown().held))
        to = len(at.log.facts)
        await at.session.act(ActRequest(session="s", principal=DIRECTOR, act="r", kind="release"))
        await at.until(at.speaking)
        await _answer(at, Kind.RETCONNED, {"to": to})
        assert (await at.closed())["reason"] == "corrected"


@pytest.mark.parametrize(
    ("kind", "body", "error"),
    [
        (Kind.RETCONNED, {"to": 999}, InvalidRequest),
        (Kind.CORRECTED, {"target": 1, "text": ""}, InvalidRequest),
        (Kind.INSERTED, {"after": 1, "block": "poem", "text": "x"}, InvalidRequest),
        (Kind.INSERTED, {"after": 999, "block": "said", "text": "x"}, InvalidRequest),
        (Kind.INSERTED, {"after": 1, "block": "said", "text": "x", "member": "nobody"}, NotFound),
        (Kind.WHISPERED, {"character": "nobody", "text": "x"}, NotFound),
        (Kind.WHISPERED, {"character": "mirelle", "text": ""}, InvalidRequest),
        (Kind.NOTED, {"text": "x", "scope": "sometimes"}, InvalidRequest),
        (Kind.NOTED, {"text": "x", "character": "nobody"}, NotFound),
        (Kind.REVEALED, {"character": "nobody", "secret": "s"}, NotFound),
        (Kind.RECOMMENDATION_DECIDED, {"recommendation": "r", "state": "loved"}, InvalidRequest),
        (Kind.SUMMARIZED, {"text": "x", "covers": []}, Forbidden),
    ],
)
async def test_what_a_director_tells_makes_sense(kind: str, body: dict[str, Any], error: type[SouffleurError]) -> None:
    """Otherwise nothing is written."""
    async with table() as at:
        facts = len(at.log.facts)
        with pytest.raises(error):
            await _tell(at, kind, body)
        assert len(at.log.facts) == facts


async def test_the_adviser_tells_digests_and_advice_alone() -> None:
    """It corrects nothing, and nobody but those who oversee perceives its advice."""
    async with table() as at:
        advice = {"recommendation": "r1", "category": "tone", "text": "Be grim."}
        assert (await _tell(at, Kind.RECOMMENDED, advice, ADVISER, key="r")).audience == ()
        assert (await _tell(at, Kind.SUMMARIZED, {"text": "They met.", "covers": [1]}, ADVISER, key="s")).audience is None
        for kind in (Kind.NOTED, Kind.CORRECTED, Kind.RETCONNED, Kind.SCENE_SET):
            with pytest.raises(Forbidden):
                await _tell(at, kind, {"text": "x"}, ADVISER)
