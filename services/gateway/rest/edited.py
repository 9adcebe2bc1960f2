"""An edited screenplay handed in: the difference to the one given out becomes corrections."""

from __future__ import annotations

import asyncio
import json
import re
from collections import Counter
from collections.abc import Iterator, Sequence
from dataclasses import asdict
from hashlib import blake2b
from typing import Any, Final

from starlette.requests import Request

from services.core.errors import InvalidRequest, SouffleurError, TooLarge
from services.core.model.fact import Fact
from services.core.model.principal import Principal
from services.gateway import strict_json
from services.gateway.corrections.desk import Corrections
from services.gateway.corrections.requests import correction_of
from services.gateway.corrections.shown import shown
from services.gateway.history import History
from services.gateway.problems import PreconditionFailed, PreconditionRequired
from services.transcript.screenplay import Asked, Refused, Screenplay, asked, blocks, parse, title_page
from services.transcript.view import DIRECTOR, View, fold

DOCUMENT_CHARACTERS: Final = 2_000_000
CHANGES: Final = 500
OLDEST: Final = 10_000
"""Facts behind which a document is too old to be compared with."""
_ETAG: Final = re.compile(r'\s*(?:W/)?"([0-9]{1,15})"\s*')


async def handed_in(sid: str, request: Request, principal: Principal, history: History, corrections: Corrections) -> dict[str, Any]:
    """The answer to a PUT: the corrections it became, and what was not accepted.

    Raises `PreconditionRequired` or `PreconditionFailed` for its If-Match, `InvalidRequest` and `TooLarge` for the document; then nothing has changed.
    """
    head = (await history.table(sid)).view
    base = _base(request, head.seq)
    text = await _text(request)
    view = head if base == head.seq else await _view_at(history, sid, base)
    found = await asyncio.to_thread(_compared, view, text)
    if len(found.corrections) > CHANGES:
        raise TooLarge(f"{len(found.corrections)} changes at once; at most {CHANGES}.")
    accepted: list[dict[str, Any]] = []
    refused = list(found.refused)
    for body, correction_id in zip(found.corrections, _ids(sid, base, found.corrections), strict=True):
        try:
            # A document can name characters by number that no other way in would take.
            strict_json.check(body)
            row = await corrections.accept(sid, principal, correction_of({**body, "id": correction_id}))
        except InvalidRequest as error:
            # What is wrong with one change by itself leaves the others as they are.
            refused.append(_unaccepted(body, error))
        else:
            accepted.append(shown(row))
    return {"base": base, "corrections": accepted, "refused": [{**asdict(item), "text": _sendable(item.text)} for item in refused]}


def _ids(sid: str, base: int, bodies: Sequence[dict[str, Any]]) -> Iterator[str]:
    """An id for each change, the same when it is handed in again, with or without others: it then happens once."""
    seen: Counter[str] = Counter()
    for body in bodies:
        content = json.dumps([sid, base, body], sort_keys=True)
        seen[content] += 1
        yield f"edit-{blake2b(f'{seen[content]} {content}'.encode(), digest_size=12).hexdigest()}"


def _base(request: Request, head: int) -> int:
    given = request.headers.get("if-match")
    if given is None or given.strip() == "*":
        raise PreconditionRequired
    match = _ETAG.fullmatch(given)
    base = int(match[1]) if match else 0
    if not 0 < base <= head:
        raise PreconditionFailed("There never was a document of that version; read it again and repeat your change.")
    if base < head - OLDEST:
        raise PreconditionFailed("That version is too old to compare with; read it again and repeat your change.")
    return base


async def _text(request: Request) -> str:
    raw = await request.body()
    try:
        text = raw.decode("utf-8")
    except UnicodeDecodeError:
        raise InvalidRequest("The document is not UTF-8.") from None
    if len(text) > DOCUMENT_CHARACTERS:
        raise TooLarge(f"The document may have {DOCUMENT_CHARACTERS} characters.")
    if not text.strip():
        raise InvalidRequest("The document is empty: to begin anew there is retcon.")
    return text


async def _view_at(history: History, sid: str, seq: int) -> View:
    """The director's view as it was at `seq`."""
    facts: list[Fact] = [fact for fact in await history.facts(sid) if fact.seq <= seq]
    return await asyncio.to_thread(fold, facts, DIRECTOR)


def _compared(view: View, text: str) -> Asked:
    return asked(Screenplay(title=title_page(view), blocks=blocks(view)), parse(text), view.members)


def _sendable(text: str) -> str:
    """What of it UTF-8 can say: it may have been refused for the rest."""
    return text.encode(errors="replace").decode()


def _unaccepted(body: dict[str, Any], error: SouffleurError) -> Refused:
    target = int(body.get("target") or (body.get("targets") or [0])[0])
    text = str(body.get("text") or body.get("heading") or body.get("title") or "")
    return Refused(block=str(body.get("block") or body["kind"]), text=text, reason=error.detail, target=target, after=int(body.get("after") or 0))
