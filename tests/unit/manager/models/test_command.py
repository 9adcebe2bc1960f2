"""`souffleur models`: what a person sees."""

from __future__ import annotations

import io
import json
from collections.abc import Iterator
from pathlib import Path

import pytest
from rich.console import Console

from manager.models import background, catalogue, command
from manager.models.catalogue import Model, ModelFile
from manager.models.command import list_models, pull_models
from services.core.settings import Settings, overlaid
from tests.unit.manager.models.hub import Hub, serving
from tests.waiting import until

_FILES = (ModelFile("a.json", "gguf/a.json", 4), ModelFile("b.gguf", "gguf/b.gguf", 300_000))
_MODEL = Model(name="small-talk", kind="gguf", title="t", license="Apache-2.0", repository="r", revision="1", files=_FILES)


@pytest.fixture
def hub(monkeypatch: pytest.MonkeyPatch) -> Iterator[Hub]:
    """A hub that has the one model of the catalogue."""
    monkeypatch.setattr(catalogue, "catalogue", lambda: (_MODEL,))
    monkeypatch.setattr(command, "catalogue", lambda: (_MODEL,))
    with serving() as hub:
        hub.files = {"/r/resolve/1/a.json": b"{} \n", "/r/resolve/1/b.gguf": bytes(300_000)}
        yield hub


@pytest.fixture
def settings(tmp_path: Path) -> Settings:
    """Models go to a folder of this test's own."""
    return overlaid(Settings(), {"data_dir": str(tmp_path)})


def _console() -> tuple[Console, io.StringIO]:
    text = io.StringIO()
    return Console(file=text, width=100), text


def test_a_model_is_pulled(hub: Hub, settings: Settings) -> None:
    """The size is shown before, all files are there after, and pulling again fetches nothing."""
    console, text = _console()
    assert pull_models(settings, ["small-talk"], hub=hub.url, console=console) == 0
    assert "small-talk: 2 files, 1 MB (Apache-2.0)" in text.getvalue()
    assert _MODEL.present(settings.models)
    hub.asked.clear()
    assert pull_models(settings, ["small-talk"], hub=hub.url, console=console) == 0
    assert hub.asked == []


def test_without_a_hub_it_says_how_to_do_it_by_hand(hub: Hub, settings: Settings) -> None:
    """Each missing file with its address and where it belongs; status one."""
    del hub.files["/r/resolve/1/b.gguf"]
    console, text = _console()
    assert pull_models(settings, ["small-talk"], hub=hub.url, console=console) == 1
    assert f"{hub.url}/r/resolve/1/b.gguf" in text.getvalue()
    assert f"-> {settings.models / 'gguf/b.gguf'}" in text.getvalue()
    assert f"-> {settings.models / 'gguf/a.json'}" not in text.getvalue()


def test_offline_nothing_is_asked(hub: Hub, settings: Settings) -> None:
    """The setting keeps even the question away."""
    console, text = _console()
    assert pull_models(overlaid(settings, {"offline": True}), ["small-talk"], hub=hub.url, console=console) == 1
    assert "offline" in text.getvalue()
    assert hub.asked == []


def test_the_list_tells_what_is_here(hub: Hub, settings: Settings, capsys: pytest.CaptureFixture[str]) -> None:
    """Names and presence, for people and for programs."""
    assert list_models(settings, as_json=True) == 0
    (listed,) = json.loads(capsys.readouterr().out)["models"]
    assert (listed["name"], listed["present"], listed["size"]) == ("small-talk", False, 300_004)
    pull_models(settings, ["small-talk"], hub=hub.url, console=_console()[0])
    list_models(settings, as_json=False)
    assert "yes" in capsys.readouterr().out


async def test_missing_defaults_come_in_the_background(hub: Hub, settings: Settings, monkeypatch: pytest.MonkeyPatch) -> None:
    """While the program runs they are fetched, and told of."""
    monkeypatch.setattr(background, "missing_defaults", lambda _settings: [_MODEL])
    console, text = _console()
    told: list[str] = []
    monkeypatch.setattr(console, "print", told.append)
    async with background.fetching(settings, wanted=True, hub=hub.url, console=console):
        await until(lambda: any("is here now" in line for line in told))
    assert _MODEL.present(settings.models)
    assert text.getvalue() == ""


async def test_a_background_fetch_that_fails_is_one_line(hub: Hub, settings: Settings, monkeypatch: pytest.MonkeyPatch) -> None:
    """No network is no reason to stop: it is said once, with the command that tries again."""
    monkeypatch.setattr(background, "missing_defaults", lambda _settings: [_MODEL])
    hub.files.clear()
    console = _console()[0]
    told: list[str] = []
    monkeypatch.setattr(console, "print", told.append)
    async with background.fetching(settings, wanted=True, hub=hub.url, console=console):
        await until(lambda: len(told) == 2)
    assert "souffleur models pull small-talk" in told[1]


async def test_offline_nothing_is_fetched_in_the_background(hub: Hub, settings: Settings, monkeypatch: pytest.MonkeyPatch) -> None:
    """Neither offline nor unwanted downloads ask for anything."""
    monkeypatch.setattr(background, "missing_defaults", lambda _settings: [_MODEL])
    async with background.fetching(overlaid(settings, {"offline": True}), wanted=True, hub=hub.url), background.fetching(settings, wanted=False, hub=hub.url):
        pass
    assert hub.asked == []


def test_a_kind_that_is_served_is_not_fetched(settings: Settings) -> None:
    """Any Whisper and any voice of a language will do."""
    for name in ("whisper/medium/model.bin", "piper/en_GB-mine.onnx", "piper/ru_RU-x.onnx", "piper/zh_CN-y.onnx"):
        path = settings.models / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.touch()
    assert background.missing_defaults(settings) == []
