"""Joining costs what is new; each connection goes on from a roster of its own."""

from __future__ import annotations

from services.core.errors import NotFound
from services.core.model.fact import Author, Fact
from services.core.model.facts import Body, Joined, Left, LineOpened, fields_of, kind_of
from services.gateway.realtime.roster import Rosters


class _Facts:
    def __init__(self, trimmed: int = 0) -> None:
        self.facts: list[Fact] = []
        self.read_from: list[int] = []
        self._trimmed = trimmed

    def add(self, body: Body) -> None:
        self.facts.append(Fact(seq=len(self.facts) + 1, kind=kind_of(body), at_ms=0, by=Author("stage"), body=fields_of(body)))

    async def read(self, sid: str, after: int = 0, upto: int | None = None, limit: int | None = None) -> list[Fact]:
        assert sid == "inn"
        self.read_from.append(after)
        if after < self._trimmed:
            raise NotFound("trimmed")
        return [fact for fact in self.facts if after < fact.seq <= (upto or len(self.facts))][:limit]


async def test_the_second_join_reads_what_is_new() -> None:
    """However long the session is; and what one connection does to its roster is nobody else's."""
    log = _Facts()
    log.add(Joined(member="mirelle", role="character", name="Mirelle"))
    log.add(LineOpened(line="L", character="mirelle", turn=0, base_seq=1))
    rosters = Rosters(log, log)
    first = await rosters.at("inn", 2)
    first.members["mirelle"].present = False
    first.open_lines.clear()
    log.add(Joined(member="p-1", role="player", name="Ann"))
    second = await rosters.at("inn", 3)
    assert log.read_from == [0, 2]
    assert [member.name for member in second.members.values() if member.present] == ["Mirelle", "Ann"]
    assert list(second.open_lines) == ["L"]
    log.add(Left(member="p-1"))
    assert (await rosters.at("inn", 3)).members["p-1"].present
    assert log.read_from == [0, 2], "nothing is read for what is known"
    assert not (await rosters.at("inn", 4)).members["p-1"].present


async def test_what_is_trimmed_comes_from_the_archive() -> None:
    """From the beginning, and then from the log."""
    log, archive = _Facts(trimmed=1), _Facts()
    for facts in (log, archive):
        facts.add(Joined(member="mirelle", role="character", name="Mirelle"))
        facts.add(Joined(member="p-1", role="player", name="Ann"))
    archive.facts.pop()
    roster = await Rosters(log, archive).at("inn", 2)
    assert list(roster.members) == ["mirelle", "p-1"]


async def test_what_was_lost_is_forgotten() -> None:
    """Numbers that stood for other facts are read anew."""
    log = _Facts()
    log.add(Joined(member="mirelle", role="character", name="Mirelle"))
    log.add(Joined(member="p-1", role="player", name="Ann"))
    rosters = Rosters(log, log)
    await rosters.at("inn", 2)
    log.facts.pop()
    log.add(Joined(member="p-2", role="player", name="Bob"))
    rosters.forget("inn")
    assert list((await rosters.at("inn", 2)).members) == ["mirelle", "p-2"]
