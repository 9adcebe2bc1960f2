"""One running program per module for the whole conversations, with the engines that are always there."""

from __future__ import annotations

from collections.abc import AsyncIterator
from importlib.util import find_spec
from pathlib import Path
from typing import Any

import pytest
import pytest_asyncio

from tests.acceptance.program import Program, running

REPLIES = [
    "[joy] Good evening, traveller. [neutral] The fire is warm and the ale is cold, so sit down with us for a while.",
    "[fear] Did you hear that? [anger] Somebody is at the back door again, and I have had quite enough of it.",
    "[sadness] The bridge is gone. [tenderness] But you are welcome to stay until the water falls.",
]
"""What the scripted character says: several sentences with different feelings, some four seconds each."""

SCRIPTED: dict[str, Any] = {
    "stt": {"engine": "pocketsphinx"},
    "llm": {"chain": ["scripted"], "engines": {"scripted": {"replies": REPLIES, "first_ms": 20, "token_ms": 5}}},
    "tts": {"engine": "espeak"},
}
"""Real hearing and a real voice around a character whose words are known."""


def need(*packages: str) -> None:
    """Skip where an engine's package is not installed."""
    for package in packages:
        if find_spec(package) is None:
            pytest.skip(f"{package} is not installed")


@pytest_asyncio.fixture(scope="module", loop_scope="module")
async def program(tmp_path_factory: pytest.TempPathFactory) -> AsyncIterator[Program]:
    """`souffleur up` with scripted words; its log must hold no complaint at the end."""
    need("pocketsphinx", "espeakng_loader")
    folder: Path = tmp_path_factory.mktemp("program")
    async with running(folder, SCRIPTED) as started:
        yield started
    assert started.complaints() == []
