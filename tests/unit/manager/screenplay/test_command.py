"""The screenplay in an editor: what is handed in, what is told, and that nothing is lost."""

from __future__ import annotations

import io
import json
import stat
import sys
import tempfile
import threading
from collections.abc import Iterator
from dataclasses import dataclass, field
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from typing import Any

import pytest
from rich.console import Console

from manager.cli import main
from manager.screenplay import command
from manager.screenplay.command import edit, show
from services.core.errors import Conflict, InvalidRequest, Unavailable
from services.core.settings import Settings

DOCUMENT = "Title: Night\nMode: auto\nHead: 7\n\n@Ann\nHelo. [[souffleur: said 7 member=ann #00000000]]\n"


@dataclass
class House:
    """A gateway that answers as it is told."""

    url: str = ""
    put: list[tuple[str, str]] = field(default_factory=list)
    """If-Match and text of each document that was handed in."""
    answer: tuple[int, dict[str, Any]] = (202, {"base": 7, "corrections": [], "refused": []})
    states: dict[str, dict[str, Any]] = field(default_factory=dict)


@pytest.fixture
def house() -> Iterator[House]:
    """Over a real socket."""
    found = House()

    class Handler(BaseHTTPRequestHandler):
        def _send(self, status: int, body: bytes, kind: str = "application/json") -> None:
            self.send_response(status)
            self.send_header("Content-Type", kind)
            self.send_header("Content-Length", str(len(body)))
            self.send_header("ETag", '"7"')
            self.end_headers()
            self.wfile.write(body)

        def do_GET(self) -> None:
            name = self.path.partition("?")[0].rsplit("/", 1)[-1]
            if name == "screenplay":
                self._send(200, DOCUMENT.encode(), "text/plain; charset=utf-8")
            elif name in found.states:
                self._send(200, json.dumps(found.states[name]).encode())
            else:
                self._send(404, b'{"detail": "There is none."}')

        def do_PUT(self) -> None:
            text = self.rfile.read(int(self.headers["Content-Length"])).decode()
            found.put.append((self.headers["If-Match"], text))
            self._send(found.answer[0], json.dumps(found.answer[1]).encode())

        def log_message(self, *_: Any) -> None:
            """Nothing."""

    server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
    thread = threading.Thread(target=server.serve_forever, daemon=True)
    thread.start()
    found.url = f"http://127.0.0.1:{server.server_address[1]}"
    yield found
    server.shutdown()
    server.server_close()
    thread.join(5)


