"""One running program and one browser per module for the whole conversations, with the engines that are always there."""

from __future__ import annotations

from collections.abc import AsyncIterator, Sequence
from contextlib import asynccontextmanager
from importlib.util import find_spec
from pathlib import Path
from typing import Any

import pytest
import pytest_asyncio
from playwright.async_api import Browser, Playwright

from tests.acceptance.browser import chromium, playing
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


def saying(replies: Sequence[str], first_ms: int = 20, token_ms: int = 5) -> dict[str, Any]:
    """The same with other words."""
    return SCRIPTED | {"llm": {"chain": ["scripted"], "engines": {"scripted": {"replies": list(replies), "first_ms": first_ms, "token_ms": token_ms}}}}


def need(*packages: str) -> None:
    """Skip where an engine's package is not installed."""
    for package in packages:
        if find_spec(package) is None:
            pytest.skip(f"{package} is not installed")


@asynccontextmanager
async def spotless(folder: Path, settings: dict[str, Any] = SCRIPTED) -> AsyncIterator[Program]:
    """`souffleur up`; its log must hold no complaint at the end."""
    need("pocketsphinx", "espeakng_loader")
    async with running(folder, settings) as started:
        yield started
    assert started.complaints() == []


@pytest_asyncio.fixture(scope="module", loop_scope="module")
async def program(tmp_path_factory: pytest.TempPathFactory) -> AsyncIterator[Program]:
    """One with scripted words."""
    async with spotless(tmp_path_factory.mktemp("program")) as started:
        yield started


@pytest_asyncio.fixture(scope="module", loop_scope="module")
async def playwright() -> AsyncIterator[Playwright]:
    """The driver of all browsers."""
    async with playing() as driver:
        yield driver


@pytest_asyncio.fixture(scope="module", loop_scope="module")
async def browser(playwright: Playwright) -> AsyncIterator[Browser]:
    """One browser; everybody has a profile of their own in it."""
    async with chromium(playwright) as one:
        yield one
