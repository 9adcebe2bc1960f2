"""Nothing that plays knows of the summarizer: by its imports, its clients and its words."""

from __future__ import annotations

import ast
from pathlib import Path

import pytest

import services

_ROOT = Path(services.__file__).parent
_PLAY = ("stage", "llm", "stt", "tts")


def _names(path: Path) -> set[str]:
    """Every name, attribute, import and text in a file, its docstrings aside."""
    found: set[str] = set()
    for node in ast.walk(ast.parse(path.read_text(encoding="utf-8"))):
        match node:
            case ast.Name(id=name) | ast.Attribute(attr=name) | ast.alias(name=name):
                found.add(name)
            case ast.ImportFrom(module=str(name)):
                found.add(name)
    return found


@pytest.mark.parametrize("service", _PLAY)
def test_no_service_of_a_turn_can_call_the_summarizer(service: str) -> None:
    """What is not named cannot be awaited."""
    files = list((_ROOT / service).rglob("*.py"))
    assert files
    for path in files:
        assert not [name for name in _names(path) if "summarizer" in name.casefold() or "SummarizerClient" in name], path


def test_the_summarizer_reaches_the_play_only_through_its_clients() -> None:
    """The roleplay service for models, the owner to tell; it claims no session, and what it knows is not written past the owner."""
    names = {name for path in (_ROOT / "summarizer").glob("*.py") for name in _names(path)}
    assert "tell" in names
    assert not names & {"claim", "renew", "restore", "trim", "Draft"}
