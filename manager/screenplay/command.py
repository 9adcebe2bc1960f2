"""`souffleur screenplay show` and `edit`. What somebody has written is never lost: until all of it is applied, its file is kept and named."""

from __future__ import annotations

import os
import re
import shlex
import subprocess
import sys
import tempfile
from pathlib import Path
from typing import Final

from rich.console import Console

from manager.screenplay.outcome import told
from manager.screenplay.session import Document, HandedIn, Session, connected
from services.core.errors import InvalidRequest, SouffleurError
from services.core.settings import Settings, scrubbed_environment

FORMATS: Final = ("fountain", "txt", "html", "pdf", "fdx")
_PATIENCE_S: Final = 15.0
_HEAD: Final = re.compile(r"^Head: ([0-9]{1,15})\s*$", re.MULTILINE)
_EDITOR: Final = "vi"


def show(settings: Settings, sid: str, *, form: str, out: Path | None, url: str = "") -> int:
    """Print the screenplay, or write it to a file."""
    with connected(settings, url) as http:
        data = Session(http, sid).exported(form)
    if out is not None:
        out.write_bytes(data)
        return 0
    if form == "pdf" and sys.stdout.isatty():
        raise InvalidRequest("A PDF is not for a terminal; say where to put it with --out.")
    sys.stdout.flush()
    sys.stdout.buffer.write(data)
    sys.stdout.buffer.flush()
    return 0


def edit(settings: Settings, sid: str, *, url: str = "", again: Path | None = None, console: Console | None = None) -> int:
    """Open the screenplay in the editor, and hand in what was changed; `again` goes on with a file that was kept.

    The exit status is 0 if everything is applied.
    """
    screen = console or Console(highlight=False, soft_wrap=True)
    with connected(settings, url) as http:
        session = Session(http, sid)
        given = session.document() if again is None else _kept_document(again)
        path = _written(sid, given.text) if again is None else again
        try:
            _edited(path)
            text = path.read_text(encoding="utf-8", errors="surrogateescape")
            if again is None and text == given.text:
                path.unlink()
                screen.print("Nothing was changed.")
                return 0
            _utf8(text)
            handed = session.hand_in(text, given.etag)
            done = told(screen, _settled(session, handed, screen))
        except (SouffleurError, OSError, KeyboardInterrupt):
            _kept(screen, sid, path)
            raise
    if done:
        path.unlink()
        return 0
    _kept(screen, sid, path)
    return 1


def _settled(session: Session, handed: HandedIn, screen: Console) -> HandedIn:
    """With what became of each change; where that cannot be learned, with what is known."""
    try:
        return session.settled(handed, _PATIENCE_S)
    except SouffleurError as error:
        screen.print(f"Accepted, but what became of it is not known: {error.detail}", markup=False)
        return handed


def _kept_document(path: Path) -> Document:
    """A file that was kept names on its title page what it was made from."""
    try:
        text = path.read_text(encoding="utf-8")
    except (OSError, UnicodeDecodeError) as error:
        raise InvalidRequest(f"{path} cannot be read: {error}") from error
    head = _HEAD.search(text.partition("\n\n")[0])
    if head is None:
        raise InvalidRequest(f"{path} does not say what it was made from: its title page has no line `Head: <number>`.")
    return Document(text, f'"{head[1]}"')


def _written(sid: str, text: str) -> Path:
    """A file of its own for the editor, readable by nobody else."""
    name = re.sub(r"[^A-Za-z0-9-]", "", sid)[:40]
    number, path = tempfile.mkstemp(prefix=f"souffleur-{name}-", suffix=".fountain")
    with os.fdopen(number, "w", encoding="utf-8", newline="") as file:
        file.write(text)
    return Path(path)


def _edited(path: Path) -> None:
    """Wait until the editor is closed. Raises `InvalidRequest` if it failed."""
    environment = scrubbed_environment()
    command = shlex.split(environment.get("VISUAL") or environment.get("EDITOR") or _EDITOR)
    try:
        done = subprocess.run([*command, str(path)], check=False)  # noqa: S603 - the user's own editor
    except OSError as error:
        raise InvalidRequest(f"The editor {command[0]} cannot be started: {error.strerror}. Set EDITOR.") from error
    if done.returncode != 0:
        raise InvalidRequest(f"The editor ended with status {done.returncode}; nothing was handed in.")


def _utf8(text: str) -> None:
    try:
        text.encode()
    except UnicodeEncodeError:
        raise InvalidRequest("The edited file is not UTF-8; nothing was handed in.") from None


def _kept(screen: Console, sid: str, path: Path) -> None:
    screen.print(f"Your edited file is kept: {path}\nTo go on with it: souffleur screenplay edit {sid} --again {path}", markup=False)
