"""Which names an edit teaches, by what the table knows already."""

from __future__ import annotations

from dataclasses import replace

import pytest

from services.core.model.fact import Author, Fact
from services.core.model.facts import Body, Joined, Said, SceneSet, fields_of, kind_of
from services.gateway.corrections.desk import _hotwords
from services.gateway.corrections.requests import Edit
from services.gateway.history import Table
from services.transcript.view import DIRECTOR, View, fold

ANNA = Author("player", "p-1", "Anna")


def _view(*, hotwords: list[str]) -> View:
    bodies: list[Body] = [
        SceneSet(heading="INN", language="en"),
        Joined(member="p-1", role="player", name="Anna"),
        Said(utterance="u1", text="I have met miss ray before.", source="voice"),
        SceneSet(hotwords=hotwords),
    ]
    facts = [Fact(seq=seq, kind=kind_of(body), at_ms=seq, by=ANNA, body=fields_of(body)) for seq, body in enumerate(bodies, start=1)]
    return fold(facts, DIRECTOR)


@pytest.mark.parametrize(("known", "taught"), [([], ("Mirelle",)), (["Mirelle"], ()), (["Bram"], ("Mirelle",))])
def test_a_name_is_taught_once(known: list[str], taught: tuple[str, ...]) -> None:
    """By what the view has gathered; the session's facts, of which there may be many thousands, are not gone through."""
    view = _view(hotwords=known)
    bare = replace(view, state=replace(view.state, facts=type(view.state.facts)()))
    assert _hotwords(Edit(kind="edit", target=3, text="I have met Mirelle before."), Table(bare, {})) == taught
