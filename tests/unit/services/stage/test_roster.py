"""What the stage folds from the facts: whose words wait for their end."""

from __future__ import annotations

from services.core.model.fact import Author, Draft, Kind
from services.core.model.facts import LineOpened, Said, fields_of
from services.stage.roster import OpenWords, Roster

ANN = Author("player", "p-ann", "Ann")


def _said(seq: int, *, source: str = "typed", place: str = "", audience: tuple[str, ...] | None = None, whispered: bool = False) -> Draft:
    body = fields_of(Said(utterance=f"u{seq}", text="Hello?", source=source, whispered=whispered))
    return Draft(key=f"k{seq}", kind=Kind.SAID, at_ms=0, by=ANN, body=body, place=place, audience=audience)


def _folded(*drafts: Draft) -> Roster:
    roster = Roster()
    for seq, draft in enumerate(drafts, 1):
        roster.advance(draft.at(seq))
    return roster


def test_narration_waits_for_no_answer() -> None:
    """Nobody passes what nobody was asked."""
    assert _folded(_said(1, source="narrated"), _said(2)).open_turns() == [OpenWords("", None, 2, 2)]


def test_whispers_wait_apart_from_what_everybody_heard() -> None:
    """Whoever is told of their end is whoever heard them."""
    both = ("p-ann", "mirelle")
    roster = _folded(_said(1, audience=("p-ann", "p-bob")), _said(2, audience=both, whispered=True), _said(3), _said(4, audience=both, whispered=True))
    assert roster.open_turns() == [OpenWords("", None, 1, 3), OpenWords("", both, 2, 4)]


def test_an_open_line_is_known_with_those_who_heard_of_it() -> None:
    """Whoever closes it tells the same ones."""
    body = fields_of(LineOpened(line="L1", character="mirelle", turn=1, base_seq=1, whispered=True))
    opened = Draft(key="L1:open", kind=Kind.LINE_OPENED, at_ms=0, by=Author("character", "mirelle"), body=body, place="cellar", audience=("p-ann",))
    line = _folded(_said(1, place="cellar"), opened).open_lines["L1"]
    assert (line.place, line.audience) == ("cellar", ("p-ann",))
