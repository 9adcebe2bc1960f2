"""What a call's request brings: an SDP offer, alone or in a form with a session object; read, bounded, and without the caller's addresses."""

from __future__ import annotations

import json
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any, Final

from starlette.datastructures import UploadFile
from starlette.requests import Request

from services.core.errors import InvalidRequest, TooLarge
from services.gateway.strict_json import check

MOST_SDP_BYTES: Final = 64 * 1024
"""A browser's offer of one microphone and one data channel has some 3 KiB."""
_MOST_SESSION_BYTES: Final = 64 * 1024
_SLACK_BYTES: Final = 4 * 1024
"""Boundaries and headers of a form."""
_ADDRESSES: Final = ("a=candidate:", "a=end-of-candidates")
_NEEDED: Final = ("a=ice-ufrag:", "a=ice-pwd:", "a=fingerprint:", "a=sctp-port:")


@dataclass(frozen=True, slots=True)
class Offer:
    """A caller's wish."""

    sdp: str
    session: Mapping[str, Any] | None = None
    """As in `session.update`; None = nothing was said."""


async def offer_of(request: Request) -> Offer:
    """The offer in a body of `application/sdp` or of `multipart/form-data`. Raises `InvalidRequest`, `TooLarge`."""
    if request.headers.get("content-type", "").partition(";")[0].strip().lower() == "multipart/form-data":
        return await _of_form(request)
    return Offer(checked(_text(await _body(request, MOST_SDP_BYTES))))


def checked(sdp: str) -> str:
    """The offer of one audio section and one for data, to be given to the WebRTC library.

    The caller's addresses are taken out. A packet then goes only to whoever has sent one with the call's own password: nobody can
    have this server knock at ports of a third party, and no name is looked up.
    """
    if len(sdp) > MOST_SDP_BYTES:
        raise TooLarge(f"An SDP offer may have {MOST_SDP_BYTES} bytes.")
    lines = sdp.splitlines()
    if not lines or lines[0] != "v=0":
        raise InvalidRequest("The body is an SDP offer.")
    kinds = [line[2:].partition(" ")[0] for line in lines if line.startswith("m=")]
    if sorted(kinds) != ["application", "audio"]:
        raise InvalidRequest("A call is one section of audio and one for the data channel oai-events.")
    missing = [name for name in _NEEDED if not any(line.startswith(name) for line in lines)]
    if missing:
        # The library would find out only when the call is being made, in a task of its own.
        raise InvalidRequest(f"The offer has no {missing[0]}.")
    return "\r\n".join(line for line in lines if not line.startswith(_ADDRESSES)) + "\r\n"


async def _of_form(request: Request) -> Offer:
    raw = await _body(request, MOST_SDP_BYTES + _MOST_SESSION_BYTES + _SLACK_BYTES)
    form = await Request({**request.scope}, _again(raw)).form(max_files=2, max_fields=4, max_part_size=MOST_SDP_BYTES)
    try:
        sdp, session = [await _part(form.get(name)) for name in ("sdp", "session")]
    finally:
        await form.close()
    if sdp is None:
        raise InvalidRequest("The form has no field sdp.")
    return Offer(checked(sdp), None if session is None else _session(session))


async def _body(request: Request, most: int) -> bytes:
    body = bytearray()
    async for chunk in request.stream():
        body += chunk
        if len(body) > most:
            raise TooLarge(f"The body may have {most} bytes here.")
    return bytes(body)


def _again(body: bytes) -> Any:
    async def receive() -> Mapping[str, Any]:
        return {"type": "http.request", "body": body, "more_body": False}

    return receive


async def _part(value: UploadFile | str | None) -> str | None:
    return _text(await value.read()) if isinstance(value, UploadFile) else value


def _text(data: bytes) -> str:
    try:
        return data.decode("utf-8")
    except UnicodeDecodeError:
        raise InvalidRequest("An SDP offer is text.") from None


def _session(text: str) -> Mapping[str, Any]:
    try:
        session = json.loads(text)
    except (ValueError, RecursionError):
        raise InvalidRequest("The field session is JSON.") from None
    if not isinstance(session, dict):
        raise InvalidRequest("The field session is an object.")
    check(session)
    return session
