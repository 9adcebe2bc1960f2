"""`souffleur doctor`: what it finds, what it advises, and when a turn is impossible."""

from __future__ import annotations

import json
import socket
import sys
import threading
from collections.abc import Iterator
from http.server import BaseHTTPRequestHandler, HTTPServer
from pathlib import Path
from typing import Any

import pytest

from manager import redis_binary
from manager.doctor import engines as engine_checks
from manager.doctor import machine as machine_checks
from manager.doctor.report import doctor
from services.core.settings import Settings, overlaid

_INSTALLED = {"faster_whisper", "pocketsphinx", "piper", "espeakng_loader", "xllamacpp"}


@pytest.fixture
def installed(monkeypatch: pytest.MonkeyPatch) -> set[str]:
    """The engine packages that are there; a test takes some away. No Ollama of this machine is asked."""
    there = set(_INSTALLED)
    monkeypatch.setattr(engine_checks, "find_spec", lambda name: name if name in there else None)
    monkeypatch.setattr(engine_checks, "_OLLAMA", "http://127.0.0.1:9")
    return there


@pytest.fixture
def settings(tmp_path: Path) -> Settings:
    """A data folder of this test's own, and a port that is free."""
    with socket.create_server(("127.0.0.1", 0)) as probe:
        port = probe.getsockname()[1]
    return overlaid(Settings(), {"data_dir": str(tmp_path / "data"), "gateway": {"port": port}})


def _examined(settings: Settings, capsys: pytest.CaptureFixture[str]) -> tuple[int, dict[str, dict[str, Any]]]:
    status = doctor(settings, as_json=True)
    report = json.loads(capsys.readouterr().out)
    assert report["turn_possible"] is (status == 0)
    return status, {finding["name"]: finding for finding in report["findings"]}


@pytest.mark.usefixtures("installed")
def test_a_bare_machine_can_play_and_says_what_is_weak(settings: Settings, capsys: pytest.CaptureFixture[str]) -> None:
    """Without models and providers a turn is possible; each weak part names the command that helps."""
    status, found = _examined(settings, capsys)
    assert status == 0
    assert found["faster-whisper"]["remedy"].startswith("souffleur models pull whisper-")
    assert found["piper"]["remedy"].startswith("souffleur models pull piper-en")
    assert found["llama.cpp"]["remedy"] == "souffleur models pull qwen2.5-0.5b-instruct"
    assert "OPENAI_BASE_URL" in found["provider"]["remedy"]
    assert found["understudy"]["state"] == "ok"
    assert not (settings.data_dir).exists()


@pytest.mark.usefixtures("installed")
def test_it_is_honest_about_pocketsphinx(settings: Settings, capsys: pytest.CaptureFixture[str]) -> None:
    """Weak as dictation, with the figure; no warning once a Whisper model is here."""
    _, found = _examined(settings, capsys)
    assert found["pocketsphinx"]["state"] == "warning"
    assert "6 of 10 words wrong" in found["pocketsphinx"]["detail"]
    assert "excellent where the session's phrases are given" in found["pocketsphinx"]["detail"]
    model = settings.models / "whisper" / "tiny" / "model.bin"
    model.parent.mkdir(parents=True)
    model.touch()
    _, found = _examined(settings, capsys)
    assert (found["pocketsphinx"]["state"], found["faster-whisper"]["state"], found["faster-whisper"]["detail"]) == ("ok", "ok", "models: tiny")


def test_without_any_voice_the_words_are_shown(settings: Settings, installed: set[str], capsys: pytest.CaptureFixture[str]) -> None:
    """A platform without speech packages still plays by text."""
    installed.clear()
    status, found = _examined(settings, capsys)
    assert status == 0
    assert "words are shown" in found["espeak"]["detail"]
    assert found["espeak"]["remedy"] == "make setup"


@pytest.mark.usefixtures("installed")
def test_without_a_redis_no_turn_is_possible(settings: Settings, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]) -> None:
    """Status one, and the command that installs it."""
    monkeypatch.setenv("PATH", "/nowhere")
    monkeypatch.setattr(redis_binary, "_bundled", lambda: None)
    status, found = _examined(settings, capsys)
    assert status == 1
    assert found["Redis"]["state"] == "error"
    assert "apt-get install redis-server" in found["Redis"]["remedy"]


@pytest.mark.usefixtures("installed")
@pytest.mark.parametrize(
    ("patch", "name", "text"),
    [
        ({"redis": {"url": "redis://me:pw-1@127.0.0.1:9/0"}}, "Redis", "redis://me:********@127.0.0.1:9/0 cannot be reached"),
        ({"database": {"archive": "sqlite+aiosqlite:////nowhere/at/all.sqlite3"}}, "archive database", "cannot be opened: OperationalError"),
        ({"database": {"application": "sqlite:////nowhere/at/all.sqlite3"}}, "application database", "cannot be opened: OperationalError"),
        ({"database": {"application": "mysql://host/name"}}, "application database", "is kept in SQLite or PostgreSQL"),
        ({"data_dir": "/proc/nowhere"}, "data folder", "cannot be written"),
    ],
)
def test_a_store_that_is_not_there_is_fatal(settings: Settings, patch: dict[str, Any], name: str, text: str, capsys: pytest.CaptureFixture[str]) -> None:
    """A configured store that fails is not replaced in silence; no password is shown."""
    status, found = _examined(overlaid(settings, patch), capsys)
    assert status == 1
    assert found[name]["state"] == "error"
    assert text in found[name]["detail"]
    assert "pw-1" not in str(found)


