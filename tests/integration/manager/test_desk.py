"""The settings desk against a real store."""

from __future__ import annotations

import asyncio
import json
from collections.abc import AsyncIterator

import pytest
from redis.asyncio import Redis

from manager.desk import Desk
from services.compose import LIVE_SETTINGS_KEY
from services.core.bus import notices
from services.core.errors import Conflict, InvalidRequest, SettingsRejected
from services.core.live import LiveSettings
from services.core.settings import Settings, overlaid


@pytest.fixture
def live() -> LiveSettings:
    """A base with a secret in it."""
    return LiveSettings(overlaid(Settings(), {"openai_api_key": "sk-1"}))


@pytest.fixture
def desk(redis: Redis, live: LiveSettings) -> Desk:
    """The desk of one process."""
    return Desk(redis, live)


async def test_a_patch_is_stored_and_in_force(desk: Desk, live: LiveSettings, redis: Redis) -> None:
    """It has a version, lies upon the base, and stands in the store for every other process."""
    version, settings = await desk.patch('{"stage": {"hang_over_s": 0.9}}')
    assert (version, settings.stage.hang_over_s, live.current.stage.hang_over_s) == (1, 0.9, 0.9)
    assert await redis.hgetall(LIVE_SETTINGS_KEY) == {b"version": b"1", b"overrides": b'{"stage": {"hang_over_s": 0.9}}'}


async def test_patches_add_up_and_null_takes_back(desk: Desk, live: LiveSettings) -> None:
    """Each patch merges with the overrides; null gives a field, or a whole section, back to the base."""
    await desk.patch('{"stage": {"hang_over_s": 0.9, "confirm_s": 1}}')
    await desk.patch('{"llm": {"temperature": 0.1}}')
    version, _ = await desk.patch('{"stage": {"hang_over_s": null}}')
    assert version == 3
    assert json.loads((await desk.view()).overrides) == {"stage": {"confirm_s": 1}, "llm": {"temperature": 0.1}}
    await desk.patch('{"stage": null}')
    assert live.current.stage == live.base.stage


@pytest.mark.parametrize(
    ("patch", "error", "text"),
    [
        ('{"gateway": {"port": 1}}', SettingsRejected, r"gateway\.port: needs a restart"),
        ('{"stage": {"hang_over_s": 99}}', SettingsRejected, r"stage\.hang_over_s: "),
        ('{"stage": {"nothing": 1}}', SettingsRejected, r"stage\.nothing: "),
        ('{"openai_api_key": "sk-2"}', SettingsRejected, "openai_api_key: needs a restart"),
        ('{"stage": 5}', SettingsRejected, "stage"),
        ("[]", InvalidRequest, "object"),
        ("{", InvalidRequest, "JSON"),
        ('{"stage": {"hang_over_s": 1}, "x": "' + "y" * 70_000 + '"}', InvalidRequest, "65536"),
    ],
)
async def test_what_does_not_fit_changes_nothing(desk: Desk, redis: Redis, patch: str, error: type[Exception], text: str) -> None:
    """The path of the field and what is wrong with it; the store stays as it was."""
    with pytest.raises(error, match=text):
        await desk.patch(patch)
    assert not await redis.exists(LIVE_SETTINGS_KEY)


async def test_an_editor_who_saw_an_older_version_is_told(desk: Desk) -> None:
    """With a base version, the second of two editors meets a conflict instead of overwriting."""
    await desk.patch('{"stage": {"hang_over_s": 0.9}}', base_version=0)
    await desk.patch('{"stage": {"hang_over_s": 0.8}}', base_version=1)
    with pytest.raises(Conflict, match="version 2, yours was 1"):
        await desk.patch('{"stage": {"hang_over_s": 0.7}}', base_version=1)
    assert json.loads((await desk.view()).overrides) == {"stage": {"hang_over_s": 0.8}}


async def test_two_desks_at_once_lose_nothing(desk: Desk, redis: Redis) -> None:
    """Patches of different fields that meet are all there in the end, each with a version of its own."""
    other = Desk(redis, LiveSettings(Settings()))
    patches = [('{"stage": {"hang_over_s": 0.9}}', desk), ('{"llm": {"temperature": 0.1}}', other), ('{"tts": {"loudness_dbfs": -19}}', desk)]
    versions = await asyncio.gather(*(at.patch(text) for text, at in patches))
    assert sorted(version for version, _ in versions) == [1, 2, 3]
    assert json.loads((await desk.view()).overrides) == {"stage": {"hang_over_s": 0.9}, "llm": {"temperature": 0.1}, "tts": {"loudness_dbfs": -19}}


async def test_a_change_is_announced(desk: Desk, redis: Redis) -> None:
    """Other processes hear that they should look again."""
    heard = notices.listen(redis, notices.SETTINGS)
    assert await anext(heard) == ""
    waiting = asyncio.ensure_future(_announced(heard))
    async with asyncio.timeout(10):
        while not dict(await redis.pubsub_numsub(notices.SETTINGS)).get(notices.SETTINGS.encode()):
            await asyncio.sleep(0.01)
        await desk.patch('{"stage": {"hang_over_s": 0.9}}')
        assert await waiting == "1"


async def test_the_view_shows_no_secret(desk: Desk) -> None:
    """The tree is masked, the schema marks what is live."""
    view = await desk.view()
    assert "sk-1" not in view.settings
    assert (view.version, view.overrides) == (0, "{}")
    stage = json.loads(view.schema)["$defs"]["StageSettings"]["properties"]
    assert (stage["hang_over_s"].get("live"), stage["lease_s"].get("live")) == (True, None)


async def _announced(heard: AsyncIterator[str]) -> str:
    """The next announcement; looking again without one is allowed at any time."""
    async for text in heard:
        if text:
            return text
    pytest.fail("nobody announces any more")
