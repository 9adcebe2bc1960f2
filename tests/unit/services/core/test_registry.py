"""The registry: names become objects when they are asked for, and what is missing is said by name."""

from __future__ import annotations

import sys
from pathlib import Path

import pytest

from services.catalog import SERVICES
from services.core.errors import EngineMissing, NotFound
from services.core.registry import load

_TABLE = {"here": "json:dumps", "deep": "os:path.join", "gone": "no_such_module:thing"}


def test_a_name_is_loaded_from_the_table() -> None:
    """A known name gives the object, also one that is an attribute of an attribute."""
    assert load("here", _TABLE) is sys.modules["json"].dumps
    assert load("deep", _TABLE) is sys.modules["os"].path.join


def test_an_import_string_needs_no_table() -> None:
    """Whoever writes an engine of their own names it directly."""
    assert load("json:loads", {}) is sys.modules["json"].loads


def test_an_unknown_name_shows_the_known_ones() -> None:
    """A misspelt name is answered with what there is."""
    with pytest.raises(NotFound, match="deep, gone, here"):
        load("heer", _TABLE)


def test_a_missing_module_is_not_found() -> None:
    """A table that points to nothing is an error of the table."""
    with pytest.raises(NotFound, match="no_such_module"):
        load("gone", _TABLE)


def test_a_missing_dependency_is_named(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """A module that is there but lacks its own package says which package to install."""
    (tmp_path / "needy_engine.py").write_text("import package_that_nobody_has\n")
    monkeypatch.syspath_prepend(tmp_path)
    with pytest.raises(EngineMissing, match="package_that_nobody_has"):
        load("needy_engine:Engine", {})


def test_a_broken_module_raises_its_own_error(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """A fault in a module is not disguised as a missing one."""
    (tmp_path / "broken_engine.py").write_text("1 / 0\n")
    monkeypatch.syspath_prepend(tmp_path)
    with pytest.raises(ZeroDivisionError):
        load("broken_engine:Engine", {})


@pytest.mark.parametrize("name", list(SERVICES))
def test_every_service_of_the_catalogue_can_be_built(name: str) -> None:
    """The catalogue names nothing that is not there."""
    assert callable(load(name, SERVICES))