@pytest.mark.usefixtures("installed")
def test_a_taken_port_is_fatal(settings: Settings, capsys: pytest.CaptureFixture[str]) -> None:
    """Somebody else's port is said, with the way around it."""
    with socket.create_server(("127.0.0.1", settings.gateway.port)):
        status, found = _examined(settings, capsys)
    assert status == 1
    assert "--port" in found["port"]["remedy"]


@pytest.mark.usefixtures("installed")
def test_an_old_python_is_fatal(settings: Settings, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]) -> None:
    """Below 3.11 nothing works, and that is said first."""
    monkeypatch.setattr(machine_checks, "_OLDEST", (9, 0))
    status, found = _examined(settings, capsys)
    assert (status, found["Python"]["state"]) == (1, "error")


@pytest.mark.usefixtures("installed")
def test_another_platform_is_told_what_it_lacks(settings: Settings, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]) -> None:
    """Elsewhere than on Linux x86_64 it goes on and says so."""
    monkeypatch.setattr("platform.system", lambda: "Darwin")
    status, found = _examined(settings, capsys)
    assert (status, found["platform"]["state"]) == (0, "warning")


def test_pocketsphinx_on_3_12_is_explained(
    settings: Settings, installed: set[str], monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    """Where the package cannot be, no command is advised that would fail."""
    installed.discard("pocketsphinx")
    monkeypatch.setattr(sys, "version_info", (3, 12, 1, "final", 0))
    _, found = _examined(settings, capsys)
    assert found["pocketsphinx"]["detail"] == "does not work on Python 3.12"


@pytest.fixture
def provider() -> Iterator[tuple[str, list[str]]]:
    """An OpenAI-compatible server with one model and one key; also the keys it was shown."""
    shown: list[str] = []

    class Handler(BaseHTTPRequestHandler):
        def do_GET(self) -> None:
            shown.append(self.headers.get("Authorization", ""))
            good = shown[-1] == "Bearer sk-good"
            body = b'{"data": [{"id": "small"}]}' if good else b"{}"
            self.send_response(200 if good else 401)
            self.send_header("Content-Length", str(len(body)))
            self.end_headers()
            self.wfile.write(body)

        def log_message(self, format: str, *args: object) -> None:  # noqa: A002 - the base class's name
            """Say nothing."""

    server = HTTPServer(("127.0.0.1", 0), Handler)
    thread = threading.Thread(target=server.serve_forever, kwargs={"poll_interval": 0.01})
    thread.start()
    yield f"http://127.0.0.1:{server.server_port}/v1", shown
    server.shutdown()
    thread.join()
    server.server_close()


@pytest.mark.usefixtures("installed")
@pytest.mark.parametrize(
    ("key", "model", "expected"),
    [
        ("sk-good", "small", ("ok", "answers, model small")),
        ("sk-good", "large", ("warning", "does not list the model 'large'")),
        ("sk-bad", "small", ("warning", "refuses the key")),
    ],
)
def test_a_provider_is_asked(  # noqa: PLR0917 - pytest hands fixtures by name
    settings: Settings, provider: tuple[str, list[str]], key: str, model: str, expected: tuple[str, str], capsys: pytest.CaptureFixture[str]
) -> None:
    """Key and model are tried at the provider; the key is never shown, and a bad provider is no reason not to play."""
    configured = overlaid(settings, {"openai_base_url": provider[0], "openai_api_key": key, "openai_model": model})
    status, found = _examined(configured, capsys)
    assert (status, found["OPENAI_*"]["state"]) == (0, expected[0])
    assert expected[1] in found["OPENAI_*"]["detail"]
    assert provider[1] == [f"Bearer {key}"]
    assert key not in str(found)


@pytest.mark.usefixtures("installed")
def test_offline_no_provider_is_asked(settings: Settings, capsys: pytest.CaptureFixture[str]) -> None:
    """The setting keeps questions to other machines away."""
    configured = overlaid(settings, {"offline": True, "openai_base_url": "http://provider.invalid/v1", "openai_api_key": "sk-1"})
    _, found = _examined(configured, capsys)
    assert "not asked" in found["OPENAI_*"]["detail"]


@pytest.mark.usefixtures("installed")
def test_people_get_sentences(settings: Settings, capsys: pytest.CaptureFixture[str]) -> None:
    """The plain report groups by part and ends with the verdict."""
    assert doctor(settings, as_json=False) == 0
    text = capsys.readouterr().out
    assert "machine\n" in text
    assert "A turn is possible." in text
