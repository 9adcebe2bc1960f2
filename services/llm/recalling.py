"""What comes to a character's mind from earlier sessions, within a deadline: a turn never waits for it, whatever the store does."""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Coroutine, Sequence
from typing import Any, Final, Protocol

import structlog

from services.core.clock import Clock
from services.core.errors import SouffleurError
from services.core.model.fact import Kind
from services.core.settings import MemorySettings
from services.llm.history import company, scene_text
from services.transcript.memory import Memory
from services.transcript.quoting import one_line
from services.transcript.view import LineEntry, SaidEntry, View

DEADLINE_S: Final = 0.05
_MOST_RUNNING: Final = 8
_PATIENCE: Final = 3
"""So many late answers in a row, and the store is left alone for a while."""
_REST_S: Final = 30.0
_BLANK_S: Final = 60.0
_ENDING_S: Final = 2.0
_ENTRIES: Final = 12
_WORDS: Final = 4
_LONGEST_QUERY: Final = 2_000
_SPARE: Final = 2
"""Asked for beyond what is wanted: some may rest on what stands no more, or not yet."""
_FEELING: Final = ("emotion", "intensity", "manner")

_log = structlog.get_logger(__name__)


class Memories(Protocol):
    """Where memories are: `MemoryStore`."""

    def recall(self, character: str, present: Sequence[str], text: str, limit: int) -> Coroutine[Any, Any, list[Memory]]:
        """The best first."""
        ...

    def blank(self, character: str) -> Coroutine[Any, Any, bool]:
        """It remembers nothing at all."""
        ...

    def close(self) -> Coroutine[Any, Any, None]:
        """Give the connections back."""
        ...


class Recalling:
    """Opens the store behind the scenes; until it is open, and whenever it is late, nothing comes to mind."""

    def __init__(self, opening: Callable[[], Coroutine[Any, Any, Memories]], clock: Clock) -> None:
        """`opening` opens the store; it is tried again where it fails."""
        self._opening = opening
        self._clock = clock
        self._opened: asyncio.Task[Memories | None] | None = None
        self._running: set[asyncio.Task[list[Memory]]] = set()
        self._late = 0
        self._rests_until = 0.0
        self._blank: dict[str, float] = {}
        """Characters without any memory, and until when nobody looks again."""

    async def recalled(self, view: View, character: str, session: str, settings: MemorySettings) -> list[str]:
        """Texts for the prompt of `character`, whose own `view` it is; the best first."""
        store = self._store() if settings.enabled and settings.recalled else None
        text = about(view) if store else ""
        now = self._clock.now()
        if store is None or not text or len(self._running) >= _MOST_RUNNING or now < max(self._rests_until, self._blank.get(character, 0.0)):
            return []
        here = [member.member for member in company(view, character)]
        task = asyncio.create_task(self._look(store, character, here, text, settings.recalled * _SPARE), name="recall")
        self._running.add(task)
        task.add_done_callback(self._ended)
        # Not cancelled when it is late: a statement cut off in the middle costs its connection.
        await asyncio.wait({task}, timeout=DEADLINE_S)
        if not task.done():
            self._note_late()
            return []
        self._late = 0
        if task.cancelled() or task.exception() is not None:
            return []
        return _standing(task.result(), view, session)[: settings.recalled]

    async def _look(self, store: Memories, character: str, here: Sequence[str], text: str, limit: int) -> list[Memory]:
        found = await store.recall(character, here, text, limit)
        if not found and await store.blank(character):
            # Most characters have no past: they are asked for one once in a while, not in every turn.
            now = self._clock.now()
            self._blank = {slug: until for slug, until in self._blank.items() if until > now} | {character: now + _BLANK_S}
        return found

    async def close(self) -> None:
        """Let what is running come to its end, as long as that is near, and close the store."""
        opened = self._opened
        tasks: list[asyncio.Task[Any]] = [*self._running, *([opened] if opened else [])]
        if tasks:
            _, late = await asyncio.wait(tasks, timeout=_ENDING_S)
            for task in late:
                task.cancel()
            await asyncio.wait(tasks)
        if opened is not None and not opened.cancelled() and (store := opened.result()) is not None:
            await store.close()

    def warm(self) -> None:
        """Begin to open the store."""
        self._store()

    def _store(self) -> Memories | None:
        done = self._opened is not None and self._opened.done()
        if done and self._opened is not None and (store := self._opened.result()) is not None:
            return store
        if self._opened is None or (done and self._clock.now() >= self._rests_until):
            self._opened = asyncio.create_task(self._open(), name="open memories")
        return None

    async def _open(self) -> Memories | None:
        try:
            return await self._opening()
        except SouffleurError as error:
            _log.warning("memory.cannot_open", reason=error.detail)
        except Exception:
            # Whatever is wrong with it, the characters go on without.
            _log.exception("memory.cannot_open")
        self._rests_until = self._clock.now() + _REST_S
        return None

    def _ended(self, task: asyncio.Task[list[Memory]]) -> None:
        self._running.discard(task)
        if not task.cancelled() and (error := task.exception()) is not None:
            _log.warning("memory.failed", reason=error.code if isinstance(error, SouffleurError) else type(error).__name__)

    def _note_late(self) -> None:
        self._late += 1
        if self._late >= _PATIENCE:
            self._late = 0
            self._rests_until = self._clock.now() + _REST_S
            _log.warning("memory.late", rest_s=_REST_S)


def about(view: View) -> str:
    """What memories are looked up by: the last words in the character's hearing, who said them, and the scene."""
    found: list[str] = []
    for entry in reversed(view.recent(_ENTRIES)):
        if isinstance(entry, SaidEntry):
            found.append(f"{entry.name} {entry.text}")
        elif isinstance(entry, LineEntry) and entry.heard_text:
            found.append(entry.heard_text)
        if len(found) >= _WORDS:
            break
    if view.scene is not None:
        found.append(scene_text(view.scene.heading, view.scene.description))
    return "\n".join(found)[:_LONGEST_QUERY]


def _standing(memories: Sequence[Memory], view: View, session: str) -> list[str]:
    """On one line each, and without those of this very session that rest on what was struck, retconned or reworded since, or on what is still to come."""
    stands = view.state.ledger.stands
    reworded = _reworded(view) if any(memory.session == session for memory in memories) else {}

    def holds(memory: Memory) -> bool:
        # A rehearsal folds the view at a point in the past of a session that has gone on since.
        own = (seq <= view.seq and stands(seq) and reworded.get(seq, 0) <= memory.created_at_ms for seq in memory.sources)
        return memory.session != session or all(own)

    return [one_line(memory.text) for memory in memories if holds(memory)]


def _reworded(view: View) -> dict[Any, int]:
    """Fact -> when it was last given other words: what was remembered of it before is being remembered anew. A new feeling makes no other words."""
    edits = (fact for fact in view.state.facts if fact.kind == Kind.CORRECTED)
    return {fact.body.get("target"): fact.at_ms for fact in edits if all(fact.body.get(name) in (None, "") for name in _FEELING)}
