"""A session's screenplay over the public interface of a running program."""

from __future__ import annotations

import time
from dataclasses import dataclass
from typing import Any, Final
from urllib.parse import quote

import httpx2

from manager import runfile
from services.compose import run_dir
from services.core.errors import Conflict, InvalidRequest, SouffleurError, Unavailable
from services.core.settings import Settings

_TIMEOUT_S: Final = 60.0
_POLL_S: Final = 0.1


@dataclass(frozen=True, slots=True)
class Document:
    """As it was given out."""

    text: str
    etag: str


@dataclass(frozen=True, slots=True)
class HandedIn:
    """What an edited document has become."""

    corrections: list[dict[str, Any]]
    refused: list[dict[str, Any]]

    @property
    def waiting(self) -> list[dict[str, Any]]:
        """Corrections of which nobody knows yet what becomes of them."""
        return [item for item in self.corrections if item["state"] == "pending"]


class Session:
    """One session."""

    def __init__(self, http: httpx2.Client, sid: str) -> None:
        self._http = http
        self._path = f"/api/sessions/{quote(sid, safe='')}"

    def exported(self, form: str) -> bytes:
        """The file in this format. Raises `SouffleurError` for whatever the answer says."""
        return self._asked("GET", "/screenplay", params={"format": form}).content

    def document(self) -> Document:
        """To be edited."""
        answer = self._asked("GET", "/screenplay")
        return Document(answer.content.decode(), answer.headers["etag"])

    def hand_in(self, text: str, etag: str) -> HandedIn:
        """What becomes of the differences to the document of `etag`."""
        headers = {"If-Match": etag, "Content-Type": "text/plain; charset=utf-8"}
        told = self._asked("PUT", "/screenplay", content=text.encode(), headers=headers).json()
        return HandedIn(told["corrections"], told["refused"])

    def settled(self, handed: HandedIn, patience_s: float) -> HandedIn:
        """The same, once every correction is applied, conflicted or dead, or the patience is at an end."""
        found = {item["id"]: item for item in handed.corrections}
        until = time.monotonic() + patience_s
        while (open_ones := [item for item in found.values() if item["state"] == "pending"]) and time.monotonic() < until:
            time.sleep(_POLL_S)
            for item in open_ones:
                found[item["id"]] = self._asked("GET", f"/corrections/{quote(item['id'], safe='')}").json()
        return HandedIn(list(found.values()), handed.refused)

    def _asked(self, method: str, path: str, **rest: Any) -> httpx2.Response:
        try:
            answer = self._http.request(method, self._path + path, **rest)
        except httpx2.HTTPError as error:
            raise Unavailable(f"Nothing answers at {self._http.base_url} ({type(error).__name__}). `souffleur up` starts it.") from error
        if not answer.is_success:
            raise _refusal(answer)
        return answer


def connected(settings: Settings, url: str) -> httpx2.Client:
    """The program at `url`, else the one that runs in the data folder, else where the settings say that it would be."""
    run = None if url else runfile.read(run_dir(settings))
    return httpx2.Client(base_url=url or (run.url if run else settings.gateway.url), timeout=_TIMEOUT_S, trust_env=False)


def _refusal(answer: httpx2.Response) -> SouffleurError:
    try:
        detail = str(answer.json()["detail"])
    except (ValueError, KeyError, TypeError):
        detail = f"The answer was {answer.status_code}."
    if answer.status_code == 412:
        return Conflict(detail)
    return Unavailable(detail) if answer.status_code >= 500 else InvalidRequest(detail)
