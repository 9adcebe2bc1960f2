"""`souffleur rehearse SESSION`: read the record, ask again, show both."""

from __future__ import annotations

import json
import sys
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Final
from urllib.parse import quote

import httpx2
from rich.console import Console

from manager import runfile
from manager.rehearse.playing import Changes, Take, takes
from manager.rehearse.record import cues
from manager.rehearse.shown import page, print_comparison
from services.compose import compose, run_dir
from services.core.errors import InvalidRequest, NotFound, Unavailable
from services.core.loop import run_loop
from services.core.model.fact import Fact
from services.core.model.reply import LlmEngineInfo
from services.core.settings import Settings, overlaid

_TIMEOUT_S: Final = 20.0
_PAGE: Final = 500
_LARGEST_CARD: Final = 1024 * 1024


@dataclass(frozen=True, slots=True, kw_only=True)
class Wish:
    """What was asked for on the command line."""

    session: str
    character: str = ""
    """Of the cast: everything is asked of it. Else from the catalogue: it plays the part of whoever answered."""
    model: str = ""
    notes: tuple[str, ...] = ()
    card: Path | None = None
    out: Path | None = None

    def told(self) -> str:
        """In words."""
        parts = [f"model {self.model}"] if self.model else []
        parts += [f"character {self.character}"] if self.character else []
        parts += [f"card {self.card.name}"] if self.card else []
        parts += [f"note: {note}" for note in self.notes]
        return "; ".join(parts) or "nothing"


def rehearse(settings: Settings, wish: Wish) -> int:
    """Print the comparison, and write it as HTML where that was asked for. The exit status is 0 if every line was answered."""
    run = runfile.read(run_dir(settings))
    url = run.url if run else ""
    redis = settings.redis.url or (run.redis_url if run else "")
    if not redis:
        raise Unavailable("Nothing runs here: `souffleur up` first, with the same --data.")
    if not url:
        url = settings.gateway.url
    done: list[Take] = []
    run_loop(_rehearse(overlaid(settings, {"redis": {"url": redis}}), url, wish, done))
    console = Console(highlight=False, width=None if sys.stdout.isatty() else 160)
    print_comparison(done, wish.told(), console)
    if wish.out is not None:
        wish.out.write_text(page(done, wish.session, wish.told()), encoding="utf-8")
        console.print(f"Written: {wish.out}", markup=False)
    return 1 if any(take.failed for take in done) else 0


async def _rehearse(settings: Settings, url: str, wish: Wish, done: list[Take]) -> None:
    async with compose(settings) as runtime, httpx2.AsyncClient(base_url=url, timeout=_TIMEOUT_S, trust_env=False) as http:
        facts = await _facts(http, wish.session)
        present = any(fact.kind == "joined" and fact.body.get("member") == wish.character for fact in facts)
        card = _card_in(wish.card) if wish.card else ""
        if wish.character and not present and not card:
            card = await _card_of(http, wish.character)
        llm = runtime.llm()
        if wish.model:
            _check_model(wish.model, (await llm.describe())[1])
        changes = Changes(model=wish.model, card=card, notes=wish.notes)
        asked = cues(facts, wish.character if present else "")
        async for take in takes(llm, wish.session, asked, changes, runtime.settings.llm):
            done.append(take)
            if sys.stderr.isatty():
                sys.stderr.write(f"\r{len(done)} of {len(asked)}")
        if sys.stderr.isatty():
            sys.stderr.write("\r")


async def _facts(http: httpx2.AsyncClient, session: str) -> list[Fact]:
    found: list[Fact] = []
    while True:
        page_of = await _got(http, f"/api/sessions/{quote(session, safe='')}/facts", after=found[-1].seq if found else 0, limit=_PAGE)
        found += [Fact.from_dict(item) for item in page_of["items"]]
        if page_of["next_cursor"] is None:
            return found


async def _card_of(http: httpx2.AsyncClient, slug: str) -> str:
    return json.dumps((await _got(http, f"/api/characters/{quote(slug, safe='')}"))["data"], ensure_ascii=False)


async def _got(http: httpx2.AsyncClient, path: str, **query: Any) -> dict[str, Any]:
    try:
        answer = await http.get(path, params=query)
    except httpx2.HTTPError as error:
        raise Unavailable(f"the program at {http.base_url} does not answer: {type(error).__name__}") from None
    if answer.status_code == 404:
        raise NotFound(str(answer.json().get("detail", "There is nothing of that name.")))
    if not answer.is_success:
        raise Unavailable(f"the program answered HTTP {answer.status_code} for {path}")
    return dict(answer.json())


def _card_in(path: Path) -> str:
    """The data of a card's JSON file, V2 or V3. Raises `InvalidRequest`."""
    try:
        if path.stat().st_size > _LARGEST_CARD:
            raise InvalidRequest(f"{path} is larger than a card may be")
        whole = json.loads(path.read_text(encoding="utf-8"))
    except (OSError, ValueError) as error:
        raise InvalidRequest(f"{path} cannot be read as a card in JSON: {type(error).__name__}") from None
    data = whole.get("data", whole) if isinstance(whole, dict) else None
    if not isinstance(data, dict) or not data.get("name"):
        raise InvalidRequest(f"{path} is no character card: it has no name")
    return json.dumps(data, ensure_ascii=False)


def _check_model(name: str, engines: Sequence[LlmEngineInfo]) -> None:
    known = [engine.name for engine in engines]
    if name not in known:
        raise NotFound(f"no engine is called {name}; there is {', '.join(known) or 'none'}")
