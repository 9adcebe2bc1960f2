"""Which engines there are and in which order they are asked."""

from __future__ import annotations

from typing import Any

import pytest

from services.core.clock import SystemClock
from services.core.settings import Settings
from services.llm.roster import Roster

NO_OLLAMA = {"ollama": {"base_url": "http://127.0.0.1:9"}}


async def chain(wanted: tuple[str, ...] = (), **tree: Any) -> list[str]:
    settings = Settings.model_validate(tree)
    roster = Roster(settings, SystemClock())
    await roster.refresh()
    return [slot.name for slot in roster.chain(wanted, settings)]


@pytest.mark.parametrize(
    ("tree", "expected"),
    [
        ({}, ["understudy"]),
        ({"openai_base_url": "http://127.0.0.1:9/v1"}, ["openai", "understudy"]),
        ({"openai_api_key": "k", "openai_model": "m"}, ["openai", "understudy"]),
        ({"llm": {"engines": {"groq": {"kind": "openai", "model": "m"}}}}, ["groq", "understudy"]),
        ({"llm": {"engines": {"groq": {"kind": "openai", "model": "m"}}, "chain": ["scripted", "auto"]}}, ["scripted", "groq", "understudy"]),
        ({"llm": {"chain": ["understudy", "scripted", "scripted", "no-such"]}}, ["scripted", "understudy"]),
    ],
)
async def test_the_understudy_closes_every_chain(tree: dict[str, Any], expected: list[str]) -> None:
    """Configured providers first, unknown names passed over, each once, the understudy last."""
    engines = {**NO_OLLAMA, **tree.get("llm", {}).get("engines", {})}
    assert await chain(**{**tree, "llm": {**tree.get("llm", {}), "engines": engines}}) == expected


async def test_a_turn_may_ask_for_its_own_engines() -> None:
    """The request's engines replace the configured chain, but for the understudy."""
    assert await chain(("scripted",), openai_api_key="k", openai_model="m") == ["scripted", "understudy"]


async def test_wrong_entries_are_shown_and_do_no_harm() -> None:
    """Wrong options, an unknown kind and a missing package leave an engine that is not ready, with its reason and without the value."""
    engines = {"a": {"kind": "openai", "base_url": "ftp://secret-host", "model": "m"}, "b": {"kind": "nonsense"}, "c": {"kind": "openai", "typo": 1}}
    settings = Settings.model_validate({"llm": {"engines": engines}})
    roster = Roster(settings, SystemClock())
    infos = {info.name: info for info in roster.describe()}
    assert not any(infos[name].ready for name in "abc")
    assert "base_url" in infos["a"].remark
    assert "secret-host" not in infos["a"].remark
    assert [slot.name for slot in roster.chain(("a", "b", "c"), settings)] == ["understudy"]


def test_one_vendor_with_two_keys_is_two_accounts() -> None:
    """Trouble with one key does not rest the other, and neither key is told."""
    engines = {name: {"kind": "openai", "model": "m", "api_key": key} for name, key in (("a", "k1"), ("b", "k1"), ("c", "k2"))}
    roster = Roster(Settings.model_validate({"llm": {"engines": engines}}), SystemClock())
    accounts = {name: roster.slots[name].engine.account for name in "abc"}
    assert accounts["a"] == accounts["b"] != accounts["c"]
    assert not any("k1" in account or "k2" in account for account in accounts.values())
