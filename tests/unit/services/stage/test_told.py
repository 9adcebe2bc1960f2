"""Facts told by others: who may tell what, in which form."""

from __future__ import annotations

import json
from typing import Any

import pytest

from services.core.errors import Forbidden, InvalidRequest, NotFound, SouffleurError, TooLarge
from services.core.model.attachment import Principal, TellRequest, TextSaid
from services.core.model.fact import Fact, Kind
from services.stage.told import told
from tests.unit.services.stage.table import Table, table

DIRECTOR = Principal("local", "director")
PLAYER = Principal("id-Ann", "player", "Ann")


async def _tell(at: Table, kind: str, body: Any, principal: Principal = DIRECTOR, key: str = "k", base: int = 0) -> Fact:
    """The fact that comes of it."""
    text = body if isinstance(body, str) else json.dumps(body)
    answer = await told(TellRequest(session="s", principal=principal, key=key, kind=kind, body=text, base=base), at.session, at.log, 0)
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
