"""The command line: what is understood, and what a mistake says."""

from __future__ import annotations

import socket
from pathlib import Path

import pytest

from manager import up as up_module
from manager.cli import main
from manager.lock import exclusive
from manager.up import Wish
from services.core.settings import Settings


@pytest.fixture(autouse=True)
def elsewhere(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """No settings file in reach."""
    monkeypatch.chdir(tmp_path)
    return tmp_path


@pytest.fixture
def started(monkeypatch: pytest.MonkeyPatch) -> list[tuple[Settings, list[str], Wish]]:
    """What `up` would have run."""
    calls: list[tuple[Settings, list[str], Wish]] = []

    def up(settings: Settings, names: list[str], wish: Wish) -> int:
        calls.append((settings, names, wish))
        return 0

    monkeypatch.setattr(up_module, "up", up)
    return calls


def test_up_without_options_runs_everything(started: list[tuple[Settings, list[str], Wish]], elsewhere: Path) -> None:
    """All services, the defaults, and an absolute data folder."""
    assert main(["up"]) == 0
    ((settings, names, wish),) = started
    assert names == ["manager", "stt", "llm", "tts", "stage", "summarizer", "corrections", "gateway"]
    assert (settings.gateway.port, settings.data_dir, wish) == (8765, elsewhere / "data", Wish())


def test_the_options_of_up_are_settings(started: list[tuple[Settings, list[str], Wish]], elsewhere: Path) -> None:
    """Host, port, folder and file say what the settings would."""
    (elsewhere / "my.toml").write_text("[stage]\nlease_s = 3\n")
    main(["up", "--services", "stt, tts", "--host", "::1", "--port", "0", "--data", "d", "--config", "my.toml", "--no-download", "--processes"])
    ((settings, names, wish),) = started
    assert names == ["stt", "tts"]
    assert (settings.gateway.host, settings.gateway.port, settings.stage.lease_s, settings.data_dir) == ("::1", 0, 3, elsewhere / "d")
    assert wish == Wish(download=False, processes=True, config=Path("my.toml"))


@pytest.mark.parametrize("arguments", [["up", "--services", "stt,singing"], ["up", "--services", ""], ["up", "--port", "x"], ["dance"], []])
def test_a_misspelt_command_is_status_two(arguments: list[str], capsys: pytest.CaptureFixture[str]) -> None:
    """The usual status and the usage."""
    with pytest.raises(SystemExit) as end:
        main(arguments)
    assert end.value.code == 2
    assert "usage: souffleur" in capsys.readouterr().err


def test_an_unknown_service_is_answered_with_the_known_ones(capsys: pytest.CaptureFixture[str]) -> None:
    """The message lists what there is."""
    with pytest.raises(SystemExit):
        main(["up", "--services", "singing"])
    assert "manager, stt, llm, tts, stage, summarizer, corrections, gateway" in capsys.readouterr().err


def test_bad_settings_are_one_line(elsewhere: Path, capsys: pytest.CaptureFixture[str]) -> None:
    """No stack, the path of the field, status one."""
    (elsewhere / "souffleur.toml").write_text("[gateway]\nport = 'x'\n")
    assert main(["up"]) == 1
    assert capsys.readouterr().err.startswith("souffleur: gateway.port: ")


def test_a_held_folder_is_one_line(elsewhere: Path, capsys: pytest.CaptureFixture[str]) -> None:
    """A second program on the same folder says who is there and does not start a thing."""
    with exclusive(elsewhere / "data"):
        assert main(["up"]) == 1
    assert "is in use by process" in capsys.readouterr().err
    assert not (elsewhere / "data" / "redis").exists()


def test_a_taken_port_is_one_line(elsewhere: Path, capsys: pytest.CaptureFixture[str]) -> None:
    """A port that somebody has is said before anything is started."""
    with socket.create_server(("127.0.0.1", 0)) as taken:
        port = taken.getsockname()[1]
        assert main(["up", "--port", str(port)]) == 1
    assert f"port {port} on 127.0.0.1 is in use: choose another with --port" in capsys.readouterr().err
    assert not (elsewhere / "data" / "redis").exists()


def test_nothing_running_is_status_one(capsys: pytest.CaptureFixture[str]) -> None:
    """`ps` without a program says so."""
    assert main(["ps"]) == 1
    assert "Nothing runs" in capsys.readouterr().out