@pytest.fixture
def temporary(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """Where files for editors are put."""
    monkeypatch.setattr(tempfile, "tempdir", str(tmp_path))
    monkeypatch.setattr(command, "_PATIENCE_S", 0.5)
    return tmp_path


def editor(monkeypatch: pytest.MonkeyPatch, tmp_path: Path, code: str) -> None:
    """An editor that does this to the text `t` of the file at `p`."""
    script = tmp_path / "editor.py"
    script.write_text(f"import pathlib, sys\np = pathlib.Path(sys.argv[1])\nt = p.read_text()\n{code}\n")
    monkeypatch.delenv("VISUAL", raising=False)
    monkeypatch.setenv("EDITOR", f"'{sys.executable}' '{script}'")


def edited(house: House, again: Path | None = None) -> tuple[int, str]:
    screen = io.StringIO()
    status = edit(Settings(), "s1", url=house.url, again=again, console=Console(file=screen, width=200, highlight=False))
    return status, screen.getvalue()


def kept(folder: Path) -> list[Path]:
    return list(folder.glob("souffleur-s1-*.fountain"))


def correction(number: str, state: str, **more: Any) -> dict[str, Any]:
    return {"id": number, "kind": "edit", "state": state, "detail": "", "current": "", "body": {"target": 7, "text": "Hello."}, **more}


def test_what_was_changed_is_handed_in_and_told(house: House, temporary: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Against the version that was given out; when all of it is applied, the file is gone."""
    editor(monkeypatch, temporary, "p.write_text(t.replace('Helo', 'Hello'))")
    house.answer = (202, {"base": 7, "corrections": [correction("a", "pending"), correction("b", "applied")], "refused": []})
    house.states = {"a": correction("a", "applied")}
    status, said = edited(house)
    assert (status, house.put) == (0, [('"7"', DOCUMENT.replace("Helo", "Hello"))])
    assert said.count("applied    edit of 7: Hello.") == 2
    assert kept(temporary) == []


def test_unchanged_document_is_not_handed_in(house: House, temporary: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """And leaves nothing behind."""
    editor(monkeypatch, temporary, "")
    assert edited(house) == (0, "Nothing was changed.\n")
    assert (house.put, kept(temporary)) == ([], [])


def test_conflict_shows_both_texts_and_keeps_the_file(house: House, temporary: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """With what was refused, and what is still on its way; the file is named, and is only its owner's."""
    editor(monkeypatch, temporary, "p.write_text(t.replace('Helo', 'Hello'))")
    items = [correction("a", "conflicted", current="Hullo.", detail="It was changed meanwhile."), correction("b", "pending")]
    refused = [{"block": "summary", "text": "Mine\x1b[31m", "reason": "A digest is made.", "target": 0, "after": 7}]
    house.answer = (202, {"base": 7, "corrections": items, "refused": refused})
    house.states = {"b": items[1]}
    status, said = edited(house)
    assert status == 1
    for words in ("conflicted edit of 7", "yours: Hello.", "now:   Hullo.", "on its way edit of 7", "refused    summary: Mine�[31m", "A digest is made."):
        assert words in said
    (file,) = kept(temporary)
    assert str(file) in said
    assert "Hello." in file.read_text()
    assert stat.S_IMODE(file.stat().st_mode) == 0o600


@pytest.mark.parametrize(("status", "kind"), [(412, Conflict), (503, Unavailable), (413, InvalidRequest)])
def test_refused_document_is_kept(house: House, temporary: Path, monkeypatch: pytest.MonkeyPatch, status: int, kind: type[Exception]) -> None:
    """Whatever the reason."""
    editor(monkeypatch, temporary, "p.write_text(t + 'More.')")
    house.answer = (status, {"detail": "Because."})
    with pytest.raises(kind, match="Because"):
        edited(house)
    (file,) = kept(temporary)
    assert file.read_text().endswith("More.")


@pytest.mark.parametrize("code", ["p.write_text(t + 'More.'); sys.exit(3)", "p.write_bytes(b'\\xff More.')"])
def test_what_the_editor_leaves_is_kept(house: House, temporary: Path, monkeypatch: pytest.MonkeyPatch, code: str) -> None:
    """Also where it failed, or wrote what is no text."""
    editor(monkeypatch, temporary, code)
    with pytest.raises(InvalidRequest, match="nothing was handed in"):
        edited(house)
    assert house.put == []
    assert b"More." in kept(temporary)[0].read_bytes()


def test_missing_editor_is_named(house: House, temporary: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """With what to do about it."""
    monkeypatch.delenv("VISUAL", raising=False)
    monkeypatch.setenv("EDITOR", "no-such-editor-here")
    with pytest.raises(InvalidRequest, match=r"no-such-editor-here .* Set EDITOR"):
        edited(house)
    assert temporary


def test_kept_file_goes_on_from_where_it_was_made(house: House, temporary: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Its title page names the version; a file without one is refused before anything is done."""
    file = temporary / "mine.fountain"
    file.write_text(DOCUMENT.replace("Head: 7", "Head: 5").replace("Helo", "Hello"))
    editor(monkeypatch, temporary, "")
    assert edited(house, again=file)[0] == 0
    assert house.put[0][0] == '"5"'
    assert not file.exists()
    file.write_text("@Ann\nHello.\n")
    with pytest.raises(InvalidRequest, match="Head"):
        edited(house, again=file)
    assert file.exists()


def test_shown(house: House, temporary: Path, capfdbinary: pytest.CaptureFixture[bytes]) -> None:
    """To the terminal as it stands, or into a file."""
    assert show(Settings(), "s1", form="fountain", out=None, url=house.url) == 0
    assert capfdbinary.readouterr().out == DOCUMENT.encode()
    assert main(["screenplay", "show", "s1", "--url", house.url, "--format", "txt", "--out", str(temporary / "x.txt")]) == 0
    assert (temporary / "x.txt").read_text() == DOCUMENT


def test_nobody_there(temporary: Path) -> None:
    """What to start is said."""
    with pytest.raises(Unavailable, match="souffleur up"):
        show(Settings(), "s1", form="fountain", out=temporary / "x", url="http://127.0.0.1:9")
