"""What a session is shown as."""

from __future__ import annotations

from typing import Any

from services.core.model.facts import SceneSet
from services.gateway.history import Table
from services.gateway.rest.sessions import session_info
from services.transcript.view import DIRECTOR, Reader, fold
from tests.unit.services.transcript.story import Story


class Kept:
    """The history of one story."""

    def __init__(self, story: Story) -> None:
        self.story = story

    async def table(self, _sid: str) -> Table:
        return Table(fold(self.story.facts, DIRECTOR), {})

    async def facts(self, _sid: str, after: int = 0, limit: int | None = None) -> list[Any]:
        return self.story.facts[after:][:limit]


async def test_everybody_is_shown_the_scene_where_they_are() -> None:
    """And the director the one that was set last."""
    story = Story()
    story.add(SceneSet(heading="TAVERN"))
    story.join("ann", "player")
    story.join("bob", "player", place="cellar")
    story.add(SceneSet(heading="CELLAR"), place="cellar", audience=["bob"])
    history: Any = Kept(story)
    shown = {
        reader.member: (await session_info(history, "s", reader))["scene"]["heading"] for reader in (Reader("player", "ann"), Reader("player", "bob"), DIRECTOR)
    }
    assert shown == {"ann": "TAVERN", "bob": "CELLAR", "": "CELLAR"}
