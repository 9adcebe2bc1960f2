"""Dice: who threw them, where they lie, and who sees them."""

from __future__ import annotations

import json

import pytest

from services.core.errors import Forbidden
from services.core.model.attachment import TellRequest
from services.core.model.fact import Author, Fact, Kind
from services.core.model.principal import Principal
from services.stage.told import told
from services.transcript.view import Reader, RollEntry, fold
from tests.unit.services.stage.table import Table, table

DIRECTOR = Principal("local", "director")
ANN = Principal("id-Ann", "player", "Guest")


async def _roll(at: Table, principal: Principal, place: str = "") -> Fact:
    body = json.dumps({"expression": "1d20", "total": 17, "purpose": "insight"})
    request = TellRequest(session="s", principal=principal, key=f"roll{len(at.log.facts)}", kind=Kind.ROLLED, body=body, place=place)
    return at.log.facts[(await told(request, at.session, at.log, 0)).seq - 1]


async def test_dice_lie_where_their_player_sits() -> None:
    """Whatever place is named: a character elsewhere knows nothing of them, and the one who is there knows whose they are."""
    async with table("Mirelle") as at:
        ann = await at.sit("Ann", role="player", place="cellar")
        await at.sit("Bob", role="player")
        for place in ("", "cellar", "hall"):
            fact = await _roll(at, ANN, place)
            assert (fact.by, fact.place, fact.audience) == (Author("player", ann.participant, "Ann"), "cellar", (ann.participant,))
        view = fold(at.log.facts, Reader("character", "mirelle"))
        assert not any(isinstance(entry, RollEntry) for entry in view.entries)


async def test_everybody_at_the_place_sees_them() -> None:
    """Characters, too, under the name of who threw them."""
    async with table("Mirelle") as at:
        ann = await at.sit("Ann", role="player")
        bob = await at.sit("Bob", role="player")
        fact = await _roll(at, ANN)
        assert fact.audience == ("mirelle", ann.participant, bob.participant)
        [entry] = [entry for entry in fold(at.log.facts, Reader("character", "mirelle")).entries if isinstance(entry, RollEntry)]
        assert (entry.name, entry.role) == ("Ann", "player")


async def test_the_last_seat_taken_is_whose_dice_they_are() -> None:
    """One principal may have sat in several."""
    async with table() as at:
        await at.sit("Ann", role="player")
        second = await at.sit("Ann", role="player", place="cellar")
        assert ((await _roll(at, ANN)).by.id, (await _roll(at, ANN)).place) == (second.participant, "cellar")


async def test_who_has_no_seat_rolls_nothing() -> None:
    """Nor does a principal without an id, whatever seats there are."""
    async with table() as at:
        await at.sit("Ann", role="player")
        for principal in (Principal("id-Eve", "player"), Principal("", "player"), Principal("ops", "operator")):
            with pytest.raises(Forbidden):
                await _roll(at, principal)


async def test_a_director_throws_them_anywhere() -> None:
    """At a place by its name, else where the director sits, else before everybody; they stay a director's."""
    async with table("Mirelle") as at:
        ann = await at.sit("Ann", role="player", place="cellar")
        everywhere = await _roll(at, DIRECTOR)
        assert (everywhere.by, everywhere.audience) == (Author("director", "local"), None)
        assert (await _roll(at, DIRECTOR, "cellar")).audience == (ann.participant,)
        seated = await at.sit("Kit")
        own = await _roll(at, Principal("id-Kit", "director"))
        assert (own.by, own.audience) == (Author("director", seated.participant, "Kit"), ("mirelle", seated.participant))
        assert (await _roll(at, Principal("id-Kit", "director"), "cellar")).audience == (ann.participant, seated.participant)
